//! The bodies of requests: text, JSON, bytes, or so many of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::amount;
use super::cursor::{Cursor, Fields, Key};
use super::invocation::Body;

/// The words for a body, below `event:` and below `body:` of `http:`.
pub(super) const KEYS: &[Key] = &[
    Key { name: "json", about: "any value, sent as compact JSON" },
    Key { name: "text", about: "a text, sent as it is" },
    Key { name: "base64", about: "bytes in base64" },
    Key { name: "hex", about: "bytes in hexadecimal; blanks are left out" },
    Key { name: "size", about: "so many bytes of the letter x: 6 MB, 128 KB, 1" },
];

/// What is generated at most, in bytes: more than any answer to it could prove.
pub(super) const LARGEST: u64 = 64 << 20;

/// The names of the words.
pub(super) const WORDS: [&str; 5] = ["json", "text", "base64", "hex", "size"];

/// The body that one of the words gives.
pub(super) fn parse(word: &str, value: &Cursor<'_>) -> Option<Body> {
    match word {
        "json" => Some(Body::json(&value.json())),
        "text" => Some(Body::Bytes {
            bytes: value.scalar()?.into_bytes(),
            media_type: "text/plain; charset=utf-8",
        }),
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
pub(super) fn only(of: &str, fields: &Fields<'_>) -> Option<Body> {
    let (word, value) = fields.one_of(of, &WORDS)?;
    parse(word, &value)
}

fn binary(value: &Cursor<'_>, bytes: Option<Vec<u8>>, coding: &str) -> Option<Body> {
    if bytes.is_none() {
        value.wrong(format!("this is no {coding}"), None);
    }
    bytes.map(|bytes| Body::Bytes { bytes, media_type: "application/octet-stream" })
}
