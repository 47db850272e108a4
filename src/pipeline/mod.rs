//! The whole way from a reference to a report, in straight lines.
//!
//! Here is what needs no instance; `live` has the rest.
#![expect(clippy::disallowed_methods, reason = "how long each part took is part of the report")]

mod beside;
mod boots;
mod compare;
mod job;
mod live;
mod session;
mod sweep;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use crate::check::{Check, Severity};
use crate::contract::{Credentials, Function, FunctionType, MemoryMb};
use crate::engine::{Engine, EngineError};
use crate::image::{Blobs, Depth, Image, Packing, Weight, load};
use crate::oci::Reference;
use crate::report::{ImageFacts, ImageReport, SizeKnown, Trouble};
use crate::rules::{self, Look, RULES, Rule};
use crate::run::{Cancel, Progress, Stage};
use crate::selection::Selection;
use crate::source::{self, Bounds, SourceError, Step};
use crate::suite::{Case, Secrets, Suite, builtin};

pub use boots::{Measure, Memory};
pub use job::{Ran, run_once};
pub use session::{Invoked, Opened, Session};

/// What to check, and how.
pub struct Job {
    /// What to read.
    pub reference: Reference,
    /// The name that the image is to have, where it is another than the reference.
    pub known_as: Option<Reference>,
    /// What the image is to become.
    pub function: Function,
    /// Who boots it; `None` for static checks only.
    pub engine: Option<Arc<dyn Engine>>,
    /// Who boots it besides; whatever they find otherwise is told.
    pub compare_with: Vec<Arc<dyn Engine>>,
    /// Suites besides the built-in ones.
    pub suites: Arc<Vec<Suite>>,
    /// Whether the built-in suite of the function's type is run.
    pub builtin: bool,
    /// Which checks and cases.
    pub selection: Selection,
    /// How often to boot; the last boot takes the invocations. At least 1.
    pub boots: u32,
    /// What is measured besides.
    pub measure: Measure,
    /// What is used of this machine to read it.
    pub local: source::Local,
}

/// Checks one image. What goes wrong on the way is in the report.
pub fn conform(job: &Job, progress: &dyn Progress, cancel: &Cancel) -> ImageReport {
    let begun = Instant::now();
    let mut work = Work::new(job, progress, cancel);
    if let Err(trouble) = work.all() {
        work.report.trouble = Some(trouble);
    }
    // What is captured late may have been told early.
    work.report.checks.iter_mut().for_each(|check| work.secrets.redact(check));
    if !work.secrets.is_empty() {
        for line in &mut work.report.logs.lines {
            line.text = work.secrets.redacted(&line.text);
        }
    }
    work.report.checks.sort_by_key(|check| rank(&check.id));
    work.report.duration = begun.elapsed();
    work.report
}

/// Groups of checks in the order in which they are shown, those of jobs by their ids: some are
/// found before the run and some after.
fn rank(id: &str) -> (usize, Option<String>) {
    const ORDER: &str = "MRFBEHJSU";
    let group = id.chars().next().and_then(|letter| ORDER.find(letter)).unwrap_or(ORDER.len());
    (group, id.starts_with('J').then(|| id.to_owned()))
}

/// The tag of built-in cases that take longer than all others together.
const SLOW: &str = "slow";

struct Work<'a> {
    job: &'a Job,
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
    report: ImageReport,
    credentials: Credentials,
    /// What is shown nowhere.
    secrets: Secrets,
}

impl<'a> Work<'a> {
    fn new(job: &'a Job, progress: &'a dyn Progress, cancel: &'a Cancel) -> Work<'a> {
        let reference = job.known_as.as_ref().unwrap_or(&job.reference);
        let report =
            ImageReport { kind: job.function.kind, ..ImageReport::new(&reference.to_string()) };
        let mut secrets = Secrets::default();
        job.suites.iter().for_each(|suite| secrets.extend(&suite.secrets));
        Work { job, progress, cancel, report, credentials: live::canaries(), secrets }
    }

    fn stage(&self, stage: Stage) {
        self.progress.stage(&self.report.reference, stage);
    }

    fn add(&mut self, checks: impl IntoIterator<Item = Check>) {
        for mut check in checks {
            self.secrets.redact(&mut check);
            self.progress.check(&self.report.reference, &check);
            self.report.checks.push(check);
        }
    }

    fn wants(&self, rule: &Rule) -> bool {
        rules::concerns(rule, self.job.function.kind)
            && self.job.selection.wants(rule.id, rule.title, &[])
    }

    fn all(&mut self) -> Result<(), Trouble> {
        let job = self.job;
        let mut telling = |step| self.telling(step);
        let blobs = source::open(&job.reference, &job.local, &mut telling)
            .map_err(|error| source_trouble(&error))?;
        let image = self.load(blobs.as_ref())?;
        let checks = rules::look_at_image(&image, &job.function, |rule| self.wants(rule));
        self.add(checks);
        self.stop_if_cancelled()?;
        if !self.anything_to_boot_for() {
            return Ok(());
        }
        if let Some(why) = self.why_not_boot(&image) {
            self.skip_everything_live(&why);
            return Ok(());
        }
        let looked_at = self.report.checks.len();
        if let Some(engine) = &job.engine {
            self.boot(engine.as_ref(), &image, blobs.as_ref())?;
        }
        self.compare(&image, blobs.as_ref(), looked_at)?;
        match (job.measure.memory, &job.engine) {
            (Memory::Each, Some(engine)) => self.sweep(engine.as_ref(), &image, blobs.as_ref()),
            _ => Ok(()),
        }
    }

    fn load(&mut self, blobs: &dyn Blobs) -> Result<Image, Trouble> {
        let mut told = |done, of| self.stage(Stage::Reading { done, of });
        let mut image = load(
            &self.job.reference,
            blobs,
            &self.job.function.contract.platform,
            self.depth(blobs.packing()),
            &mut told,
        )
        .map_err(|error| trouble(&error))?;
        if let Some(name) = &self.job.known_as {
            image.reference = name.clone();
        }
        let contract = self.job.function.contract;
        let bounds = Bounds { tiers: &MemoryMb::bounds(), limit: contract.image_size };
        let mut telling = |step| self.telling(step);
        image.weight = source::weigh(&image, blobs, &self.job.local, bounds, &mut telling)
            .map_err(|error| source_trouble(&error))?;
        let size_bytes = image.compressed_bytes();
        self.report.image = Some(ImageFacts {
            digest: image.identity(),
            size_known: match image.weight {
                Weight::AsStored => SizeKnown::Exactly,
                Weight::AtMost => SizeKnown::AtMost,
                Weight::About(_) | Weight::Compressed(_) => SizeKnown::About,
            },
            media_type: image.manifest.media_type.clone(),
            size_bytes,
            unpacked_bytes: image.unpacked_bytes(),
            memory_mb: self.job.function.memory_for(size_bytes).megabytes(),
        });
        Ok(image)
    }

    fn telling(&self, step: Step) -> ControlFlow<()> {
        self.stage(match step {
            Step::Waiting => Stage::Exporting,
            Step::Reading { done, of } => Stage::Reading { done, of },
            Step::Compressing { done, of } => Stage::Compressing { done, of },
        });
        if self.cancel.cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Layers are read only where something that was selected needs them. What a push makes of
    /// their size is found out by reading them.
    fn depth(&self, packing: Packing) -> Depth {
        let boots = self.job.engine.is_some() && self.anything_to_boot_for();
        let looks = |rule: &Rule| rule.look.is_static() && rule.look.needs_layers();
        let before_push = packing == Packing::BeforePush;
        if boots || before_push || RULES.iter().any(|rule| looks(rule) && self.wants(rule)) {
            Depth::Layers
        } else {
            Depth::Config
        }
    }

    fn stop_if_cancelled(&self) -> Result<(), Trouble> {
        if self.cancel.cancelled() {
            return Err(Trouble { message: "interrupted".to_owned(), hint: None });
        }
        Ok(())
    }

    /// Whether any check that was selected needs a boot.
    fn anything_to_boot_for(&self) -> bool {
        let live = self.live_rules().any(|rule| self.wants(rule));
        live || self.selects_cases() || self.job.measure.memory == Memory::Each
    }

    /// The rules that need an instance; two of them where engines are compared.
    fn live_rules(&self) -> impl Iterator<Item = &'static Rule> + use<> {
        let several = !self.job.compare_with.is_empty();
        RULES.iter().copied().filter(move |rule| match rule.look {
            Look::Manifest(_) | Look::Image(_) => false,
            Look::Boot(_) | Look::Run(_) | Look::Job(_) => true,
            Look::Engines(_) => several,
        })
    }

    fn selects(&self, suite: &Suite) -> bool {
        suite.cases.iter().any(|case| self.wants_case(case))
    }

    fn wants_case(&self, case: &Case) -> bool {
        self.job.selection.wants(&case.id, &case.name, &case.tags)
    }

    /// Whether a case of the built-in suites takes seconds, and nobody asked for such.
    fn waits(&self, case: &Case) -> bool {
        let Selection { only, tags, .. } = &self.job.selection;
        let asked = tags.iter().any(|tag| tag == SLOW) || only.iter().any(|glob| glob.is(&case.id));
        case.place.is_none() && case.tags.iter().any(|tag| tag == SLOW) && !asked
    }

    /// Tells of the cases that take seconds and were not asked.
    fn skip_slow(&mut self) {
        let skipped: Vec<Check> = self
            .suites(self.report.kind)
            .into_iter()
            .flat_map(|suite| &suite.cases)
            .filter(|case| self.wants_case(case) && self.waits(case))
            .map(|case| {
                let why = format!("it takes longer: --tag {SLOW}, or --only {}, asks it", case.id);
                case.skipped(&self.job.function, &why)
            })
            .collect();
        self.add(skipped);
    }

    /// The suites for a type of function; for all types where it is not known yet.
    fn suites(&self, kind: Option<FunctionType>) -> Vec<&Suite> {
        let kinds = match kind {
            Some(kind) => vec![kind],
            None => vec![FunctionType::Event, FunctionType::Http],
        };
        let builtin = kinds.iter().filter_map(|kind| builtin(*kind)).filter(|_| self.job.builtin);
        let own = self.job.suites.iter().filter(|suite| kinds.contains(&suite.kind));
        builtin.chain(own).collect()
    }

    /// Whether any case of any suite was selected.
    fn selects_cases(&self) -> bool {
        self.suites(self.report.kind).iter().any(|suite| self.selects(suite))
    }

    /// The user's suites for another type of function are told of, not left out silently.
    fn skip_suites_for_others(&mut self) {
        let Some(kind) = self.report.kind else { return };
        let others = self.job.suites.iter().filter(|suite| suite.kind != kind);
        let skipped: Vec<Check> = others
            .flat_map(|suite| suite.cases.iter().map(move |case| (suite.kind, case)))
            .filter(|(_, case)| self.wants_case(case))
            .map(|(meant, case)| {
                let (meant, is) = (meant.word(), kind.word());
                let why = format!("its suite is for {meant} functions; this was checked as {is}");
                case.skipped(&self.job.function, &why)
            })
            .collect();
        self.add(skipped);
    }

    fn why_not_boot(&self, image: &Image) -> Option<String> {
        if self.job.engine.is_none() {
            return Some("not booted (--static)".to_owned());
        }
        if !image.is_whole() {
            return Some("not booted: the image is damaged (M004)".to_owned());
        }
        let function = &self.job.function;
        let judged = rules::look_at_image(image, function, |_| true);
        let fails =
            |id: &str| judged.iter().any(|check| check.id == id && check.fails_at(Severity::Error));
        ["M001", "M002", "M007"].into_iter().find(|id| fails(id)).map(|id| match id {
            "M001" => "not booted: no manifest of an image (M001)".to_owned(),
            "M002" => "not booted: not an image for linux/amd64 (M002)".to_owned(),
            _ => "not booted: there is nothing to run (M007)".to_owned(),
        })
    }

    fn skip_everything_live(&mut self, why: &str) {
        let function = &self.job.function;
        let skipped: Vec<Check> = self
            .live_rules()
            .filter(|rule| self.wants(rule))
            .map(|rule| {
                let why = rules::left_out(rule, function.kind).unwrap_or(why);
                rules::skipped(rule, function, why)
            })
            .collect();
        self.add(skipped);
        self.skip_cases(why);
    }

    /// Skips the cases of the function's type; with a type that is not known, those of none.
    fn skip_cases(&mut self, why: &str) {
        let Some(kind) = self.report.kind else { return };
        let skipped: Vec<Check> = self
            .suites(Some(kind))
            .into_iter()
            .flat_map(|suite| &suite.cases)
            .filter(|case| self.wants_case(case))
            .map(|case| case.skipped(&self.job.function, why))
            .collect();
        self.add(skipped);
    }
}

fn trouble(error: &dyn std::error::Error) -> Trouble {
    trouble_text(error.to_string())
}

fn source_trouble(error: &SourceError) -> Trouble {
    Trouble { message: error.to_string(), hint: error.hint() }
}

fn trouble_text(message: String) -> Trouble {
    Trouble { message, hint: None }
}

fn engine_trouble(error: &EngineError) -> Trouble {
    let hint = match error {
        EngineError::Unavailable { hint, .. } => Some(hint.clone()),
        EngineError::Failed { .. } | EngineError::Unpack(_) | EngineError::Lost(_) => None,
    };
    Trouble { message: error.to_string(), hint }
}
