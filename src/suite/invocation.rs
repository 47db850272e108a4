//! The `event:` and `http:` of a case: what is sent.

use std::fmt::Write as _;

use serde_json::Value;

use super::amount;
use super::body::{self, Body};
use super::cursor::{Cursor, advice};
use super::headers::is_token;
use super::node::Node;
use super::shape::{ANY, Entries, Form, Key, SIZE, Shape, Table};
use super::triggers;
use super::variables;

/// `event:` of whatever is asked.
pub(super) const EVENT_KEY: Key = Key::new(
    "event",
    "an event to post: a trigger's name, or a map",
    Shape::Either(&[TRIGGER, Shape::Map(&EVENT)]),
);
/// `http:` of whatever is asked.
pub(super) const HTTP_KEY: Key = Key::new(
    "http",
    "an HTTP request: `GET /path`, or a map",
    Shape::Either(&[Shape::Form(&LINE), Shape::Map(&HTTP)]),
);

/// What a case sends.
#[derive(Debug, Clone, PartialEq)]
pub enum Invocation {
    /// An event, posted to the platform's event path.
    Event {
        /// What is posted.
        body: Body,
        /// The trigger whose event it is, where the suite names one.
        trigger: Option<&'static str>,
    },
    /// Any HTTP request.
    Http(Http),
}

/// An HTTP request as a suite writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// `GET`.
    pub method: String,
    /// Path and query, as they go out.
    pub target: String,
    /// `None` sends none, and no length where the method needs none.
    pub body: Option<Body>,
}

/// The key that makes an event large.
const PADDING: &str = "padding";

/// `event:` as a map.
pub(super) const EVENT: Table = Table {
    of: "`event:`",
    name: "event",
    keys: &[
        Key::new("trigger", "the name of a trigger, whose event is sent", TRIGGER),
        Key::new(
            "with",
            "what is merged into the trigger's event; null takes a key away",
            Shape::Json,
        ),
        Key::new(
            "padded",
            "how large the event is made, with a key `padding` of the letter x",
            Shape::Form(&SIZE),
        ),
        body::JSON,
        body::TEXT,
        body::FROM_FILE,
        body::BASE64,
        body::HEX,
        body::SIZED,
    ],
    needs: &[],
    one_of: &["trigger", "json", "text", "file", "base64", "hex", "size"],
};

/// The name of a trigger.
pub(super) const TRIGGER: Shape =
    Shape::Word("a trigger", || triggers::TRIGGERS.iter().map(|trigger| trigger.name).collect());

/// `http:` as a map.
pub(super) const HTTP: Table = Table {
    of: "`http:`",
    name: "http",
    keys: &[
        Key::new("method", "the method; GET where it is left out", Shape::Form(&METHOD)),
        Key::new("path", "the path as it goes out, percent-encoded", Shape::Form(&PATH)),
        Key::new(
            "query",
            "names and values; a list sends a name several times",
            Shape::Entries(&QUERY),
        ),
        Key::new(
            "body",
            "the body: json, text, file, base64, hex or size",
            Shape::Map(&body::BODY),
        ),
    ],
    needs: &["path"],
    one_of: &[],
};

const QUERY: Entries = Entries { keys: &ANY, value: Shape::Many(&Shape::Scalar) };

const METHOD: Form = Form {
    what: "a text",
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
    numbers: None,
    examples: &["GET", "POST"],
    counterexamples: &["GET:", ""],
};

const PATH: Form = Form {
    what: "a text",
    // What is captured may stand for its beginning.
    pattern: r"^(/|\$\{)([!-\x22$-~])*$",
    numbers: None,
    examples: &["/orders/7?full=1"],
    counterexamples: &["orders", "/a b", "/gr\u{fc}n", "/a#b"],
};

/// `GET /path`.
pub(super) const LINE: Form = Form {
    what: "a text",
    pattern: r"^([!#$%&'*+.^_`|~0-9A-Za-z-]+ +)?(/|\$\{)([!-\x22$-~])*$",
    numbers: None,
    examples: &["GET /orders", "/"],
    counterexamples: &["get", "GET /a b"],
};

/// Reads `event:`: a trigger's name, or a map.
pub(super) fn event(cursor: &Cursor<'_>) -> Option<Invocation> {
    if let Node::Text(_) = cursor.node {
        let trigger = trigger(cursor)?;
        return Some(Invocation::Event {
            body: Body::json(&trigger.event()),
            trigger: Some(trigger.name),
        });
    }
    let fields = cursor.fields(&EVENT)?;
    let (word, value) = fields.one_of(EVENT.one_of)?;
    let with = fields.take("with");
    let padded = fields.take("padded");
    if word == "trigger" {
        let trigger = trigger(&value)?;
        let mut event = trigger.event();
        if let Some(with) = with {
            merge(&mut event, with.json());
        }
        let body = match padded {
            Some(size) => pad(event, &size)?,
            None => Body::json(&event),
        };
        return Some(Invocation::Event { body, trigger: Some(trigger.name) });
    }
    if let Some(with) = with {
        with.wrong_key("`with:` changes a trigger's event, and there is no `trigger:`", None);
    }
    if let Some(padded) = padded {
        padded.wrong_key("`padded:` enlarges a trigger's event, and there is no `trigger:`", None);
    }
    body::parse(word, &value).map(|body| Invocation::Event { body, trigger: None })
}

/// Makes an event so large that it has a number of bytes as compact JSON. Several megabytes of
/// one letter are not kept: they are made when they are sent.
fn pad(mut event: Value, cursor: &Cursor<'_>) -> Option<Body> {
    let size = usize::try_from(amount::size(cursor, body::LARGEST)?).unwrap_or(usize::MAX);
    let Value::Object(map) = &mut event else {
        cursor.wrong("only a map can be padded", None);
        return None;
    };
    // At the end, wherever it was.
    map.shift_remove(PADDING);
    map.insert(PADDING.to_owned(), Value::String(String::new()));
    let mut before = event.to_string().into_bytes();
    let Some(count) = size.checked_sub(before.len()) else {
        cursor.wrong("the event is larger than that without padding", None);
        return None;
    };
    let after = before.split_off(before.len() - 2);
    Some(Body::Padded { before, count, after })
}

fn trigger(cursor: &Cursor<'_>) -> Option<&'static triggers::Trigger> {
    let name = cursor.text()?;
    let found = triggers::TRIGGERS.iter().find(|trigger| trigger.name == name);
    if found.is_none() {
        let names: Vec<&str> = triggers::TRIGGERS.iter().map(|trigger| trigger.name).collect();
        let hint = advice(name, &names, "triggers");
        cursor.wrong(format!("there is no trigger `{name}`"), Some(hint));
    }
    found
}

/// JSON merge patch, RFC 7396: maps are merged, null removes, all else replaces.
pub(super) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.shift_remove(&key);
            } else {
                merge(target.entry(key).or_insert(Value::Null), value);
            }
        }
    }
}

/// Reads `http:`: `GET /path?query`, or a map.
pub(super) fn http(cursor: &Cursor<'_>) -> Option<Invocation> {
    if let Node::Text(line) = cursor.node {
        let (method, target) = line.split_once(' ').unwrap_or(("GET", line));
        let (method, target) = (method.to_owned(), target.trim().to_owned());
        let fine = good_method(cursor, &method) & good_target(cursor, &target);
        return fine.then_some(Invocation::Http(Http { method, target, body: None }));
    }
    let fields = cursor.fields(&HTTP)?;
    let method = match fields.take("method") {
        Some(method) => method.text().filter(|text| good_method(&method, text)),
        None => Some("GET"),
    };
    let path = fields.take("path");
    let path = path.and_then(|path| path.text().filter(|text| good_target(&path, text)));
    let query = fields.take("query").map(|query| query_text(&query)).unwrap_or_default();
    let body = fields.take("body").map(|body| {
        let fields = body.fields(&body::BODY)?;
        body::only(&fields)
    });
    let mut target = path?.to_owned();
    if !query.is_empty() {
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str(&query);
    }
    let body = match body {
        Some(body) => Some(body?),
        None => None,
    };
    Some(Invocation::Http(Http { method: method?.to_owned(), target, body }))
}

fn good_method(cursor: &Cursor<'_>, method: &str) -> bool {
    let good = is_token(method);
    if !good {
        cursor.wrong(format!("`{method}` is no HTTP method"), None);
    }
    good
}

fn good_target(cursor: &Cursor<'_>, target: &str) -> bool {
    // What is captured stands for anything, also for the beginning.
    let target = &variables::without(target, if target.starts_with("${") { "/" } else { "" });
    if !target.starts_with('/') {
        let hint = match cursor.node {
            Node::Text(line) if !line.contains(' ') => Some("write `GET /path`".to_owned()),
            _ => None,
        };
        cursor.wrong(format!("the path `{target}` does not begin with `/`"), hint);
        return false;
    }
    let bad = target.chars().find(|c| !c.is_ascii_graphic() || *c == '#');
    if let Some(bad) = bad {
        let hint = format!("percent-encode it: `{}`", encoded(&bad.to_string()));
        cursor.wrong(format!("`{bad}` cannot stand in a path as it is"), Some(hint));
    }
    bad.is_none()
}

fn query_text(cursor: &Cursor<'_>) -> String {
    let mut query = String::new();
    for (name, values) in cursor.entries().unwrap_or_default() {
        for value in values.one_or_many() {
            let Some(value) = value.scalar() else { continue };
            let separator = if query.is_empty() { "" } else { "&" };
            let _ = write!(query, "{separator}{}={}", encoded(name), encoded(&value));
        }
    }
    query
}

/// Everything but what RFC 3986 calls unreserved as `%XX`.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut done, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            done.push(char::from(byte));
        } else {
            let _ = write!(done, "%{byte:02X}");
        }
        done
    })
}

impl Invocation {
    /// What is sent, in a few words.
    #[must_use]
    pub fn told(&self) -> String {
        const MOST: usize = 120;
        let short = |text: String| match text.char_indices().nth(MOST) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        };
        match self {
            Invocation::Event { trigger: Some(trigger), .. } => format!("the event of {trigger}"),
            Invocation::Event { body, .. } => short(format!("{body:?}")),
            Invocation::Http(Http { method, target, body: None }) => format!("{method} {target}"),
            Invocation::Http(Http { method, target, body: Some(body) }) => {
                format!("{method} {target} with {}", short(format!("{body:?}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_patch_is_merged() {
        let mut event = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge(&mut event, json!({"a": {"b": null, "e": {"f": null, "g": 3}}, "d": 4}));
        assert_eq!(event, json!({"a": {"c": 2, "e": {"g": 3}}, "d": 4}));
    }

    #[test]
    fn what_is_not_unreserved_is_encoded() {
        assert_eq!(encoded("a b/ä~"), "a%20b%2F%C3%A4~");
    }
}
