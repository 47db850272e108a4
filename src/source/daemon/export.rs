//! The engine's export, a tar that arrives as a stream, into the store of blobs.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use futures_util::{Stream, StreamExt as _};
use tar::EntryType;
use tokio::runtime::Runtime;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::super::store::{KeepError, Store};
use super::super::{Step, Telling};
use super::{Failure, Found, LARGEST};
use crate::image::entries::{Tape, TarEntry, each_entry};
use crate::oci::Digest;

/// Until more of an image comes: an engine writes it to its own disk first.
pub(super) const MORE: Duration = Duration::from_secs(300);
/// How often is told how far it is.
const TELL: Duration = Duration::from_millis(100);
/// Chunks that may wait to be written.
const CHUNKS: usize = 16;
/// Bytes that are copied at a time.
const CHUNK: usize = 256 << 10;

/// Reads an image's export, and keeps what belongs to the image. One thread receives, another
/// hashes and writes.
pub(super) fn export(
    runtime: &Runtime,
    docker: &Docker,
    found: &Found,
    store: &Store,
    telling: Telling<'_>,
) -> Result<(), Failure> {
    // By its id: the name may come to mean another image meanwhile.
    let stream = docker.export_image(&found.id.to_string());
    let (send, chunks) = sync_channel(CHUNKS);
    let (received, kept) = thread::scope(|scope| {
        let keeping = scope.spawn(|| Keeper::new(store, found).all(chunks));
        let received = runtime.block_on(receive(stream, send, found.size, telling));
        (received, keeping.join())
    });
    received?;
    match kept {
        Ok(kept) => kept,
        Err(_) => Err(Failure::File(io::Error::other("the thread that writes failed"))),
    }
}

/// Passes on what comes. That nobody takes it any more is for the other side to explain.
async fn receive<B>(
    stream: impl Stream<Item = Result<B, Error>>,
    send: SyncSender<B>,
    of: u64,
    telling: Telling<'_>,
) -> Result<(), Failure>
where
    B: AsRef<[u8]>,
{
    let mut stream = pin!(stream);
    let mut tell = interval(TELL);
    tell.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut done = 0;
    loop {
        let next = timeout(MORE, stream.next());
        let mut next = pin!(next);
        let chunk = loop {
            tokio::select! {
                biased;
                _ = tell.tick() => {
                    let step = match done {
                        0 => Step::Waiting,
                        done => Step::Reading { done, of: of.max(done) },
                    };
                    if telling(step) == ControlFlow::Break(()) {
                        return Err(Failure::Stopped);
                    }
                }
                chunk = &mut next => break chunk.map_err(|_| Failure::Silent)?,
            }
        };
        let Some(chunk) = chunk else { return Ok(()) };
        let chunk = chunk.map_err(Failure::Engine)?;
        done += chunk.as_ref().len() as u64;
        if send.send(chunk).is_err() {
            return Ok(());
        }
    }
}

/// Chunks from the other thread, as a tape.
struct Chunks<B> {
    receiver: Receiver<B>,
    current: Option<B>,
    at: usize,
}

impl<B: AsRef<[u8]>> Chunks<B> {
    /// What is left of the current chunk, or of the next one; empty at the end.
    fn ready(&mut self) -> &[u8] {
        while self.current.as_ref().is_none_or(|chunk| self.at >= chunk.as_ref().len()) {
            self.at = 0;
            self.current = self.receiver.recv().ok();
            if self.current.is_none() {
                return &[];
            }
        }
        self.current.as_ref().map_or(&[], |chunk| &chunk.as_ref()[self.at..])
    }
}

impl<B: AsRef<[u8]>> Read for Chunks<B> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let here = self.ready();
        let count = here.len().min(buffer.len());
        buffer[..count].copy_from_slice(&here[..count]);
        self.at += count;
        Ok(count)
    }
}

impl<B: AsRef<[u8]>> Tape for Chunks<B> {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let mut left = count;
        while left > 0 {
            let here = self.ready().len();
            if here == 0 {
                break;
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(here);
            self.at += step;
            left -= step as u64;
        }
        Ok(count - left)
    }
}

/// Puts what belongs to an image into the store.
pub(super) struct Keeper<'a> {
    store: &'a Store,
    wanted: HashSet<Digest>,
    /// Blobs of the image that the store has, with their sizes.
    there: Vec<(Digest, u64, File)>,
    chunk: Vec<u8>,
}

impl<'a> Keeper<'a> {
    pub(super) fn new(store: &'a Store, found: &Found) -> Keeper<'a> {
        let wanted: HashSet<Digest> = found.diff_ids.iter().copied().chain([found.id]).collect();
        let there = |digest: &Digest| {
            let file = store.get(digest)?;
            let size = file.metadata().ok()?.len();
            Some((*digest, size, file))
        };
        let there = wanted.iter().filter_map(there).collect();
        Keeper { store, wanted, there, chunk: vec![0; CHUNK] }
    }

    pub(super) fn all(mut self, chunks: Receiver<impl AsRef<[u8]>>) -> Result<(), Failure> {
        let mut tape = Chunks { receiver: chunks, current: None, at: 0 };
        let mut unwritten = None;
        let read = each_entry(&mut tape, &mut |entry| {
            if !matches!(entry.kind, EntryType::Regular | EntryType::Continuous) {
                return Ok(());
            }
            self.entry(entry).map_err(|error| match error {
                Failure::File(error) => {
                    unwritten = Some(error);
                    io::ErrorKind::Other.into()
                }
                Failure::Odd(why) => io::Error::new(io::ErrorKind::InvalidData, why),
                _ => io::ErrorKind::Other.into(),
            })
        });
        if let Some(error) = unwritten {
            return Err(Failure::File(error));
        }
        read.map_err(|error| Failure::Odd(format!("its export is damaged: {error}")))?;
        // To the end, or the other side would see a reader that has left.
        tape.skip(u64::MAX).map(drop).map_err(Failure::File)
    }

    fn entry(&mut self, entry: &mut TarEntry<'_>) -> Result<(), Failure> {
        let named = digest_in(&entry.path);
        if named.is_some_and(|digest| self.store.get(&digest).is_some()) {
            return Ok(());
        }
        if entry.size > LARGEST || named.is_some() {
            return self.blob(entry, named);
        }
        // What is small is looked at first: most of it only describes the archive.
        let mut bytes = Vec::new();
        entry.content.read_to_end(&mut bytes).map_err(|error| odd(&error))?;
        let digest = Digest::of(&bytes);
        if self.wanted.contains(&digest) && bytes.len() as u64 == entry.size {
            let mut incoming = self.store.incoming(entry.size).map_err(Failure::File)?;
            incoming.write_all(&bytes).map_err(Failure::File)?;
            kept(incoming.keep(Some(&digest)), &entry.path)?;
        }
        Ok(())
    }

    /// Keeps what is no document. The archive need not say which layer it is; one that the
    /// store has is compared and not written again.
    fn blob(&mut self, entry: &mut TarEntry<'_>, named: Option<Digest>) -> Result<(), Failure> {
        let known = self.there.iter().find(|(_, size, _)| named.is_none() && *size == entry.size);
        let (mut same, mut other) = (0, 0);
        if let Some((_, _, file)) = known {
            let mut file = super::Positioned { file, at: 0 };
            let mut stored = vec![0; CHUNK];
            loop {
                let count =
                    fill(&mut entry.content, &mut self.chunk).map_err(|error| odd(&error))?;
                if count == 0 {
                    return Ok(());
                }
                let stored = &mut stored[..count];
                file.read_exact(stored).map_err(Failure::File)?;
                if *stored != self.chunk[..count] {
                    other = count;
                    break;
                }
                same += count as u64;
            }
        }
        let mut incoming = self.store.incoming(entry.size).map_err(Failure::File)?;
        if let Some((_, _, file)) = known {
            let mut beginning = super::Positioned { file, at: 0 }.take(same);
            io::copy(&mut beginning, &mut incoming).map_err(Failure::File)?;
        }
        incoming.write_all(&self.chunk[..other]).map_err(Failure::File)?;
        loop {
            let count = fill(&mut entry.content, &mut self.chunk).map_err(|error| odd(&error))?;
            if count == 0 {
                break;
            }
            incoming.write_all(&self.chunk[..count]).map_err(Failure::File)?;
        }
        if incoming.length() == entry.size {
            kept(incoming.keep(named.as_ref()), &entry.path)?;
        }
        Ok(())
    }
}

/// The digest that an entry's name says: `blobs/sha256/HEX`, `HEX.tar`, `HEX.json`.
fn digest_in(path: &str) -> Option<Digest> {
    let name = match path.strip_prefix("blobs/sha256/") {
        Some(hex) => hex,
        None => path.strip_suffix(".tar").or_else(|| path.strip_suffix(".json"))?,
    };
    format!("sha256:{name}").parse().ok()
}

fn kept(kept: Result<Digest, KeepError>, path: &str) -> Result<(), Failure> {
    match kept {
        Ok(_) => Ok(()),
        Err(KeepError::Write(error)) => Err(Failure::File(error)),
        Err(error @ KeepError::Differs { .. }) => Err(Failure::Odd(format!("{path} {error}"))),
    }
}

fn odd(error: &io::Error) -> Failure {
    Failure::Odd(error.to_string())
}

/// Fills a buffer as far as there are bytes.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}
