//! `rules` and `explain`: what is checked, and why.

use std::fmt::Write as _;

use scf_conform::catalogue;

use super::args::{Explain, Rules};
use super::exit::Exit;
use super::term;

/// Columns where the results do not go to a terminal.
const USUAL_WIDTH: usize = 80;

/// Lists every check.
pub(super) fn list(arguments: &Rules) -> Exit {
    if arguments.format == "markdown" {
        return term::print(&catalogue::page(), Exit::Conforms);
    }
    let mut text = String::new();
    for entry in catalogue::entries() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}  {:<8} {}", entry.id, entry.severity.word(), entry.title);
    }
    term::print(&text, Exit::Conforms)
}

/// Explains checks.
pub(super) fn explain(arguments: &Explain) -> Exit {
    let width = term::width().unwrap_or(USUAL_WIDTH);
    let mut texts = Vec::new();
    for id in &arguments.ids {
        match catalogue::find(id) {
            Ok(entry) => texts.push(entry.text(width)),
            Err(meant) => {
                let help = meant.map_or_else(
                    || "scf-conform rules names all".to_owned(),
                    |meant| format!("did you mean `{meant}`?"),
                );
                term::error(&format!("there is no check `{id}`"), Some(&help));
                return Exit::Usage;
            }
        }
    }
    term::print(&texts.join("\n"), Exit::Conforms)
}
