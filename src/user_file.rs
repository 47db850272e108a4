//! Reads files that users name. They may name anything, `/dev/zero` too: no more is read than such a
//! file can sensibly have.
#![expect(clippy::disallowed_methods, reason = "reads the user's files")]

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The largest suite, file of options, schema or bundle of certificates, in bytes.
pub const LARGEST_TEXT: u64 = 16 << 20;
/// The largest body of a request, in bytes: far above what the platform takes.
pub const LARGEST_BODY: u64 = 64 << 20;

/// Reads a file of at most so many bytes.
///
/// # Errors
///
/// Where it cannot be read, or has more.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    bounded(File::open(path)?, most)
}

/// Reads a text of at most [`LARGEST_TEXT`] bytes.
///
/// # Errors
///
/// Where it cannot be read, has more, or is no UTF-8.
pub fn text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path, LARGEST_TEXT)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is no text in UTF-8"))
}

/// Reads a stream to its end, of at most so many bytes.
///
/// # Errors
///
/// Where it cannot be read, or has more.
pub fn bounded(from: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let why = format!("it has more than {}", crate::units::size(most));
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_not_read_to_it() {
        let error = read(Path::new("/dev/zero"), 1000).expect_err("has no end");
        assert_eq!(error.to_string(), "it has more than 1000 B");
        assert_eq!(bounded(&b"abc"[..], 3).expect("fits"), b"abc");
        assert!(bounded(&b"abcd"[..], 3).is_err());
    }
}
