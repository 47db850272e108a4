//! Compresses as a push of an engine does, on all processors.
//!
//! A stream is cut into pieces that are compressed side by side; each knows what comes before
//! it, so that they take no more room than they would in one go.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::ops::ControlFlow;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// Bytes of a piece.
pub(super) const PIECE: usize = 64 << 10;
/// The level that Go's `compress/gzip` takes when it is not told, and so engines do.
pub(super) const LEVEL: u32 = 6;
/// What a piece may refer back to: the window of the format.
const WINDOW: usize = 32 << 10;
/// What stands before a gzip stream: no name, no time, an unknown system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// The last block, an empty one.
const LAST: [u8; 2] = [3, 0];
/// Bytes of a gzip stream around its pieces.
pub(super) const HEAD_AND_TAIL: u64 = 20;

/// Hears how many bytes were read, and says whether to go on.
type Told<'a> = &'a mut (dyn FnMut(u64) -> ControlFlow<()> + Send);

/// A piece of a stream, and what comes before it.
struct Piece {
    place: u64,
    window: Vec<u8>,
    bytes: Vec<u8>,
}

/// Compresses every so many pieces of a stream, and gives them in their order. How many bytes
/// those pieces had. Whoever wants no more makes it an error of the kind `Interrupted`.
pub(super) fn deflate(
    from: impl Read + Send,
    every: u64,
    told: Told<'_>,
    give: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<u64> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let (send, pieces) = sync_channel::<Piece>(threads);
        let (give_back, packed) = sync_channel::<(u64, Vec<u8>)>(threads);
        let pieces = Arc::new(Mutex::new(pieces));
        let cutting = scope.spawn(move || cut(from, every, told, &send));
        for _ in 0..threads {
            let (pieces, give_back) = (Arc::clone(&pieces), give_back.clone());
            scope.spawn(move || {
                loop {
                    let next = pieces.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    let Ok(piece) = next else { break };
                    if give_back.send((piece.place, piece.deflated())).is_err() {
                        break;
                    }
                }
            });
        }
        drop((pieces, give_back));
        let mut given = Ok(());
        let (mut next, mut early) = (0, BTreeMap::new());
        for (place, bytes) in packed {
            early.insert(place, bytes);
            while let Some(bytes) = early.remove(&next) {
                next += 1;
                if given.is_ok() {
                    given = give(&bytes);
                }
            }
        }
        let cut = cutting.join().map_err(|_| io::Error::other("the thread that reads failed"))?;
        given.and(cut)
    })
}

/// Writes a stream as gzip.
pub(super) fn gzip(from: impl Read + Send, told: Told<'_>, to: &mut dyn Write) -> io::Result<()> {
    let mut crc = Crc::new();
    let summed = Summed { from, crc: &mut crc };
    to.write_all(&HEAD)?;
    deflate(summed, 1, told, &mut |bytes| to.write_all(bytes))?;
    to.write_all(&LAST)?;
    to.write_all(&crc.sum().to_le_bytes())?;
    to.write_all(&crc.amount().to_le_bytes())
}

/// A stream, summed up on the way.
struct Summed<'a, R> {
    from: R,
    crc: &'a mut Crc,
}

impl<R: Read> Read for Summed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.crc.update(&buffer[..count]);
        Ok(count)
    }
}

impl Piece {
    /// The piece as a part of a stream that goes on.
    fn deflated(&self) -> Vec<u8> {
        let mut compress = Compress::new(Compression::new(LEVEL), false);
        if !self.window.is_empty() {
            // Without it a piece would only become a little larger.
            let _ = compress.set_dictionary(&self.window);
        }
        let mut out = Vec::with_capacity(self.bytes.len() / 2 + 64);
        loop {
            let read = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
            let rest = self.bytes.get(read..).unwrap_or_default();
            out.reserve(PIECE / 4);
            let status = compress.compress_vec(rest, &mut out, FlushCompress::Sync);
            // Output space that is left means that all has been written.
            if !matches!(status, Ok(Status::Ok)) || out.len() < out.capacity() {
                return out;
            }
        }
    }
}

/// Cuts a stream into pieces, and sends every so many of them. How many bytes those had.
fn cut(
    mut from: impl Read,
    every: u64,
    told: Told<'_>,
    send: &SyncSender<Piece>,
) -> io::Result<u64> {
    let mut window = Vec::new();
    let (mut sent, mut place, mut read) = (0, 0, 0);
    for at in 0_u64.. {
        let mut bytes = Vec::with_capacity(PIECE);
        from.by_ref().take(PIECE as u64).read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            break;
        }
        read += bytes.len() as u64;
        if told(read) == ControlFlow::Break(()) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let next = bytes[bytes.len().saturating_sub(WINDOW)..].to_vec();
        let window = std::mem::replace(&mut window, next);
        // From the middle of each stretch: what layers begin with is not like the rest.
        if at % every == every / 2 {
            sent += bytes.len() as u64;
            send.send(Piece { place, window, bytes }).map_err(io::Error::other)?;
            place += 1;
        }
    }
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_is_packed_is_gzip_of_one_member() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 9 * PIECE + 7] {
            let bytes: Vec<u8> =
                (0..length).map(|at| if at % 3 == 0 { b'a' } else { b'b' }).collect();
            let mut packed = Vec::new();
            gzip(&*bytes, &mut |_| ControlFlow::Continue(()), &mut packed).expect("packed");
            let mut decoder = GzDecoder::new(&*packed);
            let mut back = Vec::new();
            decoder.read_to_end(&mut back).expect("unpacked");
            assert_eq!(back, bytes);
            assert!(decoder.into_inner().is_empty());
        }
    }

    #[test]
    fn whoever_wants_no_more_is_heeded() {
        let bytes = vec![0; 3 * PIECE];
        let stopped = gzip(&*bytes, &mut |_| ControlFlow::Break(()), &mut Vec::new());
        assert_eq!(stopped.expect_err("stopped").kind(), io::ErrorKind::Interrupted);
    }
}
