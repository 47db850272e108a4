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
        Some(problem @ Problem::OtherMachine { .. }) => {
            let told = problem.told(&plan.user);
            found.fail(told.message).cause(Cause::ExecFormat);
            for line in told.evidence {
                found.evidence(line);
            }
        }
        Some(problem @ Problem::NoProgram { .. }) => {
            let told = problem.told(&plan.user);
            found.fail(told.message).cause(Cause::ExecFormat).fix(told.fix);
        }
        Some(_) if start.files.is_empty() => found.skip("what is run cannot be started (F001)"),
        _ => {
            found.pass(start.files.first().map_or("", |needed| needed.path.as_str()));
        }
    }
}
