//! B002: the process stays up.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::evidence::Run;

pub(super) const RULE: Rule = Rule {
    id: "B002",
    severity: Severity::Error,
    title: "the process stays up, through all invocations and after",
    clause: "process-stays",
    why: "One instance serves many invocations. A process that ends, even with code 0, takes the \
          running invocation with it (439 User process exit when running) and every later one pays \
          for a cold start.",
    fix: "keep the server in the foreground as the image's one command, and let no request end it",
    proof: Proof { breaks: "b002-exits-after-invocations", keeps: "b002-closes-connections" },
    look: Look::Run(look),
};

fn look(run: &Run, _: &Function, found: &mut Findings) {
    if !run.started {
        return found.skip("it never ran (B001)");
    }
    if run.ended.is_none() {
        let invocations = run.invocations;
        found.pass(format!("still running after {invocations} invocations"));
        return;
    }
    let when = match run.invocations {
        0 => "before any invocation".to_owned(),
        count => format!("by the end of {count} invocations"),
    };
    let Some(diagnosis) = &run.diagnosis else {
        found.fail(format!("the process ended, {when}"));
        return;
    };
    found
        .fail(format!("{} ({when})", diagnosis.message))
        .cause(diagnosis.cause)
        .fix(diagnosis.fix.clone());
    for line in &diagnosis.evidence {
        found.evidence(line.clone());
    }
}
