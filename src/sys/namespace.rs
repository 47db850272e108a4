//! Leaves the namespaces of the process that started this one.

#![expect(unsafe_code, reason = "unshare(2) of a file descriptor table would be unsound")]

use std::io;

use rustix::thread::{UnshareFlags, unshare_unsafe};

/// Which namespaces to leave for fresh ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Namespaces {
    /// User and group ids, with all capabilities over what is made in it.
    User,
    /// Network alone.
    Network,
    /// The view of control groups: the present ones become the top.
    ControlGroups,
    /// Mounts, network, System V IPC and host name.
    Surroundings,
}

/// Moves this process, which has one thread, into fresh namespaces.
///
/// # Errors
///
/// Where the kernel does not allow it.
pub fn unshare(namespaces: Namespaces) -> io::Result<()> {
    let flags = match namespaces {
        Namespaces::User => UnshareFlags::NEWUSER,
        Namespaces::Network => UnshareFlags::NEWNET,
        Namespaces::ControlGroups => UnshareFlags::NEWCGROUP,
        Namespaces::Surroundings => {
            UnshareFlags::NEWNS | UnshareFlags::NEWNET | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS
        }
    };
    // SAFETY: only `UnshareFlags::FILES` is unsound, and neither set holds it.
    unsafe { unshare_unsafe(flags) }?;
    Ok(())
}
