//! A job's run in numbers.

use std::time::Duration;

use crate::evidence::{Ending, JobEnd};
use crate::units;

/// The run of a job that was judged, and how long all runs with its event took.
#[derive(Debug, Clone)]
pub struct JobFacts {
    /// How it went.
    pub end: JobEnd,
    /// From the exec to the end, or to the limit.
    pub duration: Duration,
    /// From the decision to boot to a ready root.
    pub create: Duration,
    /// From there to the exec.
    pub exec: Duration,
    /// From exec to the first byte on stdout or stderr.
    pub first_log: Option<Duration>,
    /// The timeout that it was held to.
    pub limit: Duration,
    /// The duration of every run that ended, in the order in which they were made.
    pub runs: Vec<Duration>,
    /// Limits of the platform that this machine could only watch, by name.
    pub watched: Vec<String>,
}

impl JobFacts {
    /// How it ended, in a few words.
    #[must_use]
    pub fn told(&self) -> String {
        let after = units::duration(self.duration);
        match &self.end {
            JobEnd::Ended(Ending::Exited(code)) => format!("ran {after}, exit code {code}"),
            JobEnd::Ended(Ending::Signalled { out_of_memory: true, .. }) => {
                format!("ran {after}, out of memory")
            }
            JobEnd::Ended(Ending::Signalled { signal, .. }) => {
                format!("ran {after}, ended by signal {signal}")
            }
            JobEnd::TimedOut { .. } => "did not end".to_owned(),
            JobEnd::Refused(_) => "did not start".to_owned(),
        }
    }
}
