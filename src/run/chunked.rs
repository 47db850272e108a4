//! Takes the chunks of a chunked body apart, byte by byte and within bounds.

/// How long a line of sizes or trailers may be, in bytes; longer ones have no purpose.
const LONGEST_LINE: usize = 8 * 1024;
/// How many bytes of trailers are read past.
const TRAILERS: usize = 64 * 1024;

/// The state between two reads.
#[derive(Debug, Default)]
pub(super) struct Chunked {
    state: State,
    line: Vec<u8>,
    trailers: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In the line with a chunk's size.
    #[default]
    Size,
    /// In a chunk; so many bytes are to come.
    Data(u64),
    /// In the line end after a chunk.
    DataEnd,
    /// In the lines after the last chunk.
    Trailers,
    Done,
}

impl Chunked {
    /// Takes bytes, appends what belongs to the body, and tells how many bytes were taken:
    /// all of them, but for those after the body's end.
    ///
    /// # Errors
    ///
    /// What is wrong with the chunks.
    pub(super) fn feed(&mut self, bytes: &[u8], body: &mut Vec<u8>) -> Result<usize, String> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Done {
            if let State::Data(left) = self.state {
                let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                body.extend_from_slice(&bytes[at..at + here]);
                at += here;
                self.state = match left - here as u64 {
                    0 => State::DataEnd,
                    left => State::Data(left),
                };
                continue;
            }
            let byte = bytes[at];
            at += 1;
            if byte != b'\n' {
                self.line.push(byte);
                if self.line.len() > LONGEST_LINE {
                    return Err("a line between its chunks is too long".to_owned());
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            self.line_ends(line.strip_suffix(b"\r").unwrap_or(&line))?;
        }
        Ok(at)
    }

    /// Whether the body is whole.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    fn line_ends(&mut self, line: &[u8]) -> Result<(), String> {
        self.state = match self.state {
            State::Size => match size(line)? {
                0 => State::Trailers,
                size => State::Data(size),
            },
            State::DataEnd if line.is_empty() => State::Size,
            State::DataEnd => return Err("a chunk is longer than its size".to_owned()),
            State::Trailers if line.is_empty() => State::Done,
            State::Trailers => {
                self.trailers += line.len();
                if self.trailers > TRAILERS {
                    return Err("its trailers are too long".to_owned());
                }
                State::Trailers
            }
            state @ (State::Data(_) | State::Done) => state,
        };
        Ok(())
    }
}

fn size(line: &[u8]) -> Result<u64, String> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let hexadecimal = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    let text = std::str::from_utf8(digits).ok().filter(|_| hexadecimal);
    text.and_then(|text| u64::from_str_radix(text, 16).ok())
        .ok_or_else(|| "a chunk's size is no hexadecimal number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: Result<(&[u8], usize, bool), &str>) {
        // Whole, and byte by byte: where reads end must not matter.
        for step in [bytes.len(), 1] {
            let (mut chunked, mut body, mut taken) = (Chunked::default(), Vec::new(), 0);
            let mut error = None;
            for piece in bytes.chunks(step) {
                match chunked.feed(piece, &mut body) {
                    Ok(count) => taken += count,
                    Err(why) => error = Some(why),
                }
                if chunked.is_done() || error.is_some() {
                    break;
                }
            }
            match (&error, expected) {
                (None, Ok((wanted, used, done))) => {
                    assert_eq!((body.as_slice(), taken, chunked.is_done()), (wanted, used, done));
                }
                (Some(why), Err(wanted)) => assert_eq!(why, wanted),
                (found, wanted) => panic!("{found:?} {wanted:?}"),
            }
        }
    }

    #[test]
    fn chunks() {
        check(b"3\r\nabc\r\n0\r\n\r\n", Ok((b"abc", 13, true)));
        check(
            b"3;name=x\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: v\r\n\r\nmore",
            Ok((b"abc0123456789", 41, true)),
        );
        check(b"3\nabc\n0\n\n", Ok((b"abc", 9, true)));
        check(b"5\r\nabc", Ok((b"abc", 6, false)));
        check(b"3\r\nabcd\r\n", Err("a chunk is longer than its size"));
        check(b"-1\r\n", Err("a chunk's size is no hexadecimal number"));
        check(b"\r\n", Err("a chunk's size is no hexadecimal number"));
        check(b"fffffffffffffffff\r\n", Err("a chunk's size is no hexadecimal number"));
    }
}
