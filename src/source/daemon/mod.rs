//! `docker-daemon:REF`, and names that the local engine has.
//!
//! The engine says which image it is: its id and the diff IDs of its layers. What of that the
//! store of blobs does not have is read from the engine's export, as a stream and each layer
//! once; where it has all, nothing is exported.

mod export;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};

use bollard::Docker;
use bollard::errors::Error;
use serde_json::{Value, json};

use super::packed::Positioned;
use super::store::Store;
use super::{Local, SourceError, Telling};
use crate::endpoint::{self, Endpoint, told};
use crate::image::{BlobError, Blobs, Packing, Root};
use crate::oci::{Digest, media_type};

/// Seconds until an engine begins to answer. It may have to read a whole image first.
const ANSWER: u64 = 300;
/// The largest manifest or config that is read, in bytes.
const LARGEST: u64 = 4 << 20;
/// Indexes that may lie inside each other.
const DEEPEST: usize = 3;

/// What an engine says of an image.
struct Found {
    /// Of the config or, in engines that keep images as registries do, of the manifest.
    id: Digest,
    diff_ids: Vec<Digest>,
    /// Bytes, roughly.
    size: u64,
}

/// Why the engine gives no image.
enum Failure {
    Engine(Error),
    Absent,
    /// The engine says or sends what cannot be.
    Odd(String),
    Silent,
    File(io::Error),
    Stopped,
}

/// Opens an image of the engine.
pub(super) fn open(
    text: &str,
    name: &str,
    local: &Local,
    telling: Telling<'_>,
) -> Result<Box<dyn Blobs>, SourceError> {
    let endpoint = endpoint::find(&local.surroundings)
        .map_err(|source| SourceError::NoEngine { reference: text.to_owned(), source })?;
    let failed = |failure| failed(failure, text, name, &endpoint);
    let known = |letter: char| letter.is_ascii_alphanumeric() || "._-/:@".contains(letter);
    if let Some(odd) = name.chars().find(|letter| !known(*letter)) {
        let why = format!("no image has `{}` in its name", odd.escape_default());
        return Err(failed(Failure::Odd(why)));
    }
    let store = Store::open(&local.scratch).map_err(|error| failed(Failure::File(error)))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(Failure::File(error)))?;
    let docker = runtime
        .block_on(endpoint.connect(ANSWER))
        .map_err(|source| SourceError::NoEngine { reference: text.to_owned(), source })?;
    let found = runtime.block_on(inspect(&docker, name)).map_err(failed)?;
    if let Some(stored) = Stored::new(&store, &found, text) {
        return Ok(Box::new(stored));
    }
    let had_none = found.diff_ids.iter().all(|digest| store.get(digest).is_none());
    export::export(&runtime, &docker, &found, &store, telling).map_err(failed)?;
    let mut stored = Stored::new(&store, &found, text).ok_or_else(|| {
        let all = found.diff_ids.iter().chain([&found.id]);
        let lost = all.filter(|digest| store.get(digest).is_none()).map(Digest::short);
        let lost: Vec<_> = lost.collect();
        failed(Failure::Odd(format!("its export lacks {}", lost.join(", "))))
    })?;
    stored.hashed = had_none;
    Ok(Box::new(stored))
}

fn failed(failure: Failure, text: &str, name: &str, endpoint: &Endpoint) -> SourceError {
    let why = match failure {
        Failure::Absent => {
            return SourceError::Absent {
                reference: text.to_owned(),
                endpoint: endpoint.uri.clone(),
                name: name.to_owned(),
            };
        }
        Failure::Stopped => return SourceError::Stopped { reference: text.to_owned() },
        Failure::Engine(error) => told(&error),
        Failure::Odd(why) => why,
        Failure::Silent => format!("no more bytes for {} seconds", export::MORE.as_secs()),
        Failure::File(error) => format!("keep it in the cache: {error}"),
    };
    SourceError::Engine { reference: text.to_owned(), endpoint: endpoint.uri.clone(), why }
}

async fn inspect(docker: &Docker, name: &str) -> Result<Found, Failure> {
    let image = match docker.inspect_image(name).await {
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            return Err(Failure::Absent);
        }
        other => other.map_err(Failure::Engine)?,
    };
    let digest = |text: &str| {
        // Some versions of Podman leave out the algorithm.
        let whole = if text.contains(':') { text.to_owned() } else { format!("sha256:{text}") };
        whole.parse().map_err(|error| Failure::Odd(format!("of the image it says: {error}")))
    };
    let layers = image.root_fs.and_then(|root| root.layers).unwrap_or_default();
    Ok(Found {
        id: digest(&image.id.unwrap_or_default())?,
        diff_ids: layers.iter().map(|text| digest(text)).collect::<Result<_, _>>()?,
        size: image.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
    })
}

/// An image whose blobs are all in the store. They are held open: what others remove from the
/// store stays readable.
struct Stored {
    root: Root,
    packing: Packing,
    blobs: HashMap<Digest, File>,
    /// Whether the blobs came just now, and were hashed on their way. What an earlier run kept
    /// may have been changed since.
    hashed: bool,
    place: String,
}

impl Stored {
    /// `None` where the store lacks a part of it.
    fn new(store: &Store, found: &Found, place: &str) -> Option<Stored> {
        let mut blobs = HashMap::new();
        let first = document(store, &found.id, &mut blobs)?;
        let place = place.to_owned();
        if first.1["rootfs"].is_object() {
            let manifest = manifest(store, found, &first.0, &mut blobs)?;
            let media_type = Some(media_type::DOCKER_MANIFEST.to_owned());
            let root = Root { bytes: manifest, media_type, digest: None, size: None };
            return Some(Stored {
                root,
                packing: Packing::BeforePush,
                blobs,
                hashed: false,
                place,
            });
        }
        take_all(store, &first.1, &mut blobs, DEEPEST)?;
        let (bytes, value) = first;
        let root = Root {
            media_type: value["mediaType"].as_str().map(str::to_owned),
            digest: Some(found.id),
            size: Some(bytes.len() as u64),
            bytes,
        };
        Some(Stored { root, packing: Packing::AsPushed, blobs, hashed: false, place })
    }
}

/// A manifest or config of the store.
fn document(
    store: &Store,
    digest: &Digest,
    blobs: &mut HashMap<Digest, File>,
) -> Option<(Vec<u8>, Value)> {
    let file = store.get(digest)?;
    let mut bytes = Vec::new();
    Positioned { file: &file, at: 0 }.take(LARGEST).read_to_end(&mut bytes).ok()?;
    blobs.insert(*digest, file);
    let value = serde_json::from_slice(&bytes).ok()?;
    Some((bytes, value))
}

/// The manifest that the engine would push, but for the layers: it compresses them then.
fn manifest(
    store: &Store,
    found: &Found,
    config: &[u8],
    blobs: &mut HashMap<Digest, File>,
) -> Option<Vec<u8>> {
    let mut layers = Vec::new();
    for diff_id in &found.diff_ids {
        let file = store.get(diff_id)?;
        layers.push(json!({
            "mediaType": media_type::DOCKER_LAYER,
            "digest": diff_id.to_string(),
            "size": file.metadata().ok()?.len(),
        }));
        blobs.insert(*diff_id, file);
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type::DOCKER_MANIFEST,
        "config": {
            "mediaType": media_type::DOCKER_CONFIG,
            "digest": found.id.to_string(),
            "size": config.len(),
        },
        "layers": layers,
    });
    Some(manifest.to_string().into_bytes())
}

/// Opens all that a manifest or index leads to. `None` where the store lacks a part of it.
fn take_all(
    store: &Store,
    document: &Value,
    blobs: &mut HashMap<Digest, File>,
    deeper: usize,
) -> Option<()> {
    let digest = |value: &Value| value["digest"].as_str()?.parse::<Digest>().ok();
    for entry in document["manifests"].as_array().into_iter().flatten() {
        let (_, inner) = self::document(store, &digest(entry)?, blobs)?;
        take_all(store, &inner, blobs, deeper.checked_sub(1)?)?;
    }
    let layers = document["layers"].as_array().into_iter().flatten();
    for descriptor in layers.chain(document.get("config")) {
        let digest = digest(descriptor)?;
        blobs.insert(digest, store.get(&digest)?);
    }
    Some(())
}

impl Blobs for Stored {
    fn root(&self) -> Result<Root, BlobError> {
        Ok(self.root.clone())
    }

    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BlobError> {
        match self.blobs.get(digest) {
            Some(file) => Ok(Box::new(Positioned { file, at: 0 })),
            None => Err(BlobError::Missing {
                digest: digest.to_string(),
                place: format!("`{}`", self.place),
            }),
        }
    }

    fn vouches_for(&self, _digest: &Digest) -> bool {
        self.hashed
    }

    fn packing(&self) -> Packing {
        self.packing
    }
}

#[cfg(test)]
mod tests;
