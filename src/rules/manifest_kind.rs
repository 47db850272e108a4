//! M001: the manifest is of a kind that the platform documents.

use super::{Findings, Look, Proof, Rule};
use crate::check::Severity;
use crate::contract::Function;
use crate::image::Image;
use crate::oci::media_type;

pub(super) const RULE: Rule = Rule {
    id: "M001",
    severity: Severity::Error,
    title: "manifest is Docker v2 schema 2 or OCI",
    clause: "manifest-kind",
    why: "SCF pulls images by these two kinds of manifest. Schema 1 has been retired by every \
          client, and an artifact (a chart, a signature, a model) is nothing that can be started.",
    fix: "build and push the image with a current docker, buildx, buildah or kaniko",
    proof: Proof { breaks: "m001-schema1", keeps: "m001-docker" },
    look: Look::Manifest(look),
};

fn look(image: &Image, _: &Function, found: &mut Findings) {
    let media_type = image.manifest.media_type.as_str();
    if let Some(artifact) = &image.manifest.artifact {
        found.fail(format!("an artifact of type {artifact}, and no image")).fix(
            "name the image itself; an artifact is stored beside images and cannot be started",
        );
    } else if media_type::is_manifest(media_type) {
        found.pass(media_type);
    } else if matches!(media_type, media_type::DOCKER_SCHEMA_1 | media_type::DOCKER_SCHEMA_1_SIGNED)
    {
        found.fail("Docker manifest schema 1, which has been retired").fix(
            "convert it: pull it with a client that still can, and push it again; \
             `skopeo copy --format v2s2 …` does both",
        );
    } else {
        found.fail(format!("manifest of media type {media_type}"));
    }
}
