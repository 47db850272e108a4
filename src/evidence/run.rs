//! An instance's whole life: how it ended, what it wrote, what it used.

use std::time::Duration;

use super::{Attempt, Diagnosis, Ending, Freeze, Termination, Trial};

/// What is known of an instance when it has been stopped.
#[derive(Debug, Clone)]
pub struct Run {
    /// Whether the command was executed at all.
    pub started: bool,
    /// How the process ended by itself; `None` where it ran until it was stopped.
    pub ended: Option<Ending>,
    /// Why it ended by itself, as far as that is known.
    pub diagnosis: Option<Diagnosis>,
    /// Invocations that were made.
    pub invocations: usize,
    /// What it wrote to stdout and stderr.
    pub logs: Logs,
    /// Paths outside `/tmp` that were made, changed or removed, sorted.
    pub writes: Vec<Write>,
    /// Bytes of the writable layer in use.
    pub writable_used: u64,
    /// Bytes of `/tmp` in use.
    pub tmp_used: u64,
    /// Whether the image's user could write below `/tmp`, asked when the suites were through.
    pub tmp: TmpProbe,
    /// Where the canaries were found.
    pub leaks: Vec<Leak>,
    /// What it used of its limits.
    pub usage: Usage,
    /// How many there were of what is counted.
    pub crowd: Crowd,
    /// The memory that it had, in bytes.
    pub memory: u64,
    /// What came of a SIGTERM, sent when all else was over.
    pub terminated: Attempt<Termination>,
    /// What came of a freeze; it is another instance's.
    pub frozen: Attempt<Freeze>,
    /// What came of a start on a read-only root; it is another instance's.
    pub read_only: Attempt<Trial>,
}

/// One path that the instance wrote outside `/tmp`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Write {
    /// Absolute, inside the image's root.
    pub path: String,
    /// Size in bytes; `None` for what was removed or is no file.
    pub bytes: Option<u64>,
    /// Whether the path was removed.
    pub removed: bool,
}

/// Whether a file could be made below `/tmp`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TmpProbe {
    /// Made, written and removed again.
    Writable,
    /// Refused with this error number.
    Refused(i32),
    /// Not tried: the instance was not running any more.
    Untried,
}

/// A canary that turned up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// The header in which it was sent.
    pub header: String,
    /// Where it was found.
    pub place: LeakPlace,
}

/// Where a canary was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeakPlace {
    /// In the answer to a case.
    Response {
        /// The case's id.
        case: String,
    },
    /// In a line on stdout or stderr.
    Log(Stream),
    /// In a file: its path in the container.
    File(String),
}

/// Which of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line that the instance wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// From the exec of the command.
    pub at: Duration,
    /// Where.
    pub stream: Stream,
    /// Without its end; bytes that are no UTF-8 are replaced, long lines are cut.
    pub text: String,
}

/// What the instance wrote: the first and the last lines, bounded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Logs {
    /// Kept lines, in the order in which they came.
    pub lines: Vec<LogLine>,
    /// Lines that were dropped between the first and the last ones.
    pub dropped: u64,
    /// All bytes that were written.
    pub bytes: u64,
}

/// What an instance used of its limits. `None` where the machine does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Peak of memory, in bytes.
    pub memory_peak: Option<u64>,
    /// How often the memory limit's killer struck.
    pub out_of_memory: Option<u64>,
    /// CPU time.
    pub cpu: Option<Duration>,
    /// Limits that could not be enforced and were only watched, by name.
    pub watched: Vec<String>,
}

/// Processes and descriptors of an instance, when all invocations were over. `None` where the
/// machine does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Crowd {
    /// How often the limit of processes refused one, until then.
    pub forks_refused: Option<u64>,
    /// Processes and threads.
    pub threads: u64,
    /// Open descriptors of the process that has most of them.
    pub descriptors: Option<u64>,
}

impl Logs {
    /// The lines that came after an earlier look; of very many the last ones.
    #[must_use]
    pub fn since(&self, before: &Logs) -> Vec<LogLine> {
        let count = |logs: &Logs| logs.lines.len() as u64 + logs.dropped;
        let new = count(self).saturating_sub(count(before));
        self.last(usize::try_from(new).unwrap_or(usize::MAX)).cloned().collect()
    }

    /// The last lines, oldest first.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &LogLine> {
        self.lines.iter().skip(self.lines.len().saturating_sub(count))
    }
}
