//! J002: a job's exit code says that its work is done.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::evidence::{Ending, JobEnd, JobRun};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "J002",
    severity: Severity::Warning,
    title: "the job exits with code 0",
    clause: "job-exit-code",
    why: "Nothing is documented of a job's exit code. Another than 0 is what every other system \
          takes for a failure, and an asynchronous invocation that fails is tried again, twice \
          where nothing else is set.",
    fix: "exit with 0 when the work is done; where the sample event is not the job's own, test it \
          with a suite of `type: job` and --no-builtin",
    proof: Proof { breaks: "j002-exits-with-3", keeps: "j002-exits-with-0-after-errors" },
    look: Look::Job(look),
};

fn look(run: &JobRun, _: &Function, found: &mut Findings) {
    let JobEnd::Ended(Ending::Exited(code)) = run.end else {
        return found.skip("it did not end by itself (J001)");
    };
    let after = units::duration(run.duration);
    if code == 0 {
        found.pass(format!("code 0 after {after}"));
        return;
    }
    let message = format!("exit code {code} after {after}");
    let Some(diagnosis) = &run.diagnosis else {
        found.fail(message).cause(Cause::Exited);
        return;
    };
    found.fail(match diagnosis.why() {
        Some(why) => format!("{message}: {why}"),
        None => message,
    });
    found.cause(diagnosis.cause);
    // Where no more is known than that it exited, the code may be meant.
    if diagnosis.cause != Cause::Exited {
        found.fix(diagnosis.fix.clone());
    }
    for line in &diagnosis.evidence {
        found.evidence(line.clone());
    }
}
