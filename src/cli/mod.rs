//! The program: arguments, environment, terminal, signals and exit codes. The library knows
//! none of them.
//!
//! To add a command, write `src/cli/<name>.rs`, and give it a variant in `args::Command` and a
//! line in [`run`].

mod args;
mod by_hand;
mod check;
mod clock;
mod doctor;
mod engines;
mod environment;
mod exit;
mod file;
mod gathered;
mod hook;
mod init;
mod invoke;
mod jobs;
mod layer;
mod plugin;
mod progress;
mod push;
mod report;
mod rules;
mod selftest;
mod settings;
mod shown;
mod signals;
mod suite;
mod suite_new;
mod suites;
mod term;
mod values;
mod waivers;
mod written;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Arguments, Command};
use environment::Environment;
use exit::Exit;
use plugin::Called;

/// Runs the program.
pub(crate) fn run() -> ExitCode {
    // Colours for whatever is told before the settings are known.
    term::colours(anstream::ColorChoice::Auto);
    let (words, name, variables) = match plugin::called(std::env::args_os().collect()) {
        Called::Plainly(words) => (words, "scf-conform".to_owned(), Vec::new()),
        Called::ByDocker { name, words, variables } => (words, name, variables),
        Called::ForMetadata => return plugin::describe().into(),
    };
    let parsed = Arguments::command()
        .bin_name(name)
        .try_get_matches_from(words)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
        Ok(arguments) => arguments,
        Err(error) => return refused(&error).into(),
    };
    let environment = Environment::read(arguments.color, variables);
    match &arguments.command {
        Command::Check(command) => check::run(command, &environment),
        Command::Push(command) => push::run(command, &environment),
        Command::Hook(command) => hook::run(command),
        Command::Invoke(command) => invoke::run(command, &environment),
        Command::Doctor(command) => doctor::run(command, &environment),
        Command::Suite(command) => suite::run(command, &environment),
        Command::Init(command) => init::run(command, &environment),
        Command::Rules(command) => rules::list(command),
        Command::Explain(command) => rules::explain(command),
        Command::Selftest(command) => selftest::run(command, &environment),
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
