//! M003: a plain manifest, and no index around it.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::Image;

pub(super) const RULE: Rule = Rule {
    id: "M003",
    severity: Severity::Warning,
    title: "a plain image manifest, not an index",
    clause: "plain-manifest",
    why: "buildx wraps even an image for one platform into an index, with attestations beside it. \
          SCF's documents promise nothing for an index, and other platforms and registries have \
          refused such pushes or failed to start them.",
    fix: "docker buildx build --provenance=false --sbom=false --platform linux/amd64 …",
    proof: Proof { breaks: "m003-attestation", keeps: "hello" },
    look: Look::Manifest(look),
};

fn look(image: &Image, _: &Function, found: &mut Findings) {
    let Some(index) = &image.index else {
        found.pass("an image manifest");
        return;
    };
    let attestations = index.entries.iter().filter(|entry| entry.attestation).count();
    let images = index.entries.len() - attestations;
    let message = match (images, attestations) {
        (images, 0) => format!("an index of {}", counted(images, "image")),
        (images, attestations) => {
            format!(
                "an index of {} and {}",
                counted(images, "image"),
                counted(attestations, "attestation")
            )
        }
    };
    found.fail(message);
    for entry in &index.entries {
        let platform = match (&entry.platform, entry.attestation) {
            (_, true) => "attestation",
            (Some(platform), false) => platform,
            (None, false) => "no platform",
        };
        found.evidence(format!("{platform}: {}", entry.digest));
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
