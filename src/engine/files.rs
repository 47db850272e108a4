//! Goes through what an instance wrote.
//!
//! The instance may still run and change things under our feet. So every path is opened from
//! the layer's root without following links, and what has vanished is passed over.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, SeekFrom, Stat, openat2, seek, statat,
};

use super::canaries::{Canaries, Trail};

/// More files with canaries than this tell nobody more.
const MOST_FILES: usize = 1_000;

/// Files that hold one of these values: its place in the list, and the path that the instance
/// sees. Of each layer, its root and the prefix of its paths.
pub(super) fn search(
    values: &[String],
    layers: &[(&OwnedFd, &str)],
) -> io::Result<Vec<(usize, String)>> {
    let canaries = Canaries::new(values.iter().map(String::as_str));
    let mut found = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    for (layer, prefix) in layers {
        walk(layer, |entry| {
            if entry.kind() == FileType::RegularFile && found.len() < MOST_FILES {
                let mut trail = Trail::default();
                // What cannot be read is gone, or has no data.
                let _ = entry.read(&mut buffer, |bytes| canaries.follow(&mut trail, bytes));
                let path = absolute(prefix, &entry.path);
                found.extend(trail.found().map(|canary| (canary, path.clone())));
            }
            Below::Enter { merged: false }
        })?;
    }
    Ok(found)
}

/// A path below a prefix, as text.
pub(super) fn absolute(prefix: &str, path: &Path) -> String {
    format!("{prefix}{}", path.as_os_str().to_string_lossy())
}

/// One entry of a layer.
pub(super) struct Entry<'a> {
    pub(super) root: &'a OwnedFd,
    /// From the layer's root.
    pub(super) path: PathBuf,
    pub(super) depth: usize,
    pub(super) stat: Stat,
    /// Whether the image has a directory where this entry's directory is.
    pub(super) merged: bool,
}

/// What to do with a directory.
pub(super) enum Below {
    /// Look into it; whether the image has it as well.
    Enter {
        merged: bool,
    },
    Skip,
}

impl Entry<'_> {
    pub(super) fn kind(&self) -> FileType {
        FileType::from_raw_mode(self.stat.st_mode)
    }

    /// Reads the data, not the holes, of a file.
    pub(super) fn read(&self, buffer: &mut [u8], mut each: impl FnMut(&[u8])) -> io::Result<()> {
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

/// Opens a path of a layer, following no links.
pub(super) fn open_in(root: &OwnedFd, path: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(root, path, flags | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty(), resolve)
}

/// Goes through a layer, in no particular order.
pub(super) fn walk(root: &OwnedFd, mut visit: impl FnMut(&Entry<'_>) -> Below) -> io::Result<()> {
    let mut waiting = vec![(PathBuf::from("."), 0, true)];
    while let Some((directory, depth, merged)) = waiting.pop() {
        let Ok(handle) = open_in(root, &directory, OFlags::DIRECTORY) else { continue };
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
            let entry = Entry { root, path: path.clone(), depth, stat, merged };
            let is_directory = entry.kind() == FileType::Directory;
            if let Below::Enter { merged } = visit(&entry)
                && is_directory
                && reachable
            {
                waiting.push((path, depth + 1, merged));
            }
        }
    }
    Ok(())
}
