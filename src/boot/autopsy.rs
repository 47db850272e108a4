//! From what was seen of a failed start to its cause. No IO: facts in, a diagnosis out.

use super::listen::{Bound, bound, is_loopback};
use crate::check::Cause;
use crate::contract::Function;
use crate::evidence::{Boot, BootEnd, Diagnosis, Ending, ExecRefused, Listener, Reach};
use crate::image::start::{Problem, Start};
use crate::units;

/// Log lines that are shown as evidence.
const LINES: usize = 10;

/// The kernel's error numbers that say why a command could not be executed.
mod errno {
    pub(super) const ENOENT: i32 = 2;
    pub(super) const ENOEXEC: i32 = 8;
    pub(super) const EACCES: i32 = 13;
    pub(super) const ENOTDIR: i32 = 20;
}

/// Why a start failed; `None` where it did not. `start` is what the image's tree says of the
/// command.
#[must_use]
pub fn autopsy(boot: &Boot, function: &Function, start: &Start) -> Option<Diagnosis> {
    let port = function.contract.port;
    let mut diagnosis = match &boot.end {
        BootEnd::Listening => match (bound(&boot.listeners, port), boot.reach) {
            (Bound::Everywhere, Reach::Reached | Reach::Untried) => return None,
            (Bound::Somewhere, _) => one_address(boot, port),
            _ => unreachable_port(boot, port),
        },
        BootEnd::Refused(refused) => refusal(refused, start),
        BootEnd::Ended(ending) => ended(*ending, boot, port),
        BootEnd::TimedOut { .. } => silent(boot, function, port),
    };
    if !matches!(boot.end, BootEnd::Refused(_)) {
        let lines: Vec<_> = boot.logs.last(LINES).collect();
        if lines.is_empty() {
            diagnosis.evidence.push("nothing was written to stdout or stderr".to_owned());
        }
        diagnosis.evidence.extend(lines.into_iter().map(|line| format!("log: {}", line.text)));
    }
    Some(diagnosis)
}

fn listed(listeners: &[Listener]) -> String {
    let texts: Vec<String> =
        listeners.iter().map(|listener| listener.address.to_string()).collect();
    texts.join(", ")
}

fn refusal(refused: &ExecRefused, start: &Start) -> Diagnosis {
    let error = std::io::Error::from_raw_os_error(refused.errno);
    let path = &refused.path;
    let (cause, fix) = match (refused.errno, &start.problem) {
        // The file is there; what is missing is what its first line or header names.
        (
            errno::ENOENT,
            Some(
                Problem::CarriageReturn { .. }
                | Problem::InterpreterMissing { .. }
                | Problem::LoaderMissing { .. },
            ),
        ) => (
            Cause::BadInterpreter,
            "make the interpreter or loader part of the image (see F001)".to_owned(),
        ),
        (errno::ENOENT | errno::ENOTDIR, _) => (
            Cause::CommandMissing,
            format!("make `{path}` part of the image, or name another command"),
        ),
        (errno::EACCES, _) => (Cause::NotExecutable, format!("RUN chmod a+rx {path}")),
        (errno::ENOEXEC, _) => (
            Cause::ExecFormat,
            "build the program for linux/amd64, or begin the script with `#!`".to_owned(),
        ),
        (_, _) => (
            Cause::NotExecutable,
            format!("run the image locally and see why `{path}` does not start"),
        ),
    };
    Diagnosis {
        cause,
        message: format!("`{path}` could not be executed: {}", plain(&error)),
        evidence: vec![format!("execve answered {}", errno_name(refused.errno))],
        fix,
    }
}

fn errno_name(errno: i32) -> String {
    let name = match errno {
        errno::ENOENT => "ENOENT",
        errno::ENOEXEC => "ENOEXEC",
        errno::EACCES => "EACCES",
        errno::ENOTDIR => "ENOTDIR",
        _ => return format!("error {errno}"),
    };
    name.to_owned()
}

/// The error's words without the number that the standard library appends.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

fn ended(ending: Ending, boot: &Boot, port: u16) -> Diagnosis {
    let missing = boot.logs.lines.iter().rev().find_map(|line| missing_library(&line.text));
    match (ending, missing) {
        (Ending::Exited(code), Some(library)) => Diagnosis {
            cause: Cause::MissingLibrary,
            message: format!(
                "the process exited with code {code}: the library `{library}` is missing"
            ),
            evidence: Vec::new(),
            fix: format!("install the package that has `{library}`, in the image's last stage"),
        },
        (Ending::Exited(code), None) => Diagnosis {
            cause: Cause::Exited,
            message: format!(
                "the process exited with code {code} before it listened on port {port}"
            ),
            evidence: Vec::new(),
            fix: match code {
                0 => "run the server in the foreground: the command ended without an error"
                    .to_owned(),
                _ => "see the last log lines; the command has to keep running".to_owned(),
            },
        },
        (Ending::Signalled { signal, out_of_memory }, _) => {
            if out_of_memory {
                Diagnosis {
                    cause: Cause::OutOfMemory,
                    message: "the memory limit was reached before the process listened".to_owned(),
                    evidence: vec![format!("killed with signal {signal}")],
                    fix: "give the function more memory (--memory), or let the start use less"
                        .to_owned(),
                }
            } else {
                Diagnosis {
                    cause: Cause::Signalled,
                    message: format!("the process was ended by {} before it listened", signal_name(signal)),
                    evidence: Vec::new(),
                    fix: "see the last log lines; run the program under a debugger if it says nothing".to_owned(),
                }
            }
        }
    }
}

/// The library that a loader's complaint names, glibc's or musl's.
fn missing_library(line: &str) -> Option<&str> {
    let after = |mark: &str| line.split_once(mark).map(|(_, rest)| rest);
    let rest = after("error while loading shared libraries: ")
        .or_else(|| after("Error loading shared library "))?;
    rest.split(':').next().map(str::trim).filter(|name| !name.is_empty())
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        15 => "SIGTERM",
        31 => "SIGSYS",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name})")
}

fn one_address(boot: &Boot, port: u16) -> Diagnosis {
    Diagnosis {
        cause: Cause::LoopbackBind,
        message: format!("listens on {} only, not on all addresses", listed(&on_port(boot, port))),
        evidence: vec![format!("in LISTEN: {}", listed(&boot.listeners))],
        fix: format!("listen on 0.0.0.0:{port}"),
    }
}

fn unreachable_port(boot: &Boot, port: u16) -> Diagnosis {
    Diagnosis {
        cause: Cause::LoopbackBind,
        message: format!(
            "listens on {}, but a connection from outside of the container was not taken",
            listed(&on_port(boot, port))
        ),
        evidence: vec![format!("in LISTEN: {}", listed(&boot.listeners))],
        fix: format!("listen on 0.0.0.0:{port}, for IPv4"),
    }
}

fn on_port(boot: &Boot, port: u16) -> Vec<Listener> {
    boot.listeners.iter().copied().filter(|listener| listener.address.port() == port).collect()
}

/// The process runs, and the port is not as it should be.
fn silent(boot: &Boot, function: &Function, port: u16) -> Diagnosis {
    let evidence = |lines: Vec<String>| {
        let cpu = boot.cpu.map(|cpu| format!("used {} of CPU time", units::duration(cpu)));
        lines.into_iter().chain(cpu).collect()
    };
    let on_port = on_port(boot, port);
    if !on_port.is_empty() {
        return Diagnosis {
            cause: Cause::LoopbackBind,
            message: format!(
                "listens on {} only, where the platform cannot reach it",
                listed(&on_port)
            ),
            evidence: evidence(vec![format!("in LISTEN: {}", listed(&boot.listeners))]),
            fix: format!("listen on 0.0.0.0:{port} instead of {}", on_port[0].address.ip()),
        };
    }
    if let Some(other) = main_listener(&boot.listeners) {
        return Diagnosis {
            cause: Cause::WrongPort,
            message: format!("listens on port {}, not on {port}", other.address.port()),
            evidence: evidence(vec![format!("in LISTEN: {}", listed(&boot.listeners))]),
            fix: format!("listen on 0.0.0.0:{port} instead of {}", other.address),
        };
    }
    let limit = units::duration(function.init_timeout);
    Diagnosis {
        cause: Cause::TooSlow,
        message: format!(
            "not listening on port {port} within {limit}; the process is still running"
        ),
        evidence: evidence(vec!["no TCP socket is in LISTEN".to_owned()]),
        fix: "listen first and load later, or do less at the start; a longer initialization \
              timeout can be tried with --init-timeout"
            .to_owned(),
    }
}

/// The listener that is most probably the server's: one that others can reach, before one on
/// loopback.
fn main_listener(listeners: &[Listener]) -> Option<&Listener> {
    let outside = listeners.iter().find(|listener| !is_loopback(listener.address.ip()));
    outside.or_else(|| listeners.first())
}
