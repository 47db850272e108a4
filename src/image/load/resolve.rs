//! From what the reference leads to, through indexes, to one manifest.

use std::io::Read;

use serde_json::Value;

use super::super::{BlobError, Blobs, Defect, Index, IndexEntry, Manifest, Part, Root};
use super::{Descriptor, LARGEST_DOCUMENT, LoadError};
use crate::oci::{Digest, Reference, media_type};

/// Indexes that may lie inside each other.
const DEEPEST: usize = 4;
/// Marks an index's entry as an attestation of another one.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// A manifest, and the index that led to it.
pub(super) struct Resolved {
    pub(super) manifest: Manifest,
    pub(super) document: Value,
    pub(super) index: Option<Index>,
}

/// Follows a reference to the manifest of the platform's image. An index without one leads
/// to its first image, so that the platform's rule can say what is there instead.
pub(super) fn resolve(
    reference: &Reference,
    blobs: &dyn Blobs,
    wanted: &str,
    defects: &mut Vec<Defect>,
) -> Result<Resolved, LoadError> {
    let Root { mut bytes, media_type: mut told, digest, size } = blobs.root()?;
    if let Some(expected) = digest {
        let size = size.unwrap_or(bytes.len() as u64);
        let descriptor = Descriptor { media_type: String::new(), digest: expected, size };
        verify(&bytes, &descriptor, Part::Manifest, "the manifest", defects);
    }
    let mut index = None;
    for _ in 0..DEEPEST {
        let document = json(reference, "the manifest", &bytes)?;
        let kind = kind(&document, told.as_deref());
        if !media_type::is_index(&kind) {
            let manifest = manifest(&document, kind, bytes);
            return Ok(Resolved { manifest, document, index });
        }
        let here = read_index(&document, &kind, &bytes);
        let Some(chosen) = choose(&document, &here, wanted) else {
            // Nothing that could be an image: the index stands for it, and the rules say so.
            let manifest = manifest(&document, kind, bytes);
            index.get_or_insert(here);
            return Ok(Resolved { manifest, document, index });
        };
        let descriptor = super::descriptor(reference, "the index", "its entry", &chosen)?;
        let found = blobs.manifest(&descriptor.digest)?;
        bytes = self::document(reference, found, "the manifest", &descriptor.digest)?;
        verify(&bytes, &descriptor, Part::Manifest, "the manifest", defects);
        told = Some(descriptor.media_type).filter(|told| !told.is_empty());
        index.get_or_insert(here);
    }
    Err(error(reference, "the index", format!("more than {DEEPEST} indexes inside each other")))
}

/// The media type of a manifest or index: what it says itself, or what the source says, or
/// what its contents show.
fn kind(document: &Value, told: Option<&str>) -> String {
    let own = document["mediaType"].as_str();
    if document["schemaVersion"].as_u64() == Some(1) {
        let signed = document["signatures"].is_array();
        let kind =
            if signed { media_type::DOCKER_SCHEMA_1_SIGNED } else { media_type::DOCKER_SCHEMA_1 };
        return kind.to_owned();
    }
    let shown = if document["manifests"].is_array() {
        media_type::OCI_INDEX
    } else {
        media_type::OCI_MANIFEST
    };
    own.or(told).unwrap_or(shown).to_owned()
}

fn manifest(document: &Value, media_type: String, raw: Vec<u8>) -> Manifest {
    let config = document["config"]["mediaType"].as_str();
    let image = |kind: &&str| !matches!(*kind, media_type::OCI_CONFIG | media_type::DOCKER_CONFIG);
    let artifact = document["artifactType"].as_str().or_else(|| config.filter(image));
    Manifest { media_type, digest: Digest::of(&raw), artifact: artifact.map(str::to_owned), raw }
}

fn read_index(document: &Value, kind: &str, bytes: &[u8]) -> Index {
    let entries = document["manifests"].as_array().into_iter().flatten();
    Index {
        media_type: kind.to_owned(),
        digest: Digest::of(bytes),
        entries: entries
            .map(|entry| {
                let platform = platform(&entry["platform"]);
                let attestation = entry["annotations"].get(ATTESTATION).is_some()
                    || platform.as_deref() == Some("unknown/unknown");
                let digest = entry["digest"].as_str().unwrap_or_default().to_owned();
                IndexEntry { digest, platform, attestation }
            })
            .collect(),
    }
}

/// `os/architecture[/variant]`, where a platform is given.
fn platform(value: &Value) -> Option<String> {
    let part = |name: &str| value[name].as_str().filter(|part| !part.is_empty());
    let os = part("os")?;
    let architecture = part("architecture")?;
    Some(match part("variant") {
        Some(variant) => format!("{os}/{architecture}/{variant}"),
        None => format!("{os}/{architecture}"),
    })
}

/// The entry to go on with: the platform's, or one that names no platform, or the first image.
fn choose(document: &Value, index: &Index, wanted: &str) -> Option<Value> {
    let images = || {
        let entries = index.entries.iter().enumerate();
        entries.filter(|(_, entry)| !entry.attestation)
    };
    let is_wanted = |platform: &String| {
        platform.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let exact = images().find(|(_, entry)| entry.platform.as_deref() == Some(wanted));
    let variant = || images().find(|(_, entry)| entry.platform.as_ref().is_some_and(is_wanted));
    let open = || images().find(|(_, entry)| entry.platform.is_none());
    let (at, _) = exact.or_else(variant).or_else(open).or_else(|| images().next())?;
    document["manifests"].get(at).cloned()
}

/// A small blob, whole.
pub(super) fn document(
    reference: &Reference,
    blob: Box<dyn Read + Send + '_>,
    what: &str,
    digest: &Digest,
) -> Result<Vec<u8>, LoadError> {
    let mut bytes = Vec::new();
    let mut blob = blob.take(LARGEST_DOCUMENT + 1);
    blob.read_to_end(&mut bytes).map_err(|source| BlobError::Read {
        what: format!("{what} ({})", digest.short()),
        place: format!("`{reference}`"),
        source,
    })?;
    if bytes.len() as u64 > LARGEST_DOCUMENT {
        return Err(error(reference, what, format!("more than {LARGEST_DOCUMENT} bytes")));
    }
    Ok(bytes)
}

/// Compares bytes with the descriptor that led to them.
pub(super) fn verify(
    bytes: &[u8],
    descriptor: &Descriptor,
    part: Part,
    what: &str,
    defects: &mut Vec<Defect>,
) {
    let digest = Digest::of(bytes);
    let message = if bytes.len() as u64 != descriptor.size {
        let Descriptor { digest, size, .. } = descriptor;
        format!(
            "{what} ({}) has {} bytes, and its descriptor says {size}",
            digest.short(),
            bytes.len()
        )
    } else if digest != descriptor.digest {
        format!("{what} has digest {digest}, and its descriptor says {}", descriptor.digest)
    } else {
        return;
    };
    defects.push(Defect { part, message });
}

pub(super) fn json(reference: &Reference, what: &str, bytes: &[u8]) -> Result<Value, LoadError> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|why| error(reference, what, format!("no JSON: {why}")))?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(error(reference, what, "no JSON object".to_owned()))
    }
}

pub(super) fn error(reference: &Reference, what: &str, why: String) -> LoadError {
    LoadError::Document { what: what.to_owned(), reference: reference.to_string(), why }
}
