//! The program `scf-conform`.

mod cli;

use std::process::ExitCode;

use scf_conform::engine::embedded::{HOLDER_WORD, holder_main};

fn main() -> ExitCode {
    // The child that becomes an instance must never have had a second thread: before
    // everything else, arguments included.
    if std::env::args_os().nth(1).is_some_and(|word| word == HOLDER_WORD) {
        return holder_main();
    }
    cli::run()
}
