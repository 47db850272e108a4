//! A tar file, indexed once: each of its files can be read, several at once.
#![expect(clippy::disallowed_methods, reason = "reads the archive")]

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use tar::EntryType;

use super::SourceError;
use crate::image::entries::{Tape, each_entry};
use crate::image::{Compression, Uninflated, inflate_into};

/// More entries than any archive of images has.
const MOST_ENTRIES: usize = 100_000;
/// More bytes than any name and link target of an entry have together.
const LONGEST_NAMES: usize = 8192;
/// Bytes that are written at a time.
const CHUNK: usize = 256 << 10;
/// Links that a name may go through.
const MOST_LINKS: usize = 8;

/// An opened archive.
pub(super) struct Archive {
    file: File,
    place: String,
    entries: HashMap<String, Place>,
}

/// Where an entry's bytes are.
#[derive(Clone)]
enum Place {
    At { offset: u64, size: u64 },
    Link(String),
}

impl Archive {
    /// Opens and indexes an archive. A compressed one is inflated to a file without a name.
    pub(super) fn open(path: &Path, scratch: &Path) -> Result<Archive, SourceError> {
        let place = path.display().to_string();
        let read = |source| SourceError::Read { what: format!("`{place}`"), source };
        let found = std::fs::metadata(path).map_err(read)?;
        if !found.is_file() {
            let what = if found.is_dir() { "a directory" } else { "no file" };
            return Err(SourceError::Damaged {
                place,
                why: format!("it is {what}, and no archive"),
            });
        }
        if found.len() == 0 {
            return Err(SourceError::Damaged { place, why: "the file is empty".to_owned() });
        }
        let mut file = File::open(path).map_err(read)?;
        let mut magic = [0; 4];
        let count = file.read_at(&mut magic, 0).map_err(read)?;
        let mut what = place.clone();
        if Compression::of(&magic[..count]) != Compression::None {
            file = inflated(file, scratch).map_err(|error| told(error, &place))?;
            what.push_str(" (inflated)");
        }
        let entries = indexed(&file, &what)?;
        Ok(Archive { file, place, entries })
    }

    /// The file, as the user named it.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A file of the archive as a stream.
    pub(super) fn file(&self, name: &str) -> io::Result<Part<'_>> {
        let (offset, size) = self.find(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Part { file: &self.file, offset, left: size })
    }

    /// A small file of the archive, whole.
    pub(super) fn document(&self, name: &str, largest: u64) -> Result<Vec<u8>, SourceError> {
        let damaged = |why: String| SourceError::Damaged { place: self.place.clone(), why };
        let mut part = self.file(name).map_err(|_| damaged(format!("{name} is not in it")))?;
        if part.left > largest {
            let size = part.left;
            return Err(damaged(format!("{name} has {size} bytes, more than {largest}")));
        }
        let mut bytes = Vec::new();
        part.read_to_end(&mut bytes).map_err(|source| SourceError::Read {
            what: format!("{name} of `{}`", self.place),
            source,
        })?;
        Ok(bytes)
    }

    /// Offset and size of an entry, links between entries followed.
    fn find(&self, name: &str) -> Option<(u64, u64)> {
        let mut name = normal(name);
        for _ in 0..MOST_LINKS {
            match self.entries.get(&name)? {
                Place::At { offset, size } => return Some((*offset, *size)),
                Place::Link(target) => name.clone_from(target),
            }
        }
        None
    }
}

/// A file without a name, which vanishes with the program however that ends.
fn unnamed(scratch: &Path) -> io::Result<File> {
    std::fs::create_dir_all(scratch)?;
    tempfile::tempfile_in(scratch)
}

fn indexed(file: &File, what: &str) -> Result<HashMap<String, Place>, SourceError> {
    index(file).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            let why = error.to_string();
            // What has no header where every tar has its first is none, and not damaged.
            let none = why.contains(" at byte 0 ");
            let why = if none { format!("it is no tar file: {why}") } else { why };
            SourceError::Damaged { place: what.to_owned(), why }
        }
        _ => SourceError::Read { what: format!("`{what}`"), source: error },
    })
}

/// The archive's bytes in a file without a name.
fn inflated(from: File, scratch: &Path) -> Result<File, Uninflated> {
    let file = unnamed(scratch).map_err(Uninflated::Write)?;
    inflate_into(from, &mut BufWriter::with_capacity(CHUNK, &file))?;
    Ok(file)
}

fn told(error: Uninflated, place: &str) -> SourceError {
    match error {
        Uninflated::Damaged(why) => {
            SourceError::Damaged { place: place.to_owned(), why: format!("it {why}") }
        }
        Uninflated::Read(source) => SourceError::Read { what: format!("`{place}`"), source },
        Uninflated::Write(source) => {
            SourceError::Read { what: format!("`{place}` into a temporary file"), source }
        }
    }
}

/// A file as a tape: contents are passed over without reading them.
struct FileTape<'a> {
    file: &'a File,
    at: u64,
    length: u64,
}

impl Read for FileTape<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Tape for FileTape<'_> {
    fn skip(&mut self, count: u64) -> io::Result<u64> {
        let there = count.min(self.length.saturating_sub(self.at));
        self.at += there;
        Ok(there)
    }
}

fn index(file: &File) -> io::Result<HashMap<String, Place>> {
    let mut tape = FileTape { file, at: 0, length: file.metadata()?.len() };
    let mut entries = HashMap::new();
    each_entry(&mut tape, &mut |entry| {
        if entries.len() >= MOST_ENTRIES || entry.path.len() + entry.link.len() > LONGEST_NAMES {
            let why = format!("more than {MOST_ENTRIES} entries, or endless names");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let place = match entry.kind {
            EntryType::Regular | EntryType::Continuous => {
                Place::At { offset: entry.offset, size: entry.size }
            }
            EntryType::Link => Place::Link(normal(&entry.link)),
            EntryType::Symlink => {
                let parent = entry.path.rsplit_once('/').map_or("", |(parent, _)| parent);
                Place::Link(normal(&format!("{parent}/{}", entry.link)))
            }
            _ => return Ok(()),
        };
        entries.insert(normal(&entry.path), place);
        Ok(())
    })?;
    Ok(entries)
}

/// A name without `.`, `..` and doubled slashes.
fn normal(name: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A range of the archive as a stream; any number of them at once.
pub(super) struct Part<'a> {
    file: &'a File,
    offset: u64,
    left: u64,
}

impl Part<'_> {
    pub(super) fn size(&self) -> u64 {
        self.left
    }
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..most], self.offset)?;
        self.offset += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
