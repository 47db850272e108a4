//! Holds every process of the instance where it is, and lets them go on.
//!
//! By the control group's freezer. Where there is no group, by SIGSTOP: a program can see that
//! it was stopped by a signal, where the freezer leaves no trace, but none can refuse it.

use std::io;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use super::container::{First, Held};
use super::fault::{Doing, Fault};
use super::group::{Freezer, Group};
use super::processes;

/// Beyond this a process does not stop: it is stuck in the kernel.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at whether all are held.
const LOOK: Duration = Duration::from_micros(200);

/// Returns when every process is held.
pub(super) fn freeze(held: &Held) -> Result<(), Fault> {
    let what = "freeze the instance";
    let Some(first) = &held.first else { return Ok(()) };
    match held.limits.group().and_then(Group::freezer) {
        Some(freezer) => {
            freezer.hold().doing(what)?;
            until(|| freezer.holds()).doing(what)
        }
        // A process may start others before the signal reaches it.
        None => until(|| Ok(stop(first))).doing(what),
    }
}

/// Lets them go on; what is not frozen is left as it is.
pub(super) fn thaw(held: &Held) -> Result<(), Fault> {
    let what = "thaw the instance";
    let Some(first) = &held.first else { return Ok(()) };
    if let Some(freezer) = held.limits.group().and_then(Group::freezer) {
        return freezer.release().doing(what);
    }
    for process in processes::below(first.pid) {
        // Gone meanwhile, or never stopped.
        let _ = kill_process(process.pid, Signal::CONT);
    }
    Ok(())
}

/// Sends SIGSTOP to whatever is not stopped yet. Whether there was nothing.
fn stop(first: &First) -> bool {
    let running = processes::below(first.pid).into_iter().filter(|process| !process.stopped);
    // What cannot be signalled is gone.
    running.filter(|process| kill_process(process.pid, Signal::STOP).is_ok()).count() == 0
}

/// Waits for a state that nobody tells of.
#[expect(clippy::disallowed_methods, reason = "the wait has a deadline")]
fn until(reached: impl Fn() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !reached()? {
        if Instant::now() >= deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        std::thread::park_timeout(LOOK);
    }
    Ok(())
}

impl Freezer<'_> {
    fn holds(self) -> io::Result<bool> {
        let (file, held) = self.state();
        Ok(self.read(file)?.lines().any(|line| line == held))
    }
}
