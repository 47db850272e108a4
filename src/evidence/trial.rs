//! What was tried on an instance beside its invocations: another start, a freeze, a signal.

use std::time::Duration;

use super::{Boot, Ending, Logs};
use crate::check::{Check, Status};

/// Something that was tried, or why it was not.
#[derive(Debug, Clone)]
pub enum Attempt<T> {
    /// Not tried.
    Untried {
        /// Why, one line.
        why: String,
    },
    /// Tried, and what came of it.
    Made(T),
}

/// What the kernel does with a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It is the command's to deal with.
    Delivered,
    /// Nothing: it is the first process of a container, which no signal ends that it has not
    /// asked for.
    Dropped,
}

/// What came of a SIGTERM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Termination {
    /// The kernel dropped it: the command has no handler for it.
    Dropped,
    /// The command ended.
    Ended {
        /// How.
        ending: Ending,
        /// From the signal.
        after: Duration,
    },
    /// It still ran when the time was up.
    Running {
        /// The limit.
        limit: Duration,
    },
}

/// What came of a freeze, and a request that was sent during it.
#[derive(Debug, Clone)]
pub struct Freeze {
    /// How long every process was held.
    pub held: Duration,
    /// From the thaw to the whole answer; else what happened, in a few words.
    pub answered: Result<Duration, String>,
}

/// Another start of the image, under other conditions, and the first case of the suite on it.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The start.
    pub boot: Boot,
    /// The first case; `None` where it did not start.
    pub first: Option<FirstCase>,
    /// What was written to stdout and stderr until then.
    pub logs: Logs,
}

/// The first case of the suite, asked under other conditions.
#[derive(Debug, Clone)]
pub struct FirstCase {
    /// What became of it.
    pub check: Check,
    /// Whether there was an HTTP answer at all.
    pub answered: bool,
    /// What becomes of it under the usual conditions.
    pub usual: Status,
}

impl Trial {
    /// Whether it started, and answered.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.first.as_ref().is_some_and(|first| first.answered)
    }

    /// Whether it did as well as under the usual conditions.
    #[must_use]
    pub fn keeps_up(&self) -> bool {
        self.first
            .as_ref()
            .is_some_and(|first| first.check.status != Status::Fail || first.usual == Status::Fail)
    }
}

impl<T> Attempt<T> {
    /// Not tried, and why.
    pub fn untried(why: impl Into<String>) -> Attempt<T> {
        Attempt::Untried { why: why.into() }
    }
}
