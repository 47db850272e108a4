//! Starts a holder, and sees to it that it ends.
#![expect(clippy::disallowed_methods, reason = "the holder is a process, and times begin here")]

use std::fs;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::thread::{CapabilitySet, capabilities};

use super::super::EngineError;
use super::availability;
use super::holder::{HOLDER_WORD, Privilege, now};
use super::wire::{Answer, Request, receive, send};

/// Beyond this the holder is stuck in the kernel.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running holder. It ends when this is dropped, and is waited for.
#[derive(Debug)]
pub(super) struct Holder {
    /// `None` once it has been closed.
    control: Mutex<Option<UnixStream>>,
    child: Child,
}

impl Privilege {
    /// What this process has.
    pub(super) fn here() -> Privilege {
        let needed = CapabilitySet::SYS_ADMIN | CapabilitySet::NET_ADMIN | CapabilitySet::CHOWN;
        let held = capabilities(None).is_ok_and(|held| held.effective.contains(needed));
        // Root of another user namespace than the first one is nobody special out there.
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let first = map.split_whitespace().eq(["0", "0", "4294967295"]);
        if rustix::process::geteuid().is_root() && held && first {
            Privilege::Root
        } else {
            Privilege::User
        }
    }
}

impl Holder {
    pub(super) fn start(executable: &Path, privilege: Privilege) -> Result<Holder, EngineError> {
        let failed = |source| EngineError::Failed {
            what: "start the process that holds the instance".to_owned(),
            source,
        };
        let (control, theirs) = UnixStream::pair().map_err(failed)?;
        control.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        let child = Command::new(executable)
            .args([HOLDER_WORD, privilege.word()])
            .env_clear()
            .current_dir("/")
            // Ctrl-C on the terminal is for the program, which ends its holders itself.
            .process_group(0)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        Ok(Holder { control: Mutex::new(Some(control)), child })
    }

    fn control(&self) -> MutexGuard<'_, Option<UnixStream>> {
        // A panic between a request and its answer would leave them out of step; the socket
        // is closed then, and every later request is told so.
        self.control.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            let mut control = poisoned.into_inner();
            *control = None;
            control
        })
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(
        &self,
        request: &Request,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(Answer, Vec<OwnedFd>), EngineError> {
        let mut guard = self.control();
        let lost = |why: &str| EngineError::Lost(why.to_owned());
        let control = guard.as_ref().ok_or_else(|| lost("it was lost before"))?;
        let answer = send(control, request, descriptors).and_then(|()| receive(control));
        match answer {
            Ok(Some((Answer::Failed { what, errno, why }, _))) => Err(failure(what, errno, why)),
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => {
                *guard = None;
                Err(lost("it ended"))
            }
            Err(error) => {
                *guard = None;
                Err(lost(&error.to_string()))
            }
        }
    }
}

impl Holder {
    /// Waits for an answer that nobody asked for: why a start that was announced failed.
    pub(super) fn failure(&self) -> EngineError {
        let guard = self.control();
        let lost = |why: String| EngineError::Lost(why);
        let Some(control) = guard.as_ref() else { return lost("it was lost before".to_owned()) };
        match receive(control) {
            Ok(Some((Answer::Failed { what, errno, why }, _))) => failure(what, errno, why),
            Ok(Some(_)) => lost("it answered something else".to_owned()),
            Ok(None) => lost("it ended".to_owned()),
            Err(error) => lost(error.to_string()),
        }
    }
}

fn failure(what: String, errno: Option<i32>, why: String) -> EngineError {
    let source = errno.map_or_else(|| io::Error::other(why), io::Error::from_raw_os_error);
    availability::explain(what, source)
}

impl Drop for Holder {
    fn drop(&mut self) {
        *self.control() = None;
        // It sees the end of its socket, cleans up and goes.
        let _ = self.child.wait();
    }
}

/// The clock of all timelines.
pub(super) fn clock() -> Instant {
    Instant::now()
}

/// How far two readings that are taken for one may lie apart, and how often that is tried for:
/// whoever is interrupted between them is not the clock's measure.
const TOGETHER: Duration = Duration::from_micros(20);
const TRIES: usize = 10;

/// A reading of the monotonic clock by another process, on this one's.
pub(super) fn instant(nanos: u64) -> Instant {
    let read = || (Instant::now(), now(), Instant::now());
    let mut best = read();
    for _ in 1..TRIES {
        if best.2.duration_since(best.0) <= TOGETHER {
            break;
        }
        let next = read();
        if next.2.duration_since(next.0) < best.2.duration_since(best.0) {
            best = next;
        }
    }
    let (here, there, _) = best;
    let ago = Duration::from_nanos(there.saturating_sub(nanos));
    here.checked_sub(ago).unwrap_or(here)
}
