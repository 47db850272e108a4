//! Pushes an image that was read from anywhere straight to a registry, byte for byte.
//!
//! Blobs come before the manifest that names them, so that the registry never shows an image
//! that it has not: whatever is cut off in the middle can be pushed again.

use std::io::{self, Read};

use oci_spec::distribution::Reference as Name;
use serde_json::Value;

use crate::image::{BlobError, Blobs, Root};
use crate::oci::{Digest, media_type};
use crate::registry::{Access, Registry, RegistryError};

/// Indexes that may lie inside each other.
const DEEPEST: usize = 4;
/// The largest manifest that is pushed, in bytes.
const LARGEST: u64 = 4 << 20;

/// What a push has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// A blob is there now.
    Blob {
        /// Which.
        digest: Digest,
        /// Its bytes.
        size: u64,
    },
    /// A blob was there before.
    Known {
        /// Which.
        digest: Digest,
    },
    /// A manifest is there now.
    Manifest {
        /// Which.
        digest: Digest,
    },
}

/// Why an image was not pushed. Whatever is there already stays there; to push again is safe.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The registry does not take it.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// It cannot be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A manifest of it is none.
    #[error("push the manifest {digest}: {why}")]
    Manifest {
        /// Which.
        digest: Digest,
        /// What is wrong with it.
        why: String,
    },
}

impl PushError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            PushError::Registry(error) => error.hint(),
            PushError::Blob(_) | PushError::Manifest { .. } => None,
        }
    }
}

/// Pushes what a source has, with all that it leads to, and gives its digest. Blobs that are
/// there already are not sent. `told` hears of each part.
///
/// # Errors
///
/// Where it cannot be read or the registry does not take it; the manifest is the last step, so
/// that until then the registry knows nothing of the image.
pub fn push(
    blobs: &dyn Blobs,
    to: &Name,
    access: &Access,
    told: &mut dyn FnMut(Pushed),
) -> Result<Digest, PushError> {
    let Root { bytes, media_type, .. } = blobs.root()?;
    let digest = Digest::of(&bytes);
    let mut push = Push { registry: Registry::of(to, access)?, blobs, told };
    let own = digest.to_string();
    let name = to.tag().or(to.digest()).unwrap_or("latest");
    // A name with a digest takes nothing but what has it.
    let name = to.digest().map_or(name, |_| to.tag().unwrap_or(&own));
    if let Some(wanted) = to.digest().filter(|wanted| *wanted != own) {
        let why = format!("it was to be pushed as {wanted}, which it is not");
        return Err(PushError::Manifest { digest, why });
    }
    push.manifest(&bytes, media_type.as_deref(), name, DEEPEST)?;
    Ok(digest)
}

struct Push<'a> {
    registry: Registry,
    blobs: &'a dyn Blobs,
    told: &'a mut dyn FnMut(Pushed),
}

impl Push<'_> {
    /// Pushes a manifest or index after all that it names.
    fn manifest(
        &mut self,
        bytes: &[u8],
        told: Option<&str>,
        name: &str,
        deeper: usize,
    ) -> Result<(), PushError> {
        let digest = Digest::of(bytes);
        let wrong = |why: String| PushError::Manifest { digest, why };
        let document: Value = serde_json::from_slice(bytes)
            .map_err(|error| wrong(format!("it is no JSON: {error}")))?;
        for entry in document["manifests"].as_array().into_iter().flatten() {
            let deeper = deeper
                .checked_sub(1)
                .ok_or_else(|| wrong("indexes lie too deep inside each other".to_owned()))?;
            let (inner, _) = described(entry).map_err(wrong)?;
            let bytes = self.read(&inner)?;
            self.manifest(&bytes, entry["mediaType"].as_str(), &inner.to_string(), deeper)?;
        }
        let layers = document["layers"].as_array().into_iter().flatten();
        for descriptor in document.get("config").into_iter().chain(layers) {
            let (digest, size) = described(descriptor).map_err(wrong)?;
            self.blob(&digest, size)?;
        }
        let shown = if document["manifests"].is_array() {
            media_type::OCI_INDEX
        } else {
            media_type::OCI_MANIFEST
        };
        let kind = document["mediaType"].as_str().or(told).unwrap_or(shown);
        self.registry.put_manifest(name, kind, bytes)?;
        (self.told)(Pushed::Manifest { digest });
        Ok(())
    }

    fn read(&self, digest: &Digest) -> Result<Vec<u8>, PushError> {
        let mut bytes = Vec::new();
        self.blobs.manifest(digest)?.take(LARGEST).read_to_end(&mut bytes).map_err(|source| {
            let (what, place) = (format!("manifest {}", digest.short()), "the image".to_owned());
            BlobError::Read { what, place, source }
        })?;
        Ok(bytes)
    }

    fn blob(&mut self, digest: &Digest, size: u64) -> Result<(), PushError> {
        if self.registry.has_blob(digest)? {
            (self.told)(Pushed::Known { digest: *digest });
            return Ok(());
        }
        let blobs = self.blobs;
        let mut open = || blobs.blob(digest).map_err(io::Error::other);
        self.registry.put_blob(digest, size, &mut open)?;
        (self.told)(Pushed::Blob { digest: *digest, size });
        Ok(())
    }
}

/// Digest and size of a descriptor.
fn described(descriptor: &Value) -> Result<(Digest, u64), String> {
    let digest = descriptor["digest"].as_str().ok_or("a descriptor has no digest")?;
    let digest = digest.parse().map_err(|error| format!("{error}"))?;
    let size = descriptor["size"].as_u64().ok_or("a descriptor has no size")?;
    Ok((digest, size))
}
