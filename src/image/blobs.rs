//! All that a source has to give: the first manifest, and blobs by digest.

use std::io::{self, Read};

use crate::oci::Digest;

/// An opened source: where an image's bytes come from. Nothing above it knows more.
pub trait Blobs: Send + Sync {
    /// The manifest or index that the reference leads to.
    ///
    /// # Errors
    ///
    /// Where its bytes cannot be had.
    fn root(&self) -> Result<Root, BlobError>;

    /// A blob as a stream from its first byte. It is for the caller to verify it.
    ///
    /// # Errors
    ///
    /// Where there is no such blob, or it cannot be read.
    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BlobError>;

    /// A manifest that an index leads to, whole. Registries keep manifests apart from blobs.
    ///
    /// # Errors
    ///
    /// As [`Blobs::blob`].
    fn manifest(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BlobError> {
        self.blob(digest)
    }

    /// Told which blobs will be read, in their order, with the sizes that their descriptors
    /// say: whoever has to fetch them can begin.
    fn expect(&self, _blobs: &[(Digest, u64)]) {}

    /// Whether a blob that is read to its end is sure to be the one that its digest names: the
    /// source has hashed it on its way.
    fn vouches_for(&self, _digest: &Digest) -> bool {
        false
    }

    /// How the layers are packed here, compared with what a push sends.
    fn packing(&self) -> Packing {
        Packing::AsPushed
    }
}

/// How a source has an image's layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Packing {
    /// As they are pushed.
    #[default]
    AsPushed,
    /// Plain, as engines keep them; a push compresses them.
    BeforePush,
}

/// The bytes that a reference leads to.
#[derive(Debug, Clone)]
pub struct Root {
    /// The manifest or index itself.
    pub bytes: Vec<u8>,
    /// The media type that the source gave for it, where it gave one.
    pub media_type: Option<String>,
    /// The digest by which the source named it, where it did.
    pub digest: Option<Digest>,
    /// The size that the source gave for it, in bytes, where it gave one.
    pub size: Option<u64>,
}

/// Why a blob's bytes cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob in the source.
    #[error("read {digest} of {place}: it is not there")]
    Missing {
        /// What was asked for.
        digest: String,
        /// The source, as the user named it.
        place: String,
    },
    /// It is there, and cannot be read.
    #[error("read {what} of {place}: {source}")]
    Read {
        /// What was read: `index.json`, `blob sha256:…`.
        what: String,
        /// The source, as the user named it.
        place: String,
        /// Why.
        source: io::Error,
    },
}
