//! The schema for editors takes what the reader takes, and refuses what it refuses.
#![expect(clippy::disallowed_methods, reason = "test data is read from files")]

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::node::Node;
use super::super::shape::{Form, Shape, Table};
use super::*;

fn validator() -> jsonschema::Validator {
    jsonschema::options().build(&schema()).expect("the schema is one")
}

/// A document as an editor sees it; `None` where it is no YAML.
fn document(text: &str) -> Option<Value> {
    serde_yaml::from_str::<Node>(text).ok().map(|node| node.to_json())
}

fn suites(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    found.sort();
    let text = |path: &Path| std::fs::read_to_string(path).expect("text");
    found.iter().map(|path| (path.display().to_string(), text(path))).collect()
}

#[test]
fn it_takes_every_suite_of_the_repository() {
    let validator = validator();
    let mut seen = 0;
    for folder in ["suites", "fixtures/suites/good", "fixtures/suites/wrong"] {
        for (name, text) in suites(folder) {
            if name.ends_with("suites/contract.yaml") {
                continue; // The clauses: no suite.
            }
            seen += 1;
            let document = document(&text).expect("YAML");
            let faults: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{name}{}: {error}", error.instance_path()))
                .collect();
            assert!(faults.is_empty(), "{}", faults.join("\n"));
        }
    }
    assert!(seen > 6);
}

#[test]
fn it_refuses_every_suite_that_is_broken() {
    let validator = validator();
    let broken = suites("fixtures/suites/bad");
    for (name, text) in &broken {
        // What is no YAML, or has a key twice, an editor tells without a schema.
        let Some(document) = document(text) else { continue };
        let twice = name.ends_with("duplicate-key.yaml");
        assert!(twice || !validator.is_valid(&document), "{name} is taken");
    }
    assert!(broken.len() >= 40, "there are {}", broken.len());
}

/// Every form of text is told apart by its pattern as its examples say.
#[test]
fn patterns_take_their_examples() {
    let mut seen = Vec::new();
    forms(&SUITE, &mut Vec::new(), &mut |form| seen.push(form));
    forms(&job::EXPECT, &mut Vec::new(), &mut |form| seen.push(form));
    assert!(seen.len() > 10);
    for form in seen {
        let schema = form_schema(form);
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        for example in form.examples {
            assert!(validator.is_valid(&Value::from(*example)), "{}: {example}", form.what);
        }
        for counterexample in form.counterexamples {
            let taken = validator.is_valid(&Value::from(*counterexample));
            assert!(!taken, "{}: {counterexample}", form.what);
        }
    }
}

fn forms(table: &Table, done: &mut Vec<&'static str>, told: &mut dyn FnMut(&'static Form)) {
    if done.contains(&table.name) {
        return;
    }
    done.push(table.name);
    for key in table.keys {
        forms_of(&key.shape, done, told);
    }
}

fn forms_of(shape: &Shape, done: &mut Vec<&'static str>, told: &mut dyn FnMut(&'static Form)) {
    match shape {
        Shape::Form(form) => told(form),
        Shape::Map(table) => forms(table, done, told),
        Shape::Entries(entries) => {
            told(entries.keys);
            forms_of(&entries.value, done, told);
        }
        Shape::List(shape) | Shape::Many(shape) => forms_of(shape, done, told),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| forms_of(shape, done, told)),
        _ => {}
    }
}
