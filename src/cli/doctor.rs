//! `doctor`: what this machine can do, found out by doing it, and what to change.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use colored::Colorize as _;
use scf_conform::contract::Contract;
use scf_conform::endpoint::{self, Surroundings};
use scf_conform::engine::docker::Docker;
use scf_conform::engine::embedded::Embedded;
use scf_conform::engine::{Finding, State};
use scf_conform::pipeline::{Job, Opened, Session};
use scf_conform::report::{Trouble, printable};
use scf_conform::run::{Cancel, Silent};
use scf_conform::suite::Style;
use scf_conform::units;
use scf_conform::unpack::Cache;

use super::args::value;
use super::engines::{self, EngineName, Places};
use super::environment::Environment;
use super::exit::Exit;
use super::gathered::{self, Gathered};
use super::jobs::{Jobs, Wanted};
use super::layer::Layer;
use super::settings::Settings;
use super::term::{self, Results};

/// Say what this machine can do: engines, namespaces, limits, cache; and what to change
///
/// Each line comes of really trying it. Ends with 0 where some engine can boot images, and with
/// 3 where none can.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// What stdout gets [default: text]
    #[arg(short, long, value_name = "FORMAT", value_parser = ["text", "json"])]
    format: Option<String>,
    /// Where unpacked layers are kept [default: $XDG_CACHE_HOME/scf-conform]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cache_dir: Option<String>,
}

/// Everything that was found, and what it amounts to.
struct Found {
    findings: Vec<Finding>,
    engines: Vec<&'static str>,
}

/// Runs the command.
pub(super) fn run(arguments: &Doctor, environment: &Environment) -> Exit {
    let mut layer = Layer::default();
    value(&mut layer, "cache-dir", &arguments.cache_dir);
    value(&mut layer, "color", &environment.color);
    let settings = match gathered::gather(&[], layer, None, environment) {
        Ok(Gathered { settings, .. }) => settings,
        Err(exit) => return exit,
    };
    term::colours(settings.color);
    let found = examine(&settings);
    let json = arguments.format.as_deref() == Some("json");
    let written = term::results(&mut Results::default(), |out| {
        if json { out.write_all(document(&found).as_bytes()) } else { text(&found, out) }
    });
    match written {
        Err(error) => {
            term::error(&format!("write to stdout: {error}"), None);
            Exit::NotChecked
        }
        Ok(()) if found.engines.is_empty() => Exit::NotChecked,
        Ok(()) => Exit::Conforms,
    }
}

fn examine(settings: &Settings) -> Found {
    let mut found = Found { findings: vec![machine()], engines: Vec::new() };
    match tempfile::tempdir() {
        Ok(empty) => {
            let engine = Embedded::new(settings.cache_dir.clone());
            found.findings.extend(engine.examine(empty.path()));
        }
        Err(error) => {
            found.findings.push(no(
                "directory",
                format!("make one for a trial: {error}"),
                "make room in the directory for temporary files, or set TMPDIR",
            ));
        }
    }
    let embedded = boot(settings, EngineName::Embedded);
    if embedded.state == State::Ok {
        found.engines.push("embedded");
    }
    found.findings.push(embedded);
    let docker = served("docker", &settings.surroundings, "start it, or set DOCKER_HOST");
    let answers = docker.state == State::Ok;
    found.findings.push(docker);
    if answers {
        let mut started = boot(settings, EngineName::Docker);
        if started.state == State::Ok {
            found.engines.push("docker");
            if let Ok(engine) = Docker::open(&settings.surroundings) {
                started.told = format!("{}; {}", started.told, engine.sight());
            }
        }
        found.findings.push(started);
    }
    found.findings.push(podman(&settings.surroundings));
    found.findings.push(cache(&settings.cache_dir));
    found.findings.push(descriptors());
    // What is missing is a flaw only where nothing stands in for it.
    let can = !found.engines.is_empty();
    for finding in &mut found.findings {
        if can
            && finding.state == State::No
            && ["docker", "docker boot", "podman"].contains(&&*finding.name)
        {
            finding.state = State::Note;
        }
    }
    found
}

fn ok(name: &str, told: String) -> Finding {
    Finding { name: name.to_owned(), state: State::Ok, told, change: None }
}

fn no(name: &str, told: String, change: &str) -> Finding {
    Finding { name: name.to_owned(), state: State::No, told, change: Some(change.to_owned()) }
}

fn machine() -> Finding {
    let uname = rustix::system::uname();
    let machine = uname.machine().to_string_lossy();
    let told = format!(
        "{} {}, {machine}",
        uname.sysname().to_string_lossy(),
        uname.release().to_string_lossy()
    );
    let platform = &Contract::scf().platform;
    if machine == "x86_64" {
        ok("kernel", told)
    } else {
        let told = format!("{told}: images for {platform} do not run here");
        no("kernel", told, "check images on a machine with an x86-64 processor")
    }
}

/// The proof of an engine: a boot.
fn boot(settings: &Settings, name: EngineName) -> Finding {
    let word = match name {
        EngineName::Embedded => "embedded",
        EngineName::Docker => "docker boot",
    };
    let failed = |told: String, change: Option<String>| {
        let change = change.unwrap_or_else(|| "see the other lines".to_owned());
        no(word, told, &change)
    };
    let places = Places { cache: &settings.cache_dir, surroundings: &settings.surroundings };
    let engine = match engines::open(name, &places) {
        Ok(engine) => engine,
        Err(error) => return failed(error.to_string(), None),
    };
    let job = Jobs::new(settings, Style::Plain).and_then(|jobs| {
        let hello = Wanted::new("fixture:hello");
        jobs.job(&hello, &Cancel::default()).map_err(|error| error.to_string())
    });
    let job = match job {
        Ok(job) => Job { engine: Some(engine), ..job },
        Err(error) => return failed(error, None),
    };
    match Session::open(&job, &Silent, &Cancel::default()) {
        Ok(Opened::Up(session)) => {
            let listens = units::duration(session.cold_start.function);
            match session.close() {
                Ok(()) => ok(word, format!("boots: fixture:hello listens after {listens}")),
                Err(Trouble { message, hint }) => failed(message, hint),
            }
        }
        Ok(Opened::Down { diagnosis, .. }) => failed(diagnosis.message, None),
        Err(Trouble { message, hint }) => failed(message, hint),
    }
}

/// Seconds until an engine answers such a question.
const ANSWER: u64 = 20;

fn served(name: &str, surroundings: &Surroundings, change: &str) -> Finding {
    let asked = endpoint::find(surroundings)
        .and_then(|endpoint| Ok((endpoint.version(ANSWER)?, endpoint.uri)));
    match asked {
        Ok((version, uri)) => ok(name, format!("version {version} at {uri}")),
        Err(error) if error.to_string().to_lowercase().contains("permission denied") => {
            no(name, error.to_string(), "run as root, or join the group that may use the socket")
        }
        Err(error) => no(name, error.to_string(), change),
    }
}

/// Podman's socket, for the user or for root.
fn podman(surroundings: &Surroundings) -> Finding {
    let change = "systemctl --user start podman.socket, and name it in DOCKER_HOST";
    let own = surroundings.xdg_runtime_dir.iter().map(|dir| dir.join("podman/podman.sock"));
    let places: Vec<PathBuf> = own.chain([PathBuf::from("/run/podman/podman.sock")]).collect();
    let place = places.iter().find(|place| place.exists()).unwrap_or(&places[places.len() - 1]);
    let host = format!("unix://{}", place.display());
    let only = Surroundings { docker_host: Some(host), ..Surroundings::default() };
    served("podman", &only, change)
}

fn cache(dir: &Path) -> Finding {
    let shown = dir.display();
    let change = "name another directory with --cache-dir";
    let cache = match Cache::open(dir) {
        Ok(cache) => cache,
        Err(error) => return no("cache", error.to_string(), change),
    };
    let trial = tempfile::NamedTempFile::new_in(dir);
    if let Err(error) = trial {
        return no("cache", format!("write into {shown}: {error}"), change);
    }
    let (images, bytes) = cache.holds();
    let free = rustix::fs::statvfs(dir).map(|stat| stat.f_bavail * stat.f_frsize);
    let free = free.map_or_else(|_| String::new(), |free| format!(", {} free", units::size(free)));
    let plural = if images == 1 { "" } else { "s" };
    let limit = units::size(cache.limit());
    ok("cache", format!("{shown}: {images} image{plural}, {} of {limit}{free}", units::size(bytes)))
}

fn descriptors() -> Finding {
    let wanted = Contract::scf().descriptors;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    match limit {
        Some(limit) if limit < wanted => no(
            "descriptors",
            format!("{limit} at most, and an instance may have {wanted}"),
            "raise the hard limit of `nofile`: ulimit -Hn, or limits.conf",
        ),
        Some(limit) => ok("descriptors", format!("{limit} at most; an instance may have {wanted}")),
        None => ok("descriptors", format!("no limit; an instance may have {wanted}")),
    }
}

fn text(found: &Found, out: &mut dyn std::io::Write) -> std::io::Result<()> {
    let width = found.findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    for Finding { name, state, told, change } in &found.findings {
        let word = match state {
            State::Ok => "ok  ".green(),
            State::No => "no  ".red().bold(),
            State::Note => "note".yellow(),
        };
        writeln!(out, "{word}  {name:width$}  {}", printable(told))?;
        if let Some(change) = change {
            writeln!(out, "      {:width$}  {} {}", "", "change:".cyan(), printable(change))?;
        }
    }
    writeln!(out)?;
    match found.engines.as_slice() {
        [] => writeln!(out, "doctor: nothing here can boot an image; `check --static` works"),
        engines => writeln!(out, "doctor: images are booted by {}", engines.join(", or by ")),
    }
}

fn document(found: &Found) -> String {
    let lines: Vec<_> = found
        .findings
        .iter()
        .map(|Finding { name, state, told, change }| {
            let state = match state {
                State::Ok => "ok",
                State::No => "no",
                State::Note => "note",
            };
            serde_json::json!({"name": name, "state": state, "message": told, "change": change})
        })
        .collect();
    let document = serde_json::json!({
        "schema": "scf-conform/doctor/v1",
        "engines": found.engines,
        "lines": lines,
    });
    format!("{document:#}\n")
}
