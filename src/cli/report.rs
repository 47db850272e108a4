//! `report`: what is to be known of the reports themselves.

use std::io::Write as _;

use scf_conform::report::schema;

use super::exit::Exit;
use super::term::{self, Results};

/// Prints the schema of the JSON report.
pub(super) fn print_schema() -> Exit {
    match Results::default().write_all(schema().as_bytes()) {
        Ok(()) => Exit::Conforms,
        Err(error) => {
            term::error(&format!("write the schema to stdout: {error}"), None);
            Exit::NotChecked
        }
    }
}
