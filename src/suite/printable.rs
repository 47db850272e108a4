//! Bytes from strangers as text that a terminal and a report can hold.

use std::fmt::Write as _;

/// A text without control characters: each as its escape.
pub(super) fn text(text: &str) -> String {
    if !text.chars().any(char::is_control) {
        return text.to_owned();
    }
    text.chars().fold(String::with_capacity(text.len()), |mut done, c| {
        if c.is_control() {
            done.extend(c.escape_default());
        } else {
            done.push(c);
        }
        done
    })
}

/// The first bytes, at most `limit`, printable ones as they are and the others as escapes;
/// with the whole size where some are left out.
pub(super) fn bytes(bytes: &[u8], limit: usize) -> String {
    let shown = &bytes[..bytes.len().min(limit)];
    let mut done = String::new();
    for chunk in shown.utf8_chunks() {
        done.push_str(&text(chunk.valid()));
        for byte in chunk.invalid() {
            let _ = write!(done, "\\x{byte:02x}");
        }
    }
    if bytes.len() > limit {
        let _ = write!(done, "… ({} bytes in all)", bytes.len());
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (given, expected) in [
            (&b"plain"[..], "plain"),
            (b"two\r\nlines", "two\\r\\nlines"),
            (b"\x1b[31mred", "\\u{1b}[31mred"),
            (b"\xff\x00", "\\xff\\u{0}"),
            ("ä→".as_bytes(), "ä→"),
            (b"0123456789abcdef", "0123456789… (16 bytes in all)"),
        ] {
            assert_eq!(bytes(given, 10), expected);
        }
    }
}
