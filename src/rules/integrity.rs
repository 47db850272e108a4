//! M004: the bytes are what their descriptors say.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::Image;
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "M004",
    severity: Severity::Error,
    title: "digests, sizes and diff IDs are those of the bytes",
    clause: "integrity",
    why: "Registries and nodes verify what they store and pull. Bytes that are not what the \
          manifest says are refused at the push, or fail every pull of the function.",
    fix: "build the image again; the copy that was checked is damaged",
    proof: Proof { breaks: "m004-layer-digest", keeps: "m004-two-gzip-members" },
    look: Look::Image(look),
};

fn look(image: &Image, _: &Function, found: &mut Findings) {
    let [first, more @ ..] = image.defects.as_slice() else {
        let layers = image.layers.len();
        found.pass(format!("manifest, config and {} verified", units::count(layers, "layer")));
        return;
    };
    found.fail(first.message.clone());
    for defect in more {
        found.evidence(defect.message.clone());
    }
}
