//! The kernel refused to execute something: against the image's tree, why.

use super::{Found, Scene};
use crate::check::Cause;
use crate::evidence::{Diagnosis, ExecRefused};
use crate::image::start::Problem;
use crate::units;

/// The kernel's error numbers that say why a command could not be executed.
mod errno {
    pub(super) const ENOENT: i32 = 2;
    pub(super) const E2BIG: i32 = 7;
    pub(super) const ENOEXEC: i32 = 8;
    pub(super) const EACCES: i32 = 13;
    pub(super) const ENOTDIR: i32 = 20;
    pub(super) const ELOOP: i32 = 40;
}

/// Why the command was refused.
pub(super) fn refused(refused: &ExecRefused, scene: &Scene<'_>) -> Diagnosis {
    let start = scene.plan.follow(scene.tree, &scene.plan.argv);
    let error = std::io::Error::from_raw_os_error(refused.errno);
    let found = match &start.problem {
        Some(problem) if fits(problem, refused.errno) => of_problem(problem, scene),
        _ => unexplained(refused, scene),
    };
    let beginning = format!("`{}` could not be executed: {}", refused.path, plain(&error));
    found.seen(format!("execve answered {}", name(refused.errno))).after(&beginning)
}

/// Whether what the tree says may be what the kernel meant.
fn fits(problem: &Problem, errno: i32) -> bool {
    match problem {
        Problem::NotInPath { .. } | Problem::Missing { .. } => {
            matches!(errno, errno::ENOENT | errno::ENOTDIR | errno::ELOOP)
        }
        Problem::NotAFile { .. } | Problem::Denied { .. } => errno == errno::EACCES,
        Problem::CarriageReturn { .. }
        | Problem::InterpreterMissing { .. }
        | Problem::LoaderMissing { .. } => errno == errno::ENOENT,
        Problem::ByteOrderMark { .. }
        | Problem::NoProgram { .. }
        | Problem::OtherMachine { .. } => errno == errno::ENOEXEC,
        // Found by the loader, when the kernel has done its part.
        Problem::LibraryMissing { .. } => false,
    }
}

/// The cause that a problem of the tree is.
pub(super) fn of_problem(problem: &Problem, scene: &Scene<'_>) -> Found {
    let cause = match problem {
        Problem::NotInPath { .. } | Problem::Missing { .. } => Cause::CommandMissing,
        Problem::NotAFile { .. } | Problem::Denied { .. } => Cause::NotExecutable,
        Problem::CarriageReturn { .. }
        | Problem::ByteOrderMark { .. }
        | Problem::InterpreterMissing { .. }
        | Problem::LoaderMissing { .. } => Cause::BadInterpreter,
        Problem::LibraryMissing { .. } => Cause::MissingLibrary,
        Problem::NoProgram { .. } | Problem::OtherMachine { .. } => Cause::ExecFormat,
    };
    let told = problem.told(&scene.plan.user);
    let mut found = Found { cause, what: told.message, evidence: told.evidence, fix: told.fix };
    if let Some((what, fix)) = hidden(problem, scene) {
        found.what = what;
        found.fix = fix;
    } else if let Some(better) = scene.plan.suggest(scene.tree, problem) {
        found.what =
            if better.is_all { better.what } else { format!("{}; {}", found.what, better.what) };
        found.fix = better.fix;
    }
    found
}

/// What is missing lies in the image's `/tmp`, which nobody sees.
fn hidden(problem: &Problem, scene: &Scene<'_>) -> Option<(String, String)> {
    match problem {
        Problem::Missing { name, .. } => super::access::hidden_by_tmp(name, scene),
        _ => None,
    }
}

/// The tree saw no problem, or another one.
fn unexplained(refused: &ExecRefused, scene: &Scene<'_>) -> Found {
    let path = &refused.path;
    if let Some((what, fix)) = super::access::hidden_by_tmp(path, scene) {
        return Found::new(Cause::CommandMissing, what, fix);
    }
    let (cause, what, fix) = match refused.errno {
        errno::ENOENT | errno::ENOTDIR | errno::ELOOP => (
            Cause::CommandMissing,
            String::new(),
            format!("make `{path}` part of the image, or name another command"),
        ),
        errno::EACCES => (Cause::NotExecutable, String::new(), format!("RUN chmod a+rx {path}")),
        errno::ENOEXEC => (
            Cause::ExecFormat,
            String::new(),
            "build the program for linux/amd64, or begin the script with `#!`".to_owned(),
        ),
        errno::E2BIG => {
            let size: usize = scene.plan.argv.iter().map(String::len).sum();
            (
                Cause::NotExecutable,
                format!("its arguments take {}", units::size(size as u64)),
                "put what is long into a file of the image".to_owned(),
            )
        }
        _ => (
            Cause::NotExecutable,
            String::new(),
            format!("run the image locally and see why `{path}` does not start"),
        ),
    };
    Found::new(cause, what, fix)
}

fn name(errno: i32) -> String {
    let name = match errno {
        errno::ENOENT => "ENOENT",
        errno::E2BIG => "E2BIG",
        errno::ENOEXEC => "ENOEXEC",
        errno::EACCES => "EACCES",
        errno::ENOTDIR => "ENOTDIR",
        errno::ELOOP => "ELOOP",
        _ => return format!("error {errno}"),
    };
    name.to_owned()
}

/// The error's words without the number that the standard library appends.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
