//! An image as a push sends it, where a source has its layers plain.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::os::unix::fs::FileExt as _;

use serde_json::json;

use super::deflate::gzip;
use super::store::{KeepError, Store};
use super::weight::is_plain;
use super::{Local, SourceError, Step, Telling};
use crate::image::{BlobError, Blobs, Image, Layer, Packing, Root};
use crate::oci::{Digest, media_type};

/// Bytes that are written at a time.
const CHUNK: usize = 256 << 10;

/// Compresses what a push would compress. What is pushed as it is stays what it was.
///
/// # Errors
///
/// Where a layer cannot be read or kept, or nobody wants it any more.
pub fn packed(
    image: &Image,
    blobs: Box<dyn Blobs>,
    local: &Local,
    telling: Telling<'_>,
) -> Result<Box<dyn Blobs>, SourceError> {
    if blobs.packing() == Packing::AsPushed {
        return Ok(blobs);
    }
    let place = image.reference.to_string();
    let store = Store::open(&local.scratch).map_err(|source| SourceError::Read {
        what: format!("the cache {}", local.scratch.display()),
        source,
    })?;
    let mut layers = HashMap::new();
    let mut described = Vec::new();
    let (mut done, of) = (0, image.stored_bytes());
    for layer in &image.layers {
        let mut told = |read| telling(Step::Compressing { done: done + read, of });
        let (digest, size, media_type) = if is_plain(layer) {
            let (digest, file, size) = keep(layer, blobs.as_ref(), &store, &mut told)
                .map_err(|error| failed(error, layer, &place))?;
            layers.insert(digest, file);
            (digest, size, media_type::DOCKER_LAYER_GZIP)
        } else {
            (layer.digest, layer.size, layer.media_type.as_str())
        };
        described.push(json!({
            "mediaType": media_type, "digest": digest.to_string(), "size": size,
        }));
        done += layer.size;
    }
    let mut manifest: serde_json::Value = serde_json::from_slice(&image.manifest.raw)
        .map_err(|error| SourceError::Damaged { place: place.clone(), why: error.to_string() })?;
    manifest["layers"] = described.into();
    let root = Root {
        bytes: manifest.to_string().into_bytes(),
        media_type: Some(image.manifest.media_type.clone()),
        digest: None,
        size: None,
    };
    Ok(Box::new(Packed { root, layers, blobs }))
}

fn failed(error: io::Error, layer: &Layer, place: &str) -> SourceError {
    match error.kind() {
        io::ErrorKind::Interrupted => SourceError::Stopped { reference: place.to_owned() },
        _ => SourceError::Read {
            what: format!("layer {} of `{place}` to compress it", layer.digest.short()),
            source: error,
        },
    }
}

/// A layer, compressed and kept: its digest, its bytes and their number.
fn keep(
    layer: &Layer,
    blobs: &dyn Blobs,
    store: &Store,
    told: &mut (dyn FnMut(u64) -> std::ops::ControlFlow<()> + Send),
) -> io::Result<(Digest, File, u64)> {
    let blob = blobs.blob(&layer.digest).map_err(io::Error::other)?;
    let incoming = store.incoming(layer.size / 2)?;
    let mut writer = BufWriter::with_capacity(CHUNK, incoming);
    gzip(blob, told, &mut writer)?;
    let incoming = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    let size = incoming.length();
    let digest = incoming.keep(None).map_err(|error| match error {
        KeepError::Write(error) => error,
        differs @ KeepError::Differs { .. } => io::Error::other(differs),
    })?;
    let file = store.get(&digest).ok_or(io::ErrorKind::NotFound)?;
    Ok((digest, file, size))
}

/// An image with layers of its own, and all else from where it was.
struct Packed {
    root: Root,
    layers: HashMap<Digest, File>,
    blobs: Box<dyn Blobs>,
}

impl Blobs for Packed {
    fn root(&self) -> Result<Root, BlobError> {
        Ok(self.root.clone())
    }

    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BlobError> {
        match self.layers.get(digest) {
            Some(file) => Ok(Box::new(Positioned { file, at: 0 })),
            None => self.blobs.blob(digest),
        }
    }
}

/// A file from a position of its own: several read one file at once.
pub(super) struct Positioned<'a> {
    pub(super) file: &'a File,
    pub(super) at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
