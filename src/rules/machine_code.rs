//! F002: what is run is code for the platform's machines.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::image::Image;
use crate::image::start::Problem;
use crate::plan::{Plan, RootMode};

pub(super) const RULE: Rule = Rule {
    id: "F002",
    severity: Severity::Error,
    title: "what is run is x86-64 code",
    clause: "cpu-architecture",
    why: "A binary that was built on another machine (an Apple M1, say) and copied into an amd64 \
          image passes every look at the manifest and dies with `exec format error`.",
    fix: "build the program for x86-64: docker build --platform linux/amd64 …, GOARCH=amd64, \
          --target x86_64-unknown-linux-gnu",
    proof: Proof { breaks: "f002-arm64-binary", keeps: "f002-script-run-by-server" },
    look: Look::Image(look),
};

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let Ok(plan) = Plan::new(image, function, RootMode::Writable, Vec::new()) else {
        return found.skip("there is no command that could be looked at (M007, F001)");
    };
    let start = plan.start(image);
    match &start.problem {
        Some(Problem::OtherMachine { path, machine, bits }) => {
            found
                .fail(format!("`{path}` is {bits}-bit code for {}", machine_name(*machine)))
                .cause(Cause::ExecFormat)
                .evidence(format!("ELF e_machine {machine}; x86-64 is 62"));
        }
        Some(Problem::NoProgram { path, empty }) => {
            let what =
                if *empty { "is empty" } else { "is neither an ELF file nor a script with `#!`" };
            found
                .fail(format!("`{path}` {what}"))
                .cause(Cause::ExecFormat)
                .fix(format!("begin it with a `#!` line such as `#!/bin/sh`, or run it as the argument of its interpreter: CMD [\"/bin/sh\", \"{path}\"]"));
        }
        Some(_) if start.files.is_empty() => found.skip("what is run cannot be started (F001)"),
        _ => {
            found.pass(start.files.first().map_or("", |needed| needed.path.as_str()));
        }
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
