//! B007: the command ends when it is asked to.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::evidence::{Attempt, Ending, Run, Termination};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "B007",
    severity: Severity::Warning,
    title: "ends on SIGTERM within 10 s",
    clause: "termination",
    why: "Instances are recycled. A command that does not end when it is asked to is killed with \
          all that it had in its hands: answers, buffers, transactions. As the first process of \
          its container a command gets no signal that it has no handler for, and a shell passes \
          none on.",
    fix: "handle SIGTERM in the server (Node: process.on('SIGTERM', () => process.exit())), and \
          start it without a shell or with `exec`; a small init such as tini passes signals on",
    proof: Proof { breaks: "b007-ignores-sigterm", keeps: "b007-takes-its-time" },
    look: Look::Run(look),
};

fn look(run: &Run, _: &Function, found: &mut Findings) {
    match &run.terminated {
        Attempt::Untried { why } => found.skip(why.clone()),
        Attempt::Made(Termination::Ended { ending, after }) => {
            let how = match ending {
                Ending::Exited(code) => format!("ended with code {code}"),
                Ending::Signalled { signal, .. } => format!("ended by signal {signal}"),
            };
            found.pass(format!("{how} after {}", units::duration(*after)));
        }
        Attempt::Made(Termination::Dropped) => {
            found.fail(
                "the command leaves SIGTERM to the kernel, which drops it for the first \
                 process of a container",
            );
        }
        Attempt::Made(Termination::Running { limit }) => {
            found.fail(format!("still running {} after SIGTERM", units::duration(*limit)));
        }
    }
}
