//! S002: no temporary credential in logs or files.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::evidence::{Leak, LeakPlace, Run, Stream};

pub(super) const RULE: Rule = Rule {
    id: "S002",
    severity: Severity::Error,
    title: "no temporary credential in logs or files",
    clause: "credentials",
    why: "Standard output and error are kept in the platform's log service, where many may read \
          them, and files outlive the invocation. The credentials of the run role have no business \
          in either.",
    fix: "do not log request headers as they come; leave out X-Scf-Secret-* and -Session-Token",
    proof: Proof { breaks: "leaks-log", keeps: "s002-logs-other-headers" },
    look: Look::Run(look),
};

fn look(run: &Run, _: &Function, found: &mut Findings) {
    if run.invocations == 0 {
        return found.skip("no invocation was made");
    }
    let mut leaks: Vec<String> = run.leaks.iter().filter_map(described).collect();
    leaks.sort_unstable();
    leaks.dedup();
    let Some((first, more)) = leaks.split_first() else {
        found.pass("stdout, stderr, /tmp and the writable layer searched");
        return;
    };
    found.fail(first.clone());
    for leak in more {
        found.evidence(leak.clone());
    }
}

fn described(leak: &Leak) -> Option<String> {
    let place = match &leak.place {
        LeakPlace::Response { .. } => return None,
        LeakPlace::Log(Stream::Stdout) => "on stdout".to_owned(),
        LeakPlace::Log(Stream::Stderr) => "on stderr".to_owned(),
        LeakPlace::File(path) => format!("in {path}"),
    };
    Some(format!("the value of {} is {place}", leak.header))
}
