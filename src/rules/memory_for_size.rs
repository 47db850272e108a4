//! M006: the function's memory suits the image's size.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::{Function, MemoryMb};
use crate::image::Image;
use crate::units::MIB;

pub(super) const RULE: Rule = Rule {
    id: "M006",
    severity: Severity::Warning,
    title: "memory suits the image's size",
    clause: "memory-for-size",
    why: "The platform recommends a memory by the size of the image; with less, starts are slow \
          (the share of the processor follows the memory) or fail.",
    fix: "set the function's memory to what is recommended, or make the image smaller",
    proof: Proof { breaks: "m006-too-little-memory", keeps: "m006-recommended-memory" },
    look: Look::Manifest(look),
};

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let size = image.compressed_bytes();
    let memory = function.memory_for(size);
    let least = MemoryMb::recommended(size);
    // Both bounds are strict in the platform's table; the last row has no upper one.
    let (over, below) = match size / MIB {
        0..256 => (256, Some(512)),
        256..512 => (512, Some(1024)),
        _ => (1024, None),
    };
    let size = image.compressed_size();
    let megabytes = memory.megabytes();
    if megabytes <= over {
        found
            .fail(format!("{memory} for an image of {size}; more than {over} MB is recommended"))
            .fix(format!("set the function's memory to {least} (--memory {})", least.megabytes()));
    } else if let Some(below) = below.filter(|below| megabytes >= *below) {
        // More than is needed costs money and breaks nothing.
        found
            .fail(format!("{memory} for an image of {size}; less than {below} MB is recommended"))
            .weighs(Severity::Info)
            .fix(format!("keep it if the function needs it; for the image alone {least} suffices"));
    } else {
        found.pass(format!("{memory} for {size}"));
    }
}
