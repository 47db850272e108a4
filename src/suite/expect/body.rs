//! `body:` looks at the answer's body, without its content coding.

use serde_json::Value;

use super::text::{Wanted, quoted};
use super::{Findings, Judge, Kind, Seen};
use crate::suite::cursor::{Cursor, Key};
use crate::suite::printable;

pub(super) const KIND: Kind = Kind {
    key: "body",
    about: "the body: equals, contains, matches, json (what must be in it), empty, utf8",
    example: "{json: {status: ok}, utf8: true}",
    parse,
};

const KEYS: &[Key] = &[
    Key { name: "equals", about: "the body is this text" },
    Key { name: "contains", about: "the body has this text, or each of a list, in it" },
    Key { name: "matches", about: "the body matches this pattern" },
    Key { name: "json", about: "the body is JSON and has this in it; maps may have more keys" },
    Key { name: "empty", about: "true: the body has no bytes; false: it has some" },
    Key { name: "utf8", about: "true: the body is text in UTF-8" },
];

#[derive(Debug)]
struct Body(Vec<Rule>);

#[derive(Debug)]
enum Rule {
    Text(Wanted),
    Json(Value),
    Empty(bool),
    Utf8(bool),
}

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    let fields = cursor.fields("`body:`", KEYS)?;
    let mut rules = Vec::new();
    for key in KEYS {
        let Some(value) = fields.take(key.name) else { continue };
        match key.name {
            "json" => rules.push(Rule::Json(value.json())),
            "empty" => rules.extend(value.boolean().map(Rule::Empty)),
            "utf8" => rules.extend(value.boolean().map(Rule::Utf8)),
            word => rules.extend(Wanted::parse(word, &value).into_iter().map(Rule::Text)),
        }
    }
    Some(Box::new(Body(rules)))
}

impl Judge for Body {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        for rule in &self.0 {
            rule.judge(seen.body, judgements);
        }
    }

    fn summary(&self) -> String {
        let rules: Vec<String> = self.0.iter().map(Rule::summary).collect();
        format!("body {}", rules.join(", "))
    }
}

impl Rule {
    fn judge(&self, body: &[u8], judgements: &mut Findings) {
        match self {
            Rule::Text(wanted) => wanted.judge("body", body, judgements),
            Rule::Json(wanted) => match serde_json::from_slice::<Value>(body) {
                Err(error) => {
                    judgements.broken(format!("body is {}, wanted JSON: {error}", quoted(body)));
                }
                Ok(found) => match missing(&found, wanted, "$") {
                    None => judgements.kept("body has the JSON that is wanted"),
                    Some(what) => judgements.broken(format!("body: {what}")),
                },
            },
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

    fn summary(&self) -> String {
        match self {
            Rule::Text(wanted) => wanted.summary(),
            Rule::Json(value) => format!("has {}", shown(value)),
            Rule::Empty(true) => "is empty".to_owned(),
            Rule::Empty(false) => "is not empty".to_owned(),
            Rule::Utf8(true) => "is UTF-8".to_owned(),
            Rule::Utf8(false) => "is not UTF-8".to_owned(),
        }
    }
}

/// The first thing of `wanted` that is not in `found`. Maps may have more keys than are
/// wanted; lists are compared item by item.
fn missing(found: &Value, wanted: &Value, path: &str) -> Option<String> {
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

fn shown(value: &Value) -> String {
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
            ("{jsn: 1}", b"", "problem: `jsn` is no key of `body:`"),
            ("{empty: 1}", b"", "problem: expected true or false, found a number"),
        ] {
            assert_eq!(judged(&KIND, value, &answer(200, &[], body)), expected, "{value}");
        }
    }
}
