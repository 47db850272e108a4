//! `suite`: what there is of suites, what is wrong with them, and a first one of one's own.

use std::fmt::Write as _;

use clap::{Args, Subcommand, ValueHint};
use scf_conform::contract::FunctionType;
use scf_conform::suite::{Case, Origin, Role, Style, Suite, Unset, builtin, number, schema};

use super::environment::Environment;
use super::exit::Exit;
use super::suite_new::{self, New};
use super::suites::{self, Values};
use super::values::variable_pair;
use super::{term, values};

/// List, show and check suites, and write a first one
///
/// A suite is a YAML file of cases: what an image is sent, and what is expected of its answer.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
pub(super) struct SuiteCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Name the suites that the program has, and those in files
    List {
        /// Files of suites besides
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        files: Vec<String>,
    },
    /// Show the cases of a suite: what is sent, and what is expected
    Show {
        /// `event`, `http`, `job`, or a file
        #[arg(value_name = "NAME|FILE")]
        name: String,
        /// A variable of the suite; may be repeated
        #[arg(long, value_name = "NAME=VALUE")]
        var: Vec<String>,
    },
    /// Tell everything that is wrong in suites, and run nothing
    ///
    /// Exit codes: 0 nothing is wrong · 2 something is
    Lint {
        /// The files
        #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
        files: Vec<String>,
    },
    /// Write a first suite from the answers of a running image
    New(Box<New>),
    /// Print the JSON Schema of suites, for editors
    ///
    /// A suite's first line says where it is:
    /// `# yaml-language-server: $schema=suite.schema.json`
    Schema,
}

/// Runs the command.
pub(super) fn run(command: &SuiteCommand, environment: &Environment) -> Exit {
    match &command.what {
        What::List { files } => list(files, environment),
        What::Show { name, var } => show(name, var, environment),
        What::Lint { files } => lint(files, environment),
        What::New(new) => suite_new::run(new, environment),
        What::Schema => term::print(&format!("{:#}\n", schema()), Exit::Conforms),
    }
}

fn given(environment: &Environment) -> Values {
    Values { environment: environment.variables.clone(), ..Values::default() }
}

/// Reads all files; those that cannot be read are told.
fn read(files: &[String], values: &Values) -> (Vec<Suite>, Exit) {
    let mut exit = Exit::Conforms;
    let mut suites = Vec::new();
    for file in files {
        match suites::read(file, values, Unset::LetPass) {
            Ok(suite) => suites.push(suite),
            Err(unread) => {
                term::quoted(|_| unread.render(Style::Coloured));
                exit = Exit::Usage;
            }
        }
    }
    (suites, exit)
}

fn list(files: &[String], environment: &Environment) -> Exit {
    let (own, exit) = read(files, &given(environment));
    let kinds = [FunctionType::Event, FunctionType::Http, FunctionType::Job];
    let mut text = String::new();
    let all: Vec<&Suite> = kinds
        .into_iter()
        .filter_map(|kind| builtin(kind).map(|it| it as &Suite))
        .chain(&own)
        .collect();
    for suite in all {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:8} {:5} {:>9}  {}",
            suite.name,
            suite.kind.word(),
            count(suite),
            suite.about.lines().next().unwrap_or(&suite.file)
        );
    }
    term::print(&text, exit)
}

fn count(suite: &Suite) -> String {
    match suite.cases.len() {
        1 => "1 case".to_owned(),
        more => format!("{more} cases"),
    }
}

fn lint(files: &[String], environment: &Environment) -> Exit {
    let (suites, exit) = read(files, &given(environment));
    let mut text = String::new();
    for suite in &suites {
        let _ = writeln!(text, "{}: {}, nothing is wrong", suite.file, count(suite));
    }
    term::print(&text, exit)
}

fn show(name: &str, var: &[String], environment: &Environment) -> Exit {
    let kinds = [FunctionType::Event, FunctionType::Http, FunctionType::Job];
    if let Some(suite) = kinds.into_iter().filter_map(builtin).find(|suite| suite.name == name) {
        return term::print(&shown(suite), Exit::Conforms);
    }
    let mut values = given(environment);
    for pair in var {
        match variable_pair(pair) {
            Ok(pair) => values.variables.push(pair),
            Err(values::Bad(message, help)) => {
                term::error(&format!("`--var {pair}` {message}"), help.as_deref());
                return Exit::Usage;
            }
        }
    }
    if !std::path::Path::new(name).exists() {
        let help = "the program has `event`, `http` and `job`; all others are files";
        term::error(&format!("there is no suite `{name}`, and no such file"), Some(help));
        return Exit::Usage;
    }
    match suites::read(name, &values, Unset::LetPass) {
        Ok(suite) => {
            if let [first, ..] = values.undeclared(std::slice::from_ref(&suite)).as_slice() {
                term::quoted(|_| first.clone());
                return Exit::Usage;
            }
            let mut suites = [suite];
            number(&mut suites);
            term::print(&shown(&suites[0]), Exit::Conforms)
        }
        Err(unread) => {
            term::quoted(|_| unread.render(Style::Coloured));
            Exit::Usage
        }
    }
}

/// A suite as text: each case with what it sends and what it expects, and no secrets.
fn shown(suite: &Suite) -> String {
    let mut text = format!("{}  ({} functions, {})\n", suite.name, suite.kind.word(), suite.file);
    if !suite.about.is_empty() {
        let _ = writeln!(text, "{}", suite.about);
    }
    for case in &suite.cases {
        let _ = writeln!(text, "\n{}  {}", case.id, case.name);
        for line in lines(case) {
            let _ = writeln!(text, "      {line}");
        }
    }
    suite.secrets.redacted(&text)
}

fn lines(case: &Case) -> Vec<String> {
    let mut lines = Vec::new();
    if case.flow.role == Role::Setup {
        lines.push("makes ready for the others".to_owned());
    }
    lines.push(format!("sends {}", case.invocation.told()));
    lines.extend(case.flow.told());
    let expected: Vec<String> =
        case.expectations.iter().map(scf_conform::suite::Expectation::summary).collect();
    let expected = match (expected.as_slice(), &case.run) {
        ([], None) => "any valid answer".to_owned(),
        ([], Some(run)) => {
            let codes: Vec<String> = run.exit.iter().map(ToString::to_string).collect();
            format!("exit code {}", codes.join(" or "))
        }
        (some, _) => some.join(", "),
    };
    lines.push(format!("expects {expected}  [{}]", case.severity));
    if !case.tags.is_empty() {
        lines.push(format!("tags {}", case.tags.join(", ")));
    }
    lines
}

/// The text of a suite that was just made is read like any other.
pub(super) fn check_made(text: &str) -> Result<(), String> {
    scf_conform::suite::parse("the new suite", text, Origin::User)
        .map(|_| ())
        .map_err(|problems| problems.to_string())
}
