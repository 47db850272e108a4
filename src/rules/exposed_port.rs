//! M009: EXPOSE, where given, names the platform's port.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::Image;

pub(super) const RULE: Rule = Rule {
    id: "M009",
    severity: Severity::Info,
    title: "EXPOSE names the platform's port",
    clause: "exposed-port",
    why: "EXPOSE opens nothing on the platform. It tells readers which port is meant, and one that \
          is not the platform's is often the port that the server really listens on.",
    fix: "write `EXPOSE 9000`, or leave EXPOSE out",
    proof: Proof { breaks: "m009-exposes-8080", keeps: "m009-exposes-two-ports" },
    look: Look::Manifest(look),
};

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let port = function.contract.port.to_string();
    let exposed = &image.config.exposed_ports;
    if exposed.is_empty() {
        found.pass("nothing is exposed");
        return;
    }
    let list = exposed.join(", ");
    let is_it = |written: &String| match written.split_once('/') {
        Some((number, protocol)) => number == port && protocol.eq_ignore_ascii_case("tcp"),
        None => *written == port,
    };
    if exposed.iter().any(is_it) {
        found.pass(list);
    } else {
        found.fail(format!("exposes {list}, and not {port}/tcp"));
    }
}
