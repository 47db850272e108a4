//! The reference of the language as Markdown: made from the tables that the reader goes by.

use std::fmt::Write as _;

use super::expect::KINDS;
use super::job;
use super::parse::SUITE;
use super::shape::{Entries, Form, Key, Shape, Table};
use super::triggers::TRIGGERS;
use super::variables::OWN;

/// Every table of the language, each with its keys.
#[must_use]
pub fn reference() -> String {
    let mut page = String::new();
    let mut done = Vec::new();
    table(&SUITE, &mut done, &mut page);
    table(&job::EXPECT, &mut done, &mut page);
    page.push_str("\n### Triggers\n\n| name | sends |\n|---|---|\n");
    for trigger in TRIGGERS {
        let _ = writeln!(page, "| `{}` | {} |", trigger.name, trigger.about);
    }
    page.push_str("\n### Variables that are each invocation's own\n\n| name | is |\n|---|---|\n");
    for (name, about) in OWN {
        let _ = writeln!(page, "| `${{{name}}}` | {about} |");
    }
    page.push('\n');
    page
}

fn table(table: &'static Table, done: &mut Vec<&'static str>, page: &mut String) {
    if done.contains(&table.name) {
        return;
    }
    done.push(table.name);
    // Writing to a string cannot fail.
    let _ = writeln!(page, "\n### {}\n", title(table));
    let mut rules = Vec::new();
    if !table.needs.is_empty() {
        let verb = if table.needs.len() == 1 { "is" } else { "are" };
        rules.push(format!("{} {verb} needed", listed(table.needs)));
    }
    if !table.one_of.is_empty() {
        rules.push(format!("exactly one of {} is needed", listed(table.one_of)));
    }
    if !rules.is_empty() {
        let _ = writeln!(page, "{}.\n", capital(&rules.join("; ")));
    }
    page.push_str("| key | value | |\n|---|---|---|\n");
    for Key { name, about, shape } in table.keys {
        let about = about.replace('|', "\\|");
        let _ = writeln!(page, "| `{name}` | {} | {about} |", value(shape));
    }
    if table.name == "expect" {
        page.push_str("\nAn example of each:\n\n```yaml\n");
        for kind in KINDS {
            let _ = writeln!(page, "{}: {}", kind.key, kind.example);
        }
        page.push_str("```\n");
    }
    for key in table.keys {
        below(&key.shape, done, page);
    }
}

fn below(shape: &'static Shape, done: &mut Vec<&'static str>, page: &mut String) {
    match shape {
        Shape::Map(inner) => table(inner, done, page),
        Shape::Entries(Entries { value, .. }) => below(value, done, page),
        Shape::List(shape) | Shape::Many(shape) => below(shape, done, page),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| below(shape, done, page)),
        _ => {}
    }
}

fn title(table: &Table) -> String {
    capital(table.of)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn listed(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// A value in a word or two.
fn value(shape: &Shape) -> String {
    match shape {
        Shape::Text | Shape::Scalar => "text".to_owned(),
        Shape::Switch => "`true`, `false`".to_owned(),
        Shape::Whole(least, most) if *most < u64::from(u32::MAX) => format!("{least} to {most}"),
        Shape::Whole(least, _) => format!("a number from {least}"),
        Shape::Word(what, words) => {
            let words = words();
            if words.len() > 8 { (*what).to_owned() } else { listed(&words) }
        }
        Shape::Form(Form { what, examples, .. }) => match examples.first() {
            Some(example) if *what != "a text" => {
                format!("{what}: `{}`", example.replace('|', "\\|"))
            }
            Some(example) => format!("`{example}`"),
            None => (*what).to_owned(),
        },
        Shape::Json => "any".to_owned(),
        Shape::Schema => "a JSON Schema".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Map(table) => format!("a map: [{}](#{})", table.name, anchor(table)),
        Shape::Entries(Entries { keys, value: inner }) => {
            format!("a map from {} to {}", keys.what, value(inner))
        }
        Shape::List(shape) => format!("a list of {}", value(shape)),
        Shape::Many(shape) => format!("{}, or a list", value(shape)),
        Shape::Either(shapes) => shapes.iter().map(value).collect::<Vec<_>>().join(" · "),
    }
}

/// The place of a table's title on the page, as GitHub makes it.
fn anchor(table: &Table) -> String {
    let kept = |letter: char| match letter {
        ' ' => Some('-'),
        letter if letter.is_alphanumeric() || letter == '-' || letter == '_' => {
            Some(letter.to_ascii_lowercase())
        }
        _ => None,
    };
    title(table).chars().filter_map(kept).collect()
}
