//! The report for other programs: one document a run, with a schema that it keeps to.

mod from;
mod wire;

use std::fmt::Write as _;
use std::io::{self, Write};

use super::printable::is_hidden;
use super::{Format, Page, Report};

/// The JSON format.
pub(super) const FORMAT: Format = Format { name: "json", readers: "other programs", write };

fn write(report: &Report, _page: Page, out: &mut dyn Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(&wire::Document::from(report))?;
    out.write_all(spelled_out(&text).as_bytes())?;
    out.write_all(b"\n")
}

/// The JSON Schema that every document keeps to, as text.
#[must_use]
pub fn schema() -> String {
    let mut schema = schemars::schema_for!(wire::Document);
    schema.insert("title".to_owned(), "The report of scf-conform".into());
    // Rendering a map of plain JSON values does not fail.
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// JSON text with every character escaped that would act on a terminal. Such characters
/// stand in strings only, so the value stays the same.
fn spelled_out(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character == '\n' || !is_hidden(character) {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing into a string does not fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect_file;
    use serde_json::Value;

    use super::*;
    use crate::report::sample;

    fn sample_text() -> String {
        let mut bytes = Vec::new();
        write(&sample::report(), Page::default(), &mut bytes).expect("a vector takes all");
        String::from_utf8(bytes).expect("JSON is UTF-8")
    }

    #[test]
    fn the_sample_is_written() {
        expect_file!["../../../reports/sample.json"].assert_eq(&sample_text());
    }

    #[test]
    fn the_schema_is_written() {
        expect_file!["../../../reports/report.schema.json"].assert_eq(&schema());
    }

    #[test]
    fn the_sample_keeps_to_the_schema() {
        let schema: Value = serde_json::from_str(&schema()).expect("a schema");
        let validator = jsonschema::validator_for(&schema).expect("a valid schema");
        let sample: Value = serde_json::from_str(&sample_text()).expect("JSON");
        let problems: Vec<_> = validator
            .iter_errors(&sample)
            .map(|problem| format!("{}: {problem}", problem.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{problems:#?}");

        for (pointer, wrong) in [
            ("/images/0/verdict", Value::from("fine")),
            ("/images/1/checks/3/cause", Value::from("cosmic-rays")),
            ("/images/1/checks/3/status", Value::from("failed")),
            ("/summary/checks", Value::from(-1)),
        ] {
            let mut broken = sample.clone();
            *broken.pointer_mut(pointer).expect(pointer) = wrong;
            assert!(!validator.is_valid(&broken), "{pointer} is not checked");
        }
    }

    #[test]
    fn what_acts_is_escaped_and_means_the_same() {
        let raw = "\u{1b}[0m \u{7f} \u{9b}1m \u{202e} \u{e0041} ü";
        let json = spelled_out(&serde_json::to_string(raw).expect("a string"));
        assert!(!json.chars().any(is_hidden), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), raw);
    }
}
