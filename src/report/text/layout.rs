//! Columns of the terminal: how many a text takes, and how it is cut and wrapped to them.

use std::borrow::Cow;
use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Page;

/// Narrower than this a text is not wrapped: words in a gutter cannot be read.
const LEAST: usize = 24;

/// Columns that a text takes.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// The text, cut at its end to at most `width` columns, with `…` for what is missing.
pub(super) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if columns(text) <= width {
        return Cow::Borrowed(text);
    }
    let kept = &text[..fitting(text, width.saturating_sub(1))];
    Cow::Owned(format!("{}…", kept.trim_end()))
}

/// The text, cut as [`cut`] does, but behind a word where that loses little.
pub(super) fn cut_at_word(text: &str, width: usize) -> String {
    let cut = cut(text, width);
    let Some(kept) = cut.strip_suffix('…').filter(|_| matches!(cut, Cow::Owned(_))) else {
        return cut.into_owned();
    };
    let inside = text[kept.len()..].starts_with(|next: char| next != ' ');
    let word = kept.rfind(' ').filter(|space| inside && columns(&kept[..*space]) * 2 > width);
    let kept = word.map_or(kept, |space| &kept[..space]);
    format!("{}…", kept.trim_end_matches([' ', ',', ';', ':']))
}

/// The text in lines of at most `width` columns, broken at spaces. A word that is longer than
/// a line is broken where the line ends.
pub(super) fn wrap(text: &str, width: usize) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text;
    while columns(rest) > width {
        // At least one character a line, however narrow, or this would never end.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = fitting(rest, width).max(first);
        let (kept, next) = match rest[..end].rfind(' ') {
            _ if rest[end..].starts_with(' ') => (&rest[..end], &rest[end..]),
            Some(space) if !rest[..space].trim().is_empty() => (&rest[..space], &rest[space..]),
            _ => (&rest[..end], &rest[end..]),
        };
        lines.push(kept.trim_end());
        rest = next.trim_start();
    }
    if !rest.is_empty() || lines.is_empty() {
        lines.push(rest);
    }
    lines
}

/// How many bytes of the text fit into `width` columns.
fn fitting(text: &str, width: usize) -> usize {
    let mut taken = 0;
    for (at, character) in text.char_indices() {
        taken += character.width().unwrap_or(0);
        if taken > width {
            return at;
        }
    }
    text.len()
}

/// Writes a text that begins at column `indent`, every line of it.
pub(super) fn paragraph(
    text: &str,
    indent: usize,
    page: Page,
    style: impl Fn(&str) -> String,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "{:indent$}", "")?;
    rest(text, indent, page, style, out)
}

/// Writes a text whose first line begins where the cursor is, at column `indent`, and whose
/// other lines hang below it.
pub(super) fn rest(
    text: &str,
    indent: usize,
    page: Page,
    style: impl Fn(&str) -> String,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(width) = page.width else {
        return writeln!(out, "{}", style(text));
    };
    let room = width.saturating_sub(indent).max(LEAST);
    for (at, line) in wrap(text, room).into_iter().enumerate() {
        if at > 0 {
            write!(out, "{:indent$}", "")?;
        }
        writeln!(out, "{}", style(line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_to_its_columns() {
        for (text, width, shown) in [
            ("short", 5, "short"),
            ("longer", 5, "long…"),
            ("two words", 5, "two…"),
            ("服务没有启动", 7, "服务没…"),
            ("x", 0, "…"),
        ] {
            assert_eq!(cut(text, width), shown);
        }
    }

    #[test]
    fn a_text_is_cut_behind_a_word() {
        for (text, width, shown) in [
            ("listens on port 80, on all", 26, "listens on port 80, on all"),
            ("listens on port 80, on all", 20, "listens on port 80…"),
            ("listens on port 80, on all", 13, "listens on…"),
            ("listens on port 80, on all", 11, "listens on…"),
            ("uninterrupted, and long", 10, "uninterru…"),
            ("a uninterrupted", 10, "a uninter…"),
        ] {
            assert_eq!(cut_at_word(text, width), shown, "{width}");
        }
    }

    #[test]
    fn a_text_is_wrapped_at_words() {
        for (text, width, lines) in [
            ("", 10, vec![""]),
            ("one two", 10, vec!["one two"]),
            ("one two three", 8, vec!["one two", "three"]),
            ("one two three", 7, vec!["one two", "three"]),
            ("abcdefghij k", 4, vec!["abcd", "efgh", "ij k"]),
            ("a abcdefgh", 4, vec!["a", "abcd", "efgh"]),
            ("没有 启动", 5, vec!["没有", "启动"]),
            ("没有", 1, vec!["没", "有"]),
            ("    deep in", 8, vec!["    deep", "in"]),
        ] {
            assert_eq!(wrap(text, width), lines, "{text} at {width}");
        }
    }
}
