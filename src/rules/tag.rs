//! R002: the reference says which image is meant.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::Image;

pub(super) const RULE: Rule = Rule {
    id: "R002",
    severity: Severity::Info,
    title: "tag is not `latest`, or a digest is given",
    clause: "tag",
    why: "The function is pinned to the digest that the tag has when it is deployed. With `latest` \
          nobody can tell afterwards which image that was, nor go back to the one before.",
    fix: "tag the image with a version or a commit, or name it by its digest",
    proof: Proof { breaks: "r002-latest", keeps: "r002-latest-with-digest" },
    look: Look::Manifest(look),
};

fn look(image: &Image, _: &Function, found: &mut Findings) {
    let Some(name) = image.reference.name() else {
        found.skip("not a registry's name");
        return;
    };
    match (name.digest(), name.tag()) {
        (Some(_), _) => found.pass("a digest is given"),
        (None, Some("latest") | None) => found.fail("the tag is `latest`, or left out"),
        (None, Some(tag)) => found.pass(format!("tag `{tag}`")),
    };
}
