//! The program: arguments, environment, terminal, signals and exit codes. The library knows
//! none of them.
//!
//! To add a command, write `src/cli/<name>.rs`, and give it a variant in `args::Command` and a
//! line in [`run`].

mod args;
mod check;
mod clock;
mod doctor;
mod exit;
mod file;
mod gathered;
mod invoke;
mod jobs;
mod layer;
mod progress;
mod report;
mod selftest;
mod settings;
mod shown;
mod signals;
mod term;
mod written;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use args::{Arguments, Command};
use exit::Exit;

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    // Colours for whatever is told before the settings are known.
    term::colours(anstream::ColorChoice::Auto);
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error).into(),
    };
    match &arguments.command {
        Command::Check(command) => check::run(command, arguments.color.as_ref()),
        Command::Doctor(command) => doctor::run(command, arguments.color.as_ref()),
        Command::Invoke(command) => invoke::run(command, arguments.color.as_ref()),
        Command::Selftest(command) => selftest::run(command),
        Command::Report(_) => report::print_schema(),
    }
    .into()
}

/// Prints what clap has to say: an error, or the help that was asked for.
fn refused(error: &clap::Error) -> Exit {
    // Where the stream is gone there is nobody to tell.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Conforms,
        ErrorKind::InvalidSubcommand => {
            let word = std::env::args().nth(1).unwrap_or_default();
            if word.contains([':', '/', '.', '@']) {
                term::note(&format!("to check an image: scf-conform check {word}"));
            }
            Exit::Usage
        }
        _ => Exit::Usage,
    }
}
