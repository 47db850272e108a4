//! What entries of their own say of the entry behind them: long names, PAX headers.

use std::io::{self, Read};

use tar::EntryType;

use super::{early, fill, invalid};

/// The largest long name or extended header that is read, in bytes.
const LARGEST: u64 = 1 << 20;
/// How extended headers name extended attributes.
const XATTR: &str = "SCHILY.xattr.";
/// How extended headers name the parts of a sparse file's map.
const SPARSE: &str = "GNU.sparse.";

/// What the entries before a file say of it.
#[derive(Debug, Default)]
pub(super) struct Extension {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    /// Whole seconds since 1970.
    pub(super) modified: Option<i64>,
    pub(super) attributes: Vec<(String, Vec<u8>)>,
    /// Whether the bytes that follow are not the file's, but its map and what is no hole.
    pub(super) sparse: bool,
}

/// The bytes of such an entry.
pub(super) fn bytes(from: &mut (impl Read + ?Sized), size: u64, at: u64) -> io::Result<Vec<u8>> {
    if size > LARGEST {
        return Err(invalid(format!("a name or extended header of {size} bytes, at byte {at}")));
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
    let count = fill(from, &mut bytes)? as u64;
    if count < size {
        return Err(early(&format!("the extended header at byte {at}"), count, size));
    }
    Ok(bytes)
}

impl Extension {
    /// Whether an entry only describes others.
    pub(super) fn is_one(kind: EntryType) -> bool {
        matches!(
            kind,
            EntryType::GNULongName
                | EntryType::GNULongLink
                | EntryType::XHeader
                | EntryType::XGlobalHeader
        )
    }

    /// Takes the bytes of an entry that only describes the next one. What it says of all that
    /// follow is not believed: nobody who unpacks images does.
    pub(super) fn read(&mut self, kind: EntryType, bytes: Vec<u8>) -> io::Result<()> {
        match kind {
            EntryType::GNULongName => self.path = Some(until_zero(bytes)),
            EntryType::GNULongLink => self.link = Some(until_zero(bytes)),
            EntryType::XHeader => self.pax(&bytes)?,
            _ => {}
        }
        Ok(())
    }

    fn pax(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some((key, value, behind)) = record(rest) else {
                return Err(invalid("an extended header is damaged".to_owned()));
            };
            rest = behind;
            let text = str::from_utf8(value).unwrap_or_default();
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => {
                    let wrong = || invalid("an extended header's size is no number".to_owned());
                    self.size = Some(text.parse().map_err(|_| wrong())?);
                }
                b"uid" => self.uid = text.parse().ok(),
                b"gid" => self.gid = text.parse().ok(),
                b"mtime" => {
                    let whole = text.split('.').next().unwrap_or_default();
                    self.modified = whole.parse().ok();
                }
                key => self.other(&String::from_utf8_lossy(key), value),
            }
        }
        Ok(())
    }

    fn other(&mut self, key: &str, value: &[u8]) {
        if let Some(name) = key.strip_prefix(XATTR) {
            self.attributes.push((name.to_owned(), value.to_vec()));
        }
        self.sparse |= key.starts_with(SPARSE);
    }
}

/// Key and value of the first record, and what follows it. A record is its own length, a
/// blank, `key=value` and a line feed; a value may hold line feeds.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().take(8).position(|byte| *byte == b' ')?;
    let length: usize = str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let line = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = line.iter().position(|byte| *byte == b'=')?;
    Some((&line[..equals], &line[equals + 1..], &bytes[length..]))
}

fn until_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}
