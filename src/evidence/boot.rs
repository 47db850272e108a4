//! The start of an instance: from create to the first LISTEN, or to its failure.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Logs, Snapshot};
use crate::check::Cause;

/// One start, as it was seen.
#[derive(Debug, Clone)]
pub struct Boot {
    /// How the start went.
    pub end: BootEnd,
    /// How long each phase took.
    pub phases: Phases,
    /// Every TCP socket in LISTEN when the start was decided, in the container's network.
    pub listeners: Vec<Listener>,
    /// Whether the platform's port answered at an address that is not loopback.
    pub reach: Reach,
    /// What was written so far.
    pub logs: Logs,
    /// The command line that was started.
    pub argv: Vec<String>,
    /// What the instance was doing when the start had failed; of one that did not, nothing is
    /// looked at.
    pub snapshot: Snapshot,
    /// Why the start failed; `None` where it did not.
    pub diagnosis: Option<Diagnosis>,
}

/// Why a start failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// The cause's word.
    pub cause: Cause,
    /// One line: what was seen against what is wanted.
    pub message: String,
    /// What was seen, a line each.
    pub evidence: Vec<String>,
    /// What to change.
    pub fix: String,
}

impl Diagnosis {
    /// What is said behind how it ended: the reason, where one was found.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.message.split_once(": ").map(|(_, why)| why)
    }
}

/// How a start went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BootEnd {
    /// A socket of the platform's port is in LISTEN on all addresses.
    Listening,
    /// The limit passed, and the process still ran.
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The process ended before it listened.
    Ended(Ending),
    /// The kernel refused to execute the command.
    Refused(ExecRefused),
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With an exit code.
    Exited(i32),
    /// By a signal.
    Signalled {
        /// The signal's number.
        signal: i32,
        /// Whether the memory limit's killer sent it.
        out_of_memory: bool,
    },
}

/// The kernel's refusal to execute the image's command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecRefused {
    /// What was to be executed, after the search through `PATH`.
    pub path: String,
    /// The kernel's error number.
    pub errno: i32,
}

/// How long each phase of a start took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// From the decision to boot to a ready root file system, namespaces and limits.
    pub create: Duration,
    /// From there to the exec of the image's command.
    pub exec: Duration,
    /// From exec to the first byte on stdout or stderr.
    pub first_log: Option<Duration>,
    /// From exec to LISTEN on the platform's port: the time-to-listen.
    pub listen: Option<Duration>,
    /// From exec to the first connection that was taken.
    pub first_accept: Option<Duration>,
    /// From exec to the first valid answer.
    pub first_response: Option<Duration>,
}

/// A TCP socket in LISTEN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// Address and port. `[::]` takes IPv4 too, unless [`Reach`] says otherwise.
    pub address: SocketAddr,
}

/// Whether the platform's port answers from outside of loopback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A connection to the container's own address was taken.
    Reached,
    /// It was refused, or never taken.
    Refused,
    /// Not tried: nothing is in LISTEN on the port.
    Untried,
}
