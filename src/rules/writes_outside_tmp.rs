//! B005: what is written outside `/tmp`.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::evidence::{Run, Write};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "B005",
    severity: Severity::Info,
    title: "writes only below /tmp",
    clause: "writable-layer",
    why: "The document of the image functions gives the container a writable layer of 512 MB; newer \
          ones say that only /tmp may be written. What is written elsewhere is lost with the \
          instance, may be refused, and above the limit it fails.",
    fix: "write below /tmp: set TMPDIR, HOME or the program's own cache and log directories there",
    proof: Proof { breaks: "b005-writes-outside-tmp", keeps: "b005-writes-below-tmp" },
    look: Look::Run(look),
};

/// Paths that are named; the rest are counted.
const NAMED: usize = 10;
/// Free bytes below which a full writable layer is taken for full: file systems count in
/// pages and keep some for themselves.
const FULL: u64 = 64 * units::KIB;

fn look(run: &Run, function: &Function, found: &mut Findings) {
    if !run.started {
        return found.skip("it never ran (B001)");
    }
    let limit = function.contract.writable_layer;
    let (used, size) = (units::size(run.writable_used), units::size(limit));
    if run.writable_used + FULL >= limit {
        found
            .fail(format!("{used} written outside of /tmp, and {size} is the limit"))
            .weighs(Severity::Error)
            .cause(Cause::NoSpace);
    } else if run.writes.is_empty() {
        found.pass("nothing written elsewhere");
        return;
    } else {
        let count = run.writes.len();
        found.fail(format!("{count} paths written outside of /tmp, {used} in all"));
    }
    for write in run.writes.iter().take(NAMED) {
        found.evidence(described(write));
    }
    if run.writes.len() > NAMED {
        found.evidence(format!("and {} more", run.writes.len() - NAMED));
    }
}

fn described(write: &Write) -> String {
    match (write.removed, write.bytes) {
        (true, _) => format!("{} (removed)", write.path),
        (false, Some(bytes)) => format!("{} ({})", write.path, units::size(bytes)),
        (false, None) => write.path.clone(),
    }
}
