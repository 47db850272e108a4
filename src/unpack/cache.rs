//! Roots that were unpacked before, shared between runs and bounded in size.
#![expect(clippy::disallowed_methods, reason = "the cache is files, and unpacking is timed")]

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, flock};

use super::{Ownership, UnpackError, extract, failed};
use crate::image::{Blobs, Image, Kind};
use crate::oci::Digest;

/// Bytes that all roots together may take.
const LIMIT: u64 = 10 << 30;
/// The directory of an entry while it is made.
const NEW: &str = "new";
/// The root inside an entry, and the files that say its size, and how long it took to make.
const ROOT: &str = "root";
const SIZE: &str = "size";
const TIME: &str = "nanoseconds";

/// A directory of unpacked roots.
#[derive(Debug)]
pub struct Cache {
    entries: PathBuf,
    locks: PathBuf,
    limit: u64,
}

/// A root that stays in the cache while this value lives.
#[derive(Debug)]
pub struct UnpackedRoot {
    /// The root directory, only to be read.
    pub path: PathBuf,
    /// What it took to unpack it; `None` where that was not noted.
    pub unpacking: Option<Unpacking>,
    /// Shared; removing the entry needs it exclusively.
    _lock: File,
}

/// What it took to unpack an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpacking {
    /// From the first layer's first byte to the last file.
    pub took: Duration,
    /// Whether it was this boot that waited for it.
    pub when: Unpacked,
}

/// When an image was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpacked {
    /// By this boot.
    Now,
    /// By a boot before, which noted how long it took.
    Before,
}

impl Cache {
    /// Opens a cache, and makes it where it is not there.
    ///
    /// # Errors
    ///
    /// Where its directories cannot be made.
    pub fn open(dir: &Path) -> Result<Cache, UnpackError> {
        let cache = Cache { entries: dir.join("roots"), locks: dir.join("locks"), limit: LIMIT };
        for made in [&cache.entries, &cache.locks] {
            let mut builder = fs::DirBuilder::new();
            // Set-uid files of images lie here: nobody else has business in it.
            builder
                .recursive(true)
                .mode(0o700)
                .create(made)
                .map_err(failed(format!("make the cache directory {}", made.display())))?;
        }
        Ok(cache)
    }

    /// The same cache with another limit of bytes for all roots together.
    #[must_use]
    pub fn limited(self, limit: u64) -> Cache {
        Cache { limit, ..self }
    }

    /// What it holds: roots, and the bytes that they take, roughly.
    #[must_use]
    pub fn holds(&self) -> (usize, u64) {
        let entries = self.others("?");
        (entries.len(), entries.iter().map(|entry| entry.size).sum())
    }

    /// Bytes that all roots together may take.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The root of an image, unpacked now or before.
    ///
    /// # Errors
    ///
    /// Where the layers cannot be read or the files not be written.
    pub fn root(
        &self,
        image: &Image,
        blobs: &dyn Blobs,
        ownership: &Ownership,
    ) -> Result<UnpackedRoot, UnpackError> {
        let key = key(image, ownership);
        let lock = self.lock(&key)?;
        let path = self.entries.join(&key).join(ROOT);
        take(&lock, FlockOperation::LockShared)?;
        let mut when = Unpacked::Before;
        // Another run may remove it again before it is held.
        while !path.is_dir() {
            // Whoever makes it must not wait for those who use it already.
            take(&lock, FlockOperation::Unlock)?;
            let making = self.lock(&format!("{key}.{NEW}"))?;
            take(&making, FlockOperation::LockExclusive)?;
            if !path.is_dir() {
                self.make(image, blobs, ownership, &key)?;
                when = Unpacked::Now;
            }
            take(&lock, FlockOperation::LockShared)?;
        }
        // When it was used last, for the choice of what goes.
        let _ = lock.set_modified(SystemTime::now());
        let took = fs::read_to_string(self.entries.join(&key).join(TIME));
        let took = took.ok().and_then(|nanoseconds| nanoseconds.parse().ok());
        let unpacking = took.map(|took| Unpacking { took: Duration::from_nanos(took), when });
        Ok(UnpackedRoot { path, unpacking, _lock: lock })
    }

    /// The lock of a directory of the cache: of an entry, or of one that is being made.
    fn lock(&self, name: &str) -> Result<File, UnpackError> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true);
        options.open(self.locks.join(name)).map_err(failed("lock the cache"))
    }

    /// Makes an entry beside its place, and puts it there when it is whole.
    fn make(
        &self,
        image: &Image,
        blobs: &dyn Blobs,
        ownership: &Ownership,
        key: &str,
    ) -> Result<(), UnpackError> {
        let size = size(image);
        self.make_room(size, key);
        let new = self.entries.join(format!("{key}.{NEW}"));
        // What a killed run left; the lock says that it is nobody's.
        remove(&new).map_err(failed("remove an unfinished root"))?;
        let root = new.join(ROOT);
        fs::create_dir_all(&root).map_err(failed("make a directory in the cache"))?;
        let begun = Instant::now();
        let made = extract::extract(image, blobs, ownership, &root).and_then(|()| {
            let took = begun.elapsed().as_nanos();
            fs::write(new.join(SIZE), size.to_string())
                .and_then(|()| fs::write(new.join(TIME), took.to_string()))
                .map_err(failed("write into the cache"))?;
            fs::rename(&new, self.entries.join(key)).map_err(failed("put a root into the cache"))
        });
        if made.is_err() {
            // The first error is the one to tell.
            let _ = remove(&new);
        }
        made
    }

    /// Removes what killed runs left, and the entries that were not used for longest, until
    /// there is room. What is in use stays; what cannot be removed does too.
    fn make_room(&self, wanted: u64, but: &str) {
        let mut entries = self.others(but);
        entries.sort_by_key(|entry| entry.used);
        let mut total: u64 = wanted + entries.iter().map(|entry| entry.size).sum::<u64>();
        for entry in entries {
            let left = entry.key.ends_with(NEW);
            if !left && total <= self.limit {
                continue;
            }
            if self.evict(&entry.key).unwrap_or(false) {
                total = total.saturating_sub(entry.size);
            }
        }
    }

    /// Removes an entry, or what is left of one, unless somebody uses or makes it. An entry
    /// loses its name first: one that is removed in part is never taken for a whole one.
    fn evict(&self, name: &str) -> Result<bool, UnpackError> {
        let key = name.trim_end_matches(NEW).trim_end_matches('.');
        let new = format!("{key}.{NEW}");
        let (using, making) = (self.lock(key)?, self.lock(&new)?);
        let free = |lock| flock(lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        let going = self.entries.join(&new);
        if !free(&making) || (name == key && !free(&using)) {
            return Ok(false);
        }
        remove(&going).map_err(failed("remove an unfinished root"))?;
        if name == key {
            fs::rename(self.entries.join(key), &going)
                .and_then(|()| remove(&going))
                .map_err(failed("remove a root from the cache"))?;
        }
        Ok(true)
    }

    fn others(&self, but: &str) -> Vec<Entry> {
        let Ok(names) = fs::read_dir(&self.entries) else { return Vec::new() };
        let names = names.flatten().filter_map(|name| name.file_name().into_string().ok());
        names
            .filter(|key| !key.starts_with(but))
            .map(|key| {
                let used = fs::metadata(self.locks.join(&key)).and_then(|found| found.modified());
                let size = fs::read_to_string(self.entries.join(&key).join(SIZE));
                let size = size.ok().and_then(|size| size.parse().ok()).unwrap_or(0);
                Entry { key, used: used.unwrap_or(SystemTime::UNIX_EPOCH), size }
            })
            .collect()
    }
}

struct Entry {
    key: String,
    used: SystemTime,
    size: u64,
}

fn take(lock: &File, how: FlockOperation) -> Result<(), UnpackError> {
    rustix::io::retry_on_intr(|| flock(lock, how))
        .map_err(|error| failed("lock a root in the cache")(error.into()))
}

/// What is the same for the same files: the layers' contents, and to whom they belong.
fn key(image: &Image, ownership: &Ownership) -> String {
    let mut text = ownership.key();
    for layer in &image.layers {
        text.push(' ');
        text.extend(layer.diff_id.map(|id| id.to_string()));
    }
    Digest::of(text.as_bytes()).hex()
}

/// Bytes that an image's files take, roughly: what the tree says, in whole blocks.
fn size(image: &Image) -> u64 {
    let file = |size: u64| size.next_multiple_of(4096);
    let sizes = image.tree.walk().map(|(_, node)| match image.tree.node(node).kind {
        Kind::File { size } | Kind::Elf { size, .. } | Kind::Script { size, .. } => file(size),
        Kind::Directory => 4096,
        Kind::Symlink { .. } | Kind::Special => 0,
    });
    sizes.sum()
}

/// Removes a directory with all that is in it, closed directories too. Nothing there is fine.
fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(dir)?;
            fs::remove_dir_all(dir)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Gives the owner all rights on directories. Only what is below `dir` is a path of its own:
/// the whole may be too long to be used.
fn open_up(dir: &Path) -> io::Result<()> {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let top = rustix::fs::openat(CWD, dir, flags, Mode::empty())?;
    let mut waiting = vec![PathBuf::from(".")];
    while let Some(path) = waiting.pop() {
        let open = rustix::fs::openat(&top, &path, flags | OFlags::NOFOLLOW, Mode::empty())?;
        for entry in rustix::fs::Dir::read_from(&open)? {
            let entry = entry?;
            let name = entry.file_name();
            if entry.file_type() == FileType::Directory && name != c"." && name != c".." {
                rustix::fs::chmodat(&open, name, Mode::RWXU, AtFlags::empty())?;
                waiting.push(path.join(OsStr::from_bytes(name.to_bytes())));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
