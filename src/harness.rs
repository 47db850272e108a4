//! An image's conformance as tests of a Rust project: each check is one test of `cargo test` and
//! `cargo nextest run`.
//!
//! A file `tests/conform.rs` of three lines:
//!
//! ```no_run
//! fn main() -> std::process::ExitCode {
//!     scf_conform::harness::main("my-app:latest")
//! }
//! ```
//!
//! and in `Cargo.toml`:
//!
//! ```toml
//! [[test]]
//! name = "conform"
//! harness = false
//! ```
//!
//! Filters, `--list`, `--exact` and `--nocapture` are those of every test of Rust. In one process
//! the image is booted once for all tests; nextest, which starts a process for each test, has it
//! booted for each that needs it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use crate::check::{Check, Severity, Status};
use crate::contract::{Function, FunctionType};
use crate::engine::Engine;
use crate::engine::embedded::{Embedded, HOLDER_WORD, holder_main};
use crate::oci::Reference;
use crate::pipeline::{Job, Measure, conform};
use crate::registry::Access;
use crate::report::ImageReport;
use crate::rules::{self, Look, RULES};
use crate::run::{Cancel, Silent};
use crate::selection::{Glob, Selection};
use crate::source::Local;
use crate::suite::{Origin, Style, Suite, builtin, checked_as, number, parse};
use crate::user_file;
use crate::variables::{default_cache_dir, logins, surroundings};

/// Checks an image, written as for `scf-conform check`, with everything as it is by default.
#[must_use]
pub fn main(image: &str) -> ExitCode {
    Conformance::of(image).main()
}

/// What is checked, and as what.
///
/// ```no_run
/// use scf_conform::contract::{Function, FunctionType};
/// use scf_conform::harness::Conformance;
///
/// fn main() -> std::process::ExitCode {
///     let function = Function { kind: Some(FunctionType::Http), ..Function::default() };
///     Conformance::of("oci:target/image").function(function).suite("suites/mine.yaml").main()
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Conformance {
    image: String,
    function: Function,
    suites: Vec<PathBuf>,
    fail_on: Severity,
}

impl Conformance {
    /// An image, written as for `scf-conform check`; paths are those of the package.
    #[must_use]
    pub fn of(image: &str) -> Conformance {
        Conformance {
            image: image.to_owned(),
            function: Function::default(),
            suites: Vec::new(),
            fail_on: Severity::Error,
        }
    }

    /// The function that the image is to become.
    #[must_use]
    pub fn function(self, function: Function) -> Conformance {
        Conformance { function, ..self }
    }

    /// A suite besides the built-in ones; may be called again.
    #[must_use]
    pub fn suite(mut self, file: impl Into<PathBuf>) -> Conformance {
        self.suites.push(file.into());
        self
    }

    /// The least severity that fails a test; `Severity::Error` where it is not called.
    #[must_use]
    pub fn fail_on(self, fail_on: Severity) -> Conformance {
        Conformance { fail_on, ..self }
    }

    /// Runs the tests that the arguments select. To be called first thing in `main`, before there
    /// is a second thread: a booted image belongs to a child of this program.
    #[must_use]
    pub fn main(self) -> ExitCode {
        if std::env::args_os().nth(1).is_some_and(|word| word == HOLDER_WORD) {
            return holder_main();
        }
        let arguments = Arguments::from_args();
        let fail_on = self.fail_on;
        let only = arguments.filter.as_deref().filter(|_| arguments.exact);
        let trials = match Checked::new(self, only) {
            Ok(checked) => trials(&Arc::new(checked), fail_on),
            // Whoever lists tests has to hear of it, too: there is one test, and it fails.
            Err(why) => vec![Trial::test("the image can be checked", move || Err(why.into()))],
        };
        libtest_mimic::run(&arguments, trials).exit_code()
    }
}

/// The name of a check's test.
fn name(id: &str, title: &str) -> String {
    format!("{id} {title}")
}

fn trials(checked: &Arc<Checked>, fail_on: Severity) -> Vec<Trial> {
    let trial = |(id, title): (String, String)| {
        let checked = Arc::clone(checked);
        Trial::ignorable_test(name(&id, &title), move || {
            let report =
                checked.report.get_or_init(|| conform(&checked.job, &Silent, &Cancel::default()));
            outcome(report, &id, fail_on)
        })
    };
    checked.listed().into_iter().map(trial).collect()
}

fn outcome(report: &ImageReport, id: &str, fail_on: Severity) -> Result<Completion, Failed> {
    let Some(check) = report.checks.iter().find(|check| check.id == id) else {
        return match &report.trouble {
            Some(trouble) => {
                let hint = trouble.hint.as_deref().map(|hint| format!("\nhelp: {hint}"));
                Err(format!("{}{}", trouble.message, hint.unwrap_or_default()).into())
            }
            None => Ok(Completion::ignored_with("says nothing of a function of this type")),
        };
    };
    match check.status {
        Status::Skip => Ok(Completion::ignored_with(check.message.clone())),
        Status::CouldNotCheck => Err(format!("could not be checked: {}", told(check)).into()),
        Status::Fail if check.fails_at(fail_on) => Err(told(check).into()),
        Status::Fail | Status::Pass => Ok(Completion::Completed),
    }
}

/// All that is known of a failure, a line each.
fn told(check: &Check) -> String {
    let mut lines = vec![check.message.clone()];
    lines.extend(check.cause.map(|cause| format!("cause: {cause}")));
    lines.extend(check.evidence.iter().map(|seen| format!("evidence: {seen}")));
    lines.extend(check.fix.iter().map(|fix| format!("fix: {fix}")));
    lines.push(format!("contract: {} ({})", check.source.sentence, check.source.document));
    lines.join("\n")
}

/// The image, checked once, as soon as the first test wants to know.
struct Checked {
    job: Job,
    report: OnceLock<ImageReport>,
}

impl Checked {
    /// `only` is the one test that is run, where there is but one.
    fn new(wanted: Conformance, only: Option<&str>) -> Result<Checked, String> {
        let variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let cache = default_cache_dir(&variables)
            .ok_or("there is no place for the cache: set HOME or XDG_CACHE_HOME")?;
        let reference = Reference::parse(&wanted.image, std::path::Path::exists)
            .map_err(|error| error.to_string())?;
        wanted.function.validate().map_err(|error| error.to_string())?;
        Embedded::available().map_err(|error| error.to_string())?;
        let suites = suites(&wanted.suites)?;
        let kind = checked_as(wanted.function.kind, &suites).map_err(|other| other.to_string())?;
        let engine: Arc<dyn Engine> = Arc::new(Embedded::new(cache.clone()));
        let id = only.and_then(|name| name.split(' ').next());
        let only: Vec<Glob> = id.into_iter().filter_map(|id| id.parse().ok()).collect();
        Ok(Checked {
            job: Job {
                reference,
                known_as: None,
                function: Function { kind, ..wanted.function },
                engine: Some(engine),
                compare_with: Vec::new(),
                suites: Arc::new(suites),
                builtin: true,
                selection: Selection { only, ..Selection::default() },
                boots: 1,
                measure: Measure::default(),
                local: Local {
                    scratch: cache,
                    surroundings: surroundings(&variables),
                    registry: Access { logins: logins(&variables), ..Access::default() },
                },
            },
            report: OnceLock::new(),
        })
    }

    /// Ids and titles of all tests. Where the function's type is found out by the boot, those of
    /// both kinds; what does not concern the image is then ignored.
    fn listed(&self) -> Vec<(String, String)> {
        let kind = self.job.function.kind;
        let kinds = kind.map_or(vec![FunctionType::Event, FunctionType::Http], |kind| vec![kind]);
        let rules = RULES
            .iter()
            .filter(|rule| rules::concerns(rule, kind) && !matches!(rule.look, Look::Engines(_)))
            .map(|rule| (rule.id.to_owned(), rule.title.to_owned()));
        let own = self.job.suites.iter().filter(|suite| kinds.contains(&suite.kind));
        let cases = kinds.iter().filter_map(|kind| builtin(*kind)).chain(own);
        let cases = cases.flat_map(|suite| &suite.cases);
        rules.chain(cases.map(|case| (case.id.clone(), case.name.clone()))).collect()
    }
}

fn suites(files: &[PathBuf]) -> Result<Vec<Suite>, String> {
    let mut suites = Vec::new();
    for path in files {
        let file = path.display().to_string();
        let text =
            user_file::text(path).map_err(|error| format!("read suite `{file}`: {error}"))?;
        let suite = parse(&file, &text, Origin::User);
        suites.push(suite.map_err(|problems| problems.render(Style::Plain))?);
    }
    number(&mut suites);
    Ok(suites)
}
