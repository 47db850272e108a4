//! B004: `/tmp` is writable while the function runs.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::evidence::{Run, TmpProbe};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "B004",
    severity: Severity::Error,
    title: "/tmp is writable while running",
    clause: "tmp-writable",
    why: "Instances are reused: a function that fills /tmp, or shuts it, fails at some later \
          invocation for want of space, on the platform and nowhere else.",
    fix: "remove temporary files after each invocation, and leave the mode of /tmp alone",
    proof: Proof { breaks: "b004-fills-tmp", keeps: "b004-fills-and-clears-tmp" },
    look: Look::Run(look),
};

/// "No space left on device".
const ENOSPC: i32 = 28;

fn look(run: &Run, function: &Function, found: &mut Findings) {
    let used = units::size(run.tmp_used);
    let size = units::size(function.contract.tmp_size);
    match run.tmp {
        TmpProbe::Writable => {
            found.pass(format!("{used} of {size} used"));
        }
        TmpProbe::Refused(ENOSPC) => {
            found.fail(format!("/tmp is full: {used} of {size}")).cause(Cause::NoSpace);
        }
        TmpProbe::Refused(errno) => {
            let error = std::io::Error::from_raw_os_error(errno);
            found.fail(format!("a file below /tmp could not be written: {error}"));
        }
        TmpProbe::Untried => found.skip("the process was not running any more"),
    }
}
