//! Layers to a root file system in the cache, once for each image.
//!
//! A root is made in a neighbour directory and renamed when it is whole, so that an entry of
//! the cache is never half an image. Each entry has a lock, and so has the making of each:
//! several runs share a root, and none is removed while anybody uses it.

mod cache;
mod extract;
mod ownership;

use std::io;

pub use cache::{Cache, Unpacked, UnpackedRoot, Unpacking};
pub use ownership::Ownership;

/// Why layers could not be unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// Reading or writing failed.
    #[error("{what}: {source}")]
    Io {
        /// The operation and its object.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// The source no longer gives a layer.
    #[error(transparent)]
    Blob(#[from] crate::image::BlobError),
}

fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> UnpackError {
    let what = what.into();
    move |source| UnpackError::Io { what, source }
}
