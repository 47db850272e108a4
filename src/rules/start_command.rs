//! M007: there is something to run.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::image::Image;
use crate::plan;

pub(super) const RULE: Rule = Rule {
    id: "M007",
    severity: Severity::Error,
    title: "there is something to run",
    clause: "start-command",
    why: "The platform starts the function's Command and Args, or else the image's ENTRYPOINT and \
          CMD. With neither, the container cannot be created (445 ContainerInitError).",
    fix: "add a CMD to the Dockerfile, or set the function's Command (--command)",
    proof: Proof { breaks: "m007-no-command", keeps: "m007-cmd-only" },
    look: Look::Manifest(look),
};

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let argv = plan::command_line(image, function);
    match argv.first().map(String::as_str) {
        Some("") => {
            found.fail("the command's first word is empty").cause(Cause::CommandMissing);
        }
        Some(_) => {
            found.pass(argv.join(" "));
        }
        None => {
            found.fail("no ENTRYPOINT, no CMD and no --command").cause(Cause::CommandMissing);
        }
    }
}
