//! The words that every floor shares: a check, its severity, its status and its cause.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How much a failed check weighs. Ordered: `Info < Warning < Error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; never fails a run.
    Info,
    /// Probably wrong, or wrong on the platform's newer releases.
    Warning,
    /// The platform's documents rule it out.
    Error,
}

/// What became of one check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    /// The image keeps the rule.
    Pass,
    /// The image breaks the rule.
    Fail,
    /// Not looked at; the check's message says why.
    Skip,
    /// We could not find out: the fault is ours or the machine's, never the image's.
    CouldNotCheck,
}

/// Why an image fails, wherever the program knows it. A fixed list: others build on its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Listens on `127.0.0.1` or `::1` only.
    LoopbackBind,
    /// Listens on another port than the platform's.
    WrongPort,
    /// The process ended by itself.
    Exited,
    /// The process was ended by a signal.
    Signalled,
    /// The memory limit was reached.
    OutOfMemory,
    /// The file is no program for this kind of machine.
    ExecFormat,
    /// There is no such file as the command names.
    CommandMissing,
    /// The file is there, but may not be executed.
    NotExecutable,
    /// The `#!` line or the ELF header names an interpreter that is not there.
    BadInterpreter,
    /// A shared library is not there.
    MissingLibrary,
    /// Something is written where the platform's root is read-only.
    ReadOnlyRoot,
    /// The writable space is used up.
    NoSpace,
    /// Not listening, or not answering, within the limit.
    TooSlow,
    /// Something answers, but not with HTTP.
    NotHttp,
    /// A connection is taken and never answered.
    Hangs,
    /// A file, or a port, is not open to the image's user.
    PermissionDenied,
    /// No more processes or threads could be made.
    TooManyProcesses,
    /// No more files or sockets could be opened.
    TooManyFiles,
    /// Somebody in the network, or a name server, does not answer.
    WaitsOnNetwork,
}

/// One line of the report, from a rule or from a case alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Stable id, such as `B001`.
    pub id: String,
    /// What is wanted, as a sentence without a full stop.
    pub title: String,
    /// How much a failure weighs.
    pub severity: Severity,
    /// What became of it.
    pub status: Status,
    /// One line: what was measured against what limit, or why it was not looked at.
    pub message: String,
    /// The cause of a failure, where it is known.
    pub cause: Option<Cause>,
    /// What was seen, a line each: log lines, sockets, exit codes.
    pub evidence: Vec<String>,
    /// What to change. Every failed check has one.
    pub fix: Option<String>,
    /// The sentence of the contract that the check stands on.
    pub source: Basis,
    /// How long it took. Zero for a look at what was known already.
    pub duration: Duration,
    /// Where the check is written in a user's file, if it comes from one.
    pub place: Option<Place>,
    /// Why it does not count that the image breaks the rule, where somebody has accepted that;
    /// its status is then [`Status::Skip`].
    pub waived: Option<Waived>,
}

/// Why a failure is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waived {
    /// As the user gave it.
    pub reason: String,
    /// The last day on which it is, as `2027-01-31`; `None` where it has no end.
    pub until: Option<String>,
}

/// The sentence of the contract that a check stands on, and where it is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// The sentence.
    pub sentence: String,
    /// The document and its date.
    pub document: String,
}

/// A place in a user's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
}

impl Waived {
    /// In one line.
    #[must_use]
    pub fn told(&self) -> String {
        match &self.until {
            None => format!("waived: {}", self.reason),
            Some(until) => format!("waived until {until}: {}", self.reason),
        }
    }
}

impl Check {
    /// Whether this check is a failure of at least `least`.
    #[must_use]
    pub fn fails_at(&self, least: Severity) -> bool {
        self.status == Status::Fail && self.severity >= least
    }
}

impl Cause {
    /// Every cause there is, in the order of the interface.
    pub const ALL: [Cause; 19] = [
        Cause::LoopbackBind,
        Cause::WrongPort,
        Cause::Exited,
        Cause::Signalled,
        Cause::OutOfMemory,
        Cause::ExecFormat,
        Cause::CommandMissing,
        Cause::NotExecutable,
        Cause::BadInterpreter,
        Cause::MissingLibrary,
        Cause::ReadOnlyRoot,
        Cause::NoSpace,
        Cause::TooSlow,
        Cause::NotHttp,
        Cause::Hangs,
        Cause::PermissionDenied,
        Cause::TooManyProcesses,
        Cause::TooManyFiles,
        Cause::WaitsOnNetwork,
    ];

    /// The cause's word in every report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Cause::LoopbackBind => "loopback-bind",
            Cause::WrongPort => "wrong-port",
            Cause::Exited => "exited",
            Cause::Signalled => "signalled",
            Cause::OutOfMemory => "out-of-memory",
            Cause::ExecFormat => "exec-format",
            Cause::CommandMissing => "command-missing",
            Cause::NotExecutable => "not-executable",
            Cause::BadInterpreter => "bad-interpreter",
            Cause::MissingLibrary => "missing-library",
            Cause::ReadOnlyRoot => "read-only-root",
            Cause::NoSpace => "no-space",
            Cause::TooSlow => "too-slow",
            Cause::NotHttp => "not-http",
            Cause::Hangs => "hangs",
            Cause::PermissionDenied => "permission-denied",
            Cause::TooManyProcesses => "too-many-processes",
            Cause::TooManyFiles => "too-many-files",
            Cause::WaitsOnNetwork => "waits-on-network",
        }
    }

    /// What it means, as half a sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Cause::LoopbackBind => "it listens on 127.0.0.1, ::1 or one address only",
            Cause::WrongPort => "it listens on another port, or holds the port for UDP",
            Cause::Exited => "the process ended by itself; the message says why where it said so",
            Cause::Signalled => "the process, or the child of a shell, was ended by a signal",
            Cause::OutOfMemory => "the memory limit was reached",
            Cause::ExecFormat => "a program is for another kind of machine, or is none",
            Cause::CommandMissing => "a command, of the image or of its script, is not there",
            Cause::NotExecutable => "a command is there, and may not be executed",
            Cause::BadInterpreter => "a `#!` line or ELF header names what is not there; CR LF",
            Cause::MissingLibrary => "a shared library is not there, or too old",
            Cause::ReadOnlyRoot => "it writes where the root file system is read-only",
            Cause::NoSpace => "/tmp or the writable layer is full",
            Cause::TooSlow => "nothing listens within the limit; busy or idle, says the message",
            Cause::NotHttp => "something answers, but not in plain HTTP/1.1: TLS, for instance",
            Cause::Hangs => "a connection is taken and not answered in time",
            Cause::PermissionDenied => "a file or port is not open to the image's user",
            Cause::TooManyProcesses => "no more processes or threads could be made",
            Cause::TooManyFiles => "no more files or sockets could be opened",
            Cause::WaitsOnNetwork => "somebody in the network, or a name server, does not answer",
        }
    }

    /// The cause that a word names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Cause> {
        Cause::ALL.into_iter().find(|cause| cause.word() == word)
    }
}

impl Severity {
    /// The severity's word in every report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

impl Status {
    /// The status's word in every report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Status::Pass => "pass",
            Status::Fail => "fail",
            Status::Skip => "skip",
            Status::CouldNotCheck => "error",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_found_by_its_word() {
        for cause in Cause::ALL {
            assert_eq!(Cause::from_word(cause.word()), Some(cause));
        }
        assert_eq!(Cause::from_word("cosmic-rays"), None);
    }
}
