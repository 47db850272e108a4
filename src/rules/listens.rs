//! B001: the server listens where and when the platform expects it.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::evidence::{Boot, BootEnd, Listener};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "B001",
    severity: Severity::Error,
    title: "listens on port 9000 on all addresses, in time",
    clause: "port",
    why: "The platform connects to the port from outside of the container. A server on another \
          port, on 127.0.0.1, or later than the limit is never found, and all that the platform \
          says then is that the request timed out, and to confirm that the server listens.",
    fix: "listen on 0.0.0.0:9000",
    proof: Proof { breaks: "b001-loopback", keeps: "b001-ipv6-any" },
    look: Look::Boot(look),
};

fn look(boot: &Boot, function: &Function, found: &mut Findings) {
    if let Some(diagnosis) = &boot.diagnosis {
        found.fail(diagnosis.message.clone()).cause(diagnosis.cause).fix(diagnosis.fix.clone());
        for line in &diagnosis.evidence {
            found.evidence(line.clone());
        }
        return;
    }
    let BootEnd::Listening = boot.end else {
        found.could_not_check("the start was neither a success nor a failure");
        return;
    };
    let port = function.contract.port;
    let at = boot.listeners.iter().find(|listener| listener.address.port() == port);
    let at = at.map_or_else(|| port.to_string(), |Listener { address }| address.to_string());
    let after = boot.phases.listen.map(units::duration).unwrap_or_default();
    let limit = units::duration(function.init_timeout);
    found.pass(format!("{at} after {after}, limit {limit}"));
}
