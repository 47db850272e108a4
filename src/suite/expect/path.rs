//! `path:` of a body: what is wanted of the values at paths of JSON.

use serde_json::{Number, Value};
use serde_json_path::JsonPath;

use super::Findings;
use super::body::{missing, shown};
use super::text::Wanted;
use crate::suite::cursor::{Cursor, words};
use crate::suite::node::Node;
use crate::suite::printable;
use crate::suite::shape::{Entries, JSON_PATH, Key, PATTERN, Shape, Table};

/// `path:` of `body:`.
pub(super) const PATHS: Entries = Entries {
    keys: &JSON_PATH,
    value: Shape::Either(&[Shape::Scalar, Shape::Null, Shape::List(&Shape::Json), Shape::Map(&AT)]),
};

const AT: Table = Table {
    of: "what is wanted at a path",
    name: "path",
    keys: &[
        Key::new("equals", "each value there is this one", Shape::Json),
        Key::new("has", "each value there has this in it; maps may have more keys", Shape::Json),
        Key::new(
            "contains",
            "each value there is a text that has this in it, or each of a list",
            Shape::Many(&Shape::Scalar),
        ),
        Key::new("matches", "each value there is a text of this pattern", Shape::Form(&PATTERN)),
        Key::new(
            "type",
            "each value there is of this type",
            Shape::Word("a type", || words(TYPES)),
        ),
        Key::new("above", "each value there is a number above this", NUMBER),
        Key::new("below", "each value there is a number below this", NUMBER),
        Key::new(
            "count",
            "so many values are there; of one list, so many items",
            Shape::Whole(0, u64::MAX),
        ),
        Key::new("absent", "true: nothing is there; false: something is", Shape::Switch),
    ],
    needs: &[],
    one_of: &[],
};

/// A number, whole or not, is whatever JSON has.
const NUMBER: Shape = Shape::Json;

type IsOf = fn(&Value) -> bool;

const TYPES: &[(&str, IsOf)] = &[
    ("text", Value::is_string),
    ("number", Value::is_number),
    ("integer", |value| value.is_i64() || value.is_u64()),
    ("boolean", Value::is_boolean),
    ("null", Value::is_null),
    ("list", Value::is_array),
    ("map", Value::is_object),
];

/// What is wanted at one path.
#[derive(Debug)]
pub(super) struct At {
    written: String,
    path: JsonPath,
    wanted: Vec<There>,
}

#[derive(Debug)]
enum There {
    Equals(Value),
    Has(Value),
    Text(Wanted),
    Type(&'static str, IsOf),
    Above(Number),
    Below(Number),
    Count(usize),
    Absent(bool),
}

pub(super) fn parse(cursor: &Cursor<'_>) -> Vec<At> {
    let mut list = Vec::new();
    for (written, value) in cursor.entries().unwrap_or_default() {
        let path = read(written, |message, hint| value.wrong_key(message, hint));
        if !value.is(&PATHS.value) {
            continue;
        }
        let wanted = match value.node {
            Node::Map(_) => there(&value),
            _ => vec![There::Equals(value.json())],
        };
        list.extend(path.map(|path| At { written: written.to_owned(), path, wanted }));
    }
    list
}

/// Reads a path of RFC 9535; what is wrong with it is told.
pub(in crate::suite) fn read(
    written: &str,
    wrong: impl FnOnce(String, Option<String>),
) -> Option<JsonPath> {
    match JsonPath::parse(written) {
        Ok(path) => Some(path),
        Err(error) => {
            let hint = if written.starts_with('$') {
                "paths are written as RFC 9535 has it: `$.orders[?@.total > 10].id`".to_owned()
            } else {
                format!("a path begins with `$`: `$.{}`", written.trim_start_matches('.'))
            };
            let at = written.get(..error.position()).map_or(1, |fine| fine.chars().count() + 1);
            // The crate's own word where it knows no better one.
            let why = match error.message() {
                "parser error" => "what is there does not fit",
                known => known,
            };
            wrong(format!("`{written}` is no JSONPath: {why}, at character {at}"), Some(hint));
            None
        }
    }
}

fn there(cursor: &Cursor<'_>) -> Vec<There> {
    let Some(fields) = cursor.fields(&AT) else { return Vec::new() };
    let mut wanted = Vec::new();
    for key in AT.keys {
        let Some(value) = fields.take(key.name) else { continue };
        match key.name {
            "equals" => wanted.push(There::Equals(value.json())),
            "has" => wanted.push(There::Has(value.json())),
            "type" => {
                let of = value.word("type", TYPES);
                let name =
                    value.text().and_then(|name| words(TYPES).into_iter().find(|of| *of == name));
                wanted.extend(name.zip(of).map(|(name, of)| There::Type(name, of)));
            }
            "above" => wanted.extend(number(&value).map(There::Above)),
            "below" => wanted.extend(number(&value).map(There::Below)),
            "count" => wanted.extend(
                value.whole_number().and_then(|count| count.try_into().ok()).map(There::Count),
            ),
            "absent" => wanted.extend(value.boolean().map(There::Absent)),
            word => wanted.extend(Wanted::parse(word, &value).into_iter().map(There::Text)),
        }
    }
    wanted
}

fn number(cursor: &Cursor<'_>) -> Option<Number> {
    let Node::Number(number) = cursor.node else {
        cursor.unlike("a number");
        return None;
    };
    Some(number.clone())
}

impl At {
    pub(super) fn judge(&self, body: &Value, judgements: &mut Findings) {
        let found = self.path.query(body).all();
        let at = printable::text(&self.written);
        for wanted in &self.wanted {
            match wanted.broken(&found) {
                None => judgements.kept(format!("body at {at} {}", wanted.summary())),
                Some(why) => judgements.broken(format!("body at {at} {why}")),
            }
        }
    }

    pub(super) fn summary(&self) -> String {
        let wanted: Vec<String> = self.wanted.iter().map(There::summary).collect();
        format!("at {} {}", printable::text(&self.written), wanted.join(", "))
    }
}

impl There {
    /// What is there instead; `None` where it is as it is wanted.
    fn broken(&self, found: &[&Value]) -> Option<String> {
        match (self, found) {
            (There::Absent(true), []) | (There::Absent(false), [_, ..]) => None,
            (There::Absent(false), []) => Some("is absent".to_owned()),
            (There::Absent(true), [first, ..]) => {
                Some(format!("is {}, wanted: absent", shown(first)))
            }
            (There::Count(wanted), [Value::Array(items)]) if items.len() == *wanted => None,
            (There::Count(wanted), [Value::Array(items)]) => {
                Some(format!("has {} items, wanted {wanted}", items.len()))
            }
            (There::Count(wanted), found) if found.len() == *wanted => None,
            (There::Count(wanted), found) => {
                Some(format!("has {} values, wanted {wanted}", found.len()))
            }
            (_, []) => Some(format!("is absent, wanted: {}", self.summary())),
            (_, found) => found.iter().find_map(|value| self.broken_by(value)),
        }
    }

    fn broken_by(&self, value: &Value) -> Option<String> {
        let compared = |other: &Number| Some((value.as_f64()?, other.as_f64()?));
        let fits = match self {
            There::Equals(wanted) => equal(value, wanted),
            There::Has(wanted) => missing(value, wanted, "$").is_none(),
            There::Text(wanted) => {
                value.as_str().is_some_and(|text| wanted.met_by(text.as_bytes()))
            }
            There::Type(_, of) => of(value),
            There::Above(least) => compared(least).is_some_and(|(value, least)| value > least),
            There::Below(most) => compared(most).is_some_and(|(value, most)| value < most),
            There::Count(_) | There::Absent(_) => true,
        };
        (!fits).then(|| format!("is {}, wanted: {}", shown(value), self.summary()))
    }

    fn summary(&self) -> String {
        match self {
            There::Equals(value) => format!("equals {}", shown(value)),
            There::Has(value) => format!("has {}", shown(value)),
            There::Text(wanted) => wanted.summary(),
            There::Type(name, _) => format!("is a {name}"),
            There::Above(number) => format!("is above {number}"),
            There::Below(number) => format!("is below {number}"),
            There::Count(count) => format!("has {count}"),
            There::Absent(true) => "is absent".to_owned(),
            There::Absent(false) => "is there".to_owned(),
        }
    }
}

/// Whether two values are the same to JSON, for which 1 and 1.0 are one number.
fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
#[path = "path_rfc.rs"]
mod rfc;

#[cfg(test)]
mod tests {
    use super::super::body::KIND;
    use super::super::tests::{answer, judged};

    const BODY: &[u8] = br#"{"id": 7, "name": "ab-12", "ok": true, "none": null,
        "orders": [{"total": 5.0, "tag": "a"}, {"total": 20, "tag": "b"}, {"total": 30, "tag": "b"}]}"#;

    #[test]
    fn values_at_paths() {
        for (value, expected) in [
            ("{path: {$.id: 7}}", "kept"),
            ("{path: {$.id: 7.0}}", "kept"),
            ("{path: {$.id: 8}}", "body at $.id is `7`, wanted: equals `8`"),
            ("{path: {$.id: '7'}}", "body at $.id is `7`, wanted: equals `\"7\"`"),
            ("{path: {$.none: null}}", "kept"),
            ("{path: {$.gone: {absent: true}, $.none: {absent: false}}}", "kept"),
            ("{path: {$.gone: 1}}", "body at $.gone is absent, wanted: equals `1`"),
            ("{path: {$.id: {absent: true}}}", "body at $.id is `7`, wanted: absent"),
            ("{path: {$.name: {matches: '^[a-z]+-[0-9]+$', contains: [a, '1']}}}", "kept"),
            ("{path: {$.id: {matches: '7'}}}", "body at $.id is `7`, wanted: matches `7`"),
            ("{path: {$.orders: {count: 3, type: list}}}", "kept"),
            ("{path: {'$.orders[?@.total > 10]': {count: 2}}}", "kept"),
            ("{path: {'$.orders[?@.tag == \"b\" && @.total < 25].total': 20}}", "kept"),
            ("{path: {'$.orders[*].total': {above: 4, below: 31, type: number}}}", "kept"),
            (
                "{path: {'$.orders[*].total': {above: 5}}}",
                "body at $.orders[*].total is `5.0`, wanted: is above 5",
            ),
            ("{path: {'$.orders[1]': {has: {tag: b}}}}", "kept"),
            ("{path: {'$.orders[1]': {equals: {tag: b, total: 20}}}}", "kept"),
            (
                "{path: {'$.orders[-1:]': {equals: {tag: b}}}}",
                "body at $.orders[-1:] is `{\"total\":30,\"tag\":\"b\"}`, wanted: equals `{\"tag\":\"b\"}`",
            ),
            ("{path: {'$.orders[?length(@.tag) == 1]': {count: 3}}}", "kept"),
            ("{path: {'$.orders[?match(@.tag, \"[a]\")].total': 5}}", "kept"),
            (
                "{path: {id: 7}}",
                "problem: `id` is no JSONPath: what is there does not fit, at character 1",
            ),
            ("{path: {$.id: {type: txt}}}", "problem: `txt` is no type"),
            ("{path: {$.id: {abov: 1}}}", "problem: `abov` is no key of what is wanted at a path"),
            ("{path: {$.id: {above: a}}}", "problem: expected a number, found a text"),
        ] {
            let told = judged(&KIND, value, &answer(200, &[], BODY));
            assert!(told.starts_with(expected), "{value}: {told}");
        }
        let told = judged(&KIND, "{path: {'$.a[': 1}}", &answer(200, &[], BODY));
        assert!(told.starts_with("problem: `$.a[` is no JSONPath"), "{told}");
    }
}
