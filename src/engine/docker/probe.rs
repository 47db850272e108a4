//! Whether the image's user can write below `/tmp`, tried by a thread of ours that becomes
//! that user.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags, openat, unlinkat};
use rustix::process::{Gid, Uid};
use rustix::thread::{
    CapabilitySet, CapabilitySets, set_capabilities, set_thread_gid, set_thread_groups,
    set_thread_uid,
};

use super::super::EngineError;
use crate::evidence::TmpProbe;
use crate::image::User;

/// Makes a file as the image's user would, and removes it.
pub(super) fn probe(tmp: &OwnedFd, user: &User) -> Result<TmpProbe, EngineError> {
    // Ids and capabilities are a thread's own.
    std::thread::scope(|scope| {
        let tried = scope.spawn(|| {
            become_user(user)?;
            io::Result::Ok(match attempt(tmp) {
                Ok(()) => TmpProbe::Writable,
                Err(error) => TmpProbe::Refused(error.raw_os_error().unwrap_or(0)),
            })
        });
        let tried = tried.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")));
        tried.map_err(|source| EngineError::Failed {
            what: "try to write below /tmp".to_owned(),
            source,
        })
    })
}

fn become_user(user: &User) -> io::Result<()> {
    let groups: Vec<Gid> = user.groups.iter().map(|group| Gid::from_raw(*group)).collect();
    set_thread_groups(&groups)?;
    set_thread_gid(Gid::from_raw(user.gid))?;
    set_thread_uid(Uid::from_raw(user.uid))?;
    if user.uid != 0 {
        let none = CapabilitySet::empty();
        let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
        set_capabilities(None, sets)?;
    }
    Ok(())
}

fn attempt(tmp: &OwnedFd) -> io::Result<()> {
    let name = format!(".scf-conform-{}", std::process::id());
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = openat(tmp, &name, flags, Mode::from_raw_mode(0o600))?;
    let written = File::from(file).write_all(b"x");
    unlinkat(tmp, &name, AtFlags::empty())?;
    written
}
