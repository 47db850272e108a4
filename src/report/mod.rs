//! Everything found out about the images of one run, and how it is written.
//!
//! [`Report`] is the value; a [`Format`] is one way of writing it, one file each. Formats
//! know checks and nothing of rules or cases.

mod boots;
mod cold_start;
mod histogram;
mod job;
mod json;
mod junit;
mod moment;
mod printable;
#[cfg(test)]
mod sample;
mod sweep;
pub mod text;

use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use crate::check::{Check, Severity, Status};
use crate::contract::FunctionType;
use crate::evidence::Logs;

pub use cold_start::{ASSUMED_PULL_SPEED, ColdStart};
pub use job::JobFacts;
pub use json::schema;
pub use printable::printable;
pub use sweep::{Sweep, Tier, TierOutcome};

/// One way of writing a report.
#[derive(Debug)]
pub struct Format {
    /// The word in options.
    pub name: &'static str,
    /// Who reads it, in a few words.
    pub readers: &'static str,
    /// Writes the whole report.
    pub write: fn(&Report, Page, &mut dyn Write) -> io::Result<()>,
}

/// Every format there is.
pub const FORMATS: &[&Format] = &[&text::FORMAT, &json::FORMAT, &junit::FORMAT];

/// What the text format is written on. The other formats are the same on every page.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// Columns of the terminal; `None` where lines may be as long as they are, as in a pipe.
    pub width: Option<usize>,
    /// How much is told.
    pub detail: Detail,
}

/// How much the text format tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// What fails the run, and the verdict.
    Brief,
    /// A line for each check, and whatever failed in full.
    #[default]
    Normal,
    /// Measurements and evidence of every check, and the instance's logs.
    Full,
}

/// One run of the program.
#[derive(Debug, Clone)]
pub struct Report {
    /// When the run began.
    pub started: SystemTime,
    /// In the order in which they were named.
    pub images: Vec<ImageReport>,
    /// From the start of the program's work to its end.
    pub duration: Duration,
    /// The least severity of a failed check that fails the run.
    pub fail_on: Severity,
}

/// Everything found out about one image.
#[derive(Debug, Clone)]
pub struct ImageReport {
    /// As the user wrote it.
    pub reference: String,
    /// What was read of it; `None` where nothing could be read.
    pub image: Option<ImageFacts>,
    /// What it was checked as.
    pub kind: Option<FunctionType>,
    /// How the kind was found out, where it was not given: one line.
    pub kind_note: Option<String>,
    /// Who booted it; `None` where nobody did.
    pub engine: Option<String>,
    /// The start, where there was one.
    pub boot: Option<BootFacts>,
    /// The run, where it was a job that was started.
    pub job: Option<JobFacts>,
    /// What each size of memory gives, where that was asked for.
    pub sweep: Option<Sweep>,
    /// In the order in which they are shown.
    pub checks: Vec<Check>,
    /// What the instance wrote.
    pub logs: Logs,
    /// Why the image could not be checked, or not to the end.
    pub trouble: Option<Trouble>,
    /// Time spent on this image.
    pub duration: Duration,
}

/// What was read of an image.
#[derive(Debug, Clone)]
pub struct ImageFacts {
    /// Of the manifest; where a push has yet to make that, of the config.
    pub digest: String,
    /// Of the manifest.
    pub media_type: String,
    /// Sum of the compressed layers.
    pub size_bytes: u64,
    /// How well that is known.
    pub size_known: SizeKnown,
    /// Sum of the layers' tars.
    pub unpacked_bytes: u64,
    /// The function's memory, in MB.
    pub memory_mb: u32,
}

/// How well an image's size is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeKnown {
    /// As the manifest says.
    Exactly,
    /// As near as it can be known before the push.
    About,
    /// Uncompressed; a push makes it smaller.
    AtMost,
}

/// The start in numbers.
#[derive(Debug, Clone, Default)]
pub struct BootFacts {
    /// From exec to LISTEN; `None` where it never listened.
    pub time_to_listen: Option<Duration>,
    /// Addresses in LISTEN, as text.
    pub listen: Vec<String>,
    /// From the decision to boot to a ready root.
    pub create: Duration,
    /// From there to the exec.
    pub exec: Duration,
    /// From exec to the first byte on stdout or stderr.
    pub first_log: Option<Duration>,
    /// From exec to the first connection that was taken.
    pub first_accept: Option<Duration>,
    /// From exec to the first valid answer.
    pub first_response: Option<Duration>,
    /// Time-to-listen of every boot, in the order in which they were made.
    pub boots: Vec<Duration>,
    /// From exec to the first valid answer, of every boot that gave one.
    pub answers: Vec<Duration>,
    /// What a cold start on the platform may take; `None` where it never listened.
    pub cold_start: Option<ColdStart>,
    /// The start limit that it was held to.
    pub limit: Duration,
    /// Limits of the platform that this machine could only watch, by name.
    pub watched: Vec<String>,
}

/// Why something could not be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// One line: what, where, why.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What is to be said of an image in one word. Ordered by what decides over several images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// No check fails at the severity that counts, and every check could be made.
    Conforms,
    /// A check fails at the severity that counts.
    DoesNotConform,
    /// It could not be checked, or not wholly.
    NotChecked,
}

/// Counts over checks. The parts add up to `checks`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// All.
    pub checks: usize,
    /// Passed.
    pub passed: usize,
    /// Failed with severity error.
    pub failed: usize,
    /// Failed with severity warning.
    pub warnings: usize,
    /// Failed with severity info.
    pub infos: usize,
    /// Not looked at.
    pub skipped: usize,
    /// Failed, and accepted.
    pub waived: usize,
    /// Could not be looked at.
    pub errors: usize,
}

impl Format {
    /// The format that a word names.
    #[must_use]
    pub fn named(word: &str) -> Option<&'static Format> {
        FORMATS.iter().copied().find(|format| format.name == word)
    }
}

impl Report {
    /// The verdict over all images: what weighs most. An image that could not be checked
    /// weighs more than one that does not conform.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = || self.images.iter().map(|image| image.verdict(self.fail_on));
        verdicts().max().unwrap_or(Verdict::NotChecked)
    }

    /// Counts over the checks of all images.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(self.images.iter().flat_map(|image| &image.checks))
    }
}

impl ImageReport {
    /// The report of an image of which nothing is known but its trouble.
    #[must_use]
    pub fn not_checked(reference: &str, trouble: Trouble) -> ImageReport {
        ImageReport { trouble: Some(trouble), ..ImageReport::new(reference) }
    }

    /// The report of an image of which nothing is known yet.
    #[must_use]
    pub fn new(reference: &str) -> ImageReport {
        ImageReport {
            reference: reference.to_owned(),
            image: None,
            kind: None,
            kind_note: None,
            engine: None,
            boot: None,
            job: None,
            sweep: None,
            checks: Vec::new(),
            logs: Logs::default(),
            trouble: None,
            duration: Duration::ZERO,
        }
    }

    /// The verdict, with failures counting from `fail_on` up.
    #[must_use]
    pub fn verdict(&self, fail_on: Severity) -> Verdict {
        if self.checks.iter().any(|check| check.fails_at(fail_on)) {
            Verdict::DoesNotConform
        } else if self.trouble.is_some()
            || self.checks.iter().any(|check| check.status == Status::CouldNotCheck)
        {
            Verdict::NotChecked
        } else {
            Verdict::Conforms
        }
    }

    /// Counts over this image's checks.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts::of(&self.checks)
    }
}

impl Counts {
    /// Counts over some checks.
    #[must_use]
    pub fn of<'a>(checks: impl IntoIterator<Item = &'a Check>) -> Counts {
        let mut counts = Counts::default();
        for check in checks {
            counts.checks += 1;
            if check.waived.is_some() {
                counts.waived += 1;
                continue;
            }
            *match (check.status, check.severity) {
                (Status::Pass, _) => &mut counts.passed,
                (Status::Skip, _) => &mut counts.skipped,
                (Status::CouldNotCheck, _) => &mut counts.errors,
                (Status::Fail, Severity::Error) => &mut counts.failed,
                (Status::Fail, Severity::Warning) => &mut counts.warnings,
                (Status::Fail, Severity::Info) => &mut counts.infos,
            } += 1;
        }
        counts
    }
}

impl Verdict {
    /// The verdict's words in every report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Conforms => "conforms",
            Verdict::DoesNotConform => "does-not-conform",
            Verdict::NotChecked => "not-checked",
        }
    }
}
