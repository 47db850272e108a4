//! From what was seen of a failure to its cause. No IO: facts in, a diagnosis out.
//!
//! [`autopsy`] is for a start that failed; [`later`] for an instance that died or went silent
//! when it had started. Both read the same signs:
//!
//! | file | reads |
//! |---|---|
//! | `refusal` | the kernel's refusal to execute the command, against the image's tree |
//! | `bound` | sockets: where it listens instead |
//! | `ended` | exit codes, signals, limits that were reached |
//! | `running` | a process that runs and does not come to listen, or to answer |
//! | `clue` · `meaning`, `absent` | what programs say in the log when something is refused to them · what it means here |
//! | `platform` | what the platform says of such a failure |

mod absent;
mod access;
mod bound;
mod clue;
mod ended;
mod limits;
mod meaning;
mod platform;
mod refusal;
mod running;
mod servers;
#[cfg(test)]
mod tests;

use crate::check::Cause;
use crate::contract::{Function, PlatformStatus};
use crate::evidence::{Boot, BootEnd, Diagnosis, Ending, Listener, Logs, Reach, Snapshot};
use crate::image::Tree;
use crate::plan::Plan;
use crate::units;

use super::listen::{Bound, bound as how_far};

/// Log lines that are shown as evidence.
const LINES: usize = 10;

/// What was started, and as what.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// The image's files.
    pub tree: &'a Tree,
    /// The command and its limits.
    pub plan: &'a Plan,
    /// The function that the image is to become.
    pub function: &'a Function,
}

/// What is known of an instance that had started and failed then.
#[derive(Debug, Clone, Copy)]
pub struct Life<'a> {
    /// How its process ended, if it did.
    pub ended: Option<Ending>,
    /// What it wrote.
    pub logs: &'a Logs,
    /// What it was doing.
    pub snapshot: &'a Snapshot,
}

/// A cause that was found: what becomes a [`Diagnosis`] where it is said of what.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    cause: Cause,
    /// What is wrong, as the second half of a sentence.
    what: String,
    /// Beside what is shown of every failure.
    evidence: Vec<String>,
    fix: String,
}

impl Found {
    fn new(cause: Cause, what: impl Into<String>, fix: impl Into<String>) -> Found {
        Found { cause, what: what.into(), evidence: Vec::new(), fix: fix.into() }
    }

    fn seen(mut self, line: impl Into<String>) -> Found {
        self.evidence.push(line.into());
        self
    }

    /// With what is said of it before.
    fn after(self, beginning: &str) -> Diagnosis {
        let message = if self.what.is_empty() {
            beginning.to_owned()
        } else {
            format!("{beginning}: {}", self.what)
        };
        Diagnosis { cause: self.cause, message, evidence: self.evidence, fix: self.fix }
    }
}

/// The signs that are read, wherever they come from.
#[derive(Debug, Clone, Copy)]
struct Signs<'a> {
    scene: &'a Scene<'a>,
    logs: &'a Logs,
    snapshot: &'a Snapshot,
    listeners: &'a [Listener],
}

/// Why a start failed; `None` where it did not.
#[must_use]
pub fn autopsy(boot: &Boot, scene: &Scene<'_>) -> Option<Diagnosis> {
    let port = scene.function.contract.port;
    let Boot { logs, snapshot, listeners, .. } = boot;
    let signs = Signs { scene, logs, snapshot, listeners };
    let mut diagnosis = match &boot.end {
        BootEnd::Listening => match (how_far(listeners, port), boot.reach) {
            (Bound::Everywhere, Reach::Reached | Reach::Untried) => return None,
            (Bound::Somewhere, _) => bound::one_address(&signs),
            _ => bound::unreachable(&signs),
        },
        BootEnd::Refused(refused) => refusal::refused(refused, scene),
        BootEnd::Ended(ending) => {
            let when = match boot.phases.listen {
                Some(_) => "as soon as it listened",
                None => "before it listened",
            };
            let beginning = format!("the process {} {when}", ended::told(*ending));
            ended::cause(*ending, &signs).after(&beginning)
        }
        BootEnd::TimedOut { limit } => bound::elsewhere(&signs).unwrap_or_else(|| {
            let limit = units::duration(*limit);
            let beginning = format!("not listening on port {port} within {limit}");
            running::silent(&signs).after(&beginning)
        }),
    };
    if !matches!(boot.end, BootEnd::Refused(_)) {
        diagnosis.evidence.extend(signs.shown());
    }
    let status = status(&boot.end, diagnosis.cause);
    diagnosis.evidence.insert(0, platform::told(status));
    Some(diagnosis)
}

/// Why an instance that had started died, or does not answer; with the platform's status for
/// it.
#[must_use]
pub fn later(life: &Life<'_>, scene: &Scene<'_>) -> Diagnosis {
    let signs = Signs { scene, logs: life.logs, snapshot: life.snapshot, listeners: &[] };
    let mut diagnosis = match life.ended {
        Some(ending) => {
            ended::cause(ending, &signs).after(&format!("the process {}", ended::told(ending)))
        }
        None => running::hangs(&signs).after("the process runs"),
    };
    diagnosis.evidence.extend(signs.shown());
    let status = match (life.ended, diagnosis.cause) {
        (_, Cause::OutOfMemory) => PlatformStatus::MemoryLimitReached,
        (Some(_), _) => PlatformStatus::UserProcessExit,
        (None, _) => PlatformStatus::TimeLimitReached,
    };
    diagnosis.evidence.insert(0, platform::told(status));
    diagnosis
}

/// What the platform says of a start that failed.
#[must_use]
pub fn status(end: &BootEnd, cause: Cause) -> PlatformStatus {
    match (end, cause) {
        (BootEnd::Refused(_), _) => PlatformStatus::ContainerInitError,
        (BootEnd::Ended(_), _) => PlatformStatus::ContainerExited,
        (BootEnd::Listening, _) | (_, Cause::LoopbackBind | Cause::WrongPort) => {
            PlatformStatus::PortBindingFailed
        }
        (BootEnd::TimedOut { .. }, _) => PlatformStatus::InitContainerTimeout,
    }
}

impl Signs<'_> {
    /// What is shown of every failure: what runs, what it uses, what it wrote last.
    fn shown(&self) -> Vec<String> {
        let mut lines = running::processes(self);
        lines.extend(limits::told(self));
        let last: Vec<_> = self.logs.last(LINES).collect();
        if last.is_empty() {
            lines.push("nothing was written to stdout or stderr".to_owned());
        }
        lines.extend(last.into_iter().map(|line| format!("log: {}", line.text)));
        lines
    }
}
