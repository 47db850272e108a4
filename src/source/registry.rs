//! `docker://REF`, and names that no engine has: blobs are fetched into the store, several at
//! once, and read while they come.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Cursor, Read, Write as _};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use oci_spec::distribution::Reference as Name;

use super::store::{KeepError, Store};
use super::{Local, SourceError};
use crate::image::{BlobError, Blobs, Root};
use crate::oci::Digest;
use crate::registry::{Access, Registry, RegistryError};

/// Blobs that are fetched at once.
const AT_ONCE: usize = 3;
/// The largest blob that is fetched without being expected: a config, in bytes.
const LARGEST_DOCUMENT: u64 = 4 << 20;

/// Opens an image of a registry.
pub(super) fn open(text: &str, name: &Name, local: &Local) -> Result<Box<dyn Blobs>, SourceError> {
    let failed =
        |source| SourceError::Registry { reference: text.to_owned(), source: Box::new(source) };
    let ended = Arc::new(AtomicBool::new(false));
    let registry = Registry::of(name, &ending(&local.registry, &ended)).map_err(failed)?;
    // A digest says more than a tag.
    let which = name.digest().or(name.tag()).unwrap_or("latest");
    let found = registry.manifest(which).map_err(failed)?;
    let store = Store::open(&local.scratch).map_err(|source| SourceError::Read {
        what: format!("the cache {}", local.scratch.display()),
        source,
    })?;
    Ok(Box::new(Remote {
        root: Root {
            bytes: found.bytes,
            media_type: found.media_type,
            digest: Some(found.digest),
            size: None,
        },
        place: format!("`{text}`"),
        fetcher: Arc::new(Fetcher { registry, store, coming: Mutex::default() }),
        threads: Mutex::default(),
        ended,
    }))
}

/// The same access, given up as soon as nobody reads any more.
fn ending(access: &Access, ended: &Arc<AtomicBool>) -> Access {
    let (stopped, ended) = (Arc::clone(&access.stopped), Arc::clone(ended));
    let stopped = Arc::new(move || stopped() || ended.load(Ordering::Acquire));
    Access { stopped, ..access.clone() }
}

/// An image of a registry.
struct Remote {
    root: Root,
    place: String,
    fetcher: Arc<Fetcher>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Nobody reads any more.
    ended: Arc<AtomicBool>,
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        for thread in lock(&self.threads).drain(..) {
            // What it could not do has been told to whoever reads.
            let _ = thread.join();
        }
    }
}

/// Fetches blobs into the store.
struct Fetcher {
    registry: Registry,
    store: Store,
    /// Blobs that are being fetched, or could not be.
    coming: Mutex<HashMap<Digest, Arc<Coming>>>,
}

/// A blob on its way.
struct Coming {
    digest: Digest,
    size: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What has come so far; `None` before the first byte.
    file: Option<Arc<File>>,
    written: u64,
    /// How it ended: with the whole and right blob, or with the reason why not.
    end: Option<Result<(), String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Coming {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.changed.notify_all();
    }
}

impl Fetcher {
    fn fetch(&self, coming: &Coming) {
        let end = self.try_fetch(coming).map_err(|error| error.to_string());
        coming.change(|state| state.end = Some(end));
    }

    fn try_fetch(&self, coming: &Coming) -> Result<(), RegistryError> {
        let what = || format!("keep blob {} in the cache", coming.digest.short());
        let kept = |source| RegistryError::File { what: what(), source };
        let mut incoming = self.store.incoming(coming.size).map_err(kept)?;
        let file = Arc::new(incoming.reader().map_err(kept)?);
        coming.change(|state| state.file = Some(file));
        self.registry.blob(&coming.digest, coming.size, &mut |bytes| {
            incoming.write_all(bytes)?;
            coming.change(|state| state.written += bytes.len() as u64);
            Ok(())
        })?;
        incoming.keep(Some(&coming.digest)).map(|_| ()).map_err(|error| match error {
            KeepError::Differs { is, expected } => {
                self.registry.differs(&format!("read blob {}", expected.short()), is, expected)
            }
            KeepError::Write(source) => kept(source),
        })
    }

    /// A small blob that nobody expected.
    fn document(&self, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
        let bytes = self.registry.document(digest, LARGEST_DOCUMENT)?;
        let is = Digest::of(&bytes);
        if is != *digest {
            let what = format!("read blob {}", digest.short());
            return Err(self.registry.differs(&what, is, *digest));
        }
        Ok(bytes)
    }
}

impl Remote {
    fn failed(&self, what: &str, error: &RegistryError) -> BlobError {
        BlobError::Read {
            what: what.to_owned(),
            place: self.place.clone(),
            source: io::Error::other(error.to_string()),
        }
    }
}

impl Blobs for Remote {
    fn root(&self) -> Result<Root, BlobError> {
        Ok(self.root.clone())
    }

    fn manifest(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BlobError> {
        let found = self.fetcher.registry.manifest(&digest.to_string());
        let found = found.map_err(|error| self.failed("a manifest", &error))?;
        Ok(Box::new(Cursor::new(found.bytes)))
    }

    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BlobError> {
        if let Some(file) = self.fetcher.store.get(digest) {
            return Ok(Box::new(file));
        }
        let coming = lock(&self.fetcher.coming).get(digest).map(Arc::clone);
        if let Some(coming) = coming {
            return Ok(Box::new(Following { coming, at: 0 }));
        }
        let bytes = self.fetcher.document(digest);
        let bytes = bytes.map_err(|error| self.failed("the config", &error))?;
        Ok(Box::new(Cursor::new(bytes)))
    }

    /// What came in this run was hashed when it was kept; what an earlier run kept may have been
    /// changed since.
    fn vouches_for(&self, digest: &Digest) -> bool {
        lock(&self.fetcher.coming).contains_key(digest)
    }

    fn expect(&self, blobs: &[(Digest, u64)]) {
        let mut queue = Vec::new();
        for (digest, size) in blobs {
            let mut known = lock(&self.fetcher.coming);
            if self.fetcher.store.get(digest).is_none() && !known.contains_key(digest) {
                let coming = Arc::new(Coming {
                    digest: *digest,
                    size: *size,
                    state: Mutex::default(),
                    changed: Condvar::new(),
                });
                known.insert(*digest, Arc::clone(&coming));
                queue.push(coming);
            }
        }
        let (queue, next) = (Arc::new(queue), Arc::new(AtomicUsize::new(0)));
        let threads = (0..AT_ONCE.min(queue.len())).map(|_| {
            let (fetcher, queue, next) =
                (Arc::clone(&self.fetcher), Arc::clone(&queue), Arc::clone(&next));
            std::thread::spawn(move || {
                while let Some(coming) = queue.get(next.fetch_add(1, Ordering::Relaxed)) {
                    fetcher.fetch(coming);
                }
            })
        });
        lock(&self.threads).extend(threads);
    }
}

/// Reads a blob while it comes. It ends well only where the blob turned out to be the right
/// one.
struct Following {
    coming: Arc<Coming>,
    at: u64,
}

impl Read for Following {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = lock(&self.coming.state);
        loop {
            if let (Some(file), true) = (&state.file, state.written > self.at) {
                let file = Arc::clone(file);
                let there = usize::try_from(state.written - self.at).unwrap_or(usize::MAX);
                drop(state);
                let most = there.min(buffer.len());
                let count = file.read_at(&mut buffer[..most], self.at)?;
                self.at += count as u64;
                return Ok(count);
            }
            match &state.end {
                Some(Ok(())) => return Ok(0),
                Some(Err(why)) => return Err(io::Error::other(why.clone())),
                None => {}
            }
            state = self.coming.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
