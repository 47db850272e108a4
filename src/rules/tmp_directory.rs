//! F003: `/tmp` is such that the platform can cover it and the image's user can write it.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::{Access, Denied, Image, Kind, Lookup};
use crate::plan::{Plan, PlanError, RootMode};

pub(super) const RULE: Rule = Rule {
    id: "F003",
    severity: Severity::Error,
    title: "/tmp is a directory, or absent, and writable to the image's user",
    clause: "tmp-writable",
    why: "/tmp is all the writable space that a function can count on. Where the image has a file \
          in its place nothing can be mounted there, and where its mode or a directory above shuts \
          the user out, the first write fails.",
    fix: "RUN mkdir -p /tmp && chmod 1777 /tmp",
    proof: Proof { breaks: "f003-tmp-closed", keeps: "f003-tmp-open" },
    look: Look::Image(look),
};

const TMP: &str = "/tmp";

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let user = match Plan::new(image, function, RootMode::Writable, Vec::new()) {
        Ok(plan) => plan.user,
        Err(PlanError::NoCommand) => image.tree.user(&image.config.user).unwrap_or_default(),
        Err(PlanError::UnknownUser(_)) => return found.skip("the image's user is unknown (F001)"),
    };
    match image.tree.lookup(TMP, "/") {
        Lookup::Missing(component) if component == TMP => {
            found.pass("absent; the platform makes it");
        }
        Lookup::Missing(component) => {
            found.fail(format!("/tmp is a link that leads to nothing: there is no {component}"));
        }
        Lookup::NotDirectory(component) => {
            found.fail(format!("{component} is in the way of /tmp and no directory"));
        }
        Lookup::Loop(_) => {
            found.fail("/tmp is a link that leads back to itself");
        }
        Lookup::Found { node, path } => {
            let node = image.tree.node(node);
            if !matches!(node.kind, Kind::Directory) {
                found
                    .fail(format!("{path} is no directory"))
                    .fix("RUN rm -f /tmp && mkdir -m 1777 /tmp");
                return;
            }
            let to_write = image.tree.access(TMP, "/", &user, Access::Write);
            let to_enter = image.tree.access(TMP, "/", &user, Access::Execute);
            match (to_write.err(), to_enter.err()) {
                (Some(Denied::Refused { component, mode, uid, gid, .. }), _)
                | (_, Some(Denied::Refused { component, mode, uid, gid, .. })) => found
                    .fail(format!("uid {} may not write to /tmp", user.uid))
                    .evidence(format!("{component} has mode {mode:04o}, owner {uid}:{gid}"))
                    .fix(format!(
                        "RUN chmod {} {component}",
                        if component == path { "1777" } else { "a+x" }
                    )),
                _ => found.pass(format!("mode {:04o}", node.mode)),
            };
        }
    }
}
