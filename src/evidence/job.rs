//! One run of a job, from its exec to its end.

use std::time::Duration;

use super::{Diagnosis, Ending, Logs};

/// A job that was started once, as it was seen.
#[derive(Debug, Clone)]
pub struct JobRun {
    /// How it went.
    pub end: JobEnd,
    /// From the exec to the end, or to the limit.
    pub duration: Duration,
    /// What was written to stdout and stderr.
    pub logs: Logs,
    /// Why it did not end well by itself, as far as that is known: `None` where it did.
    pub diagnosis: Option<Diagnosis>,
}

/// How a job's run went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobEnd {
    /// The process ended.
    Ended(Ending),
    /// The limit passed, and the process still ran.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The kernel refused to execute the command; with the reason.
    Refused(Diagnosis),
}
