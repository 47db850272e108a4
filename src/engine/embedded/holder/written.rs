//! What the instance wrote: a walk through the upper layer and `/tmp`.
//!
//! The instance may still run and change things under our feet. So every path is opened from
//! the layer's root without following links, and what has vanished is passed over.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, SeekFrom, Stat, fgetxattr, open,
    openat2, seek, statat,
};

use super::super::wire::WrittenPath;
use super::fault::{Doing, Fault};
use super::stage::{Stage, TMP, UPPER};
use crate::engine::canaries::{Canaries, Trail};

/// More paths than this tell nobody more.
const MOST_PATHS: usize = 10_000;
/// The same for files with canaries.
const MOST_FILES: usize = 1_000;
/// What is mounted over in the image's root.
const MOUNTED: [&str; 4] = ["tmp", "proc", "dev", "sys"];

/// Paths that were made, changed or removed outside of `/tmp`, sorted.
pub(super) fn paths(stage: &Stage) -> Result<Vec<WrittenPath>, Fault> {
    let mut found = Vec::new();
    walk(UPPER, |entry| {
        if entry.depth == 0 && MOUNTED.iter().any(|name| entry.path.as_os_str() == *name) {
            return Below::Skip;
        }
        let path = absolute("/", &entry.path);
        let ours = stage.made.paths.contains(&path);
        let (written, below) = entry.judge();
        if let Some((bytes, removed)) = written.filter(|_| !ours && found.len() < MOST_PATHS) {
            found.push(WrittenPath { path, bytes, removed });
        }
        below
    })
    .doing("walk through the writable layer")?;
    found.sort();
    Ok(found)
}

/// Files that hold a canary: its place in the list, and the path that the instance sees.
pub(super) fn search(values: &[String]) -> Result<Vec<(usize, String)>, Fault> {
    let canaries = Canaries::new(values.iter().map(String::as_str));
    let mut found = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    for (layer, prefix) in [(UPPER, "/"), (TMP, "/tmp/")] {
        walk(layer, |entry| {
            if entry.kind() == FileType::RegularFile && found.len() < MOST_FILES {
                let mut trail = Trail::default();
                // What cannot be read is gone, or has no data.
                let _ = entry.read(&mut buffer, |bytes| canaries.follow(&mut trail, bytes));
                let path = absolute(prefix, &entry.path);
                found.extend(trail.found().map(|canary| (canary, path.clone())));
            }
            Below::Enter { merged: false }
        })
        .doing("search what was written")?;
    }
    Ok(found)
}

fn absolute(prefix: &str, path: &Path) -> String {
    format!("{prefix}{}", path.as_os_str().to_string_lossy())
}

/// One entry of a layer.
struct Entry<'a> {
    root: &'a OwnedFd,
    /// From the layer's root.
    path: PathBuf,
    depth: usize,
    stat: Stat,
    /// Whether the image has a directory where this entry's directory is.
    merged: bool,
}

/// What to do with a directory.
enum Below {
    /// Look into it; whether the image has it as well.
    Enter {
        merged: bool,
    },
    Skip,
}

impl Entry<'_> {
    fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// Size, and whether it was removed, of what counts as written.
    fn judge(&self) -> (Option<(Option<u64>, bool)>, Below) {
        match self.kind() {
            FileType::Directory => {
                let merged = self.merged && self.in_image() && !self.opaque();
                (if merged { None } else { Some((None, false)) }, Below::Enter { merged })
            }
            // The overlay's mark for what was removed.
            FileType::CharacterDevice if self.stat.st_rdev == 0 => {
                (Some((None, true)), Below::Skip)
            }
            FileType::RegularFile => {
                (Some((Some(self.stat.st_size.unsigned_abs()), false)), Below::Skip)
            }
            _ => (Some((None, false)), Below::Skip),
        }
    }

    fn in_image(&self) -> bool {
        statat(CWD, Path::new("/lower").join(&self.path), AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
    }

    /// Whether the directory hides the image's: it was removed and made again.
    fn opaque(&self) -> bool {
        let Ok(directory) = open_in(self.root, &self.path, OFlags::DIRECTORY) else { return false };
        ["trusted.overlay.opaque", "user.overlay.opaque"].iter().any(|name| {
            let mut value = [0; 8];
            fgetxattr(&directory, *name, &mut value).is_ok_and(|length| value[..length] == *b"y")
        })
    }

    /// Reads the data, not the holes, of a file.
    fn read(&self, buffer: &mut [u8], mut each: impl FnMut(&[u8])) -> io::Result<()> {
        let mut file = File::from(open_in(self.root, &self.path, OFlags::NONBLOCK)?);
        let mut end = 0;
        loop {
            let start = seek(&file, SeekFrom::Data(end))?;
            end = seek(&file, SeekFrom::Hole(start))?;
            seek(&file, SeekFrom::Start(start))?;
            let mut data = (&mut file).take(end - start);
            loop {
                let length = data.read(buffer)?;
                if length == 0 {
                    break;
                }
                each(&buffer[..length]);
            }
        }
    }
}

fn open_in(root: &OwnedFd, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(root, path, flags | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty(), resolve)
}

/// Goes through a layer, in no particular order.
fn walk(layer: &str, mut visit: impl FnMut(Entry<'_>) -> Below) -> io::Result<()> {
    let root = open(layer, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let mut waiting = vec![(PathBuf::from("."), 0, true)];
    while let Some((directory, depth, merged)) = waiting.pop() {
        let Ok(handle) = open_in(&root, &directory, OFlags::DIRECTORY) else { continue };
        for entry in Dir::read_from(&handle)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if name == b"." || name == b".." {
                continue;
            }
            let Ok(stat) = statat(&handle, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            let name = std::ffi::OsString::from_vec(name);
            let path = if depth == 0 { PathBuf::from(name) } else { directory.join(name) };
            // Deeper than any path that a program can name.
            let reachable = path.as_os_str().as_bytes().len() < 4000;
            let below = Entry { root: &root, path: path.clone(), depth, stat, merged };
            let is_directory = below.kind() == FileType::Directory;
            if let Below::Enter { merged } = visit(below)
                && is_directory
                && reachable
            {
                waiting.push((path, depth + 1, merged));
            }
        }
    }
    Ok(())
}
