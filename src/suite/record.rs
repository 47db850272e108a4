//! A first suite from recorded answers.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::case::Case;
use super::invocation::Invocation;
use super::judge::decoded;
use super::schema::SCHEMA_FILE;
use crate::contract::FunctionType;
use crate::evidence::Answer;

/// Texts up to this size are wanted whole.
const WHOLE: usize = 256;

/// An invocation that was made twice, and both of its answers.
#[derive(Debug)]
pub struct Recorded {
    /// Its name in the suite.
    pub name: String,
    /// What was sent: an event of a trigger, or a request without a body.
    pub case: Case,
    /// The first answer.
    pub first: Answer,
    /// The second one.
    pub second: Answer,
}

/// A suite that expects of each invocation what both of its answers had.
#[must_use]
pub fn recorded(kind: FunctionType, answers: &[Recorded]) -> String {
    let mut text = format!(
        "# yaml-language-server: $schema={SCHEMA_FILE}\n\
         # Recorded: what was the same in two answers is expected. Take away what may change.\n\
         # `scf-conform suite schema > {SCHEMA_FILE}` gives editors the schema.\n\
         suite: recorded\n\
         about: What the image answered when this was recorded.\n\
         type: {}\n\
         cases:\n",
        kind.word()
    );
    for Recorded { name, case, first, second } in answers {
        let sent = match &case.invocation {
            Invocation::Event { trigger, .. } => format!("event: {}", trigger.unwrap_or_default()),
            Invocation::Http(http) => {
                format!("http: {}", json!(format!("{} {}", http.method, escaped(&http.target))))
            }
        };
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  - name: {}\n    {sent}\n    expect:\n", json!(escaped(name)));
        if first.status == second.status {
            let _ = writeln!(text, "      status: {}", first.status);
        }
        let value = |answer: &Answer| {
            let value = answer.header("content-type").next();
            value.map(|value| String::from_utf8_lossy(value).into_owned())
        };
        if let (Some(one), Some(other)) = (value(first), value(second))
            && one == other
        {
            let _ = writeln!(text, "      headers: {{Content-Type: {}}}", json!(escaped(&one)));
        }
        if let Some(body) = body(first, second) {
            let _ = writeln!(text, "      body: {body}");
        }
    }
    text
}

/// What both bodies have.
fn body(first: &Answer, second: &Answer) -> Option<Value> {
    let (one, other) = (decoded(first), decoded(second));
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    if let (Some(one), Some(other)) = (json(&one), json(&other)) {
        return Some(match common(&one, &other) {
            Some(common) => json!({"json": common}),
            None => json!({"utf8": true}),
        });
    }
    if one != other {
        return None;
    }
    match std::str::from_utf8(&one) {
        Ok("") => Some(json!({"empty": true})),
        Ok(text) if text.len() <= WHOLE => Some(json!({"equals": escaped(text)})),
        _ => Some(json!({"size": {"is": one.len()}})),
    }
}

/// What is in both values; `None` where they have nothing in common.
fn common(one: &Value, other: &Value) -> Option<Value> {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let both = one
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), common(value, other.get(key)?)?)));
            Some(Value::Object(both.collect::<Map<_, _>>()))
        }
        (Value::String(one), Value::String(other)) if one == other => {
            Some(Value::String(escaped(one)))
        }
        // A list is expected whole or not at all.
        (one, other) if one == other => Some(each_escaped(one)),
        _ => None,
    }
}

fn each_escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(escaped(text)),
        Value::Array(items) => Value::Array(items.iter().map(each_escaped).collect()),
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, value)| (key.clone(), each_escaped(value))).collect(),
        ),
        other => other.clone(),
    }
}

/// A text that holds no variables.
fn escaped(text: &str) -> String {
    text.replace("${", "$${")
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, by_hand, parse};
    use super::*;

    #[test]
    fn what_differs_is_left_out() {
        let answer = |body: &str| Answer {
            status: 200,
            headers: vec![("Content-Type".to_owned(), b"application/json".to_vec())],
            body: body.as_bytes().to_vec(),
            faults: Vec::new(),
        };
        let record = |line: &str, first: &str, second: &str| Recorded {
            name: format!("{line} is there"),
            case: by_hand::http(line, &[], None).expect("a request"),
            first: answer(first),
            second: answer(second),
        };
        let text = recorded(
            FunctionType::Http,
            &[
                record(
                    "GET /a",
                    r#"{"id": 1, "n": {"x": "${y}", "t": 5}}"#,
                    r#"{"id": 1, "n": {"x": "${y}", "t": 6}}"#,
                ),
                record("GET /b", "hello: \"you\"", "hello: \"you\""),
                record("GET /c", "one", "two"),
                record("GET /d", "", ""),
            ],
        );
        expect_test::expect![[r#"
            # yaml-language-server: $schema=suite.schema.json
            # Recorded: what was the same in two answers is expected. Take away what may change.
            # `scf-conform suite schema > suite.schema.json` gives editors the schema.
            suite: recorded
            about: What the image answered when this was recorded.
            type: http
            cases:

              - name: "GET /a is there"
                http: "GET /a"
                expect:
                  status: 200
                  headers: {Content-Type: "application/json"}
                  body: {"json":{"id":1,"n":{"x":"$${y}"}}}

              - name: "GET /b is there"
                http: "GET /b"
                expect:
                  status: 200
                  headers: {Content-Type: "application/json"}
                  body: {"equals":"hello: \"you\""}

              - name: "GET /c is there"
                http: "GET /c"
                expect:
                  status: 200
                  headers: {Content-Type: "application/json"}

              - name: "GET /d is there"
                http: "GET /d"
                expect:
                  status: 200
                  headers: {Content-Type: "application/json"}
                  body: {"empty":true}
        "#]]
        .assert_eq(&text);
        parse("new.yaml", &text, Origin::User).unwrap_or_else(|problems| panic!("{problems}"));
    }
}
