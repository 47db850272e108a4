//! The bodies of requests: text, JSON, bytes, or so many of them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::amount;
use super::cursor::{Cursor, Fields};
use super::printable;
use super::shape::{FILE, Form, Key, SIZE, Shape, Table};

/// A request's body.
#[derive(Clone, PartialEq)]
pub enum Body {
    /// These bytes.
    Bytes {
        /// As they go out.
        bytes: Vec<u8>,
        /// What an HTTP request says that they are.
        media_type: &'static str,
    },
    /// So many bytes of the letter x, made when they are sent.
    Size(u64),
    /// JSON with so many bytes of the letter x in it, made when it is sent.
    Padded {
        /// What goes before them.
        before: Vec<u8>,
        /// How many they are.
        count: usize,
        /// What goes behind them.
        after: Vec<u8>,
    },
}

/// The words for a body, below `event:` and below `body:` of `http:`.
pub(super) const JSON: Key = Key::new("json", "any value, sent as compact JSON", Shape::Json);
pub(super) const TEXT: Key = Key::new("text", "a text, sent as it is", Shape::Scalar);
pub(super) const FROM_FILE: Key =
    Key::new("file", "the bytes of a file, its path beside the suite's", FILE);
pub(super) const BASE64: Key = Key::new("base64", "bytes in base64", Shape::Form(&BASE64_FORM));
pub(super) const HEX: Key =
    Key::new("hex", "bytes in hexadecimal; blanks are left out", Shape::Form(&HEX_FORM));
pub(super) const SIZED: Key =
    Key::new("size", "so many bytes of the letter x: 6 MB, 128 KB, 1", Shape::Form(&SIZE));

/// `body:` of `http:`.
pub(super) const BODY: Table = Table {
    of: "`body:`",
    name: "body",
    keys: &[JSON, TEXT, FROM_FILE, BASE64, HEX, SIZED],
    needs: &[],
    one_of: &WORDS,
};

const BASE64_FORM: Form = Form {
    what: "bytes in base64",
    pattern: "^[A-Za-z0-9+/]*={0,2}$",
    numbers: None,
    examples: &["AAEC"],
    counterexamples: &["%%%"],
};

const HEX_FORM: Form = Form {
    what: "bytes in hexadecimal",
    pattern: r"^\s*([0-9A-Fa-f]\s*[0-9A-Fa-f]\s*)*$",
    numbers: Some((0, u64::MAX)),
    examples: &["ff 00", "c328"],
    counterexamples: &["abc", "xy"],
};

/// What is generated at most, in bytes: more than any answer to it could prove.
pub(super) const LARGEST: u64 = 64 << 20;

/// The names of the words.
pub(super) const WORDS: [&str; 6] = ["json", "text", "file", "base64", "hex", "size"];

/// The body that one of the words gives.
pub(super) fn parse(word: &str, value: &Cursor<'_>) -> Option<Body> {
    match word {
        "json" => Some(Body::json(&value.json())),
        "text" => Some(Body::Bytes {
            bytes: value.scalar()?.into_bytes(),
            media_type: "text/plain; charset=utf-8",
        }),
        "file" => Some(Body::of_file(value.file()?)),
        "base64" => binary(value, STANDARD.decode(value.text()?).ok(), "base64"),
        "hex" => {
            let digits: String = value.scalar()?.split_whitespace().collect();
            binary(value, hex::decode(digits).ok(), "hexadecimal")
        }
        "size" => amount::size(value, LARGEST).map(Body::Size),
        _ => None,
    }
}

/// The one body that a map with other keys beside it has.
pub(super) fn only(fields: &Fields<'_>) -> Option<Body> {
    let (word, value) = fields.one_of(&WORDS)?;
    parse(word, &value)
}

fn binary(value: &Cursor<'_>, bytes: Option<Vec<u8>>, coding: &str) -> Option<Body> {
    if bytes.is_none() {
        value.wrong(format!("this is no {coding}"), None);
    }
    bytes.map(|bytes| Body::Bytes { bytes, media_type: "application/octet-stream" })
}

impl Body {
    /// A value as compact JSON.
    #[must_use]
    pub fn json(value: &Value) -> Body {
        Body::Bytes { bytes: value.to_string().into_bytes(), media_type: "application/json" }
    }

    /// The bytes of a file, said to be what they look like.
    #[must_use]
    pub fn of_file(bytes: Vec<u8>) -> Body {
        let media_type = if serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok() {
            "application/json"
        } else if std::str::from_utf8(&bytes).is_ok() {
            "text/plain; charset=utf-8"
        } else {
            "application/octet-stream"
        };
        Body::Bytes { bytes, media_type }
    }

    /// The bytes that go out.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Body::Bytes { bytes, .. } => bytes.clone(),
            Body::Padded { before, count, after } => {
                [before.as_slice(), &vec![b'x'; *count], after].concat()
            }
            Body::Size(size) => vec![b'x'; usize::try_from(*size).unwrap_or(usize::MAX)],
        }
    }

    /// What an HTTP request says that it is.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self {
            Body::Bytes { media_type, .. } => media_type,
            Body::Padded { .. } => "application/json",
            Body::Size(_) => "application/octet-stream",
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Bytes { bytes, media_type } => {
                write!(f, "{media_type}: {}", printable::bytes(bytes, usize::MAX))
            }
            Body::Size(size) => write!(f, "{size} bytes"),
            Body::Padded { before, count, after } => {
                let shown = |bytes: &[u8]| printable::bytes(bytes, usize::MAX);
                write!(f, "application/json: {}<{count} x>{}", shown(before), shown(after))
            }
        }
    }
}
