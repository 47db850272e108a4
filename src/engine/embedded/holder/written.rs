//! What the instance wrote: a walk through the upper layer and `/tmp`.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fgetxattr, open, statat};

use super::super::wire::WrittenPath;
use super::fault::{Doing, Fault};
use super::stage::{Stage, TMP, UPPER};
use crate::engine::files::{self, Below, Entry, absolute, open_in, walk};

/// More paths than this tell nobody more.
const MOST_PATHS: usize = 10_000;
/// What is mounted over in the image's root.
const MOUNTED: [&str; 4] = ["tmp", "proc", "dev", "sys"];

/// Paths that were made, changed or removed outside of `/tmp`, sorted.
pub(super) fn paths(stage: &Stage) -> Result<Vec<WrittenPath>, Fault> {
    let what = "walk through the writable layer";
    let mut found = Vec::new();
    walk(&layer(UPPER).doing(what)?, |entry| {
        if entry.depth == 0 && MOUNTED.iter().any(|name| entry.path.as_os_str() == *name) {
            return Below::Skip;
        }
        let path = absolute("/", &entry.path);
        let ours = stage.made.paths.contains(&path);
        let (written, below) = judge(entry);
        if let Some((bytes, removed)) = written.filter(|_| !ours && found.len() < MOST_PATHS) {
            found.push(WrittenPath { path, bytes, removed });
        }
        below
    })
    .doing(what)?;
    found.sort();
    Ok(found)
}

/// Files that hold a canary: its place in the list, and the path that the instance sees.
pub(super) fn search(values: &[String]) -> Result<Vec<(usize, String)>, Fault> {
    let what = "search what was written";
    let (upper, tmp) = (layer(UPPER).doing(what)?, layer(TMP).doing(what)?);
    files::search(values, &[(&upper, "/"), (&tmp, "/tmp/")]).doing(what)
}

fn layer(path: &str) -> rustix::io::Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Size, and whether it was removed, of what counts as written.
fn judge(entry: &Entry<'_>) -> (Option<(Option<u64>, bool)>, Below) {
    match entry.kind() {
        FileType::Directory => {
            let merged = entry.merged && in_image(entry) && !opaque(entry);
            (if merged { None } else { Some((None, false)) }, Below::Enter { merged })
        }
        // The overlay's mark for what was removed.
        FileType::CharacterDevice if entry.stat.st_rdev == 0 => (Some((None, true)), Below::Skip),
        FileType::RegularFile => {
            (Some((Some(entry.stat.st_size.unsigned_abs()), false)), Below::Skip)
        }
        _ => (Some((None, false)), Below::Skip),
    }
}

fn in_image(entry: &Entry<'_>) -> bool {
    statat(CWD, Path::new("/lower").join(&entry.path), AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// Whether the directory hides the image's: it was removed and made again.
fn opaque(entry: &Entry<'_>) -> bool {
    let Ok(directory) = open_in(entry.root, &entry.path, OFlags::DIRECTORY) else { return false };
    ["trusted.overlay.opaque", "user.overlay.opaque"].iter().any(|name| {
        let mut value = [0; 8];
        fgetxattr(&directory, *name, &mut value).is_ok_and(|length| value[..length] == *b"y")
    })
}
