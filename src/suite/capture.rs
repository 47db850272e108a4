//! What is kept of an answer, for the cases after it.

use regex::bytes::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::cursor::Cursor;
use super::expect::{pattern, read_path};
use super::headers::is_token;
use super::node::Node;
use super::shape::{Entries, Form, HEADER_NAME, JSON_PATH, Key, PATTERN, Shape, Table, VARIABLE};
use crate::evidence::Answer;

/// Something that is kept of an answer.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The variable's name.
    pub name: String,
    /// Whether its value is shown nowhere.
    pub secret: bool,
    from: From,
}

#[derive(Debug, Clone)]
enum From {
    Json(JsonPath),
    Header(String),
    Matches(Regex),
}

pub(super) const CAPTURE: Key = Key::new(
    "capture",
    "names for parts of the answer, that later cases use: a JSONPath, or a map",
    Shape::Entries(&CAPTURES),
);

const CAPTURES: Entries = Entries {
    keys: &VARIABLE,
    value: Shape::Either(&[Shape::Form(&JSON_PATH), Shape::Map(&CAPTURED)]),
};

const CAPTURED: Table = Table {
    of: "a capture",
    name: "capture",
    keys: &[
        Key::new("json", "the value at this JSONPath of the body", Shape::Form(&JSON_PATH)),
        Key::new("header", "the first value of this header", Shape::Form(&HEADER)),
        Key::new(
            "matches",
            "the first group of this pattern in the body, or all that it matches",
            Shape::Form(&PATTERN),
        ),
        Key::new("secret", "true: the value is shown nowhere", Shape::Switch),
    ],
    needs: &[],
    one_of: &["json", "header", "matches"],
};

const HEADER: Form = HEADER_NAME;

pub(super) fn captures(cursor: &Cursor<'_>) -> Vec<Capture> {
    let mut captures = Vec::new();
    for (name, value) in cursor.entries().unwrap_or_default() {
        if !super::flow::is_name(name) {
            let hint = "a letter, then letters, digits, `-` and `_`".to_owned();
            value.wrong_key(format!("`{name}` is no name of a variable"), Some(hint));
        }
        if !value.is(&CAPTURES.value) {
            continue;
        }
        captures.extend(capture(name, &value));
    }
    captures
}

fn capture(name: &str, cursor: &Cursor<'_>) -> Option<Capture> {
    let path = |cursor: &Cursor<'_>| {
        let path = read_path(cursor.text()?, |message, hint| cursor.wrong(message, hint));
        path.map(From::Json)
    };
    if let Node::Text(_) = cursor.node {
        return Some(Capture { name: name.to_owned(), secret: false, from: path(cursor)? });
    }
    let fields = cursor.fields(&CAPTURED)?;
    let secret = fields.take("secret").and_then(|secret| secret.boolean()) == Some(true);
    let (word, value) = fields.one_of(CAPTURED.one_of)?;
    let from = match word {
        "json" => path(&value)?,
        "header" => {
            let header = value.text()?;
            if !is_token(header) {
                value.wrong(format!("`{header}` is no name of a header"), None);
            }
            From::Header(header.to_owned())
        }
        _ => From::Matches(pattern(&value)?),
    };
    Some(Capture { name: name.to_owned(), secret, from })
}

impl Capture {
    /// What is kept of an answer.
    ///
    /// # Errors
    ///
    /// Where it is not there: one line.
    pub fn of(&self, answer: &Answer, body: &[u8]) -> Result<Value, String> {
        let name = &self.name;
        match &self.from {
            From::Json(path) => {
                let body: Value = serde_json::from_slice(body).map_err(|error| {
                    format!("`{name}` is not captured: the body is no JSON: {error}")
                })?;
                let found = path.query(&body).all();
                let value = found.first().map(|value| (*value).clone());
                value.ok_or_else(|| format!("`{name}` is not captured: nothing is at {path}"))
            }
            From::Header(header) => {
                let value = answer.header(header).next();
                let text = value.map(|value| String::from_utf8_lossy(value).into_owned());
                text.map(Value::String)
                    .ok_or_else(|| format!("`{name}` is not captured: header {header} is absent"))
            }
            From::Matches(pattern) => {
                let found = pattern.captures(body);
                let found = found.and_then(|found| found.get(1).or(found.get(0)));
                let text =
                    found.map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned());
                text.map(Value::String).ok_or_else(|| {
                    format!("`{name}` is not captured: the body does not match `{pattern}`")
                })
            }
        }
    }
}
