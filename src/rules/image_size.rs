//! M005: the image is below the platform's limit of size.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::{Image, Weight};
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
    look: Look::Manifest(look),
};

/// Layers that are named as the largest ones.
const LARGEST: usize = 3;

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let limit = function.contract.image_size;
    let stored = image.stored_bytes();
    let (size, how) = match &image.weight {
        Weight::AsStored => (stored, ""),
        Weight::Compressed(_) => (image.compressed_bytes(), ", compressed as a push does it"),
        // What is small enough uncompressed is so in any case.
        Weight::AtMost | Weight::About(_) => {
            let most = format!("at most {} (uncompressed) of", units::size(stored));
            if stored < limit {
                found.pass(format!("{most} {}", units::size(limit)));
            } else {
                found.could_not_check(format!(
                    "{most} {}, and what a push makes of it is not known",
                    units::size(limit)
                ));
            }
            return;
        }
    };
    if size < limit {
        found.pass(format!("{} of {}{how}", units::size(size), units::size(limit)));
        return;
    }
    found.fail(format!(
        "{} ({size} bytes) is not below {} ({limit} bytes){how}",
        units::size(size),
        units::size(limit)
    ));
    let sizes = match &image.weight {
        Weight::Compressed(sizes) => sizes.clone(),
        _ => image.layers.iter().map(|layer| layer.size).collect(),
    };
    let mut layers: Vec<_> = image.layers.iter().zip(sizes).enumerate().collect();
    layers.sort_by_key(|(_, (_, size))| std::cmp::Reverse(*size));
    for (at, (layer, size)) in layers.into_iter().take(LARGEST) {
        found.evidence(format!(
            "layer {} of {}: {}, {}",
            at + 1,
            image.layers.len(),
            units::size(size),
            layer.digest.short()
        ));
    }
}
