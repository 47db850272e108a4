//! M005: the image is below the platform's limit of size.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::Image;
use crate::oci::media_type;
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "M005",
    severity: Severity::Error,
    title: "compressed layers are below 1 GiB in all",
    clause: "image-size",
    why: "SCF takes images below 1 GiB before decompression; the limit is raised by a ticket only. \
          A large image also makes every cold start slow: it is pulled and unpacked first.",
    fix: "leave out what the function does not run: build in stages, use a slim base, empty the \
          package manager's caches in the same RUN",
    proof: Proof { breaks: "m005-one-gib", keeps: "m005-just-below" },
    look: Look::Image(look),
};

/// Layers that are named as the largest ones.
const LARGEST: usize = 3;

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let size = image.compressed_bytes();
    let limit = function.contract.image_size;
    if size < limit {
        found.pass(format!("{} of {}", units::size(size), units::size(limit)));
        return;
    }
    found.fail(format!(
        "{} ({size} bytes) is not below {} ({limit} bytes)",
        units::size(size),
        units::size(limit)
    ));
    if image.layers.iter().any(|layer| layer.media_type == media_type::DOCKER_LAYER) {
        // What an engine exports is not compressed, and what it would push is.
        found
            .weighs(Severity::Warning)
            .evidence("layers are stored uncompressed here; a push compresses them")
            .fix(
                "push it to a registry of your own, and look at the sum of the layers' sizes there",
            );
    }
    let mut layers: Vec<_> = image.layers.iter().enumerate().collect();
    layers.sort_by_key(|(_, layer)| std::cmp::Reverse(layer.size));
    for (at, layer) in layers.into_iter().take(LARGEST) {
        let size = units::size(layer.size);
        found.evidence(format!(
            "layer {} of {}: {size}, {}",
            at + 1,
            image.layers.len(),
            layer.digest.short()
        ));
    }
}
