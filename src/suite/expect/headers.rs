//! `headers:` looks at the answer's header fields, whatever the case of their names.

use super::text::{Wanted, quoted};
use super::{Findings, Judge, Kind, Seen};
use crate::suite::cursor::Cursor;
use crate::suite::headers::is_token;
use crate::suite::node::Node;
use crate::suite::shape::{Entries, HEADER_NAME, Key, PATTERN, Shape, Table};

pub(super) const KIND: Kind = Kind {
    key: "headers",
    about: "header fields: a value, or absent, equals, contains, matches or count",
    example: "{Content-Type: {matches: '^application/json'}, X-Debug: {absent: true}}",
    shape: Shape::Entries(&HEADERS),
    parse,
};

const HEADERS: Entries =
    Entries { keys: &HEADER_NAME, value: Shape::Either(&[Shape::Scalar, Shape::Map(&HEADER)]) };

const HEADER: Table = Table {
    of: "a header's map",
    name: "header",
    keys: &[
        Key::new("absent", "true: the header is not there; false: it is", Shape::Switch),
        Key::new("equals", "one of its values is this text", Shape::Scalar),
        Key::new(
            "contains",
            "one of its values has this text, or each of a list, in it",
            Shape::Many(&Shape::Scalar),
        ),
        Key::new("matches", "one of its values matches this pattern", Shape::Form(&PATTERN)),
        Key::new("count", "it stands there so many times", Shape::Whole(0, 256)),
    ],
    needs: &[],
    one_of: &[],
};

#[derive(Debug)]
struct Headers(Vec<(String, Vec<Rule>)>);

#[derive(Debug)]
enum Rule {
    Absent(bool),
    Count(u64),
    Value(Wanted),
}

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    let mut headers = Vec::new();
    for (name, value) in cursor.entries()? {
        if !is_token(name) {
            value.wrong_key(format!("`{name}` is no name of a header"), None);
        }
        let rules = match value.node {
            Node::Map(_) => rules(&value),
            _ => Wanted::parse("equals", &value).into_iter().map(Rule::Value).collect(),
        };
        headers.push((name.to_owned(), rules));
    }
    Some(Box::new(Headers(headers)))
}

fn rules(cursor: &Cursor<'_>) -> Vec<Rule> {
    let Some(fields) = cursor.fields(&HEADER) else { return Vec::new() };
    let mut rules = Vec::new();
    for key in HEADER.keys {
        let Some(value) = fields.take(key.name) else { continue };
        match key.name {
            "absent" => rules.extend(value.boolean().map(Rule::Absent)),
            "count" => rules.extend(value.whole_number().map(Rule::Count)),
            word => rules.extend(Wanted::parse(word, &value).into_iter().map(Rule::Value)),
        }
    }
    rules
}

impl Judge for Headers {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        for (name, rules) in &self.0 {
            let values: Vec<&[u8]> = seen.answer.header(name).collect();
            for rule in rules {
                rule.judge(name, &values, judgements);
            }
        }
    }

    fn summary(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        format!("headers {}", names.join(", "))
    }
}

impl Rule {
    fn judge(&self, name: &str, values: &[&[u8]], judgements: &mut Findings) {
        match (self, values) {
            (Rule::Absent(true), [first, ..]) => {
                judgements.broken(format!("header {name} is {}, wanted: absent", quoted(first)));
            }
            (Rule::Absent(absent), values) => {
                let there = if values.is_empty() { "absent" } else { "there" };
                judgements.of(*absent == values.is_empty(), format!("header {name} is {there}"));
            }
            (Rule::Count(count), values) => {
                let found = values.len();
                let message = format!("header {name} stands there {found} times, wanted {count}");
                judgements.of(found as u64 == *count, message);
            }
            (Rule::Value(wanted), []) => {
                judgements.broken(format!("header {name} is absent, wanted: {}", wanted.summary()));
            }
            (Rule::Value(wanted), [first, ..]) => {
                let met = values.iter().find(|value| wanted.met_by(value)).unwrap_or(first);
                wanted.judge(&format!("header {name}"), met, judgements);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, judged};
    use super::KIND;

    #[test]
    fn headers() {
        let answer = answer(200, &[("content-type", "text/plain"), ("A", "1"), ("a", "2")], b"");
        for (value, expected) in [
            ("{Content-Type: text/plain}", "kept"),
            (
                "{content-type: text/html}",
                "header content-type is `text/plain`, wanted: equals `text/html`",
            ),
            ("{A: 2}", "kept"),
            ("{A: {count: 2}}", "kept"),
            ("{A: {count: 1}}", "header A stands there 2 times, wanted 1"),
            ("{X: {absent: true}}", "kept"),
            ("{X: {absent: false}}", "header X is absent"),
            ("{A: {absent: true}}", "header A is `1`, wanted: absent"),
            ("{Content-Type: {matches: '^text/', contains: plain}}", "kept"),
            ("{X: y}", "header X is absent, wanted: equals `y`"),
            ("{A: {cuont: 1}}", "problem: `cuont` is no key of a header's map"),
            ("{A: {matches: '('}}", "problem: this is no pattern: unclosed group"),
            ("{'a b': c}", "problem: `a b` is no name of a header"),
            ("[a]", "problem: expected a map, found a list"),
        ] {
            assert_eq!(judged(&KIND, value, &answer), expected, "{value}");
        }
    }
}
