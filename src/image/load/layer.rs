//! One layer: a stream of tar entries into the tree, with both digests on the way.

use std::io::{self, Read, Write};

use tar::EntryType;

use super::super::elf::Sniffer;
use super::super::entries::{Tape, TarEntry, each_entry};
use super::super::tree::{Builder, Entry, EntryId};
use super::super::{Compression, Kind, Layer};
use super::Descriptor;
use super::inflate::{Compressed, Hashing, inflate};
use crate::oci::Digest;

/// The largest of the small files that are kept, in bytes.
const LARGEST_KEPT: u64 = 4 << 20;
/// Oddities that are told of one layer; the rest are counted.
const MOST_PROBLEMS: usize = 8;

/// A layer, and what is wrong with it.
pub(super) struct ReadLayer {
    pub(super) layer: Layer,
    pub(super) problems: Vec<String>,
}

/// Reads a layer. An error is the source's; what is wrong with the bytes is a problem.
pub(super) fn read(
    blob: Box<dyn Read + Send + '_>,
    hashing: Hashing,
    descriptor: &Descriptor,
    layer: u32,
    builder: &mut Builder,
    told: &mut (dyn FnMut(u64) + Send),
) -> io::Result<ReadLayer> {
    std::thread::scope(|scope| {
        let (mut inflated, thread) = inflate(scope, blob, hashing, told);
        let mut problems = entries(&mut inflated, layer, builder);
        let (unpacked, diff_id) = inflated.finish();
        let compressed = thread.join().map_err(|_| no_thread())??;
        let Descriptor { media_type, digest, size } = descriptor;
        if let Some(changed) = changed(&compressed, *digest, *size) {
            problems.insert(0, changed);
        }
        let whole = compressed.problem.is_none();
        let vouched = hashing == Hashing::Plain && compressed.compression == Compression::None;
        let diff_id = diff_id.or(vouched.then_some(*digest));
        if let Some(problem) = compressed.problem {
            // A stream that ends early ends its tar early; that is one thing.
            problems.retain(|problem| !problem.starts_with(NO_TAR));
            problems.push(problem);
        }
        let layer = Layer {
            media_type: media_type.clone(),
            digest: *digest,
            size: *size,
            compression: compressed.compression,
            read: compressed.bytes,
            unpacked,
            diff_id: diff_id.filter(|_| whole),
        };
        Ok(ReadLayer { layer, problems })
    })
}

/// What does not fit between a blob and its descriptor.
fn changed(compressed: &Compressed, digest: Digest, size: u64) -> Option<String> {
    let Compressed { bytes, digest: is, .. } = compressed;
    let differs = is.filter(|is| *is != digest);
    let size =
        (*bytes != size).then(|| format!("has {bytes} bytes, and its descriptor says {size}"));
    size.or_else(|| differs.map(|is| format!("has digest {is}, and its descriptor says {digest}")))
}

fn no_thread() -> io::Error {
    io::Error::other("the thread that inflates failed")
}

/// A layer's tar, inflated while it is read. It has to be the one that was read before.
pub(crate) fn tar_of<T>(
    blob: Box<dyn Read + Send + '_>,
    layer: &Layer,
    read: impl FnOnce(&mut dyn Tape) -> io::Result<T>,
) -> io::Result<T> {
    let mut told = |_| {};
    std::thread::scope(|scope| {
        let (mut inflated, thread) = inflate(scope, blob, Hashing::Packed, &mut told);
        let result = read(&mut inflated)?;
        inflated.finish();
        let compressed = thread.join().map_err(|_| no_thread())??;
        let problem = changed(&compressed, layer.digest, layer.size);
        match problem.or(compressed.problem) {
            Some(problem) => Err(io::Error::other(format!("it {problem} now"))),
            None => Ok(result),
        }
    })
}

/// Why bytes could not be inflated into a file.
pub(crate) enum Uninflated {
    /// They could not be read.
    Read(io::Error),
    /// The file could not be written.
    Write(io::Error),
    /// They are damaged: a text that follows what they are.
    Damaged(String),
}

/// Inflates bytes, whatever they are packed with.
pub(crate) fn inflate_into(from: impl Read + Send, to: &mut impl Write) -> Result<(), Uninflated> {
    let mut told = |_| {};
    std::thread::scope(|scope| {
        let (mut inflated, thread) = inflate(scope, from, Hashing::Packed, &mut told);
        io::copy(&mut inflated, to).and_then(|_| to.flush()).map_err(Uninflated::Write)?;
        inflated.finish();
        let read = thread.join().map_err(|_| no_thread()).and_then(|compressed| compressed);
        let compressed = read.map_err(Uninflated::Read)?;
        compressed.problem.map_or(Ok(()), |problem| Err(Uninflated::Damaged(problem)))
    })
}

const NO_TAR: &str = "is no whole tar";

/// Puts the entries of a tar into the tree.
fn entries(from: &mut dyn Tape, layer: u32, builder: &mut Builder) -> Vec<String> {
    let mut problems = Problems::default();
    let mut sniffer = Sniffer::default();
    let walked = each_entry(from, &mut |entry| {
        let odd = if entry.kind == EntryType::Link {
            builder.link(&entry.path, &entry.link)
        } else {
            let (kind, content) = kind(entry, &mut sniffer)?;
            let TarEntry { mode, uid, gid, .. } = *entry;
            let source = EntryId { layer, place: entry.place };
            builder.add(&entry.path, Entry { kind, mode, uid, gid, content, source })
        };
        if let Err(odd) = odd {
            problems.add(&format!("is odd: {odd}"));
        }
        Ok(())
    });
    if let Err(error) = walked {
        problems.add(&format!("{NO_TAR}: {error}"));
    }
    problems.finish()
}

/// What an entry is, and its bytes where they are kept.
fn kind(entry: &mut TarEntry<'_>, sniffer: &mut Sniffer) -> io::Result<(Kind, Option<Vec<u8>>)> {
    let size = entry.size;
    let kind = match entry.kind {
        EntryType::Symlink => Kind::Symlink { target: entry.link.clone() },
        EntryType::Directory => Kind::Directory,
        EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Special,
        _ if entry.path.ends_with('/') => Kind::Directory,
        _ if may_decide(&entry.path) && size <= LARGEST_KEPT => {
            let mut bytes = Vec::new();
            entry.content.read_to_end(&mut bytes)?;
            let kind = sniffer.kind(&mut &*bytes, size)?;
            let kept = matches!(kind, Kind::File { .. }).then_some(bytes);
            return Ok((kind, kept));
        }
        _ => sniffer.kind(&mut entry.content, size)?,
    };
    Ok((kind, None))
}

/// Whether a file may be one of those whose contents decide how a start goes. Only the name
/// counts: `/etc/passwd` is a symbolic link in images that Nix builds.
fn may_decide(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    matches!(name, "passwd" | "group" | "ld.so.cache" | "ld-musl-x86_64.path")
}

#[derive(Default)]
struct Problems {
    told: Vec<String>,
    more: usize,
}

impl Problems {
    fn add(&mut self, problem: &str) {
        if self.told.len() < MOST_PROBLEMS {
            self.told.push(one_line(problem));
        } else {
            self.more += 1;
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.more > 0 {
            self.told.push(format!("is odd in {} more places", self.more));
        }
        self.told
    }
}

/// A text that may hold names from the image, fit to be shown.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut line: String = text.chars().take(LONGEST).flat_map(shown).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}

fn shown(letter: char) -> impl Iterator<Item = char> {
    let control = letter.is_control().then(|| letter.escape_default());
    let plain = (!letter.is_control()).then_some(letter);
    control.into_iter().flatten().chain(plain)
}
