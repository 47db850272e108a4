//! JSON Schemas in suites. The one file that knows the crate for them.

use std::fmt;

use serde_json::Value;

use super::Findings;
use crate::suite::cursor::Cursor;
use crate::suite::node::Node;
use crate::suite::printable;

/// How many of a body's faults are told.
const TOLD: usize = 5;

/// A schema that a body has to keep.
pub(super) struct JsonSchema(jsonschema::Validator);

impl JsonSchema {
    /// Reads a schema, or the file that a text names.
    pub(super) fn parse(cursor: &Cursor<'_>) -> Option<JsonSchema> {
        let schema = match cursor.node {
            Node::Text(name) => {
                let bytes = cursor.file()?;
                match serde_json::from_slice::<Value>(&bytes) {
                    Ok(schema) => schema,
                    Err(error) => {
                        cursor.wrong(format!("the file `{name}` is no JSON: {error}"), None);
                        return None;
                    }
                }
            }
            _ => cursor.json(),
        };
        // Formats are asserted: whoever writes `format: date-time` means it. References to
        // the network are refused by the crate.
        match jsonschema::options().should_validate_formats(true).build(&schema) {
            Ok(validator) => Some(JsonSchema(validator)),
            Err(error) => {
                let at = error.instance_path().to_string();
                let at = if at.is_empty() { String::new() } else { format!(" at `{at}`") };
                cursor.wrong(format!("this is no JSON Schema{at}: {error}"), None);
                None
            }
        }
    }

    pub(super) fn judge(&self, found: &Value, judgements: &mut Findings) {
        let mut faults = self.0.iter_errors(found).peekable();
        if faults.peek().is_none() {
            judgements.kept("body keeps its JSON Schema");
        }
        for fault in faults.take(TOLD) {
            let at = fault.instance_path().to_string();
            let at = if at.is_empty() { "/" } else { &at };
            let why = fault.to_string();
            judgements.broken(format!("body at {at}: {}", printable::bytes(why.as_bytes(), 200)));
        }
    }
}

impl fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JsonSchema")
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::KIND;
    use super::super::tests::{answer, judged};

    #[test]
    fn schemas() {
        let schema = "{schema: {type: object, required: [id], properties: {id: {type: integer}, at: {format: date-time}}}}";
        for (value, body, expected) in [
            (schema, &b"{\"id\": 1}"[..], "kept"),
            (schema, b"{}", "body at /: \"id\" is a required property"),
            (schema, b"{\"id\": \"x\"}", "body at /id: \"x\" is not of type \"integer\""),
            (
                schema,
                b"{\"id\": 1, \"at\": \"now\"}",
                "body at /at: \"now\" is not a \"date-time\"",
            ),
            (schema, b"no", "body is `no`, wanted JSON: expected ident at line 1 column 2"),
            (
                "{schema: {type: strng}}",
                b"",
                "problem: this is no JSON Schema at `/type`: \"strng\" is not valid under any of the schemas listed in the 'anyOf' keyword",
            ),
            (
                "{schema: none.json}",
                b"",
                "problem: the file `none.json` cannot be read: no files can be read here",
            ),
        ] {
            assert_eq!(judged(&KIND, value, &answer(200, &[], body)), expected, "{value}");
        }
    }
}
