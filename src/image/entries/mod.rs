//! The entries of a tar, with what extended headers say of them; bounded, whatever it holds.

mod extension;

use std::io::{self, Read};

use tar::{EntryType, Header};

use extension::Extension;

/// Headers and contents begin at multiples of this.
const BLOCK: u64 = 512;

/// What a tar is read from, in one direction.
pub(crate) trait Tape: Read {
    /// Passes over some bytes. How many there were: fewer only at the end.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    fn skip(&mut self, count: u64) -> io::Result<u64>;
}

/// One entry, and its bytes as far as they have not been read.
pub(crate) struct TarEntry<'a> {
    /// As written; bytes that are no UTF-8 are replaced.
    pub(crate) path: String,
    /// What a link leads to, as written.
    pub(crate) link: String,
    pub(crate) kind: EntryType,
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Seconds since 1970.
    pub(crate) modified: i64,
    pub(crate) size: u64,
    /// Which entry it is, from 0; those that only describe others are not counted.
    pub(crate) place: u32,
    /// Where the content begins in the tar.
    pub(crate) offset: u64,
    pub(crate) attributes: Vec<(String, Vec<u8>)>,
    pub(crate) content: Content<'a>,
}

/// The bytes of an entry that have not been read.
pub(crate) struct Content<'a> {
    tape: &'a mut dyn Tape,
    left: u64,
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.tape.read(&mut buffer[..most])?;
        self.left -= count as u64;
        Ok(count)
    }
}

/// Tells every entry of a tar, in order, and stops at its end mark. An error is the tar's, or
/// the one of `visit`.
pub(crate) fn each_entry(
    tape: &mut dyn Tape,
    visit: &mut dyn FnMut(&mut TarEntry<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let (mut at, mut place) = (0, 0_u32);
    let mut extension = Extension::default();
    while let Some(header) = next_header(tape, &mut at)? {
        if Extension::is_one(header.entry_type()) {
            let size = header.entry_size()?;
            let bytes = extension::bytes(&mut *tape, size, at)?;
            extension.read(header.entry_type(), bytes)?;
            at += size;
        } else {
            let extension = std::mem::take(&mut extension);
            let mut entry = entry(&header, extension, &mut *tape, (place, at))?;
            place = place.saturating_add(1);
            visit(&mut entry)?;
            let TarEntry { size, content: Content { left, .. }, path, .. } = entry;
            let there = tape.skip(left)?;
            if there < left {
                let there = size - left + there;
                return Err(early(&format!("`{path}`"), there, size));
            }
            at += size;
        }
        let padding = at.next_multiple_of(BLOCK) - at;
        tape.skip(padding)?;
        at += padding;
    }
    Ok(())
}

/// The next header; `None` at the end, with or without the two blocks of zeros that mark it.
fn next_header(tape: &mut dyn Tape, at: &mut u64) -> io::Result<Option<Header>> {
    let mut header = Header::new_old();
    let mut zeros = 0;
    while zeros < 2 {
        let block = header.as_mut_bytes();
        let count = fill(tape, block)?;
        if count == 0 {
            return Ok(None);
        }
        if count < block.len() {
            return Err(early(&format!("the header at byte {at}"), count as u64, BLOCK));
        }
        if block.iter().any(|byte| *byte != 0) {
            break;
        }
        zeros += 1;
        *at += BLOCK;
    }
    match zeros {
        0 if has_its_checksum(&header) => {
            *at += BLOCK;
            Ok(Some(header))
        }
        0 => Err(invalid(format!("the header at byte {at} has a wrong checksum"))),
        1 => Err(invalid(format!("one block of zeros and more entries, at byte {at}"))),
        _ => Ok(None),
    }
}

/// The sum of a header's bytes, its own field taken for blanks. Old writers took the bytes
/// for signed.
fn has_its_checksum(header: &Header) -> bool {
    let Ok(expected) = header.cksum() else { return false };
    let field = 148..156;
    let bytes = header.as_bytes().iter().enumerate();
    let (mut unsigned, mut signed) = (0_i64, 0_i64);
    for (place, byte) in bytes {
        let byte = if field.contains(&place) { b' ' } else { *byte };
        unsigned += i64::from(byte);
        signed += i64::from(byte.cast_signed());
    }
    [unsigned, signed].contains(&i64::from(expected))
}

fn entry<'a>(
    header: &Header,
    extension: Extension,
    tape: &'a mut dyn Tape,
    (place, offset): (u32, u64),
) -> io::Result<TarEntry<'a>> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let id = |own: Option<u32>, header: io::Result<u64>| {
        own.or_else(|| u32::try_from(header.ok()?).ok()).unwrap_or(0)
    };
    let kind = header.entry_type();
    let own_link = || header.link_name_bytes().map(std::borrow::Cow::into_owned);
    let path = text(&extension.path.unwrap_or_else(|| header.path_bytes().into_owned()));
    if kind == EntryType::GNUSparse || extension.sparse {
        return Err(invalid(format!("`{path}` is stored with holes (sparse), which is not read")));
    }
    let size = match kind {
        // Some writers give links the size of what they lead to; no bytes follow.
        EntryType::Link
        | EntryType::Symlink
        | EntryType::Directory
        | EntryType::Char
        | EntryType::Block
        | EntryType::Fifo => 0,
        _ => match extension.size {
            Some(size) => size,
            None => header.entry_size()?,
        },
    };
    if offset.checked_add(size).and_then(|end| end.checked_add(BLOCK)).is_none() {
        return Err(invalid(format!("`{path}` has {size} bytes, more than any file has")));
    }
    Ok(TarEntry {
        link: text(&extension.link.or_else(own_link).unwrap_or_default()),
        path,
        kind,
        mode: header.mode().unwrap_or(0o644),
        uid: id(extension.uid, header.uid()),
        gid: id(extension.gid, header.gid()),
        modified: extension.modified.or_else(|| header.mtime().ok()?.try_into().ok()).unwrap_or(0),
        size,
        place,
        offset,
        attributes: extension.attributes,
        content: Content { tape, left: size },
    })
}

/// Fills a buffer as far as there are bytes.
fn fill(from: &mut (impl Read + ?Sized), buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn early(what: &str, there: u64, of: u64) -> io::Error {
    let why = format!("{what} ends after {there} of {of} bytes");
    io::Error::new(io::ErrorKind::UnexpectedEof, why)
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests;
