//! `body:` looks at the answer's body, without its content coding.

use std::cell::LazyCell;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::json_schema::JsonSchema;
use super::text::{Wanted, quoted};
use super::{Findings, Judge, Kind, Seen, path};
use crate::suite::amount;
use crate::suite::cursor::Cursor;
use crate::suite::printable;
use crate::suite::shape::{FILE, Form, Key, PATTERN, SIZE, Shape, Table};

pub(super) const KIND: Kind = Kind {
    key: "body",
    about: "the body, without its content coding",
    example: "{json: {status: ok}, path: {'$.items': {count: 3}}, utf8: true}",
    shape: Shape::Map(&BODY),
    parse,
};

const BODY: Table = Table {
    of: "`body:`",
    name: "expect-body",
    keys: &[
        Key::new("equals", "the body is this text", Shape::Scalar),
        Key::new("file", "the body has the bytes of this file", FILE),
        Key::new(
            "contains",
            "the body has this text, or each of a list, in it",
            Shape::Many(&Shape::Scalar),
        ),
        Key::new("matches", "the body matches this pattern", Shape::Form(&PATTERN)),
        Key::new(
            "json",
            "the body is JSON and has this in it; maps may have more keys",
            Shape::Json,
        ),
        Key::new(
            "path",
            "what is wanted of the values at JSONPaths (RFC 9535): a value, or a map",
            Shape::Entries(&path::PATHS),
        ),
        Key::new(
            "schema",
            "the JSON Schema that the body keeps, or the name of a file with it",
            Shape::Either(&[Shape::Schema, FILE]),
        ),
        Key::new("size", "how many bytes it has", Shape::Map(&SIZES)),
        Key::new("sha256", "its SHA-256, in hexadecimal", Shape::Form(&SHA256)),
        Key::new("empty", "true: the body has no bytes; false: it has some", Shape::Switch),
        Key::new("utf8", "true: the body is text in UTF-8", Shape::Switch),
    ],
    needs: &[],
    one_of: &[],
};

const SIZES: Table = Table {
    of: "`size:`",
    name: "expect-size",
    keys: &[
        Key::new("is", "exactly so many bytes", Shape::Form(&SIZE)),
        Key::new("least", "so many bytes or more", Shape::Form(&SIZE)),
        Key::new("most", "so many bytes or fewer", Shape::Form(&SIZE)),
    ],
    needs: &[],
    one_of: &[],
};

const SHA256: Form = Form {
    what: "64 hexadecimal digits",
    pattern: "^[0-9a-f]{64}$",
    numbers: None,
    examples: &["2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"],
    counterexamples: &["abc"],
};

#[derive(Debug)]
struct Body(Vec<Rule>);

#[derive(Debug)]
enum Rule {
    Text(Wanted),
    Bytes(Vec<u8>, String),
    Json(Value),
    Path(path::At),
    Schema(JsonSchema),
    Size(u64, u64),
    Sha256(String),
    Empty(bool),
    Utf8(bool),
}

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    let fields = cursor.fields(&BODY)?;
    let mut rules = Vec::new();
    for key in BODY.keys {
        let Some(value) = fields.take(key.name) else { continue };
        match key.name {
            "json" => rules.push(Rule::Json(value.json())),
            "file" => {
                let name = value.text().unwrap_or_default().to_owned();
                rules.extend(value.file().map(|bytes| Rule::Bytes(bytes, name)));
            }
            "path" => rules.extend(path::parse(&value).into_iter().map(Rule::Path)),
            "schema" => rules.extend(JsonSchema::parse(&value).map(Rule::Schema)),
            "size" => rules.extend(sizes(&value)),
            "sha256" => rules.extend(sha256(&value).map(Rule::Sha256)),
            "empty" => rules.extend(value.boolean().map(Rule::Empty)),
            "utf8" => rules.extend(value.boolean().map(Rule::Utf8)),
            word => rules.extend(Wanted::parse(word, &value).into_iter().map(Rule::Text)),
        }
    }
    Some(Box::new(Body(rules)))
}

fn sizes(cursor: &Cursor<'_>) -> Option<Rule> {
    let fields = cursor.fields(&SIZES)?;
    let size = |key| fields.take(key).and_then(|value| amount::size(&value, u64::MAX));
    let rule = match (size("is"), size("least"), size("most")) {
        (Some(size), None, None) => Rule::Size(size, size),
        (None, least, most) => Rule::Size(least.unwrap_or(0), most.unwrap_or(u64::MAX)),
        _ => {
            cursor.wrong("`is:` says all, and takes no `least:` or `most:` beside it", None);
            return None;
        }
    };
    if matches!(rule, Rule::Size(least, most) if least > most) {
        cursor.wrong("no size is at least and at most that", None);
    }
    Some(rule)
}

fn sha256(cursor: &Cursor<'_>) -> Option<String> {
    let text = cursor.text()?;
    let fine = text.len() == 64 && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    if !fine {
        let hint = "write what `sha256sum` prints: 64 digits in lower case".to_owned();
        cursor.wrong("this is no SHA-256", Some(hint));
    }
    fine.then(|| text.to_owned())
}

impl Judge for Body {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        // Large bodies are read as JSON once, however much is wanted of them.
        let json: Lazy<'_> = LazyCell::new(Box::new(|| serde_json::from_slice(seen.body)));
        for rule in &self.0 {
            rule.judge(seen.body, &json, judgements);
        }
    }

    fn summary(&self) -> String {
        let rules: Vec<String> = self.0.iter().map(Rule::summary).collect();
        format!("body {}", rules.join(", "))
    }
}

/// A body as JSON, read when somebody asks for it.
type Lazy<'b> =
    LazyCell<serde_json::Result<Value>, Box<dyn FnOnce() -> serde_json::Result<Value> + 'b>>;

impl Rule {
    fn judge(&self, body: &[u8], json: &Lazy<'_>, judgements: &mut Findings) {
        match self {
            Rule::Text(wanted) => wanted.judge("body", body, judgements),
            Rule::Bytes(wanted, name) => match first_difference(body, wanted) {
                None => judgements.kept(format!("body is `{name}`")),
                Some(at) => judgements.broken(format!(
                    "body of {} bytes differs from the {} of `{name}` at byte {at}",
                    body.len(),
                    wanted.len()
                )),
            },
            Rule::Json(_) | Rule::Path(_) | Rule::Schema(_) => match &**json {
                Err(error) => {
                    judgements.broken(format!("body is {}, wanted JSON: {error}", quoted(body)));
                }
                Ok(found) => self.judge_json(found, judgements),
            },
            Rule::Size(least, most) => {
                let size = body.len() as u64;
                let fits = (*least..=*most).contains(&size);
                judgements
                    .of(fits, format!("body has {size} bytes, wanted {}", between(*least, *most)));
            }
            Rule::Sha256(wanted) => {
                let found = hex::encode(Sha256::digest(body));
                if found == *wanted {
                    judgements.kept("body has the SHA-256 that is wanted");
                } else {
                    judgements.broken(format!("body has the SHA-256 {found}, wanted {wanted}"));
                }
            }
            Rule::Empty(empty) => {
                let size = body.len();
                let wanted = if *empty { "none" } else { "some" };
                judgements.of(
                    body.is_empty() == *empty,
                    format!("body has {size} bytes, wanted {wanted}"),
                );
            }
            Rule::Utf8(utf8) => match std::str::from_utf8(body) {
                Ok(_) => judgements.of(*utf8, "body is UTF-8"),
                Err(error) => judgements
                    .of(!*utf8, format!("body is no UTF-8 from byte {}", error.valid_up_to())),
            },
        }
    }

    fn judge_json(&self, found: &Value, judgements: &mut Findings) {
        match self {
            Rule::Json(wanted) => match missing(found, wanted, "$") {
                None => judgements.kept("body has the JSON that is wanted"),
                Some(what) => judgements.broken(format!("body: {what}")),
            },
            Rule::Path(at) => at.judge(found, judgements),
            Rule::Schema(schema) => schema.judge(found, judgements),
            _ => {}
        }
    }

    fn summary(&self) -> String {
        match self {
            Rule::Text(wanted) => wanted.summary(),
            Rule::Json(value) => format!("has {}", shown(value)),
            Rule::Bytes(_, name) => format!("is `{name}`"),
            Rule::Path(at) => at.summary(),
            Rule::Schema(_) => "keeps its JSON Schema".to_owned(),
            Rule::Size(least, most) => format!("has {} bytes", between(*least, *most)),
            Rule::Sha256(wanted) => format!("has the SHA-256 {wanted}"),
            Rule::Empty(true) => "is empty".to_owned(),
            Rule::Empty(false) => "is not empty".to_owned(),
            Rule::Utf8(true) => "is UTF-8".to_owned(),
            Rule::Utf8(false) => "is not UTF-8".to_owned(),
        }
    }
}

fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    let common = one.iter().zip(other).position(|(one, other)| one != other);
    let shorter = one.len().min(other.len());
    common.or((one.len() != other.len()).then_some(shorter))
}

fn between(least: u64, most: u64) -> String {
    match (least, most) {
        (least, most) if least == most => least.to_string(),
        (0, most) => format!("at most {most}"),
        (least, u64::MAX) => format!("at least {least}"),
        (least, most) => format!("{least} to {most}"),
    }
}

/// The first thing of `wanted` that is not in `found`. Maps may have more keys than are
/// wanted; lists are compared item by item.
pub(super) fn missing(found: &Value, wanted: &Value, path: &str) -> Option<String> {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().find_map(|(key, wanted)| {
            let path = format!("{path}.{}", printable::text(key));
            match found.get(key) {
                Some(found) => missing(found, wanted, &path),
                None => Some(format!("{path} is absent, wanted {}", shown(wanted))),
            }
        }),
        (Value::Array(found), Value::Array(wanted)) if found.len() == wanted.len() => {
            let pairs = found.iter().zip(wanted).enumerate();
            pairs
                .into_iter()
                .find_map(|(at, (found, wanted))| missing(found, wanted, &format!("{path}[{at}]")))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            Some(format!("{path} has {} items, wanted {}", found.len(), wanted.len()))
        }
        // 1 and 1.0 are the same number to JSON, and two to its reader.
        (Value::Number(found), Value::Number(wanted)) if found.as_f64() == wanted.as_f64() => None,
        _ if found == wanted => None,
        _ => Some(format!("{path} is {}, wanted {}", shown(found), shown(wanted))),
    }
}

pub(super) fn shown(value: &Value) -> String {
    quoted(value.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, judged};
    use super::KIND;

    #[test]
    fn bodies() {
        for (value, body, expected) in [
            ("{equals: hello}", &b"hello"[..], "kept"),
            ("{equals: hello}", b"Hello", "body is `Hello`, wanted: equals `hello`"),
            ("{contains: [ell, lo]}", b"hello", "kept"),
            ("{contains: [ell, x]}", b"hello", "body is `hello`, wanted: contains `x`"),
            ("{matches: '^h.*o$'}", b"hello", "kept"),
            ("{empty: true}", b"", "kept"),
            ("{empty: true}", b"x", "body has 1 bytes, wanted none"),
            ("{utf8: true}", b"a\xff", "body is no UTF-8 from byte 1"),
            ("{json: {a: 1}}", b"{\"a\": 1.0, \"b\": 2}", "kept"),
            (
                "{json: {a: {b: [1, x]}}}",
                b"{\"a\": {\"b\": [1, 2]}}",
                "body: $.a.b[1] is `2`, wanted `\"x\"`",
            ),
            ("{json: {a: 1}}", b"{}", "body: $.a is absent, wanted `1`"),
            ("{json: [1]}", b"[]", "body: $ has 0 items, wanted 1"),
            ("{json: 1}", b"one", "body is `one`, wanted JSON: expected value at line 1 column 1"),
            ("{size: {is: 2}}", b"hi", "kept"),
            ("{size: {least: 1 KB}}", b"hi", "body has 2 bytes, wanted at least 1024"),
            ("{size: {least: 1, most: 2}}", b"hey", "body has 3 bytes, wanted 1 to 2"),
            (
                "{size: {is: 1, most: 2}}",
                b"",
                "problem: `is:` says all, and takes no `least:` or `most:` beside it",
            ),
            (
                "{sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824}",
                b"hello",
                "kept",
            ),
            ("{sha256: abc}", b"hello", "problem: this is no SHA-256"),
            ("{jsn: 1}", b"", "problem: `jsn` is no key of `body:`"),
            ("{empty: 1}", b"", "problem: expected true or false, found a number"),
        ] {
            assert_eq!(judged(&KIND, value, &answer(200, &[], body)), expected, "{value}");
        }
    }
}
