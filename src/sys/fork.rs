//! A second process out of this one.

#![expect(unsafe_code, reason = "fork(2) is only sound where a single thread runs")]
#![expect(clippy::disallowed_methods, reason = "the kernel lists the threads in a directory")]

use std::io;

use rustix::process::Pid;

/// Which of the two processes this is.
#[derive(Debug)]
pub enum Forked {
    /// The one that forked, and the child's id.
    Parent(Pid),
    /// The new one.
    Child,
}

/// Forks. The child must end itself and never return into its caller's caller.
///
/// # Errors
///
/// Where the kernel has no room for another process, or where this process has more than
/// one thread: the locks of the others would stay locked in the child.
pub fn fork() -> io::Result<Forked> {
    if std::fs::read_dir("/proc/self/task")?.nth(1).is_some() {
        return Err(io::Error::other("this process has several threads"));
    }
    // SAFETY: no other thread runs, so the child finds no lock held by anybody.
    let pid = unsafe { libc::fork() };
    match pid {
        0 => Ok(Forked::Child),
        _ if pid > 0 => Pid::from_raw(pid).map(Forked::Parent).ok_or_else(io::Error::last_os_error),
        _ => Err(io::Error::last_os_error()),
    }
}
