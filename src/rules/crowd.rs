//! B010: the function keeps within its processes and descriptors.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::evidence::Run;

pub(super) const RULE: Rule = Rule {
    id: "B010",
    severity: Severity::Warning,
    title: "stays within the platform's processes and descriptors",
    clause: "processes",
    why: "An instance has 1,024 processes and threads, and 1,024 descriptors. Servers size their pools \
          by the machine, and many go on without the worker or the connection that they could not \
          have: slower, and with errors that come and go.",
    fix: "set the number of workers, threads and pooled connections instead of having it guessed",
    proof: Proof { breaks: "b010-too-many-threads", keeps: "b010-many-threads" },
    look: Look::Run(look),
};

/// What programs say, in lower case, where they could not have one more process or thread.
const NO_PROCESS: [&str; 7] = [
    "cannot fork",
    "can't fork",
    "failed to create new os thread",
    "can't start new thread",
    "cannot start a thread",
    "unable to create native thread",
    "pthread_create",
];
/// The same of descriptors.
const NO_DESCRIPTOR: [&str; 2] = ["too many open files", "emfile"];

fn look(run: &Run, function: &Function, found: &mut Findings) {
    if !run.started {
        return found.skip("it never ran (B001)");
    }
    if let Some(Cause::TooManyProcesses | Cause::TooManyFiles) =
        run.diagnosis.as_ref().map(|it| it.cause)
    {
        return found.skip("that is what it ended of (B002)");
    }
    let contract = function.contract;
    let (processes, descriptors) = (contract.processes, contract.descriptors);
    let said = |marks: &[&str]| {
        let says = |text: &str| marks.iter().any(|mark| text.to_lowercase().contains(mark));
        run.logs.lines.iter().find(|line| says(&line.text))
    };
    let crowd = &run.crowd;
    let most = crowd.descriptors.unwrap_or_default();
    let (message, cause, line) = match (crowd.forks_refused, said(&NO_PROCESS)) {
        (Some(count @ 1..), line) => (
            format!("refused at the limit of {processes} processes and threads: {count} times"),
            Cause::TooManyProcesses,
            line,
        ),
        // Elsewhere nobody counts.
        (None, Some(line)) => (
            format!("a process or thread was refused; the limit is {processes}"),
            Cause::TooManyProcesses,
            Some(line),
        ),
        _ if most + 1 >= descriptors => (
            format!("a process has {most} descriptors open, and the limit is {descriptors}"),
            Cause::TooManyFiles,
            said(&NO_DESCRIPTOR),
        ),
        _ => {
            let Some(line) = said(&NO_DESCRIPTOR) else {
                let threads = crowd.threads;
                found.pass(format!(
                    "{threads} processes and threads, {most} descriptors in one of them"
                ));
                return;
            };
            let message = format!("a descriptor was refused; the limit is {descriptors}");
            (message, Cause::TooManyFiles, Some(line))
        }
    };
    found.fail(message).cause(cause);
    if let Some(line) = line {
        found.evidence(format!("log: {}", line.text));
    }
}
