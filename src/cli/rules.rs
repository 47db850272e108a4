//! `rules` and `explain`: what is checked, and why.

use std::fmt::Write as _;

use clap::Args;
use scf_conform::catalogue;

use super::exit::Exit;
use super::term;

/// List every check: its id, what a failure weighs, what is wanted
#[derive(Debug, Args)]
pub(super) struct Rules {
    /// How the list is written; markdown has everything that `explain` tells
    #[arg(short, long, value_name = "FORMAT", default_value = "text")]
    #[arg(value_parser = ["text", "markdown"])]
    pub(super) format: String,
}

/// Explain checks: what is wanted, why, how to keep it, and the contract's sentence
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Ids of checks, such as `B001`
    #[arg(value_name = "ID", required = true)]
    pub(super) ids: Vec<String>,
}

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
