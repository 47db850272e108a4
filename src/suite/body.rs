//! The bodies of requests: text, JSON, bytes, or so many of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::amount;
use super::cursor::{Cursor, Fields};
use super::invocation::Body;
use super::shape::{FILE, Form, Key, SIZE, Shape, Table};

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
