//! What stands in the way of a start, in words.

use super::{Problem, Role};
use crate::image::{Access, Denied, User};

/// A problem in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// One line: what is wrong.
    pub message: String,
    /// What was seen, a line each.
    pub evidence: Vec<String>,
    /// What to change.
    pub fix: String,
}

impl Problem {
    /// What is wrong for a user, and what to change.
    #[must_use]
    pub fn told(&self, user: &User) -> Told {
        let (message, evidence, fix) = match self {
            Problem::NotInPath { name, path } => (
                format!("`{name}` is in no directory of PATH"),
                Some(format!("PATH={path}")),
                format!("install `{name}` in the image, or name it by its full path"),
            ),
            Problem::Missing { name, component } => (
                format!("`{name}` is not in the image: there is no {component}"),
                None,
                format!("COPY it there, or name the file that is meant instead of `{name}`"),
            ),
            Problem::NotAFile { path } => (
                format!("`{path}` is no regular file"),
                None,
                "name a program as the command".to_owned(),
            ),
            Problem::Denied { role, path, denied } => return refused(*role, path, denied, user),
            Problem::CarriageReturn { script, line } => (
                format!("the first line of `{script}` ends in a carriage return (CR LF)"),
                Some(format!("`{line}\\r`: the kernel looks for a file whose name ends in \\r")),
                format!("RUN sed -i 's/\\r$//' {script}    # or save it with LF line ends"),
            ),
            Problem::ByteOrderMark { script } => (
                format!("a byte order mark (UTF-8 BOM) stands before the `#!` of `{script}`"),
                Some(
                    "EF BB BF 23 21: the kernel knows a script by `#!` as its first bytes"
                        .to_owned(),
                ),
                format!(
                    "RUN sed -i '1s/^\\xEF\\xBB\\xBF//' {script}    # or save it as UTF-8 without BOM"
                ),
            ),
            Problem::InterpreterMissing { script, interpreter } => (
                format!("`{script}` wants the interpreter `{interpreter}`, which is not there"),
                None,
                format!("install `{interpreter}`, or let the `#!` line name one that is there"),
            ),
            Problem::LoaderMissing { program, loader } => (
                format!("`{program}` wants the loader `{loader}`, which is not there"),
                None,
                "build for the C library of the base image (glibc or musl), or link statically"
                    .to_owned(),
            ),
            Problem::LibraryMissing { library, needed_by, searched } => (
                format!("`{needed_by}` needs the library `{library}`, which is not there"),
                Some(format!("searched: {}", searched.join(", "))),
                format!("install the package that has `{library}`, in the image's last stage"),
            ),
            Problem::NoProgram { path, empty } => {
                let what = if *empty {
                    "is empty"
                } else {
                    "is neither an ELF file nor a script with `#!`"
                };
                (format!("`{path}` {what}"), None, script_fix(path))
            }
            Problem::OtherMachine { path, machine, bits } => (
                format!("`{path}` is {bits}-bit code for {}", machine_name(*machine)),
                Some(format!("ELF e_machine {machine}; x86-64 is 62")),
                "docker build --platform linux/amd64 .".to_owned(),
            ),
        };
        Told { message, evidence: evidence.into_iter().collect(), fix }
    }
}

fn script_fix(path: &str) -> String {
    format!(
        "begin it with a `#!` line such as `#!/bin/sh`, or run it as the argument of its \
         interpreter: CMD [\"/bin/sh\", \"{path}\"]"
    )
}

fn refused(role: Role, path: &str, denied: &Denied, user: &User) -> Told {
    let Denied::Refused { access, .. } = denied else {
        return Told { message: String::new(), evidence: Vec::new(), fix: String::new() };
    };
    let (verb, what) = match (access, role) {
        (Access::Execute, Role::Library) => ("pass through", "library"),
        (Access::Execute, _) => ("execute", "command"),
        (Access::Read, Role::Library) => ("read", "library"),
        (Access::Read, _) => ("read", "script"),
        (Access::Write, _) => ("write", "file"),
    };
    Told {
        message: format!("uid {} may not {verb} the {what} `{path}`", user.uid),
        evidence: denied.told(user).into_iter().collect(),
        fix: denied.fix(user).unwrap_or_default(),
    }
}

impl Denied {
    /// Which component refuses a user, and what.
    #[must_use]
    pub fn told(&self, user: &User) -> Option<String> {
        let Denied::Refused { component, mode, uid, gid, access } = self else { return None };
        let right = match access {
            Access::Execute => "x",
            Access::Read => "r",
            Access::Write => "w",
        };
        Some(format!(
            "{component} has mode {mode:04o}, owner {uid}:{gid}; uid {}, gid {} get no {right} \
             from it",
            user.uid, user.gid
        ))
    }

    /// The line that lets the user in.
    #[must_use]
    pub fn fix(&self, user: &User) -> Option<String> {
        let Denied::Refused { component, access, .. } = self else { return None };
        Some(match access {
            Access::Execute => format!("RUN chmod a+rx {component}"),
            Access::Read => format!("RUN chmod a+r {component}"),
            Access::Write => format!("RUN chown {}:{} {component}", user.uid, user.gid),
        })
    }
}

/// The usual name of a machine, by `e_machine`.
fn machine_name(machine: u16) -> String {
    let name = match machine {
        3 => "x86 (i386)",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "PowerPC 64",
        22 => "s390x",
        40 => "ARM",
        183 => "AArch64 (arm64)",
        243 => "RISC-V",
        258 => "LoongArch",
        other => return format!("machine {other}"),
    };
    name.to_owned()
}
