//! What the documents say of the program is what the program says of itself.
#![expect(clippy::disallowed_methods, reason = "reads and writes the documents")]

use std::fmt::Write as _;
use std::fs;

use scf_conform::contract::FunctionType;
use scf_conform::rules::RULES;
use scf_conform::suite::builtin;

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

fn table() -> String {
    let mut table = "\n| id | what is wanted | a failure is |\n|---|---|---|\n".to_owned();
    let mut line = |id: &str, title: &str, severity: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| {id} | {title} | {severity} |");
    };
    for rule in RULES {
        line(rule.id, rule.title, rule.severity.word());
    }
    for kind in [FunctionType::Event, FunctionType::Http, FunctionType::Job] {
        for case in &builtin(kind).expect("there is one").cases {
            line(&case.id, &case.name, case.severity.word());
        }
    }
    table.push('\n');
    table
}
