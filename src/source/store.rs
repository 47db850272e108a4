//! Blobs that came from an engine or a registry, kept by their digest and bounded in size.
//!
//! A blob is written beside its place and put there when its digest is known to be right, so
//! that what lies there is whole. Several runs share a store: a blob that one of them removes
//! stays readable to whoever has it open.
#![expect(clippy::disallowed_methods, reason = "the store is files")]

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::oci::Digest;

/// Bytes that all blobs together may take.
const LIMIT: u64 = 10 << 30;
/// Names of blobs that are still being written begin so.
const UNFINISHED: &str = "new-";

/// A directory of blobs.
#[derive(Debug, Clone)]
pub(super) struct Store {
    dir: PathBuf,
    limit: u64,
}

/// A blob on its way into the store. Dropped before it is kept, it leaves nothing.
#[derive(Debug)]
pub(super) struct Incoming {
    file: NamedTempFile,
    hasher: Sha256,
    length: u64,
    dir: PathBuf,
}

/// Why a blob was not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    /// It is another one.
    #[error("has digest {is}, not {expected}")]
    Differs {
        /// Of the bytes that came.
        is: Digest,
        /// Of the blob that was asked for.
        expected: Digest,
    },
    /// It could not be written.
    #[error("write into the cache: {0}")]
    Write(#[from] io::Error),
}

impl Store {
    /// The store below a cache directory, made where it is not there. What killed runs left
    /// unfinished is removed.
    pub(super) fn open(cache: &Path) -> io::Result<Store> {
        let dir = cache.join("blobs");
        // Images may be private.
        DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        let store = Store { dir, limit: LIMIT };
        store.remove_unfinished();
        Ok(store)
    }

    /// The same store with another limit of bytes for all blobs together.
    #[cfg(test)]
    fn limited(self, limit: u64) -> Store {
        Store { limit, ..self }
    }

    /// A blob that was kept before, opened; noted as used now.
    pub(super) fn get(&self, digest: &Digest) -> Option<File> {
        let file = File::open(self.dir.join(digest.hex())).ok()?;
        // When it was used last decides what goes. A store that cannot be written is still read.
        let _ = file.set_modified(SystemTime::now());
        Some(file)
    }

    /// A place to write a blob of about `size` bytes to. Others make room for it.
    pub(super) fn incoming(&self, size: u64) -> io::Result<Incoming> {
        self.make_room(size);
        let file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.dir)?;
        // Held as long as somebody writes it.
        flock(file.as_file(), FlockOperation::NonBlockingLockExclusive)?;
        Ok(Incoming { file, hasher: Sha256::new(), length: 0, dir: self.dir.clone() })
    }

    /// Removes the blobs that were not used for longest, until there is room.
    fn make_room(&self, wanted: u64) {
        let mut blobs: Vec<(SystemTime, u64, PathBuf)> = self
            .files(|name| !name.starts_with(UNFINISHED))
            .filter_map(|path| {
                let found = fs::metadata(&path).ok()?;
                Some((found.modified().ok()?, found.len(), path))
            })
            .collect();
        blobs.sort();
        let mut total = wanted + blobs.iter().map(|(_, size, _)| size).sum::<u64>();
        for (_, size, path) in blobs {
            if total <= self.limit {
                break;
            }
            if fs::remove_file(path).is_ok() {
                total = total.saturating_sub(size);
            }
        }
    }

    fn remove_unfinished(&self) {
        for path in self.files(|name| name.starts_with(UNFINISHED)) {
            let Ok(file) = File::open(&path) else { continue };
            if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
                // Another run may have been quicker.
                let _ = fs::remove_file(&path);
            }
        }
    }

    fn files(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = PathBuf> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries
            .filter(move |entry| entry.file_name().to_str().is_some_and(&wanted))
            .map(|entry| entry.path())
    }
}

impl Incoming {
    /// Bytes that were written so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// What has been written so far, opened to be read while more comes.
    pub(super) fn reader(&self) -> io::Result<File> {
        self.file.reopen()
    }

    /// Puts the blob into the store if its bytes are those of `expected`, or whatever they
    /// are where that is `None`. Gives its digest.
    pub(super) fn keep(mut self, expected: Option<&Digest>) -> Result<Digest, KeepError> {
        self.file.flush()?;
        let is = Digest::from_bytes(self.hasher.finalize().into());
        if let Some(expected) = expected.filter(|expected| **expected != is) {
            return Err(KeepError::Differs { is, expected: *expected });
        }
        // Somebody else may have put the same bytes there: it makes no difference whose they are.
        self.file.persist(self.dir.join(is.hex())).map_err(|error| error.error)?;
        Ok(is)
    }
}

impl Write for Incoming {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.file.write(buffer)?;
        self.hasher.update(&buffer[..count]);
        self.length += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::Duration;

    use super::*;

    fn put(store: &Store, bytes: &[u8]) -> Digest {
        let mut incoming = store.incoming(bytes.len() as u64).expect("a place");
        incoming.write_all(bytes).expect("written");
        incoming.keep(None).expect("kept")
    }

    #[test]
    fn a_blob_is_kept_under_its_digest() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(dir.path()).expect("a store");
        let digest = put(&store, b"abc");
        assert_eq!(digest, Digest::of(b"abc"));
        let mut bytes = Vec::new();
        store.get(&digest).expect("is there").read_to_end(&mut bytes).expect("read");
        assert_eq!(bytes, b"abc");
        assert!(store.get(&Digest::of(b"other")).is_none());
    }

    #[test]
    fn another_blob_is_not_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(dir.path()).expect("a store");
        let mut incoming = store.incoming(3).expect("a place");
        incoming.write_all(b"abd").expect("written");
        let expected = Digest::of(b"abc");
        let error = incoming.keep(Some(&expected)).expect_err("is another");
        assert!(matches!(error, KeepError::Differs { is, .. } if is == Digest::of(b"abd")));
        assert_eq!(store.files(|_| true).count(), 0);
    }

    #[test]
    fn the_oldest_blobs_go() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(dir.path()).expect("a store").limited(8);
        let old = put(&store, b"old");
        let used = put(&store, b"used");
        let earlier = SystemTime::now() - Duration::from_secs(10);
        let file = store.get(&old).expect("is there");
        file.set_modified(earlier).expect("set");
        put(&store, b"new");
        assert!(store.get(&old).is_none());
        assert!(store.get(&used).is_some());
    }

    #[test]
    fn what_a_killed_run_left_is_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let store = Store::open(dir.path()).expect("a store");
        let writing = store.incoming(3).expect("a place");
        fs::write(store.dir.join("new-left"), b"half").expect("a file");
        Store::open(dir.path()).expect("a store");
        assert_eq!(store.files(|_| true).count(), 1, "only the one that is being written");
        drop(writing);
        assert_eq!(store.files(|_| true).count(), 0);
    }
}
