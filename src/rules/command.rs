//! F001: what is run is there, may be executed, and finds all that it needs.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::image::Image;
use crate::image::start::{Problem, Role, Start};
use crate::plan::{Plan, PlanError, RootMode};

pub(super) const RULE: Rule = Rule {
    id: "F001",
    severity: Severity::Error,
    title: "what is run exists, may be executed and finds what it needs",
    clause: "start-command",
    why: "A command that cannot be executed ends the container before it began; the platform says \
          405 ContainerStateExited or 445 ContainerInitError, and not which file it was.",
    fix: "make the command's file, its interpreter and its libraries part of the image",
    proof: Proof { breaks: "f001-missing-library", keeps: "f001-library-through-runpath" },
    look: Look::Image(look),
};

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let plan = match Plan::new(image, function, RootMode::Writable, Vec::new()) {
        Ok(plan) => plan,
        Err(PlanError::NoCommand) => return found.skip("there is no command (M007)"),
        Err(error @ PlanError::UnknownUser(_)) => {
            found.fail(error.to_string()).fix("add the user to the image, or give USER as numbers");
            return;
        }
    };
    let start = plan.start(image);
    match &start.problem {
        None => pass(&start, found),
        // Code that is there and for another machine is F002's.
        Some(Problem::OtherMachine { .. } | Problem::NoProgram { .. }) => {
            found.pass("all files are there");
        }
        Some(problem) => fail(problem, image, &plan, found),
    }
}

fn pass(start: &Start, found: &mut Findings) {
    if let Some(unknown) = &start.unknown {
        found.could_not_check(unknown.clone());
        return;
    }
    let count = |role| start.files.iter().filter(|needed| needed.role == role).count();
    let command = start.files.first().map_or("", |needed| needed.path.as_str());
    let message = match (count(Role::Interpreter), count(Role::Library)) {
        (0, 0) => command.to_owned(),
        (0, libraries) => format!("{command}, {libraries} libraries"),
        (_, libraries) => {
            let last = start.files.iter().rev().find(|needed| needed.role == Role::Interpreter);
            let interpreter = last.map_or("", |needed| needed.path.as_str());
            format!("{command} run by {interpreter}, {libraries} libraries")
        }
    };
    found.pass(message);
}

fn fail(problem: &Problem, image: &Image, plan: &Plan, found: &mut Findings) {
    let Some(cause) = cause(problem) else { return };
    let told = problem.told(&plan.user);
    let (message, more, fix) = match plan.suggest(&image.tree, problem) {
        Some(better) if better.is_all => (better.what, None, better.fix),
        Some(better) => (told.message, Some(better.what), better.fix),
        None => (told.message, None, told.fix),
    };
    found.fail(message).cause(cause).fix(fix);
    for line in told.evidence.into_iter().chain(more) {
        found.evidence(line);
    }
}

/// Code that is there and of the wrong kind is F002's, and has no cause here.
fn cause(problem: &Problem) -> Option<Cause> {
    Some(match problem {
        Problem::NotInPath { .. } | Problem::Missing { .. } => Cause::CommandMissing,
        Problem::NotAFile { .. } | Problem::Denied { .. } => Cause::NotExecutable,
        Problem::CarriageReturn { .. }
        | Problem::ByteOrderMark { .. }
        | Problem::InterpreterMissing { .. }
        | Problem::LoaderMissing { .. } => Cause::BadInterpreter,
        Problem::LibraryMissing { .. } => Cause::MissingLibrary,
        Problem::NoProgram { .. } | Problem::OtherMachine { .. } => return None,
    })
}
