//! A layer's bytes, inflated and hashed on the way: the compressed ones and the plain ones.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use flate2::bufread::GzDecoder;
use sha2::{Digest as _, Sha256};

use super::super::Compression;
use super::super::entries::Tape;
use crate::oci::Digest;

/// Bytes that go from the thread that inflates to the one that looks, at a time.
const CHUNK: usize = 256 << 10;
/// Chunks on the way: enough that neither thread waits for the other's every step.
const CHUNKS: usize = 4;

/// What was found out of the compressed bytes.
pub(super) struct Compressed {
    pub(super) compression: Compression,
    /// `None` where it was not wanted.
    pub(super) digest: Option<Digest>,
    pub(super) bytes: u64,
    /// What is wrong with how the bytes are packed.
    pub(super) problem: Option<String>,
}

/// Which bytes are hashed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Hashing {
    /// The packed ones and the plain ones: for the blob's digest and its diff ID.
    Both,
    /// The plain ones, unless they are the blob's own: the source vouches for that.
    Plain,
    /// The packed ones: the diff ID is known.
    Packed,
}

/// The inflated bytes, as a tape; another thread makes them.
pub(super) struct Inflated {
    chunks: Receiver<Vec<u8>>,
    empty: SyncSender<Vec<u8>>,
    current: Vec<u8>,
    at: usize,
    hasher: Option<Sha256>,
    /// Whether the bytes turned out not to be packed, where that spares the hashing; known
    /// before the first chunk comes.
    plain: Option<Arc<AtomicBool>>,
    bytes: u64,
}

/// Starts to inflate a blob. `told` hears the compressed bytes so far.
pub(super) fn inflate<'scope>(
    scope: &'scope Scope<'scope, '_>,
    blob: impl Read + Send + 'scope,
    hashing: Hashing,
    told: &'scope mut (dyn FnMut(u64) + Send),
) -> (Inflated, ScopedJoinHandle<'scope, io::Result<Compressed>>) {
    let (send, chunks) = sync_channel(CHUNKS);
    let (empty, recycled) = sync_channel(CHUNKS + 2);
    let packed = (hashing != Hashing::Plain).then(Sha256::new);
    let plain = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&plain);
    let thread = scope.spawn(move || work(blob, packed, told, &send, &recycled, &seen));
    let hasher = (hashing != Hashing::Packed).then(Sha256::new);
    // A plain blob is its own plain bytes: its digest is the diff ID.
    let plain = (hashing == Hashing::Plain).then_some(plain);
    (Inflated { chunks, empty, current: Vec::new(), at: 0, hasher, plain, bytes: 0 }, thread)
}

impl Inflated {
    /// Reads to the end. How many bytes there were, and their digest where one was wanted.
    pub(super) fn finish(mut self) -> (u64, Option<Digest>) {
        while self.advance() {}
        let digest = self.hasher.map(|hasher| Digest::from_bytes(hasher.finalize().into()));
        (self.bytes, digest)
    }

    /// Takes the next chunk in place of the current one. `false` at the end.
    fn advance(&mut self) -> bool {
        let used = std::mem::take(&mut self.current);
        self.at = 0;
        // A chunk that is not taken back is only not used again.
        let _ = self.empty.try_send(used);
        let Ok(chunk) = self.chunks.recv() else { return false };
        if self.plain.as_ref().is_some_and(|plain| plain.load(Ordering::Relaxed)) {
            self.hasher = None;
        }
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&chunk);
        }
        self.bytes += chunk.len() as u64;
        self.current = chunk;
        true
    }

    fn ready(&mut self) -> bool {
        self.at < self.current.len() || self.advance()
    }
}

impl Read for Inflated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || !self.ready() {
            return Ok(0);
        }
        let count = buffer.len().min(self.current.len() - self.at);
        buffer[..count].copy_from_slice(&self.current[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

impl Tape for Inflated {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let mut left = count;
        while left > 0 && self.ready() {
            let here = self.current.len() - self.at;
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(here);
            self.at += step;
            left -= step as u64;
        }
        Ok(count - left)
    }
}

fn work(
    blob: impl Read,
    hasher: Option<Sha256>,
    told: &mut dyn FnMut(u64),
    send: &SyncSender<Vec<u8>>,
    recycled: &Receiver<Vec<u8>>,
    plain: &AtomicBool,
) -> io::Result<Compressed> {
    let mut hashed = Hashed { inner: blob, hasher, bytes: 0, failed: None, told };
    let mut raw = BufReader::with_capacity(CHUNK, &mut hashed);
    let magic = raw.fill_buf().unwrap_or_default();
    let compression = Compression::of(magic);
    plain.store(compression == Compression::None, Ordering::Relaxed);
    let mut pump = Pump { send, recycled, sent: 0 };
    let result = match compression {
        Compression::None => pump.all(&mut raw),
        Compression::Gzip => gzip(&mut raw, &mut pump),
        Compression::Zstd => zstd::stream::read::Decoder::with_buffer(&mut raw)
            .and_then(|mut decoder| pump.all(&mut decoder)),
    };
    // Whoever read the inflated bytes has given up.
    if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    // The digest is that of all bytes, also of those that no decoder wanted.
    let rest = io::copy(&mut raw, &mut io::sink());
    drop(raw);
    let sent = pump.sent;
    let Hashed { hasher, bytes, failed, .. } = hashed;
    if let Some(error) = failed {
        return Err(error);
    }
    let rest = rest?;
    let name = match compression {
        Compression::None => "tar",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    };
    let problem = result.err().map(|error| {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return format!(
                "ends in the middle of its {name} stream, after {bytes} bytes ({sent} inflated)"
            );
        }
        let at = bytes.saturating_sub(rest);
        format!("is damaged as a {name} stream before byte {at} ({sent} inflated): {error}")
    });
    let digest = hasher.map(|hasher| Digest::from_bytes(hasher.finalize().into()));
    Ok(Compressed { compression, digest, bytes, problem })
}

/// Inflates members until there are none. What follows them may be zeros, as tape archivers
/// pad, and nothing else.
fn gzip(raw: &mut impl BufRead, pump: &mut Pump<'_>) -> io::Result<()> {
    loop {
        let mut member = GzDecoder::new(&mut *raw);
        pump.all(&mut member)?;
        let rest = raw.fill_buf()?;
        match rest {
            [] => return Ok(()),
            [0x1f, ..] => {}
            [0, ..] => return only_zeros(raw),
            _ => return Err(io::Error::other("other bytes follow it")),
        }
    }
}

fn only_zeros(raw: &mut impl BufRead) -> io::Result<()> {
    loop {
        let rest = raw.fill_buf()?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(io::Error::other("other bytes follow it"));
        }
        let count = rest.len();
        if count == 0 {
            return Ok(());
        }
        raw.consume(count);
    }
}

struct Pump<'a> {
    send: &'a SyncSender<Vec<u8>>,
    recycled: &'a Receiver<Vec<u8>>,
    sent: u64,
}

impl Pump<'_> {
    fn all(&mut self, from: &mut dyn Read) -> io::Result<()> {
        loop {
            let mut chunk = self.recycled.try_recv().unwrap_or_default();
            chunk.clear();
            chunk.reserve_exact(CHUNK);
            let result = from.take(CHUNK as u64).read_to_end(&mut chunk);
            let full = chunk.len() == CHUNK;
            self.sent += chunk.len() as u64;
            if !chunk.is_empty() && self.send.send(chunk).is_err() {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            result?;
            if !full {
                return Ok(());
            }
        }
    }
}

struct Hashed<'a, R> {
    inner: R,
    hasher: Option<Sha256>,
    bytes: u64,
    /// The source's own failure, kept apart from a decoder's complaint.
    failed: Option<io::Error>,
    told: &'a mut dyn FnMut(u64),
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match self.inner.read(buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => {
                self.failed.get_or_insert(error);
                0
            }
        };
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..count]);
        }
        self.bytes += count as u64;
        (self.told)(self.bytes);
        Ok(count)
    }
}
