//! What the documents say of the program is what the program says of itself.
#![expect(clippy::disallowed_methods, reason = "reads and writes the documents")]

use std::fmt::Write as _;
use std::fs;

use scf_conform::catalogue;

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

#[test]
fn the_page_of_rules_is_what_the_program_says() {
    is_written("docs/rules.md", &catalogue::page());
}

#[test]
fn the_page_of_causes_is_what_the_program_says() {
    is_written("docs/causes.md", &catalogue::causes());
}

fn is_written(path: &str, wanted: &str) {
    let written = fs::read_to_string(path).unwrap_or_default();
    if written != wanted && std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::create_dir_all("docs").expect("a directory");
        fs::write(path, wanted).expect("is written");
        return;
    }
    assert!(written == wanted, "{path}: UPDATE_EXPECT=1 cargo test --test docs writes it");
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
