//! The words that headers and bodies share: `equals`, `contains`, `matches`.

use regex::bytes::Regex;

use super::Findings;
use crate::suite::cursor::Cursor;
use crate::suite::printable;

/// How much of a value a message quotes, in bytes.
const QUOTED: usize = 80;

/// What is wanted of a text.
#[derive(Debug)]
pub(super) enum Wanted {
    Equals(String),
    Contains(String),
    Matches(Regex),
}

impl Wanted {
    /// Reads the value of one of the three words.
    pub(super) fn parse(word: &str, value: &Cursor<'_>) -> Vec<Wanted> {
        match word {
            "equals" => value.scalar().map(Wanted::Equals).into_iter().collect(),
            "contains" => {
                let items = value.one_or_many();
                items.iter().filter_map(Cursor::scalar).map(Wanted::Contains).collect()
            }
            "matches" => pattern(value).map(Wanted::Matches).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    pub(super) fn met_by(&self, value: &[u8]) -> bool {
        match self {
            Wanted::Equals(text) => value == text.as_bytes(),
            Wanted::Contains(text) => contains(value, text.as_bytes()),
            Wanted::Matches(pattern) => pattern.is_match(value),
        }
    }

    /// Judges the value of `what`.
    pub(super) fn judge(&self, what: &str, value: &[u8], judgements: &mut Findings) {
        if self.met_by(value) {
            judgements.kept(format!("{what} {}", self.summary()));
        } else {
            let found = quoted(value);
            judgements.broken(format!("{what} is {found}, wanted: {}", self.summary()));
        }
    }

    pub(super) fn summary(&self) -> String {
        match self {
            Wanted::Equals(text) => format!("equals {}", quoted(text.as_bytes())),
            Wanted::Contains(text) => format!("contains {}", quoted(text.as_bytes())),
            Wanted::Matches(pattern) => format!("matches `{}`", printable::text(pattern.as_str())),
        }
    }
}

/// A value in a message: the beginning, in quotation marks.
pub(super) fn quoted(value: &[u8]) -> String {
    if value.is_empty() {
        return "empty".to_owned();
    }
    format!("`{}`", printable::bytes(value, QUOTED))
}

pub(in crate::suite) fn pattern(value: &Cursor<'_>) -> Option<Regex> {
    match Regex::new(value.text()?) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            // The library's text has several lines, the last of which is the reason.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            let hint = text.contains("look-around").then(|| {
                "patterns run in linear time: there is no look-around and no back-reference"
                    .to_owned()
            });
            value.wrong(format!("this is no pattern: {reason}"), hint);
            None
        }
    }
}

fn contains(value: &[u8], part: &[u8]) -> bool {
    part.is_empty() || value.windows(part.len()).any(|window| window == part)
}
