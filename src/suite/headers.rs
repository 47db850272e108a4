//! The `headers:` of a case: which of the platform's are sent, in what case, and what else.

use super::cursor::{Cursor, words};
use super::node::Node;
use super::shape::{Entries, HEADER_NAME, Key, Shape, Table};
use crate::contract::HeaderSet;

/// How a request's headers differ from the platform's ordinary ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderEdit {
    /// Which of the context headers are sent; `None` is what the trigger brings.
    pub set: Option<HeaderSet>,
    /// How names are written.
    pub case: NameCase,
    /// Names and values in the place of the request's own, in order. Several values are sent
    /// one after another; none takes the header away.
    pub send: Vec<(String, Vec<String>)>,
}

/// How the names of headers are written on the wire.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NameCase {
    /// As the platform was captured writing them, and the suite's own as they are written.
    #[default]
    Canonical,
    /// `x-scf-request-id`.
    Lower,
    /// `x-sCf-rEqUeSt-iD`: neither of the usual two.
    Mixed,
}

/// `headers:` of a case.
pub(super) const HEADERS: Table = Table {
    of: "`headers:`",
    name: "headers",
    keys: &[
        Key::new(
            "set",
            "which context headers are sent: nine, twelve or thirteen",
            Shape::Word("a set of headers", || words(&HeaderSet::ALL)),
        ),
        Key::new(
            "case",
            "how all names are written: canonical, lower or mixed",
            Shape::Word("a case of names", || words(CASES)),
        ),
        Key::new(
            "send",
            "headers in the place of the request's own, or beside them: a value, a list of several, \
             or null for none",
            Shape::Entries(&SENT),
        ),
    ],
    needs: &[],
    one_of: &[],
};

const SENT: Entries = Entries {
    keys: &HEADER_NAME,
    value: Shape::Either(&[Shape::Many(&Shape::Scalar), Shape::Null]),
};

const CASES: &[(&str, NameCase)] =
    &[("canonical", NameCase::Canonical), ("lower", NameCase::Lower), ("mixed", NameCase::Mixed)];

pub(super) fn parse(cursor: &Cursor<'_>) -> HeaderEdit {
    let Some(fields) = cursor.fields(&HEADERS) else { return HeaderEdit::default() };
    HeaderEdit {
        set: fields.take("set").and_then(|set| set.word("set of headers", &HeaderSet::ALL)),
        case: fields
            .take("case")
            .and_then(|case| case.word("case of names", CASES))
            .unwrap_or_default(),
        send: fields.take("send").map(|send| pairs(&send)).unwrap_or_default(),
    }
}

fn pairs(cursor: &Cursor<'_>) -> Vec<(String, Vec<String>)> {
    let mut pairs = Vec::new();
    for (name, value) in cursor.entries().unwrap_or_default() {
        if !is_token(name) {
            value.wrong_key(format!("`{name}` is no name of a header"), None);
            continue;
        }
        let values = match value.node {
            Node::Null => Vec::new(),
            _ => value.one_or_many().iter().filter_map(header_value).collect(),
        };
        pairs.push((name.to_owned(), values));
    }
    pairs
}

fn header_value(cursor: &Cursor<'_>) -> Option<String> {
    let value = cursor.scalar()?;
    // A line end in a value would be a second header, and whoever wants that says so.
    if value.contains(['\r', '\n', '\0']) {
        cursor.wrong("a header's value is one line", None);
        return None;
    }
    Some(value)
}

/// Whether HTTP takes a text as a header's name or a method.
pub(super) fn is_token(text: &str) -> bool {
    let special = b"!#$%&'*+-.^_`|~";
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || special.contains(&byte))
}

impl NameCase {
    /// A name in this case.
    #[must_use]
    pub fn apply(self, name: &str) -> String {
        match self {
            NameCase::Canonical => name.to_owned(),
            NameCase::Lower => name.to_ascii_lowercase(),
            NameCase::Mixed => name
                .chars()
                .enumerate()
                .map(|(at, c)| match at % 2 {
                    0 => c.to_ascii_lowercase(),
                    _ => c.to_ascii_uppercase(),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_is_neither_of_the_usual_two() {
        assert_eq!(NameCase::Mixed.apply("X-Scf-Request-Id"), "x-sCf-rEqUeSt-iD");
        assert_eq!(NameCase::Lower.apply("X-Scf-Request-Id"), "x-scf-request-id");
        assert_eq!(NameCase::Canonical.apply("X-Scf-Uin"), "X-Scf-Uin");
    }

    #[test]
    fn tokens() {
        assert!(is_token("X-Scf-Uin"));
        for bad in ["", "a b", "a:", "ä", "a\r\nb"] {
            assert!(!is_token(bad), "{bad:?}");
        }
    }
}
