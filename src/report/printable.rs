//! Text that an image had a hand in, made safe to show: nothing in it acts on a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with every character spelled out that is not seen itself: escape sequences, line
/// ends, marks that turn the direction of writing. Tabs become four spaces. One line goes in
/// and one comes out.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\t' => shown.push_str("    "),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            hidden if is_hidden(hidden) => {
                let code = u32::from(hidden);
                // Writing into a string does not fail.
                let _ = match code {
                    0..=0xff => write!(shown, "\\x{code:02x}"),
                    _ => write!(shown, "\\u{{{code:x}}}"),
                };
            }
            seen => shown.push(seen),
        }
    }
    Cow::Owned(shown)
}

/// Whether a character acts instead of being seen: controls (C0, C1, DEL), separators of
/// lines and paragraphs, marks of direction, invisible operators, tags, byte order marks, and
/// what no XML may hold.
#[must_use]
pub(super) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{fffe}'
                | '\u{ffff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_spelled_out() {
        for (raw, shown) in [
            ("plain, ü, 服务 and 🦀", "plain, ü, 服务 and 🦀"),
            ("\u{1b}[2J\u{1b}]0;title\u{7}", "\\x1b[2J\\x1b]0;title\\x07"),
            ("two\nlines\r", "two\\nlines\\r"),
            ("\tat Main.main", "    at Main.main"),
            ("\u{9b}31m", "\\x9b31m"),
            ("abc\u{202e}fed\u{2066}", "abc\\u{202e}fed\\u{2066}"),
            ("\u{feff}\u{ffff}\u{0}", "\\u{feff}\\u{ffff}\\x00"),
            ("👩\u{200d}🚀", "👩\u{200d}🚀"),
        ] {
            assert_eq!(printable(raw), shown);
        }
    }
}
