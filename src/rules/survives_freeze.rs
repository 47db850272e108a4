//! B008: the function answers again after it was frozen.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::evidence::{Attempt, Freeze, Run};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "B008",
    severity: Severity::Warning,
    title: "answers again after being frozen and thawed",
    clause: "freeze",
    why: "Between two invocations an instance need not run: its processes may be held, and go on \
          with the next request as if no time had passed but for their clocks. What takes such a \
          gap for a failure, a watchdog or a heartbeat, ends just then.",
    fix: "measure silence in requests or in CPU time, not by the clock, and let no watchdog end the server",
    proof: Proof { breaks: "b008-watchdog", keeps: "b008-patient-watchdog" },
    look: Look::Run(look),
};

fn look(run: &Run, _: &Function, found: &mut Findings) {
    match &run.frozen {
        Attempt::Untried { why } => found.skip(why.clone()),
        Attempt::Made(Freeze { held, answered }) => {
            let held = units::duration(*held);
            match answered {
                Ok(after) => {
                    let after = units::duration(*after);
                    found.pass(format!("frozen for {held}, answered {after} after the thaw"))
                }
                Err(told) => found.fail(format!("frozen for {held}, and thawed: {told}")),
            };
        }
    }
}
