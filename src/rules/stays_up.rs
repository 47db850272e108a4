//! B002: the process stays up.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::evidence::{Ending, Run};

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

/// Log lines that are shown as evidence.
const LINES: usize = 5;

fn look(run: &Run, _: &Function, found: &mut Findings) {
    if !run.started {
        return found.skip("it never ran (B001)");
    }
    let Some(ending) = run.ended else {
        let invocations = run.invocations;
        found.pass(format!("still running after {invocations} invocations"));
        return;
    };
    let (message, cause) = match ending {
        Ending::Exited(code) => (format!("the process exited with code {code}"), Cause::Exited),
        Ending::Signalled { out_of_memory: true, .. } => {
            ("the process was killed: out of memory".to_owned(), Cause::OutOfMemory)
        }
        Ending::Signalled { signal, .. } => {
            (format!("the process was ended by signal {signal}"), Cause::Signalled)
        }
    };
    let when = match run.invocations {
        0 => "before any invocation".to_owned(),
        count => format!("by the end of {count} invocations"),
    };
    found.fail(format!("{message}, {when}")).cause(cause);
    for line in run.logs.last(LINES) {
        found.evidence(format!("log: {}", line.text));
    }
}
