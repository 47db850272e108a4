//! M008: layers are packed as the platform's documents know it, and say so.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::{Compression, Image, Layer};
use crate::oci::media_type;
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "M008",
    severity: Severity::Warning,
    title: "layers are gzip or plain tar, as their media types say",
    clause: "layer-compression",
    why: "gzip and plain tar are what every registry and node unpacks. Nothing is known of zstd on \
          SCF, and a media type that does not fit the bytes stops some clients from unpacking.",
    fix: "docker buildx build --output type=image,compression=gzip,force-compression=true …",
    proof: Proof { breaks: "m008-zstd", keeps: "m008-plain-tar" },
    look: Look::Image(look),
};

fn look(image: &Image, _: &Function, found: &mut Findings) {
    let mut problems = image.layers.iter().enumerate().filter_map(|(at, layer)| {
        problem(layer).map(|problem| {
            format!(
                "layer {} of {} ({}) {problem}",
                at + 1,
                image.layers.len(),
                layer.digest.short()
            )
        })
    });
    let Some(first) = problems.next() else {
        found.pass(units::count(image.layers.len(), "layer"));
        return;
    };
    found.fail(first);
    for problem in problems {
        found.evidence(problem);
    }
}

fn problem(layer: &Layer) -> Option<String> {
    let packed = match layer.compression {
        Compression::None => "plain tar",
        Compression::Gzip => "gzip",
        Compression::Zstd => return Some("is zstd".to_owned()),
    };
    let said = match layer.media_type.as_str() {
        media_type::OCI_LAYER | media_type::DOCKER_LAYER => "plain tar",
        media_type::OCI_LAYER_GZIP | media_type::DOCKER_LAYER_GZIP => "gzip",
        other => return Some(format!("has media type {other}, which is none of tar or gzip")),
    };
    (packed != said).then(|| format!("is {packed}, and its media type says {said}"))
}
