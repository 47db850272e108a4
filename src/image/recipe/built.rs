//! An image that was built from a recipe: blobs in memory, read like those of any source.

use std::collections::BTreeMap;
use std::io::Read;

use super::content::Content;
use crate::image::{BlobError, Blobs, Root};
use crate::oci::Digest;

/// A built image.
#[derive(Debug)]
pub struct Built {
    /// How messages name it.
    place: String,
    media_type: String,
    root: Vec<u8>,
    /// By the digest that its descriptor names, which may be wrong on purpose.
    blobs: BTreeMap<Digest, Content>,
}

impl Built {
    pub(super) fn new(place: &str) -> Built {
        let (media_type, root) = (String::new(), Vec::new());
        Built { place: place.to_owned(), media_type, root, blobs: BTreeMap::new() }
    }

    pub(super) fn set_root(&mut self, media_type: &str, bytes: Vec<u8>) {
        media_type.clone_into(&mut self.media_type);
        self.root = bytes;
    }

    pub(super) fn insert(&mut self, digest: Digest, content: Content) {
        self.blobs.insert(digest, content);
    }

    /// The digests of all blobs but the root's, sorted.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.blobs.keys()
    }
}

impl Blobs for Built {
    fn root(&self) -> Result<Root, BlobError> {
        Ok(Root {
            bytes: self.root.clone(),
            media_type: Some(self.media_type.clone()),
            digest: Some(Digest::of(&self.root)),
            size: None,
        })
    }

    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BlobError> {
        match self.blobs.get(digest) {
            Some(content) => Ok(Box::new(content.reader())),
            None => {
                Err(BlobError::Missing { digest: digest.to_string(), place: self.place.clone() })
            }
        }
    }
}
