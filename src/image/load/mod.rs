//! Reads an image through its source: each layer once, as a stream, verified on the way.

mod config;
mod inflate;
mod layer;
mod resolve;

use inflate::Hashing;
pub(crate) use layer::{Uninflated, inflate_into, tar_of};

use serde_json::Value;

use super::tree::Builder;
use super::{
    BlobError, Blobs, Compression, Config, Defect, Image, Layer, Manifest, Packing, Part, Weight,
};
use crate::oci::{Digest, Reference, media_type};

/// The largest manifest, index or config that is read, in bytes: what registries take.
const LARGEST_DOCUMENT: u64 = 4 << 20;

/// Why an image could not be read at all. What is wrong in bytes that could be read is a
/// defect of the image, and no error.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The source failed.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// A document is not what it has to be.
    #[error("read {what} of `{reference}`: {why}")]
    Document {
        /// `the manifest`, `the config`.
        what: String,
        /// As the user wrote it.
        reference: String,
        /// What is wrong, and where.
        why: String,
    },
}

/// Told while layers are read: compressed bytes so far, and in all.
pub type Loading<'a> = &'a mut (dyn FnMut(u64, u64) + Send);

/// How far an image is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Manifest and config; the layers are only what their descriptors say.
    Config,
    /// To the last byte.
    Layers,
}

/// Reads an image. `platform` is the `os/architecture` that an index is searched for.
///
/// # Errors
///
/// Where bytes cannot be had, or manifest or config are no documents that could be read.
pub fn load(
    reference: &Reference,
    blobs: &dyn Blobs,
    platform: &str,
    depth: Depth,
    progress: Loading<'_>,
) -> Result<Image, LoadError> {
    let mut defects = Vec::new();
    let resolved = resolve::resolve(reference, blobs, platform, &mut defects)?;
    let mut image = Image {
        reference: reference.clone(),
        manifest: resolved.manifest,
        index: resolved.index,
        config: Config::default(),
        layers: Vec::new(),
        tree: super::Tree::default(),
        weight: match blobs.packing() {
            Packing::AsPushed => Weight::AsStored,
            Packing::BeforePush => Weight::AtMost,
        },
        defects,
    };
    let document = &resolved.document;
    let shaped_like_one = document["config"].is_object() && document["layers"].is_array();
    if image.manifest.artifact.is_some()
        || !(media_type::is_manifest(&image.manifest.media_type) || shaped_like_one)
    {
        // Nothing below the manifest is that of an image; M001 says so.
        return Ok(image);
    }
    image.config = read_config(reference, blobs, &image.manifest, document, &mut image.defects)?;
    let layers = descriptors(reference, document)?;
    match depth {
        Depth::Layers => read_layers(reference, blobs, &layers, &mut image, progress)?,
        Depth::Config => image.layers = layers.iter().map(Descriptor::unread).collect(),
    }
    Ok(image)
}

fn read_config(
    reference: &Reference,
    blobs: &dyn Blobs,
    manifest: &Manifest,
    document: &Value,
    defects: &mut Vec<Defect>,
) -> Result<Config, LoadError> {
    let descriptor = descriptor(reference, "the manifest", "config", &document["config"])?;
    let blob = blobs.blob(&descriptor.digest)?;
    let bytes = resolve::document(reference, blob, "the config", &descriptor.digest)?;
    resolve::verify(&bytes, &descriptor, Part::Config, "the config", defects);
    let value = resolve::json(reference, "the config", &bytes)?;
    let _ = manifest;
    config::parse(&value, &descriptor.digest)
        .map_err(|why| resolve::error(reference, "the config", why))
}

/// The layers' descriptors, base first.
fn descriptors(reference: &Reference, document: &Value) -> Result<Vec<Descriptor>, LoadError> {
    let Some(layers) = document["layers"].as_array() else {
        return Err(resolve::error(
            reference,
            "the manifest",
            "it has no list of layers".to_owned(),
        ));
    };
    layers
        .iter()
        .enumerate()
        .map(|(at, layer)| descriptor(reference, "the manifest", &format!("layers[{at}]"), layer))
        .collect()
}

fn read_layers(
    reference: &Reference,
    blobs: &dyn Blobs,
    descriptors: &[Descriptor],
    image: &mut Image,
    progress: Loading<'_>,
) -> Result<(), LoadError> {
    let expected: Vec<_> =
        descriptors.iter().map(|descriptor| (descriptor.digest, descriptor.size)).collect();
    blobs.expect(&expected);
    let of: u64 = descriptors.iter().map(|descriptor| descriptor.size).fold(0, u64::saturating_add);
    let mut builder = Builder::default();
    let mut done = 0;
    for (at, descriptor) in descriptors.iter().enumerate() {
        builder.next_layer(at);
        let place = u32::try_from(at).unwrap_or(u32::MAX);
        let name =
            format!("layer {} of {} ({})", at + 1, descriptors.len(), descriptor.digest.short());
        let blob = blobs.blob(&descriptor.digest)?;
        let mut told = |bytes| progress(done + bytes, of);
        let known = blobs.vouches_for(&descriptor.digest);
        let hashing = if known { Hashing::Plain } else { Hashing::Both };
        let read = layer::read(blob, hashing, descriptor, place, &mut builder, &mut told);
        let read = read.map_err(|source| BlobError::Read {
            what: name.clone(),
            place: format!("`{reference}`"),
            source,
        })?;
        done += read.layer.read;
        let problems = read.problems.into_iter();
        image.defects.extend(
            problems.map(|problem| Defect {
                part: Part::Layer(at),
                message: format!("{name} {problem}"),
            }),
        );
        image.layers.push(read.layer);
    }
    image.tree = builder.finish();
    compare_diff_ids(image);
    Ok(())
}

/// The config's diff IDs are those of the layers, in number and value.
fn compare_diff_ids(image: &mut Image) {
    let declared = &image.config.diff_ids;
    let count = image.layers.len();
    if declared.len() != count {
        image.defects.push(Defect {
            part: Part::Config,
            message: format!("the config lists {} diff IDs for {count} layers", declared.len()),
        });
    }
    for (at, (layer, declared)) in image.layers.iter().zip(declared).enumerate() {
        let Some(diff_id) = &layer.diff_id else { continue };
        if diff_id.to_string() != *declared {
            image.defects.push(Defect {
                part: Part::Layer(at),
                message: format!(
                    "layer {} of {count} ({}) has diff ID {diff_id}, and the config says {declared}",
                    at + 1,
                    layer.digest.short()
                ),
            });
        }
    }
}

/// A descriptor, as far as reading depends on it.
struct Descriptor {
    media_type: String,
    digest: Digest,
    size: u64,
}

impl Descriptor {
    /// A layer of which nothing but this is known.
    fn unread(&self) -> Layer {
        Layer {
            media_type: self.media_type.clone(),
            digest: self.digest,
            size: self.size,
            compression: Compression::None,
            read: 0,
            unpacked: 0,
            diff_id: None,
        }
    }
}

fn descriptor(
    reference: &Reference,
    what: &str,
    name: &str,
    value: &Value,
) -> Result<Descriptor, LoadError> {
    let wrong = |why: String| resolve::error(reference, what, why);
    let digest = value["digest"].as_str().ok_or_else(|| wrong(format!("{name} has no digest")))?;
    let digest = digest.parse().map_err(|error| wrong(format!("{name}: {error}")))?;
    let size = value["size"].as_u64().ok_or_else(|| wrong(format!("{name} has no size")))?;
    let media_type = value["mediaType"].as_str().unwrap_or_default().to_owned();
    Ok(Descriptor { media_type, digest, size })
}

#[cfg(test)]
mod tests;
