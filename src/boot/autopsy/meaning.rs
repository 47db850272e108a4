//! What a refusal means for an image on this platform, against its tree and its limits.

use super::absent::{attribute, module, not_there, script};
use super::clue::{Clue, Kind};
use super::{Found, Signs, access, limits, refusal};
use crate::check::Cause;
use crate::image::start::is_below;

/// What a clue means; `None` where it says too little.
pub(super) fn of(clue: &Clue, signs: &Signs<'_>) -> Option<Found> {
    let subject = clue.subject.as_deref();
    let found = match clue.kind {
        Kind::Library => library(subject?),
        Kind::OldLibrary => Found::new(
            Cause::MissingLibrary,
            format!("the C library of the image is too old: it has no `{}`", subject?),
            "build in the same base image as the program runs in, or take a newer base image",
        ),
        Kind::OtherLibrary => Found::new(
            Cause::MissingLibrary,
            format!("`{}` was built for another C library", subject?),
            "build in the same base image as the program runs in (glibc and musl do not mix)",
        ),
        Kind::CarriageReturn => carriage_return(subject, signs),
        Kind::Interpreter => interpreter(subject?, signs),
        Kind::Command => command(subject?, signs),
        Kind::Format => format(subject, signs),
        Kind::Module(language) => module(language, subject?, signs),
        Kind::Class => Found::new(
            Cause::Exited,
            format!("the Java class `{}` is not on the class path", subject?),
            "put the jar that has it on the class path (-cp), or build one jar with all in it",
        ),
        Kind::ClassVersion => Found::new(
            Cause::Exited,
            format!("`{}` was compiled for a newer Java than the image has", subject?),
            "take a base image with the Java release that you compile for, or compile with --release",
        ),
        Kind::NoProcess => limits::too_many_processes(signs),
        Kind::NoDescriptor => limits::too_many_files(signs),
        Kind::NoMemory => limits::out_of_memory(signs, "it could get no more memory"),
        Kind::NoSpace => no_space(subject, signs),
        Kind::ReadOnly => read_only(subject),
        Kind::InUse => in_use(signs),
        Kind::PortDenied => port_denied(signs),
        Kind::NoSuchAddress => {
            let port = signs.scene.function.contract.port;
            let what = "it wants to listen on an address that the instance does not have";
            Found::new(Cause::Exited, what, format!("listen on 0.0.0.0:{port}"))
        }
        Kind::Network => {
            let what = format!("it could not reach somebody in the network: `{}`", clue.line);
            return Some(waits_on_network(what));
        }
        Kind::Denied => denied(subject, clue, signs),
        Kind::Script => script(subject?, signs),
        Kind::NotThere => not_there(subject?, signs),
        Kind::Attribute => attribute(clue, signs),
        Kind::Raised => Found::new(
            Cause::Exited,
            format!("it says `{}`", clue.line),
            "see the last log lines: the program itself gave up",
        ),
    };
    Some(if clue.kind == Kind::Raised { found } else { found.seen(format!("said: {}", clue.line)) })
}

/// Something that it needs from the network, and does not get.
pub(super) fn waits_on_network(what: String) -> Found {
    Found::new(
        Cause::WaitsOnNetwork,
        what,
        "listen first, and connect when it is needed: the network is closed here, and what is in \
         a VPC is reached on the platform only by a function that is in it",
    )
}

fn library(library: &str) -> Found {
    Found::new(
        Cause::MissingLibrary,
        format!("the library `{library}` is missing"),
        format!("install the package that has `{library}`, in the image's last stage"),
    )
}

/// A script's lines end in CR LF.
pub(super) fn carriage_return(script: Option<&str>, signs: &Signs<'_>) -> Found {
    let argv = &signs.scene.plan.argv;
    let of_command = || argv.iter().rev().find(|word| word.contains(['/', '.']));
    let script = script.or_else(|| of_command().map(String::as_str)).unwrap_or("start.sh");
    Found::new(
        Cause::BadInterpreter,
        "a script has lines that end in CR LF, and the CR counts as part of the name",
        format!("RUN sed -i 's/\\r$//' {script}    # or save it with LF line ends"),
    )
}

fn interpreter(subject: &str, signs: &Signs<'_>) -> Found {
    of_tree(subject, signs).unwrap_or_else(|| {
        Found::new(
            Cause::BadInterpreter,
            format!("the interpreter of a script is not there: `{subject}`"),
            "install it, or let the `#!` line name one that is there",
        )
    })
}

/// What the tree says of a command that a script was to run.
pub(super) fn of_tree(command: &str, signs: &Signs<'_>) -> Option<Found> {
    let start = signs.scene.plan.follow(signs.scene.tree, &[command.to_owned()]);
    start.problem.map(|problem| refusal::of_problem(&problem, signs.scene))
}

fn command(name: &str, signs: &Signs<'_>) -> Found {
    of_tree(name, signs).unwrap_or_else(|| {
        Found::new(
            Cause::CommandMissing,
            format!("`{name}`, which a script runs, was not found"),
            format!("install `{name}` in the image's last stage, or name it by its full path"),
        )
    })
}

fn format(subject: Option<&str>, signs: &Signs<'_>) -> Found {
    let found = subject.and_then(|path| of_tree(path, signs));
    found.filter(|found| found.cause == Cause::ExecFormat).unwrap_or_else(|| {
        let what = subject.map_or_else(
            || "a program in it is for another kind of machine".to_owned(),
            |path| format!("`{path}` is no program for this kind of machine"),
        );
        Found::new(Cause::ExecFormat, what, "docker build --platform linux/amd64 .")
    })
}

fn no_space(path: Option<&str>, signs: &Signs<'_>) -> Found {
    if let Some(full) = limits::space(signs) {
        return full;
    }
    let (place, fix) = match path {
        Some(path) if is_below(path, "/dev/shm") => {
            ("/dev/shm".to_owned(), "use less of /dev/shm, or files below /tmp")
        }
        Some(path) => {
            (format!("the space of `{path}`"), "write less, and remove what is no longer needed")
        }
        None => ("a file system".to_owned(), "write less, and remove what is no longer needed"),
    };
    Found::new(Cause::NoSpace, format!("{place} is full"), fix)
}

fn read_only(path: Option<&str>) -> Found {
    let what = path.map_or_else(
        || "it writes to the root file system, which is read-only".to_owned(),
        |path| format!("it writes `{path}`, and the root file system is read-only"),
    );
    let name = path.and_then(|path| path.trim_end_matches('/').rsplit('/').next()).unwrap_or("app");
    let fix = format!("write to /tmp/{name} instead: only /tmp can be written");
    Found::new(Cause::ReadOnlyRoot, what, fix)
}

fn in_use(signs: &Signs<'_>) -> Found {
    let port = signs.scene.function.contract.port;
    Found::new(
        Cause::Exited,
        "the port is in use already: something else in the container listens on it",
        format!("start one server on port {port} only, and once"),
    )
}

fn port_denied(signs: &Signs<'_>) -> Found {
    let (port, uid) = (signs.scene.function.contract.port, signs.scene.plan.user.uid);
    Found::new(
        Cause::PermissionDenied,
        format!("uid {uid} may not open the port that it wants to listen on"),
        format!("listen on 0.0.0.0:{port}: ports below 1024 are for root"),
    )
}

fn denied(path: Option<&str>, clue: &Clue, signs: &Signs<'_>) -> Found {
    let scene = signs.scene;
    let user = &scene.plan.user;
    let Some(path) = path else {
        let what = format!("something is not permitted to uid {}", user.uid);
        let fix = "see the last log lines; RUN chmod -R a+rX /app, for the directory of the code";
        return Found::new(Cause::PermissionDenied, what, fix);
    };
    // A shell that could not execute it says no more than this.
    if clue.line.contains("sh: ")
        && let Some(found) =
            of_tree(path, signs).filter(|found| found.cause == Cause::NotExecutable)
        && !clue.line.contains("cannot create")
        && !clue.line.contains("cannot open")
    {
        return found;
    }
    let refusing = access::refusing(path, scene);
    let found = Found::new(
        Cause::PermissionDenied,
        format!("uid {} may not use `{path}`", user.uid),
        format!("RUN chmod -R a+rX {path}    # or write below /tmp"),
    );
    let Some(denied) = refusing else { return found };
    let fix = denied.fix(user).unwrap_or(found.fix);
    let writes = matches!(
        &denied,
        crate::image::Denied::Refused { access: crate::image::Access::Write, .. }
    );
    let fix = if writes {
        format!("{fix}    # or write below /tmp, which the platform keeps writable")
    } else {
        fix
    };
    let told = denied.told(user).unwrap_or_default();
    Found { what: format!("{}: {told}", found.what), fix, ..found }
}
