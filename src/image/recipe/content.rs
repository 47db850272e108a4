//! Bytes in parts, so that neither a large file nor the server has to be copied.

use std::borrow::Cow;
use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

use crate::oci::Digest;

/// Bytes that are read in order, any number of times.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Bytes(Cow<'static, [u8]>),
    Zeros(u64),
}

impl Content {
    pub(super) fn zeros(length: u64) -> Content {
        Content { parts: vec![Part::Zeros(length)] }
    }

    pub(super) fn append(&mut self, other: Content) {
        self.parts.extend(other.parts);
    }

    pub(super) fn length(&self) -> u64 {
        self.parts.iter().map(Part::length).sum()
    }

    pub(super) fn digest(&self) -> io::Result<Digest> {
        let mut hasher = Sha256::new();
        let mut block = vec![0; 256 << 10];
        let mut reader = self.reader();
        loop {
            match reader.read(&mut block)? {
                0 => return Ok(Digest::from_bytes(hasher.finalize().into())),
                read => hasher.update(&block[..read]),
            }
        }
    }

    /// The first `length` bytes.
    pub(super) fn truncated(&self, length: u64) -> io::Result<Content> {
        let mut bytes = Vec::new();
        self.reader().take(length).read_to_end(&mut bytes)?;
        Ok(Content::from(bytes))
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader { parts: &self.parts, offset: 0 }
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Content {
        Content { parts: vec![Part::Bytes(Cow::Owned(bytes))] }
    }
}

impl From<&'static [u8]> for Content {
    fn from(bytes: &'static [u8]) -> Content {
        Content { parts: vec![Part::Bytes(Cow::Borrowed(bytes))] }
    }
}

impl Part {
    fn length(&self) -> u64 {
        match self {
            Part::Bytes(bytes) => bytes.len() as u64,
            Part::Zeros(length) => *length,
        }
    }
}

/// Reads a content from its first byte.
pub(super) struct Reader<'a> {
    /// What is left, the first of them in part.
    parts: &'a [Part],
    /// Bytes of the first part that were read.
    offset: u64,
}

impl Read for Reader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some((part, rest)) = self.parts.split_first() else { return Ok(0) };
            let left = part.length() - self.offset;
            if left == 0 {
                (self.parts, self.offset) = (rest, 0);
                continue;
            }
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
            match part {
                Part::Bytes(bytes) => {
                    let from = bytes.len() - usize::try_from(left).unwrap_or(bytes.len());
                    out[..count].copy_from_slice(&bytes[from..from + count]);
                }
                Part::Zeros(_) => out[..count].fill(0),
            }
            self.offset += count as u64;
            return Ok(count);
        }
    }
}
