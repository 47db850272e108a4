//! What flags, environment and file amount to.
//!
//! Of each option the first place that sets it counts: the command line, then the
//! environment, then the file. Nothing is read from anywhere here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anstream::ColorChoice;
use scf_conform::check::Severity;
use scf_conform::contract::{Function, FunctionType};
use scf_conform::endpoint::Surroundings;
use scf_conform::pipeline::{Measure, Memory};
use scf_conform::registry::Access;
use scf_conform::report::{ASSUMED_PULL_SPEED, Detail, FORMATS, Format};
use scf_conform::selection::Selection;
use scf_conform::variables::{default_cache_dir, logins, surroundings};
use scf_conform::waiver::Waiver;

use super::engines::{EngineChoice, EngineName};
use super::layer::{Given, IMAGES, Layer, Origin, Shown, variable};
use super::suites;
use super::values::{
    Bad, Read, color, glob, header_text, memory, no_word, number, seconds, severity, speed,
    variable_pair,
};

/// Everything that `check` has to know besides the images.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct Settings {
    pub(super) images: Vec<String>,
    pub(super) function: Function,
    pub(super) engine: EngineChoice,
    pub(super) static_only: bool,
    pub(super) suites: Vec<String>,
    /// The variables of the suites.
    pub(super) given: suites::Values,
    pub(super) builtin: bool,
    pub(super) selection: Selection,
    pub(super) list: bool,
    pub(super) boots: u32,
    pub(super) measure: Measure,
    pub(super) format: &'static Format,
    pub(super) reports: Vec<ReportFile>,
    pub(super) fail_on: Severity,
    pub(super) detail: Detail,
    pub(super) color: ColorChoice,
    pub(super) jobs: Option<usize>,
    pub(super) fail_fast: bool,
    /// Failures that are accepted.
    pub(super) waivers: Vec<Waiver>,
    pub(super) cache_dir: PathBuf,
    /// What the environment says of where the local engine listens.
    pub(super) surroundings: Surroundings,
    pub(super) registry: Access,
}

/// A report that is written to a file.
#[derive(Debug, Clone)]
pub(super) struct ReportFile {
    pub(super) format: &'static Format,
    pub(super) path: PathBuf,
}

/// Why the settings are none: lower case, one line, with the value and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// What is wrong, without the value where the file is quoted.
    pub(super) message: String,
    /// What to do about it.
    pub(super) help: Option<String>,
    /// Where it stands.
    pub(super) origin: Origin,
}

impl Settings {
    /// Reads the options of all layers, the first that sets one counting.
    pub(super) fn new(
        layers: &[&Layer],
        environment: &BTreeMap<String, String>,
    ) -> Result<Settings, Wrong> {
        let options = Options { layers };
        let quiet = options.switch("quiet")?;
        let verbose = options.switch("verbose")?;
        let static_only = options.switch("static")?;
        if options.switch("keep")? {
            let given = options.given("keep").last();
            return Err(Wrong {
                message: "`--keep` is not there yet: an instance is always removed".to_owned(),
                help: Some("-v shows all that it wrote".to_owned()),
                origin: given.map_or(Origin::Flag, |given| given.origin.clone()),
            });
        }
        Ok(Settings {
            images: options.many(IMAGES, |text| Ok(text.to_owned()))?,
            function: function(&options)?,
            engine: options.one("engine", engine)?.unwrap_or(EngineChoice::Auto),
            static_only,
            suites: options.many("suite", |text| Ok(text.to_owned()))?,
            given: suites::Values {
                variables: options.many("var", variable_pair)?,
                secrets: options.many("secret", variable_pair)?,
                environment: environment.clone(),
            },
            builtin: !options.switch("no-builtin")?,
            selection: Selection {
                only: options.many("only", glob)?,
                skip: options.many("skip", glob)?,
                tags: options.many("tag", |text| Ok(text.to_owned()))?,
            },
            list: options.switch("list")?,
            boots: options.one("boots", |text| number(text, 1, 1000))?.unwrap_or(1),
            measure: Measure {
                pull_speed: options.one("pull-speed", speed)?.unwrap_or(ASSUMED_PULL_SPEED),
                memory: if options.switch("sweep-memory")? { Memory::Each } else { Memory::One },
            },
            format: options.one("format", format)?.unwrap_or(FORMATS[0]),
            reports: reports(&options)?,
            fail_on: options.one("fail-on", severity)?.unwrap_or(Severity::Error),
            detail: match (quiet, verbose) {
                (true, _) => Detail::Brief,
                (false, true) => Detail::Full,
                (false, false) => Detail::Normal,
            },
            color: options.one("color", color)?.unwrap_or(ColorChoice::Auto),
            jobs: options
                .one("jobs", |text| number(text, 1, 1024))?
                .map(|jobs| usize::try_from(jobs).unwrap_or(1)),
            fail_fast: options.switch("fail-fast")?,
            // The file alone has them.
            waivers: Vec::new(),
            cache_dir: cache_dir(&options, environment)?,
            surroundings: surroundings(environment),
            registry: Access {
                logins: logins(environment),
                ca: options.one("ca", |text| Ok(PathBuf::from(text)))?,
                insecure: options.many("insecure", host)?,
                ..Access::default()
            },
        })
    }
}

/// The options of all layers.
struct Options<'a> {
    layers: &'a [&'a Layer],
}

impl<'a> Options<'a> {
    fn given(&self, name: &str) -> &'a [Given] {
        self.layers
            .iter()
            .map(|layer| layer.of(name))
            .find(|given| !given.is_empty())
            .unwrap_or(&[])
    }

    /// The value of an option that has one; the last counts where there are several.
    fn one<T>(
        &self,
        name: &'static str,
        read: impl Fn(&str) -> Read<T>,
    ) -> Result<Option<T>, Wrong> {
        self.given(name).last().map(|given| at(name, given, read(&given.text))).transpose()
    }

    fn many<T>(&self, name: &'static str, read: impl Fn(&str) -> Read<T>) -> Result<Vec<T>, Wrong> {
        self.given(name).iter().map(|given| at(name, given, read(&given.text))).collect()
    }

    fn switch(&self, name: &'static str) -> Result<bool, Wrong> {
        let read = |text: &str| match text.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(Bad::from("is a switch: use true or false".to_owned())),
        };
        Ok(self.one(name, read)?.unwrap_or(false))
    }
}

/// A value, or its complaint with the place where the value stands.
fn at<T>(name: &'static str, given: &Given, read: Read<T>) -> Result<T, Wrong> {
    read.map_err(|Bad(message, help)| Wrong {
        message: format!("`{}` {message}", Shown(name, given)),
        help,
        origin: given.origin.clone(),
    })
}

fn function(options: &Options<'_>) -> Result<Function, Wrong> {
    let mut function =
        Function { kind: options.one("type", kind)?.flatten(), ..Function::default() };
    function.memory = options.one("memory", memory)?;
    let defaults = (function.timeout, function.init_timeout);
    // Each is looked at by itself first, so that a refusal names the option.
    function.timeout = options
        .one("timeout", |text| {
            let timeout = seconds(text)?;
            taken(&Function { timeout, ..Function::default() }).map(|()| timeout)
        })?
        .unwrap_or(defaults.0);
    function.init_timeout = options
        .one("init-timeout", |text| {
            let init_timeout = seconds(text)?;
            taken(&Function { init_timeout, ..Function::default() }).map(|()| init_timeout)
        })?
        .unwrap_or(defaults.1);
    function.concurrency = options
        .one("concurrency", |text| {
            let concurrency = number(text, 1, u32::MAX)?;
            taken(&Function { concurrency, ..Function::default() }).map(|()| concurrency)
        })?
        .unwrap_or(1);
    function.env = options.many("env", |text| {
        let pair = variable_pair(text)?;
        taken(&Function { env: vec![pair.clone()], ..Function::default() }).map(|()| pair)
    })?;
    let text = |text: &str| Ok(text.to_owned());
    function.command = options.one("command", text)?;
    function.args = options.one("args", text)?;
    for (name, field) in [("name", &mut function.name), ("namespace", &mut function.namespace)] {
        if let Some(text) = options.one(name, header_text)? {
            *field = text;
        }
    }
    function.region = options.one("region", header_text)?;
    function.strict = options.switch("strict")?;
    // What is left is wrong in sum only: the size of all variables.
    if let (Err(error), Some(last)) = (function.validate(), options.given("env").last()) {
        return Err(Wrong { message: error.to_string(), help: None, origin: last.origin.clone() });
    }
    Ok(function)
}

fn taken(function: &Function) -> Read<()> {
    function.validate().map_err(|error| Bad(format!("is refused: {error}"), None))
}

fn kind(text: &str) -> Read<Option<FunctionType>> {
    match text {
        "auto" => Ok(None),
        "event" => Ok(Some(FunctionType::Event)),
        "http" => Ok(Some(FunctionType::Http)),
        "job" => Ok(Some(FunctionType::Job)),
        _ => Err(no_word(text, &["auto", "event", "http", "job"])),
    }
}

fn engine(text: &str) -> Read<EngineChoice> {
    const WORDS: [&str; 4] = ["auto", "embedded", "docker", "embedded,docker"];
    if text.trim() == "auto" {
        return Ok(EngineChoice::Auto);
    }
    let mut named = Vec::new();
    for word in text.split(',').map(str::trim) {
        let name = match word {
            "embedded" => EngineName::Embedded,
            "docker" => EngineName::Docker,
            _ => return Err(no_word(text, &WORDS)),
        };
        if named.contains(&name) {
            return Err(Bad(format!("names `{word}` twice"), None));
        }
        named.push(name);
    }
    Ok(EngineChoice::Named(named))
}

fn format(word: &str) -> Read<&'static Format> {
    let words: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    Format::named(word).ok_or_else(|| {
        let Bad(_, help) = no_word(word, &words);
        Bad(format!("names no format: use {}", words.join(", ")), help)
    })
}

fn reports(options: &Options<'_>) -> Result<Vec<ReportFile>, Wrong> {
    let mut reports: Vec<ReportFile> = Vec::new();
    for given in options.given("report") {
        let report = at("report", given, report_file(&given.text))?;
        if reports.iter().any(|other| other.path == report.path) {
            let twice = Err(Bad("names a file that another report is written to".to_owned(), None));
            return at("report", given, twice);
        }
        reports.push(report);
    }
    Ok(reports)
}

fn report_file(text: &str) -> Read<ReportFile> {
    let Some((word, file)) = text.split_once('=') else {
        return Err(Bad("names no file: write FORMAT=FILE".to_owned(), None));
    };
    let format = format(word)?;
    match file {
        "" => Err(Bad("names no file: write FORMAT=FILE".to_owned(), None)),
        "-" => Err(Bad("is no file".to_owned(), Some(format!("for stdout, use `-f {word}`")))),
        file => Ok(ReportFile { format, path: PathBuf::from(file) }),
    }
}

/// A host, with a port perhaps.
fn host(text: &str) -> Read<String> {
    if text.is_empty() || text.contains(['/', '@', ' ']) {
        return Err(Bad(
            "is no host: write HOST or HOST:PORT, as in the image's name".to_owned(),
            None,
        ));
    }
    Ok(text.to_owned())
}

/// What `--cache-dir` says, or the user's directory for caches.
fn cache_dir(
    options: &Options<'_>,
    environment: &BTreeMap<String, String>,
) -> Result<PathBuf, Wrong> {
    if let Some(dir) = options.one("cache-dir", |text| Ok(PathBuf::from(text)))? {
        return Ok(dir);
    }
    default_cache_dir(environment).ok_or_else(|| Wrong {
        message: "there is no place for the cache: neither XDG_CACHE_HOME nor HOME is set"
            .to_owned(),
        help: Some(format!("name one with --cache-dir or {}", variable("cache-dir"))),
        origin: Origin::Variable,
    })
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
