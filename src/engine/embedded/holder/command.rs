//! The last step inside of the container: becomes the image's user, finds the command, and
//! executes it, with the time taken directly before.

use std::collections::HashMap;
use std::ffi::CString;
use std::io::{self, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::rc::Rc;

use libcontainer::workload::{
    Executor, ExecutorError, ExecutorSetEnvsError, ExecutorValidationError,
};
use oci_spec::runtime::Spec;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use rustix::process::{
    DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal,
};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, remove_capability_from_bounding_set,
    set_capabilities,
};
use rustix::time::{ClockId, Timespec, clock_gettime};
use serde::{Deserialize, Serialize};

use super::super::wire::{Order, Refusal};
use super::Privilege;
use super::fault::{Doing, Fault};
use crate::plan::DEFAULT_PATH;
use crate::sys;

/// What the container says to the holder and to the program, a line each, on pipes that close
/// with the exec.
#[derive(Debug, Serialize, Deserialize)]
pub(in super::super) enum Report {
    /// The command is executed now, on the monotonic clock.
    Executing { nanos: u64 },
    /// The kernel refused to.
    Refused(Refusal),
    /// It did not come so far.
    Failed { what: String, errno: Option<i32>, why: String },
}

/// Runs in the container's first process, between libcontainer's work and the command.
#[derive(Debug, Clone)]
pub(super) struct Command {
    pub(super) order: Rc<Order>,
    pub(super) privilege: Privilege,
    /// Of both who wait: the program cannot wait for the holder, whose turn may come late.
    pub(super) reports: Rc<[PipeWriter; 2]>,
    /// The process that starts the container.
    pub(super) holder: Rc<OwnedFd>,
}

impl Executor for Command {
    fn exec(&self, _: &Spec) -> Result<(), ExecutorError> {
        let report = match self.become_user() {
            Ok(()) => Report::Refused(self.run()),
            Err(fault) => fault.into(),
        };
        self.say(&report);
        Err(ExecutorError::CantHandle("the command was not executed: this"))
    }

    fn validate(&self, _: &Spec) -> Result<(), ExecutorValidationError> {
        // From here the process waits for its start; nobody would ever end it if the holder
        // were gone already.
        let orphaned = ExecutorValidationError::CantHandle("the holder is gone: this");
        if set_parent_process_death_signal(Some(Signal::KILL)).is_err() {
            return Err(orphaned);
        }
        let mut holder = [PollFd::new(&*self.holder, PollFlags::IN)];
        match poll(&mut holder, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(0) => Ok(()),
            _ => Err(orphaned),
        }
    }

    fn setup_envs(&self, _: HashMap<String, String>) -> Result<(), ExecutorSetEnvsError> {
        // The command gets its variables with the exec, in their order.
        Ok(())
    }
}

impl Command {
    fn become_user(&self) -> Result<(), Fault> {
        match self.privilege {
            Privilege::Root => {}
            Privilege::User if self.order.uid == 0 => pretend_root()?,
            Privilege::User => self.change_identity()?,
        }
        // Changing ids or capabilities takes the signal away.
        set_parent_process_death_signal(Some(Signal::KILL)).doing("tie the command to its holder")
    }

    /// The one id that there is gets the number of the image's user.
    #[expect(clippy::disallowed_methods, reason = "ids are mapped through files in /proc")]
    fn change_identity(&self) -> Result<(), Fault> {
        let what = "map the image's user";
        set_dumpable_behavior(DumpableBehavior::Dumpable).doing(what)?;
        sys::unshare(sys::Namespaces::User).doing(what)?;
        std::fs::write("/proc/self/uid_map", format!("{} 0 1", self.order.uid)).doing(what)?;
        std::fs::write("/proc/self/gid_map", format!("{} 0 1", self.order.gid)).doing(what)?;
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        set_capabilities(None, sets).doing(what)
    }

    /// Executes the command. Returns only where it is refused.
    fn run(&self) -> Refusal {
        let order = &self.order;
        let name = order.argv.first().map_or("", String::as_str);
        let refused = |path: &str, errno: Errno| Refusal {
            path: path.to_owned(),
            errno: errno.raw_os_error(),
        };
        let Ok(line) = sys::CommandLine::new(&order.argv, &order.env) else {
            return refused(name, Errno::INVAL);
        };
        let path = match find(name, path_variable(order)) {
            Ok(path) => path,
            Err((path, errno)) => return refused(&path, errno),
        };
        let Ok(native) = CString::new(path.as_str()) else {
            return refused(&path, Errno::INVAL);
        };
        let error = sys::execute(&native, &line, || {
            self.say(&Report::Executing { nanos: now() });
        });
        refused(&path, Errno::from_io_error(&error).unwrap_or(Errno::INVAL))
    }

    fn say(&self, report: &Report) {
        if let Ok(mut line) = serde_json::to_vec(report) {
            line.push(b'\n');
            for mut pipe in &*self.reports {
                // Nobody to tell it to: then the holder is gone, and so is this process.
                let _ = pipe.write_all(&line);
            }
        }
    }
}

/// Root of a namespace with one id cannot become anybody else: it is told that it did.
fn pretend_root() -> Result<(), Fault> {
    let what = "install the filter of identity changes";
    sys::pretend_identity_changes().doing(what)?;
    remove_capability_from_bounding_set(CapabilitySet::SYS_ADMIN).doing(what)?;
    let mut sets = capabilities(None).doing(what)?;
    sets.effective.remove(CapabilitySet::SYS_ADMIN);
    sets.permitted.remove(CapabilitySet::SYS_ADMIN);
    set_capabilities(None, sets).doing(what)
}

impl From<Fault> for Report {
    fn from(fault: Fault) -> Report {
        let (what, source) = fault.into_parts();
        Report::Failed { what, errno: source.raw_os_error(), why: source.to_string() }
    }
}

/// The monotonic clock in nanoseconds.
pub(in super::super) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

fn path_variable(order: &Order) -> &str {
    order.env.iter().find(|(name, _)| name == "PATH").map_or(DEFAULT_PATH, |(_, path)| path)
}

/// Where a command lies: a name without a slash is searched for in `path`, as container
/// engines do it. What the kernel says to the file that is found is its own matter.
fn find(name: &str, path: &str) -> Result<String, (String, Errno)> {
    if name.contains('/') {
        return Ok(name.to_owned());
    }
    let mut refusal = (name.to_owned(), Errno::NOENT);
    for directory in path.split(':').filter(|_| !name.is_empty()) {
        let directory = if directory.is_empty() { "." } else { directory };
        let candidate = format!("{directory}/{name}");
        if std::path::Path::new(&candidate).is_dir() {
            continue;
        }
        match accessat(CWD, &candidate, Access::EXEC_OK, AtFlags::EACCESS) {
            Ok(()) => return Ok(candidate),
            Err(Errno::ACCESS) => refusal = (candidate, Errno::ACCESS),
            Err(_) => {}
        }
    }
    Err(refusal)
}

/// Reads what the container said until it closed its end.
pub(in super::super) fn reports(pipe: impl io::Read) -> io::Result<Vec<Report>> {
    let text = io::read_to_string(pipe)?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_searched_for() {
        assert_eq!(find("/bin/none", ""), Ok("/bin/none".to_owned()));
        assert_eq!(find("./none", "/bin"), Ok("./none".to_owned()));
        assert_eq!(find("sh", "/none::/bin"), Ok("/bin/sh".to_owned()));
        assert_eq!(find("passwd", "/etc"), Err(("/etc/passwd".to_owned(), Errno::ACCESS)));
        assert_eq!(find("bin", "/"), Err(("bin".to_owned(), Errno::NOENT)));
        assert_eq!(find("", "/bin"), Err((String::new(), Errno::NOENT)));
    }
}
