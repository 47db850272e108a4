//! Texts of the kernel as JSON, which may hold any byte: names of programs, words of commands.

use std::fmt::Write as _;

/// Appends a text. What is no UTF-8 is replaced.
pub(crate) fn text(out: &mut String, bytes: &[u8]) {
    out.push('"');
    for letter in String::from_utf8_lossy(bytes).chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            _ if letter.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            _ => out.push(letter),
        }
    }
    out.push('"');
}

/// Appends a number, or nothing's word.
pub(crate) fn number(out: &mut String, number: Option<u64>) {
    match number {
        Some(number) => {
            let _ = write!(out, "{number}");
        }
        None => out.push_str("null"),
    }
}

/// Appends a list.
pub(crate) fn list<T>(
    out: &mut String,
    all: impl IntoIterator<Item = T>,
    mut one: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (at, item) in all.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        one(out, item);
    }
    out.push(']');
}
