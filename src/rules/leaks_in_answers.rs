//! S001: no temporary credential in a response.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::evidence::{LeakPlace, Run};

pub(super) const RULE: Rule = Rule {
    id: "S001",
    severity: Severity::Error,
    title: "no temporary credential in a response",
    clause: "credentials",
    why: "With a run role, every request brings credentials of the account in its headers. A server \
          that echoes its request headers hands them to whoever may call the function.",
    fix: "answer only with what is meant to be told; never echo X-Scf-Secret-* or -Session-Token",
    proof: Proof { breaks: "leaks-response", keeps: "s001-echoes-other-headers" },
    look: Look::Run(look),
};

fn look(run: &Run, _: &Function, found: &mut Findings) {
    if run.invocations == 0 {
        return found.skip("no invocation was made");
    }
    let mut leaks: Vec<(&str, &str)> = run
        .leaks
        .iter()
        .filter_map(|leak| match &leak.place {
            LeakPlace::Response { case } => Some((leak.header.as_str(), case.as_str())),
            LeakPlace::Log(_) | LeakPlace::File(_) => None,
        })
        .collect();
    leaks.sort_unstable();
    leaks.dedup();
    let Some((header, case)) = leaks.first() else {
        found.pass(format!("{} answers searched", run.invocations));
        return;
    };
    found.fail(format!("the value of {header} is in the answer to {case}"));
    for (header, case) in leaks.iter().skip(1) {
        found.evidence(format!("the value of {header} is in the answer to {case}"));
    }
}
