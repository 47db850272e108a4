//! One invocation from the words of a command line, told about as in a suite.

use super::body::Body;
use super::case::Case;
use super::cursor::{Cursor, Reader};
use super::flow::Flow;
use super::headers::{HeaderEdit, is_token};
use super::invocation::{Http, Invocation, event as read_event, http as read_http, merge};
use super::node::Node;
use super::printable;
use super::triggers::TRIGGERS;
use crate::check::Severity;

/// Why words are no invocation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoInvocation {
    /// What is wrong: lower case, one line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// An event: a trigger's sample, data, or data merged into the trigger's sample (RFC 7396);
/// without either, what the platform's console sends first.
///
/// # Errors
///
/// Where there is no such trigger, or the data is no JSON: the platform refuses such an event
/// before the function sees it.
pub fn event(trigger: Option<&str>, data: Option<&[u8]>) -> Result<Case, NoInvocation> {
    let json = data.map(serde_json::from_slice::<serde_json::Value>).transpose();
    let json = json.map_err(|error| NoInvocation {
        message: format!("the event is no JSON: {error}"),
        hint: Some("the platform refuses it, too: 400 InvalidParameterValue".to_owned()),
    })?;
    let invocation = match (trigger, json, data) {
        (None, Some(_), Some(data)) => {
            let body = Body::Bytes { bytes: data.to_vec(), media_type: "application/json" };
            Invocation::Event { body, trigger: None }
        }
        (trigger, patch, _) => {
            let name = trigger.unwrap_or("test-event");
            let read = read(name, read_event)?;
            match (read, patch, TRIGGERS.iter().find(|trigger| trigger.name == name)) {
                (Invocation::Event { trigger, .. }, Some(patch), Some(known)) => {
                    let mut event = known.event();
                    merge(&mut event, patch);
                    Invocation::Event { body: Body::json(&event), trigger }
                }
                (read, ..) => read,
            }
        }
    };
    Ok(case(invocation, HeaderEdit::default()))
}

/// A request: `GET /path?query`, or a path; with a body and headers `Name: value` in the place
/// of its own.
///
/// # Errors
///
/// Where the line or a header is none.
pub fn http(line: &str, headers: &[String], data: Option<&[u8]>) -> Result<Case, NoInvocation> {
    let mut invocation = read(line, read_http)?;
    if let (Invocation::Http(Http { body, .. }), Some(data)) = (&mut invocation, data) {
        *body = Some(Body::of_file(data.to_vec()));
    }
    Ok(case(invocation, edit(headers)?))
}

fn read(
    text: &str,
    read: fn(&Cursor<'_>) -> Option<Invocation>,
) -> Result<Invocation, NoInvocation> {
    let node = Node::Text(text.to_owned());
    let reader = Reader::bare();
    let invocation = read(&Cursor::new(&node, &reader));
    let complaint = reader.complaints().into_problems("", text);
    match (invocation, complaint.list()) {
        (Some(invocation), []) => Ok(invocation),
        (_, [first, ..]) => {
            Err(NoInvocation { message: first.message.clone(), hint: first.hint.clone() })
        }
        (None, []) => Err(NoInvocation { message: "this is no invocation".to_owned(), hint: None }),
    }
}

fn edit(headers: &[String]) -> Result<HeaderEdit, NoInvocation> {
    let mut send: Vec<(String, Vec<String>)> = Vec::new();
    for line in headers {
        let wrong = |why: &str| NoInvocation {
            message: format!("`{}` is no header: {why}", printable::text(line)),
            hint: Some("write `Name: value`".to_owned()),
        };
        let (name, value) = line.split_once(':').ok_or_else(|| wrong("there is no `:`"))?;
        let value = value.trim();
        if !is_token(name) {
            return Err(wrong("its name has a character that no name may have"));
        }
        if value.contains(['\r', '\n', '\0']) {
            return Err(wrong("its value has more than one line"));
        }
        match send.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, values)) => values.push(value.to_owned()),
            None => send.push((name.to_owned(), vec![value.to_owned()])),
        }
    }
    Ok(HeaderEdit { send, ..HeaderEdit::default() })
}

fn case(invocation: Invocation, headers: HeaderEdit) -> Case {
    Case {
        id: String::new(),
        name: String::new(),
        clause: None,
        severity: Severity::Error,
        tags: Vec::new(),
        invocation,
        headers,
        expectations: Vec::new(),
        run: None,
        flow: Flow::default(),
        late: None,
        fix: None,
        proof: None,
        place: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(made: Result<Case, NoInvocation>) -> String {
        match made {
            Ok(Case { invocation: Invocation::Event { body, trigger }, .. }) => {
                let text = String::from_utf8(body.bytes()).expect("text");
                format!("{} {}", trigger.unwrap_or("-"), &text[..text.len().min(40)])
            }
            Ok(Case { invocation: Invocation::Http(http), headers, .. }) => {
                format!("{} {} {:?} {:?}", http.method, http.target, http.body, headers.send)
            }
            Err(NoInvocation { message, hint }) => {
                format!("{message} ({})", hint.unwrap_or_default())
            }
        }
    }

    #[test]
    fn events() {
        assert!(told(event(None, None)).starts_with("test-event {"));
        assert!(told(event(Some("timer"), None)).starts_with("timer {\"Type\":\"Timer\""));
        assert_eq!(told(event(None, Some(b"[1, 2]"))), "- [1, 2]");
        let patched = event(Some("timer"), Some(b"{\"Type\":null,\"X\":1,\"TriggerName\":null}"));
        assert!(told(patched).starts_with("timer {\"Time\""));
        assert_eq!(
            told(event(Some("timr"), None)),
            "there is no trigger `timr` (did you mean `timer`?)"
        );
        assert!(told(event(None, Some(b"{"))).starts_with("the event is no JSON: EOF"));
    }

    #[test]
    fn requests() {
        let headers = ["A: 1".to_owned(), "a:2".to_owned()];
        assert_eq!(
            told(http("POST /x?y=1", &headers, Some(b"hi"))),
            "POST /x?y=1 Some(text/plain; charset=utf-8: hi) [(\"A\", [\"1\", \"2\"])]"
        );
        assert_eq!(told(http("/", &[], None)), "GET / None []");
        assert!(told(http("GET x", &[], None)).starts_with("the path `x` does not begin with `/`"));
        let bad = |line: &str| told(http("/", &[line.to_owned()], None));
        assert!(bad("x").starts_with("`x` is no header: there is no `:`"));
        assert!(bad("x y: z").contains("no name may have"));
        assert!(bad("x: y\r\nz: 1").contains("more than one line"));
    }
}
