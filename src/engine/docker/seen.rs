//! The container as the kernel of this machine shows it: its first process, the moment of the
//! exec, its network, its `/tmp`.
//!
//! Only for an engine on this machine, and only for root. What is not found here is asked of
//! the engine instead.
#![expect(clippy::disallowed_methods, reason = "looks at the container's processes in /proc")]

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::super::processes::{self, MOST};
use super::super::{Traces, delivery};
use super::group::Group;
use super::tables::{self, Tables};
use crate::evidence::Delivery;

/// The container's first process before its exec, and what can be had of it by then.
#[derive(Debug)]
pub(super) struct First {
    pid: i32,
    /// Readable once it has ended.
    handle: OwnedFd,
    tables: Option<Tables>,
    /// When it was seen first, waiting for its start.
    since: Instant,
}

/// A container whose command was executed.
#[derive(Debug)]
pub(super) struct Seen {
    first: First,
    /// When that was.
    pub(super) executed: Instant,
    /// Its `/tmp`, which stays while this is open.
    pub(super) tmp: Option<OwnedFd>,
    pub(super) group: Group,
}

/// Looks for a container's first process, again and again.
#[derive(Debug)]
pub(super) struct Look {
    group: Group,
    first: Option<First>,
    /// The last moment before which the command was not executed.
    before: Instant,
}

impl Look {
    /// For the container with this id.
    pub(super) fn new(id: &str) -> Look {
        Look { group: Group::of(id), first: None, before: Instant::now() }
    }

    /// Since when the first process waits for its start, if it was seen.
    pub(super) fn since(&self) -> Option<Instant> {
        self.first.as_ref().map(|first| first.since)
    }

    /// Looks once: what there is to see from the moment at which the command is executed.
    pub(super) fn look(mut self) -> Result<Seen, Look> {
        let now = Instant::now();
        for pid in self.group.processes() {
            let Some(stage) = stage(pid) else { continue };
            if self.first.as_ref().is_none_or(|first| first.pid != pid) {
                self.first = First::open(pid);
            }
            let Some(mut first) = self.first.take() else { continue };
            if stage == Stage::Executed {
                // Between this look and the one before. The earlier bound is taken, so that
                // no time-to-listen is ever told shorter than it was.
                let executed = self.before;
                first.open_tables();
                let tmp = open_tmp(pid).ok();
                return Ok(Seen { first, executed, tmp, group: self.group });
            }
            first.open_tables();
            self.first = Some(first);
        }
        self.before = now;
        Err(self)
    }
}

impl First {
    fn open(pid: i32) -> Option<First> {
        let since = Instant::now();
        let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        Some(First { pid, handle, tables: None, since })
    }

    fn open_tables(&mut self) {
        if self.tables.is_none() {
            self.tables = Tables::of(self.pid).ok();
        }
    }
}

impl Seen {
    /// When the first process was seen, waiting for its start.
    pub(super) fn since(&self) -> Instant {
        self.first.since
    }

    /// Whether the first process has ended, however long the engine takes to tell.
    pub(super) fn has_ended(&self) -> bool {
        has_ended(&self.first.handle)
    }

    /// What the kernel does with a SIGTERM for the first process.
    pub(super) fn delivery_of_sigterm(&self) -> Delivery {
        delivery::of_sigterm(self.first.pid)
    }

    /// What its processes are doing, and the sockets of its network while it has any.
    pub(super) fn traces(&self) -> Traces {
        let pids = processes::family(self.first.pid).into_iter().take(MOST);
        let texts: Vec<_> = pids.filter_map(processes::read).collect();
        let table = |names: [&str; 2]| {
            let mut text = Vec::new();
            for name in names {
                let path = format!("/proc/{}/net/{name}", self.first.pid);
                text.extend(fs::read(path).unwrap_or_default());
            }
            text
        };
        Traces {
            sigterm: processes::sigterm(&texts),
            processes: processes::understood(&texts),
            tcp: table(["tcp", "tcp6"]),
            udp: table(["udp", "udp6"]),
            forks_refused: self.group.forks_refused(),
        }
    }

    /// Appends the container's sockets in LISTEN.
    pub(super) fn sockets(&self, text: &mut Vec<u8>) -> io::Result<()> {
        match &self.first.tables {
            Some(tables) => tables.append(text),
            None => match tables::read(self.first.pid, text) {
                // It ended meanwhile, and listens nowhere.
                Err(_) if self.has_ended() => Ok(()),
                read => read,
            },
        }
    }
}

/// Where a process in the container's group is on its way to the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It is the container runtime's, about to become the command.
    Waiting,
    /// It is the command.
    Executed,
}

/// `None` for a process that is not the first one in the container.
fn stage(pid: i32) -> Option<Stage> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    // Its number in each world of processes, the innermost last.
    if field("NSpid:")?.split_whitespace().last() != Some("1") {
        return None;
    }
    let name = field("Name:")?.trim();
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(if is_runtime(name, &program.to_string_lossy()) {
        Stage::Waiting
    } else {
        Stage::Executed
    })
}

/// Whether a process is still the runtime's: by the name that runc gives it, or by its program,
/// which may be a copy without a file.
fn is_runtime(name: &str, program: &str) -> bool {
    const RUNTIMES: [&str; 4] = ["runc", "crun", "youki", "runsc"];
    let file = program.trim_end_matches(" (deleted)").rsplit('/').next().unwrap_or_default();
    name.starts_with("runc:[")
        || program.starts_with("/memfd:")
        || RUNTIMES.contains(&file) && RUNTIMES.iter().any(|known| name.starts_with(known))
}

fn has_ended(handle: &OwnedFd) -> bool {
    let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&now)).is_ok_and(|count| count > 0)
}

fn open_tmp(pid: i32) -> io::Result<OwnedFd> {
    let path = PathBuf::from(format!("/proc/{pid}/root/tmp"));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(CWD, &path, flags, Mode::empty())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runtime_is_told_from_the_command() {
        assert!(is_runtime("runc:[2:INIT]", "/usr/sbin/runc"));
        assert!(is_runtime("runc:[2:INIT]", "/memfd:runc_cloned:/proc/self/exe (deleted)"));
        assert!(is_runtime("crun", "/usr/bin/crun"));
        assert!(!is_runtime("server", "/server"));
        assert!(!is_runtime("server", "/opt/runc"));
    }
}
