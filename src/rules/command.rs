//! F001: what is run is there, may be executed, and finds all that it needs.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::image::start::{Problem, Role, Start};
use crate::image::{Access, Denied, Image, User};
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
        Some(problem) => fail(problem, &plan.user, found),
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

fn fail(problem: &Problem, user: &User, found: &mut Findings) {
    match problem {
        Problem::NotInPath { name, path } => found
            .fail(format!("`{name}` is in no directory of PATH"))
            .cause(Cause::CommandMissing)
            .evidence(format!("PATH={path}"))
            .fix(format!("install `{name}` in the image, or name it by its full path")),
        Problem::Missing { name, component } => found
            .fail(format!("`{name}` is not in the image: there is no {component}"))
            .cause(Cause::CommandMissing)
            .fix(format!("COPY it there, or name the file that is meant instead of `{name}`")),
        Problem::NotAFile { path } => found
            .fail(format!("`{path}` is no regular file"))
            .cause(Cause::NotExecutable)
            .fix("name a program as the command"),
        Problem::Denied { role, path, denied } => {
            refused(*role, path, denied, user, found);
            found
        }
        Problem::CarriageReturn { script, line } => found
            .fail(format!("the first line of `{script}` ends in a carriage return (CR LF)"))
            .cause(Cause::BadInterpreter)
            .evidence(format!("`{line}\\r`: the kernel looks for a file whose name ends in \\r"))
            .fix(format!("RUN sed -i 's/\\r$//' {script}    # or save it with LF line ends")),
        Problem::InterpreterMissing { script, interpreter } => found
            .fail(format!("`{script}` wants the interpreter `{interpreter}`, which is not there"))
            .cause(Cause::BadInterpreter)
            .fix(format!("install `{interpreter}`, or let the `#!` line name one that is there")),
        Problem::LoaderMissing { program, loader } => found
            .fail(format!("`{program}` wants the loader `{loader}`, which is not there"))
            .cause(Cause::BadInterpreter)
            .fix("build for the C library of the base image (glibc or musl), or link statically"),
        Problem::LibraryMissing { library, needed_by, searched } => found
            .fail(format!("`{needed_by}` needs the library `{library}`, which is not there"))
            .cause(Cause::MissingLibrary)
            .evidence(format!("searched: {}", searched.join(", ")))
            .fix(format!("install the package that has `{library}`, in the image's last stage")),
        // F002's, and never given to this one.
        Problem::NoProgram { .. } | Problem::OtherMachine { .. } => found,
    };
}

fn refused(role: Role, path: &str, denied: &Denied, user: &User, found: &mut Findings) {
    let Denied::Refused { component, mode, uid, gid, access } = denied else { return };
    let (verb, right, what) = match (access, role) {
        (Access::Execute, Role::Library) => ("pass through", "x", "library"),
        (Access::Execute, _) => ("execute", "x", "command"),
        (Access::Read, Role::Library) => ("read", "r", "library"),
        (Access::Read, _) => ("read", "r", "script"),
        (Access::Write, _) => ("write", "w", "file"),
    };
    let (as_uid, as_gid) = (user.uid, user.gid);
    let chmod = if *access == Access::Execute { "a+rx" } else { "a+r" };
    found
        .fail(format!("uid {as_uid} may not {verb} the {what} `{path}`"))
        .cause(Cause::NotExecutable)
        .evidence(format!(
            "{component} has mode {mode:04o}, owner {uid}:{gid}; \
             uid {as_uid}, gid {as_gid} get no {right} from it"
        ))
        .fix(format!("RUN chmod {chmod} {component}"));
}
