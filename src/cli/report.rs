//! `report`: what is to be known of the reports themselves.

use scf_conform::report::schema;

use super::exit::Exit;
use super::term;

/// Prints the schema of the JSON report.
pub(super) fn print_schema() -> Exit {
    term::print(&schema(), Exit::Conforms)
}
