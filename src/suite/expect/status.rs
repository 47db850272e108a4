//! `status:` looks at the status code.

use super::{Findings, Judge, Kind, Seen};
use crate::suite::cursor::Cursor;
use crate::suite::node::Node;
use crate::suite::shape::{Form, Key, Shape, Table};

pub(super) const KIND: Kind = Kind {
    key: "status",
    about: "the status code: a code, a class such as 2xx, a range, a list of these, or not: these",
    example: "[200, 3xx, 404-410]",
    shape: Shape::Either(&[Shape::Many(&Shape::Form(&STATUS)), Shape::Map(&NOT)]),
    parse,
};

const STATUS: Form = Form {
    what: "a status",
    pattern: "^([1-5][0-9][0-9]|[1-5]xx|[1-5][0-9][0-9] *- *[1-5][0-9][0-9])$",
    numbers: Some((100, 599)),
    examples: &["2xx", "200-299", "404"],
    counterexamples: &["2x", "6xx", "OK"],
};

const NOT: Table = Table {
    of: "`status:`",
    name: "status-not",
    keys: &[Key::new("not", "what the status must not be", Shape::Many(&Shape::Form(&STATUS)))],
    needs: &["not"],
    one_of: &[],
};

#[derive(Debug)]
struct Status {
    /// First and last code of each range.
    ranges: Vec<Range>,
    sense: Sense,
}

#[derive(Debug)]
struct Range {
    first: u16,
    last: u16,
    written: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Sense {
    Any,
    None,
}

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    let (ranges, sense) = match cursor.node {
        Node::Map(_) => (cursor.fields(&NOT)?.take("not")?, Sense::None),
        _ => (cursor.clone(), Sense::Any),
    };
    let items = ranges.one_or_many();
    if items.is_empty() {
        ranges.wrong("an empty list is met by no status", None);
    }
    let ranges: Vec<Range> = items.iter().filter_map(range).collect();
    Some(Box::new(Status { ranges, sense }))
}

fn range(cursor: &Cursor<'_>) -> Option<Range> {
    let written = match cursor.node {
        Node::Number(_) | Node::Text(_) => cursor.scalar()?,
        _ => {
            cursor.unlike("a status");
            return None;
        }
    };
    let (first, last) = match written.split_once('-') {
        Some((first, last)) => (code(first.trim()), code(last.trim())),
        None => match written.strip_suffix("xx").map(str::parse::<u16>) {
            Some(Ok(class @ 1..=5)) => (Some(class * 100), Some(class * 100 + 99)),
            _ => (code(&written), code(&written)),
        },
    };
    match (first, last) {
        (Some(first), Some(last)) if first <= last => Some(Range { first, last, written }),
        (Some(first), Some(last)) => {
            cursor.wrong(format!("the range ends at {last}, before it begins at {first}"), None);
            None
        }
        _ => {
            let hint = "write `200`, `2xx`, `200-299`, a list of these, or `not:` before them";
            cursor.wrong(format!("`{written}` is no status"), Some(hint.to_owned()));
            None
        }
    }
}

fn code(text: &str) -> Option<u16> {
    text.parse().ok().filter(|code| (100..=599).contains(code))
}

impl Judge for Status {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        let status = seen.answer.status;
        let inside = self.ranges.iter().any(|range| (range.first..=range.last).contains(&status));
        if inside == (self.sense == Sense::Any) {
            judgements.kept(format!("status {status}"));
        } else {
            judgements.broken(format!("status {status}, wanted {}", self.wanted()));
        }
    }

    fn summary(&self) -> String {
        format!("status {}", self.wanted())
    }
}

impl Status {
    fn wanted(&self) -> String {
        let written: Vec<&str> = self.ranges.iter().map(|range| range.written.as_str()).collect();
        let list = match written.split_last() {
            Some((last, [])) => (*last).to_owned(),
            Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
            None => "nothing".to_owned(),
        };
        match self.sense {
            Sense::Any => list,
            Sense::None => format!("anything but {list}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, judged};
    use super::KIND;

    #[test]
    fn statuses() {
        for (value, status, expected) in [
            ("200", 200, "kept"),
            ("200", 201, "status 201, wanted 200"),
            ("2xx", 204, "kept"),
            ("2xx", 301, "status 301, wanted 2xx"),
            ("[200, 4xx, 501]", 501, "kept"),
            ("[200, 4xx, 501]", 500, "status 500, wanted 200, 4xx or 501"),
            ("200-204", 204, "kept"),
            ("{not: [404, 405, 5xx]}", 200, "kept"),
            ("{not: [404, 405, 5xx]}", 503, "status 503, wanted anything but 404, 405 or 5xx"),
            ("{not: 404}", 404, "status 404, wanted anything but 404"),
            ("6xx", 200, "problem: `6xx` is no status"),
            ("42", 200, "problem: `42` is no status"),
            ("[]", 200, "problem: an empty list is met by no status"),
            ("[[200]]", 200, "problem: expected a status, found a list"),
            ("300-200", 200, "problem: the range ends at 200, before it begins at 300"),
            ("{nto: 404}", 200, "problem: `nto` is no key of `status:`"),
        ] {
            assert_eq!(judged(&KIND, value, &answer(status, &[], b"")), expected, "{value}");
        }
    }
}
