//! B006: the function keeps within its memory.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::evidence::Run;
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "B006",
    severity: Severity::Error,
    title: "stays within the function's memory",
    clause: "memory-limit",
    why: "An instance that reaches the function's memory is ended and recycled (434 \
          MemoryLimitReached). Where the kernel ends a child of the command, a worker or what a \
          shell has started, the command may go on and nobody is told.",
    fix: "give the function more memory (--memory), or let it use less",
    proof: Proof { breaks: "b006-child-out-of-memory", keeps: "b006-just-below" },
    look: Look::Run(look),
};

fn look(run: &Run, _: &Function, found: &mut Findings) {
    if !run.started {
        return found.skip("it never ran (B001)");
    }
    let limit = units::size(run.memory);
    match (run.usage.out_of_memory, run.usage.memory_peak) {
        (Some(killed @ 1..), peak) => {
            let processes = match killed {
                1 => "a process was".to_owned(),
                count => format!("{count} processes were"),
            };
            let peak = peak.map_or_else(|| limit.clone(), units::size);
            found
                .fail(format!("{processes} killed for want of memory: peak {peak} of {limit}"))
                .cause(Cause::OutOfMemory);
        }
        (_, Some(peak)) => {
            let watched = run.usage.watched.iter().any(|name| name == "memory");
            let how = if watched { ", watched and not enforced" } else { "" };
            found.pass(format!("peak {} of {limit}{how}", units::size(peak)));
        }
        (_, None) if run.ended.is_some() => {
            found.skip("it ended before its memory was seen (B002)");
        }
        (_, None) => found.skip("this machine does not tell what memory is used"),
    }
}
