//! What the documents say of the program is what the program says of itself.
#![expect(clippy::disallowed_methods, reason = "reads and writes the documents")]

use std::fmt::Write as _;
use std::fs;

use scf_conform::catalogue;
use scf_conform::suite::{Given, Origin, Unset, load, reference, schema};

const BEGIN: &str = "<!-- checks: written by `UPDATE_EXPECT=1 cargo test --test docs` -->\n";
const END: &str = "<!-- end of checks -->";

#[test]
fn the_readme_lists_every_check() {
    let readme = fs::read_to_string("README.md").expect("there is one");
    let (before, rest) = readme.split_once(BEGIN).expect("the list begins");
    let (listed, after) = rest.split_once(END).expect("the list ends");
    let wanted = table();
    if listed != wanted && std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write("README.md", format!("{before}{BEGIN}{wanted}{END}{after}")).expect("is written");
        return;
    }
    assert_eq!(listed, wanted, "UPDATE_EXPECT=1 cargo test --test docs writes it");
}

/// The reference of the language is what the reader goes by; so is the schema for editors.
#[test]
fn the_language_is_described_as_it_is_read() {
    is_written("docs/suites.md", Some(("<!-- reference -->\n", "<!-- end -->")), &reference());
    is_written("suites/suite.schema.json", None, &format!("{:#}\n", schema()));
}

#[test]
fn every_example_of_a_suite_is_one() {
    let schema = schema();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let mut seen = 0;
    for page in ["README.md", "docs/suites.md"] {
        let text = fs::read_to_string(page).expect("a page");
        for example in text.split("```yaml\n").skip(1) {
            let example = example.split("```").next().unwrap_or_default();
            if !example.contains("suite:") || !example.contains("cases:") {
                continue; // A part of one, or another file.
            }
            seen += 1;
            let given = Given {
                files: &|name| {
                    let suite = "suite: x\ntype: http\ncases: [{name: a, http: GET /}]";
                    Ok(if name.contains(".json") { "{}" } else { suite }.into())
                },
                variables: &[],
                secrets: &[],
                environment: &|_| None,
                unset: Unset::LetPass,
            };
            load(page, example, Origin::User, &given).unwrap_or_else(|told| panic!("{told}"));
            let value: serde_json::Value = serde_yaml::from_str(example).expect("YAML");
            assert!(validator.is_valid(&value), "{page}: {example}");
        }
    }
    assert!(seen > 3, "{seen} examples");
}

#[test]
fn every_suite_says_where_its_schema_is() {
    for folder in ["suites", "fixtures/suites/good"] {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_suite = path.extension().is_some_and(|extension| extension == "yaml");
            if !is_suite || path.ends_with("contract.yaml") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("text");
            let line = text.lines().next().unwrap_or_default();
            let named = line.strip_prefix("# yaml-language-server: $schema=");
            let found = named.map(|named| path.with_file_name(named));
            assert!(found.is_some_and(|file| file.is_file()), "{}: {line}", path.display());
        }
    }
}

/// Whether a file, or what is between two marks in it, is a text; it is written where that is
/// wanted.
fn is_written(file: &str, between: Option<(&str, &str)>, wanted: &str) {
    let text = fs::read_to_string(file).unwrap_or_default();
    let (before, found, after) = match between {
        None => ("", text.as_str(), ""),
        Some((begin, end)) => {
            let begins = text.find(begin).expect("it begins") + begin.len();
            let ends = text.find(end).expect("it ends");
            (&text[..begins], &text[begins..ends], &text[ends..])
        }
    };
    if found != wanted && std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(file, format!("{before}{wanted}{after}")).expect("it is written");
        return;
    }
    assert_eq!(found, wanted, "{file}: UPDATE_EXPECT=1 cargo test --test docs writes it");
}

#[test]
fn the_page_of_rules_is_what_the_program_says() {
    is_written("docs/rules.md", None, &catalogue::page());
}

#[test]
fn the_page_of_causes_is_what_the_program_says() {
    is_written("docs/causes.md", None, &catalogue::causes());
}

fn table() -> String {
    let mut table = "\n| id | what is wanted | a failure is |\n|---|---|---|\n".to_owned();
    for catalogue::Entry { id, title, severity, .. } in catalogue::entries() {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {id} | {title} | {severity} |");
    }
    table.push('\n');
    table
}
