//! A control group for one instance, in every hierarchy that limits something.
//!
//! libcontainer would make one in each of a dozen hierarchies, and its processes would wait
//! for their move, some 10 ms on an idle kernel. Here the holder goes in while it still
//! prepares other things, and what it starts is born there.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FlockOperation, Mode, OFlags, flock, mkdirat, open, openat, unlinkat,
};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, waitpid};

use super::hierarchy::{Hierarchy, Version, here};
use crate::sys::{self, Forked, fork};

/// The directory of all our groups, in each hierarchy.
const ALL: &str = "scf-conform";

/// The instance's group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) version: Version,
    name: String,
    parts: Vec<Part>,
    /// Moves the holder into the group, until it is waited for.
    mover: Option<Pid>,
    /// Whether the holder is in the group.
    inside: bool,
}

/// The group in one hierarchy.
#[derive(Debug)]
struct Part {
    /// As the hierarchy's mount point is called.
    name: String,
    controllers: Vec<&'static str>,
    /// Of the hierarchy.
    top: OwnedFd,
    /// Of [`ALL`].
    parent: OwnedFd,
    /// Of the group. Locked as long as its holder lives.
    directory: OwnedFd,
    /// Where the holder came from.
    home: File,
}

impl Group {
    /// Makes the group, removes those whose holders are gone, and begins to move this
    /// process into it.
    pub(super) fn make() -> io::Result<Group> {
        let hierarchies = here()?;
        let version = match hierarchies.first() {
            Some(first) => first.version,
            None => return Err(io::Error::from(io::ErrorKind::Unsupported)),
        };
        let name = format!("{}-{}", getpid().as_raw_nonzero(), super::now());
        let mut group = Group { version, name, parts: Vec::new(), mover: None, inside: false };
        for hierarchy in hierarchies {
            let part = group.part(hierarchy)?;
            group.parts.push(part);
        }
        if let Forked::Parent(child) = fork()? {
            group.mover = Some(child);
            return Ok(group);
        }
        let holder = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
        let moved =
            group.parts.iter().try_for_each(|part| part.write("cgroup.procs", &holder.to_string()));
        // The forked child has nothing else to do.
        std::process::exit(i32::from(moved.is_err()));
    }

    fn part(&self, hierarchy: Hierarchy) -> io::Result<Part> {
        let top = open(&hierarchy.mount_point, DIRECTORY, Mode::empty())?;
        if hierarchy.version == Version::V2 {
            delegate(&top)?;
        }
        let make = || self.directory(&top, hierarchy.version);
        // The last holder to go removes the directory, perhaps under our feet.
        let again = |made: &Result<_, Errno>| !matches!(made, Err(Errno::NOENT));
        let (parent, directory) =
            std::iter::repeat_with(make).take(100).find(again).unwrap_or(Err(Errno::NOENT))?;
        let home = |group: &Path| File::options().write(true).open(group.join("cgroup.procs"));
        let home = home(&hierarchy.own).or_else(|_| home(&hierarchy.mount_point))?;
        let name = hierarchy.mount_point.file_name().unwrap_or_default().to_string_lossy();
        let name = name.into_owned();
        Ok(Part { name, controllers: hierarchy.controllers, top, parent, directory, home })
    }

    /// Makes [`ALL`] and the group in it, and locks the group.
    fn directory(&self, top: &OwnedFd, version: Version) -> Result<(OwnedFd, OwnedFd), Errno> {
        let mode = Mode::from_raw_mode(0o755);
        match mkdirat(top, ALL, mode) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        let parent = openat(top, ALL, DIRECTORY, Mode::empty())?;
        // Nobody else sweeps between the making of a group and its lock.
        flock(&parent, FlockOperation::LockExclusive)?;
        if version == Version::V2 {
            delegate(&parent).map_err(|_| Errno::OPNOTSUPP)?;
        }
        sweep(&parent)?;
        mkdirat(&parent, &self.name, mode)?;
        let directory = openat(&parent, &self.name, DIRECTORY, Mode::empty())?;
        flock(&directory, FlockOperation::LockExclusive)?;
        flock(&parent, FlockOperation::Unlock)?;
        Ok((parent, directory))
    }

    /// Waits until this process is in the group.
    pub(super) fn enter(&mut self) -> io::Result<()> {
        let Some(mover) = self.mover.take() else { return Ok(()) };
        match waitpid(Some(mover), WaitOptions::empty())? {
            Some((_, status)) if status.exit_status() == Some(0) => {
                self.inside = true;
                if self.version == Version::V2 {
                    // What starts here finds its limits at the top, as in other containers.
                    sys::unshare(sys::Namespaces::ControlGroups)?;
                }
                Ok(())
            }
            _ => Err(io::Error::other("the holder could not enter its control group")),
        }
    }

    /// Mounts the group's directories below `directory`, for the instance to see its limits:
    /// runtimes size their heaps by them. Gives the names that they have in a container.
    pub(super) fn show(&self, directory: &str) -> io::Result<Vec<String>> {
        let clone = OpenTreeFlags::OPEN_TREE_CLONE
            | OpenTreeFlags::OPEN_TREE_CLOEXEC
            | OpenTreeFlags::AT_EMPTY_PATH;
        for (place, part) in self.parts.iter().enumerate() {
            // By number: libcontainer takes what is called `memory` for its own.
            let target = format!("{directory}/{place}");
            mkdirat(CWD, &target, Mode::from_raw_mode(0o755))?;
            let tree = open_tree(&part.directory, "", clone)?;
            move_mount(&tree, "", CWD, &target, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
        }
        Ok(match self.version {
            Version::V1 => self.parts.iter().map(|part| part.name.clone()).collect(),
            Version::V2 => vec![String::new()],
        })
    }

    /// Moves this process, but nothing that it started, back to where it came from.
    pub(super) fn leave(&mut self) {
        if !std::mem::take(&mut self.inside) {
            return;
        }
        for part in &self.parts {
            // Where it cannot go back it stays, and is counted.
            let _ = (&part.home).write_all(b"0");
        }
    }

    /// Writes a file of a controller. A controller that is not there limits nothing.
    pub(super) fn write(&self, controller: &str, file: &str, value: &str) -> io::Result<()> {
        self.with(controller).map_or(Ok(()), |part| part.write(file, value))
    }

    pub(super) fn read(&self, controller: &str, file: &str) -> io::Result<String> {
        self.with(controller).ok_or(io::ErrorKind::NotFound)?.read(file)
    }

    /// What freezes the group; `None` where nothing does, or where this process would be frozen
    /// with it.
    pub(super) fn freezer(&self) -> Option<Freezer<'_>> {
        let controller = match self.version {
            Version::V1 => "freezer",
            // A matter of every group.
            Version::V2 => "memory",
        };
        let part = self.with(controller)?;
        let own = getpid().as_raw_nonzero().to_string();
        let inside = part.read("cgroup.procs").ok()?.lines().any(|line| line == own);
        (!inside).then_some(Freezer { part, version: self.version })
    }

    /// A number of a file of a controller: the whole file, or what stands after `key`.
    pub(super) fn number(&self, controller: &str, file: &str, key: Option<&str>) -> Option<u64> {
        let text = self.read(controller, file).ok()?;
        let number = match key {
            None => text.trim(),
            Some(key) => text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' '))?,
        };
        number.parse().ok()
    }

    fn with(&self, controller: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.controllers.contains(&controller))
    }

    /// Removes the group. Its processes have ended before.
    pub(super) fn remove(&mut self) -> io::Result<()> {
        // Where this fails, the holder is not in the group.
        let _ = self.enter();
        self.leave();
        let mut first = Ok(());
        for part in self.parts.drain(..) {
            let removed = part.remove(&self.name);
            first = first.and(removed);
        }
        Ok(first?)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.remove();
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Part {
    fn write(&self, file: &str, value: &str) -> io::Result<()> {
        let file = openat(&self.directory, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
        File::from(file).write_all(value.as_bytes())
    }

    fn read(&self, file: &str) -> io::Result<String> {
        let file = openat(&self.directory, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        io::read_to_string(File::from(file))
    }

    fn remove(self, name: &str) -> Result<(), Errno> {
        let removed = loop {
            match unlinkat(&self.parent, name, AtFlags::REMOVEDIR) {
                // Processes that were killed are still on their way out; the kernel tells
                // nobody when the last one has gone.
                Err(Errno::BUSY) if self.dying() => std::thread::yield_now(),
                removed => break removed,
            }
        };
        // Succeeds for the last holder only.
        let _ = unlinkat(&self.top, ALL, AtFlags::REMOVEDIR);
        removed
    }

    /// Ends what is left in the group. Whether there was anything.
    fn dying(&self) -> bool {
        kill_all(&self.directory) > 0
    }
}

/// Holds every process of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freezer<'a> {
    part: &'a Part,
    version: Version,
}

impl Freezer<'_> {
    /// The file that tells whether all are held, and its line then.
    pub(super) fn state(self) -> (&'static str, &'static str) {
        match self.version {
            Version::V1 => ("freezer.state", "FROZEN"),
            Version::V2 => ("cgroup.events", "frozen 1"),
        }
    }

    pub(super) fn read(self, file: &str) -> io::Result<String> {
        self.part.read(file)
    }

    /// Begins to hold them.
    pub(super) fn hold(self) -> io::Result<()> {
        match self.version {
            Version::V1 => self.part.write("freezer.state", "FROZEN"),
            Version::V2 => self.part.write("cgroup.freeze", "1"),
        }
    }

    /// Lets them go on.
    pub(super) fn release(self) -> io::Result<()> {
        match self.version {
            Version::V1 => self.part.write("freezer.state", "THAWED"),
            Version::V2 => self.part.write("cgroup.freeze", "0"),
        }
    }
}

/// Lets what a killed holder left frozen go on, so that it can end.
fn release(group: &OwnedFd) {
    for (file, value) in [("freezer.state", "THAWED"), ("cgroup.freeze", "0")] {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        // Each is there in one version only.
        if let Ok(file) = openat(group, file, flags, Mode::empty()) {
            let _ = File::from(file).write_all(value.as_bytes());
        }
    }
}

/// Lets the groups below a group of version 2 have limits.
fn delegate(group: &OwnedFd) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = openat(group, "cgroup.subtree_control", flags, Mode::empty())?;
    File::from(file).write_all(b"+memory +pids +cpu")
}

/// Kills every process of a group, and counts them.
fn kill_all(group: &OwnedFd) -> usize {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(file) = openat(group, "cgroup.procs", flags, Mode::empty()) else { return 0 };
    let text = io::read_to_string(File::from(file)).unwrap_or_default();
    let pids = text.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?));
    pids.filter(|pid| *pid != getpid())
        .filter(|pid| kill_process(*pid, Signal::KILL).is_ok())
        .count()
}

/// Ends and removes what holders left that were killed: groups that nobody has locked.
fn sweep(parent: &OwnedFd) -> Result<(), Errno> {
    for entry in Dir::read_from(parent)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_bytes().starts_with(b".") {
            continue;
        }
        let Ok(directory) = openat(parent, name, DIRECTORY, Mode::empty()) else { continue };
        if flock(&directory, FlockOperation::NonBlockingLockExclusive).is_err() {
            continue;
        }
        kill_all(&directory);
        release(&directory);
        // What is still dying goes with the next sweep.
        let _ = unlinkat(parent, name, AtFlags::REMOVEDIR);
    }
    Ok(())
}
