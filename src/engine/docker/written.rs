//! What the instance wrote: `docker diff`, and where the files can be had, a look into them.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::Path;

use bollard::models::{ChangeType, FilesystemChange};
use bollard::query_parameters::InspectContainerOptionsBuilder;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, open, statat};

use super::super::EngineError;
use super::super::files::open_in;
use super::client::{Client, doing};
use crate::evidence::Write;

/// More paths than this tell nobody more.
const MOST_PATHS: usize = 10_000;
/// What is mounted over in the image's root.
const MOUNTED: [&str; 4] = ["/tmp", "/proc", "/dev", "/sys"];
/// The bit of a directory in the modes that the engine tells.
const DIRECTORY: u32 = 1 << 31;
/// Paths whose sizes are asked of the engine, a question each.
const ASKED: usize = 50;

/// The writable layer's directory, where this machine shows it to us.
#[derive(Debug)]
pub(super) struct Layer(OwnedFd);

impl Layer {
    pub(super) fn open(path: &str) -> Option<Layer> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        open(path, flags, Mode::empty()).ok().map(Layer)
    }

    pub(super) fn root(&self) -> &OwnedFd {
        &self.0
    }

    /// Of a path of the container.
    fn stat(&self, path: &str) -> Option<Stat> {
        let path = Path::new(path.trim_start_matches('/'));
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let parent = open_in(&self.0, parent, OFlags::DIRECTORY).ok()?;
        statat(&parent, path.file_name()?, AtFlags::SYMLINK_NOFOLLOW).ok()
    }
}

/// What is at a path: its size if it is a file, and whether it is a directory.
struct There {
    bytes: Option<u64>,
    directory: bool,
}

/// Paths that were made, changed or removed outside of `/tmp`, sorted.
pub(super) fn paths(
    client: &Client,
    id: &str,
    layer: Option<&Layer>,
    working_dir: &str,
) -> Result<Vec<Write>, EngineError> {
    let own = id.to_owned();
    let changes = client
        .ask(|docker| async move { docker.container_changes(&own).await })
        .map_err(doing("list what the container changed"))?;
    let made = made(working_dir);
    let mut changes: Vec<FilesystemChange> = changes.unwrap_or_default();
    changes.retain(|change| !is_mounted(&change.path));
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    let paths: Vec<String> = changes.iter().map(|change| change.path.clone()).collect();
    let mut written = Vec::new();
    for change in changes {
        if written.len() == MOST_PATHS {
            break;
        }
        if change.kind == ChangeType::_2 {
            written.push(Write { path: change.path, bytes: None, removed: true });
            continue;
        }
        let there = match layer {
            Some(layer) => layer.stat(&change.path).map(|stat| There::of(&stat)),
            None if has_below(&paths, &change.path) => Some(There { bytes: None, directory: true }),
            None if written.len() < ASKED => ask(client, id, &change.path),
            None => None,
        };
        let there = there.unwrap_or(There { bytes: None, directory: false });
        // A directory is changed by what is in it; and some were made for the container.
        let counts = match change.kind {
            ChangeType::_0 => !there.directory,
            _ => !(there.directory && made.contains(&change.path)),
        };
        if counts {
            written.push(Write { path: change.path, bytes: there.bytes, removed: false });
        }
    }
    Ok(written)
}

/// Bytes of the writable layer in use.
pub(super) fn used(client: &Client, id: &str) -> Result<u64, EngineError> {
    let id = id.to_owned();
    let options = InspectContainerOptionsBuilder::default().size(true).build();
    let found = client
        .ask(|docker| async move { docker.inspect_container(&id, Some(options)).await })
        .map_err(doing("ask for the size of the writable layer"))?;
    Ok(found.size_rw.and_then(|bytes| bytes.try_into().ok()).unwrap_or(0))
}

impl There {
    fn of(stat: &Stat) -> There {
        let kind = FileType::from_raw_mode(stat.st_mode);
        let bytes = (kind == FileType::RegularFile).then(|| stat.st_size.unsigned_abs());
        There { bytes, directory: kind == FileType::Directory }
    }
}

fn ask(client: &Client, id: &str, path: &str) -> Option<There> {
    use bollard::query_parameters::ContainerArchiveInfoOptionsBuilder;
    let options = ContainerArchiveInfoOptionsBuilder::default().path(path).build();
    let id = id.to_owned();
    let found = client
        .ask(|docker| async move { docker.get_container_archive_info(&id, Some(options)).await });
    let found = found.ok()?;
    let directory = found.file_mode & DIRECTORY != 0;
    let bytes = u64::try_from(found.size).ok().filter(|_| !directory);
    Some(There { bytes, directory })
}

/// Whether one of the sorted paths is below another path, which is a directory then.
fn has_below(paths: &[String], path: &str) -> bool {
    let above = format!("{path}/");
    let next = paths.partition_point(|other| *other < above);
    paths.get(next).is_some_and(|other| other.starts_with(&above))
}

fn is_mounted(path: &str) -> bool {
    MOUNTED.iter().any(|mounted| {
        path.strip_prefix(mounted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Directories that the engine makes where the image has none: the working directory and those
/// above it.
fn made(working_dir: &str) -> BTreeSet<String> {
    Path::new(working_dir).ancestors().map(|path| path.to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_known_by_what_is_below_it() {
        let paths = ["/a", "/a-b", "/a/b", "/c"].map(str::to_owned);
        let found = paths.iter().filter(|path| has_below(&paths, path));
        assert_eq!(found.collect::<Vec<_>>(), ["/a"]);
    }
}
