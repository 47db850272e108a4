//! J001: a job ends by itself, in time.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::evidence::{Ending, JobEnd, JobRun};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "J001",
    severity: Severity::Error,
    title: "the job ends by itself within its timeout",
    clause: "job-ends",
    why: "A job's instance lives until its process ends. One that waits for requests, as a server \
          does, or that takes longer than the execution timeout is ended by the platform in the \
          middle of its work (433 TimeLimitReached).",
    fix: "let the command end when its work is done, or give the function a longer timeout \
          (--timeout)",
    proof: Proof { breaks: "j001-never-ends", keeps: "j001-ends-just-in-time" },
    look: Look::Job(look),
};

fn look(run: &JobRun, function: &Function, found: &mut Findings) {
    let limit = units::duration(function.timeout);
    let after = units::duration(run.duration);
    match &run.end {
        JobEnd::Ended(Ending::Exited(_)) => {
            found.pass(format!("ended after {after}, limit {limit}"));
            return;
        }
        JobEnd::Ended(Ending::Signalled { signal, .. }) => {
            found.fail(format!("the process was ended by signal {signal} after {after}"));
            if let Some(diagnosis) = &run.diagnosis {
                found
                    .fail(format!("{} after {after}", diagnosis.message))
                    .cause(diagnosis.cause)
                    .fix(diagnosis.fix.clone());
            }
        }
        JobEnd::TimedOut { .. } => {
            found
                .fail(format!("still running after {after}, the function's timeout"))
                .cause(Cause::TooSlow);
        }
        JobEnd::Refused(diagnosis) => {
            found.fail(diagnosis.message.clone()).cause(diagnosis.cause).fix(&diagnosis.fix);
            for line in &diagnosis.evidence {
                found.evidence(line.clone());
            }
            return;
        }
    }
    for line in run.diagnosis.iter().flat_map(|diagnosis| &diagnosis.evidence) {
        found.evidence(line.clone());
    }
}
