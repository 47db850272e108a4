//! Whether the image's user can write below `/tmp`.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::process::{Gid, Uid, WaitOptions, waitpid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_thread_gid, set_thread_groups,
    set_thread_uid,
};

use super::super::wire::{Order, Probe};
use super::Privilege;
use super::container::Held;
use super::fault::{Doing, Fault};
use crate::sys::{Forked, fork};

/// The exit code of a child that could not become the user.
const UNABLE: i32 = 255;

/// Makes a file as the image's user would, and removes it.
pub(super) fn probe(held: &Held) -> Result<Probe, Fault> {
    let what = "try to write below /tmp";
    if held.first.is_none() {
        return Ok(Probe::Untried);
    }
    let Forked::Parent(child) = fork().doing(what)? else {
        let code = match become_user(&held.order, held.privilege) {
            Ok(()) => {
                attempt(&held.stage.tmp).map_or_else(|error| error.raw_os_error(), |()| Some(0))
            }
            Err(_) => Some(UNABLE),
        };
        #[expect(clippy::exit, reason = "the forked child has nothing else to do")]
        std::process::exit(code.unwrap_or(UNABLE));
    };
    let status = waitpid(Some(child), WaitOptions::empty()).doing(what)?;
    match status.and_then(|(_, status)| status.exit_status()) {
        Some(0) => Ok(Probe::Writable),
        Some(errno) if errno != UNABLE => Ok(Probe::Refused(errno)),
        _ => Err(Fault::new(what, io::Error::other("the image's user could not be taken on"))),
    }
}

fn become_user(order: &Order, privilege: Privilege) -> io::Result<()> {
    if privilege == Privilege::Root {
        let groups: Vec<Gid> = order.groups.iter().map(|group| Gid::from_raw(*group)).collect();
        set_thread_groups(&groups)?;
        set_thread_gid(Gid::from_raw(order.gid))?;
        set_thread_uid(Uid::from_raw(order.uid))?;
    }
    if order.uid != 0 {
        // In a namespace with one id, it is only the capabilities that make it root.
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        set_capabilities(None, sets)?;
    }
    Ok(())
}

fn attempt(tmp: &OwnedFd) -> io::Result<()> {
    let name = format!(".scf-conform-{}", super::now());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = openat(tmp, &name, flags, Mode::from_raw_mode(0o600))?;
    let written = File::from(file).write_all(b"x");
    unlinkat(tmp, &name, AtFlags::empty())?;
    written
}
