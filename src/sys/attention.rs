//! Has the kernel run a thread soon after it wakes, however busy the machine is.

#![expect(unsafe_code, reason = "sched_setattr(2) has no safe form")]

use std::io;

use rustix::thread::{Pid, gettid};

/// What a thread of the ordinary policy asks for as its slice, in nanoseconds: the kernel
/// (from 6.12 on) runs whoever wants little sooner.
const SLICE: u64 = 100_000;

/// As long as this lives, the thread that made it is preferred, wherever this is dropped.
#[derive(Debug)]
pub struct Attention {
    thread: Pid,
    before: libc::sched_attr,
}

impl Attention {
    /// Prefers the calling thread: before all ordinary ones where we may, and else by asking
    /// for short turns. `None` where the kernel does neither.
    #[must_use]
    pub fn of_this_thread() -> Option<Attention> {
        let thread = gettid();
        let before = read(thread).ok()?;
        let first = libc::sched_attr {
            sched_policy: u32::try_from(libc::SCHED_FIFO).ok()?,
            // Whatever it starts is ordinary.
            sched_flags: u64::try_from(libc::SCHED_FLAG_RESET_ON_FORK).ok()?,
            sched_priority: 1,
            sched_nice: 0,
            ..before
        };
        let short = libc::sched_attr { sched_runtime: SLICE, ..before };
        write(thread, &first).or_else(|_| write(thread, &short)).ok()?;
        Some(Attention { thread, before })
    }
}

impl Drop for Attention {
    fn drop(&mut self) {
        // Where it fails the thread stays preferred, or is gone.
        let _ = write(self.thread, &self.before);
    }
}

fn read(thread: Pid) -> io::Result<libc::sched_attr> {
    let mut attr = libc::sched_attr {
        size: u32::try_from(size_of::<libc::sched_attr>()).map_err(io::Error::other)?,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    let thread = thread.as_raw_nonzero().get();
    // SAFETY: `attr` has room for the size that it says and that is passed.
    let done =
        unsafe { libc::syscall(libc::SYS_sched_getattr, thread, &raw mut attr, attr.size, 0) };
    if done == 0 { Ok(attr) } else { Err(io::Error::last_os_error()) }
}

fn write(thread: Pid, attr: &libc::sched_attr) -> io::Result<()> {
    let thread = thread.as_raw_nonzero().get();
    // SAFETY: `attr` lives through the call, and is as large as it says.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, thread, &raw const *attr, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_as_it_was_afterwards() {
        let before = read(gettid()).expect("readable");
        let attention = Attention::of_this_thread();
        let during = read(gettid()).expect("readable");
        if attention.is_some() {
            let first = during.sched_policy == u32::try_from(libc::SCHED_FIFO).expect("small");
            assert!(first || during.sched_policy == before.sched_policy);
        }
        drop(attention);
        let after = read(gettid()).expect("readable");
        assert_eq!(
            (after.sched_policy, after.sched_nice),
            (before.sched_policy, before.sched_nice)
        );
        assert_eq!(after.sched_runtime, before.sched_runtime);
    }
}
