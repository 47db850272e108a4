//! The `event:` and `http:` of a case: what is sent.

use std::fmt::{self, Write as _};

use serde_json::Value;

use super::amount;
use super::body;
use super::cursor::{Cursor, Key, advice};
use super::headers::is_token;
use super::node::Node;
use super::printable;
use super::triggers;

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
}

/// The key that makes an event large.
const PADDING: &str = "padding";

const EVENT_KEYS: &[Key] = &[
    Key { name: "trigger", about: "the name of a trigger, whose event is sent" },
    Key { name: "with", about: "what is merged into the trigger's event; null takes a key away" },
    Key {
        name: "padded",
        about: "how large the event is made, with a key `padding` of the letter x",
    },
    Key { name: "json", about: "any value, sent as compact JSON" },
    Key { name: "text", about: "a text, sent as it is" },
    Key { name: "base64", about: "bytes in base64" },
    Key { name: "hex", about: "bytes in hexadecimal; blanks are left out" },
    Key { name: "size", about: "so many bytes of the letter x" },
];

const HTTP_KEYS: &[Key] = &[
    Key { name: "method", about: "the method; GET where it is left out" },
    Key { name: "path", about: "the path as it goes out, percent-encoded" },
    Key { name: "query", about: "names and values; a list sends a name several times" },
    Key { name: "body", about: "the body: json, text, base64, hex or size" },
];

/// Reads `event:`: a trigger's name, or a map.
pub(super) fn event(cursor: &Cursor<'_>) -> Option<Invocation> {
    if let Node::Text(_) = cursor.node {
        let trigger = trigger(cursor)?;
        return Some(Invocation::Event {
            body: Body::json(&trigger.event()),
            trigger: Some(trigger.name),
        });
    }
    let fields = cursor.fields("`event:`", EVENT_KEYS)?;
    let mut words = vec!["trigger"];
    words.extend(body::WORDS);
    let (word, value) = fields.one_of("`event:`", &words)?;
    let with = fields.take("with");
    let padded = fields.take("padded");
    if word == "trigger" {
        let trigger = trigger(&value)?;
        let mut event = trigger.event();
        if let Some(with) = with {
            merge(&mut event, with.json());
        }
        if let Some(size) = padded {
            pad(&mut event, &size);
        }
        return Some(Invocation::Event { body: Body::json(&event), trigger: Some(trigger.name) });
    }
    if let Some(with) = with {
        with.wrong_key("`with:` changes a trigger's event, and there is no `trigger:`", None);
    }
    if let Some(padded) = padded {
        padded.wrong_key("`padded:` enlarges a trigger's event, and there is no `trigger:`", None);
    }
    body::parse(word, &value).map(|body| Invocation::Event { body, trigger: None })
}

/// Makes an event so large that it has a number of bytes as compact JSON.
fn pad(event: &mut Value, cursor: &Cursor<'_>) {
    let Some(size) = amount::size(cursor, body::LARGEST) else { return };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if !event.is_object() {
        cursor.wrong("only a map can be padded", None);
        return;
    }
    event[PADDING] = Value::String(String::new());
    let Some(missing) = size.checked_sub(event.to_string().len()) else {
        cursor.wrong("the event is larger than that without padding", None);
        return;
    };
    event[PADDING] = Value::String("x".repeat(missing));
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
    let fields = cursor.fields("`http:`", HTTP_KEYS)?;
    let method = match fields.take("method") {
        Some(method) => method.text().filter(|text| good_method(&method, text)),
        None => Some("GET"),
    };
    let path = fields.need("path", "`http:`");
    let path = path.and_then(|path| path.text().filter(|text| good_target(&path, text)));
    let query = fields.take("query").map(|query| query_text(&query)).unwrap_or_default();
    let body = fields.take("body").map(|body| {
        let fields = body.fields("`body:`", body::KEYS)?;
        body::only("`body:`", &fields)
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
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut done, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            done.push(char::from(byte));
        } else {
            let _ = write!(done, "%{byte:02X}");
        }
        done
    })
}

impl Body {
    /// A value as compact JSON.
    #[must_use]
    pub fn json(value: &Value) -> Body {
        Body::Bytes { bytes: value.to_string().into_bytes(), media_type: "application/json" }
    }

    /// The bytes that go out.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Body::Bytes { bytes, .. } => bytes.clone(),
            Body::Size(size) => vec![b'x'; usize::try_from(*size).unwrap_or(usize::MAX)],
        }
    }

    /// What an HTTP request says that it is.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self {
            Body::Bytes { media_type, .. } => media_type,
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
