//! `docker-archive:FILE`: what `docker save` writes, in every layout that it has had.
//!
//! Engines with the containerd store write an OCI layout beside `manifest.json`, and then
//! that is read: it has the manifest that would be pushed. Older ones write configs and
//! plain tars only, and a manifest is made of them as a push would.

use std::collections::HashMap;
use std::io::{self, Read};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::SourceError;
use super::archive::Archive;
use super::layout;
use crate::image::{BlobError, Blobs, Compression, Packing, Root};
use crate::oci::{Digest, media_type};

/// The largest document that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// Opens an archive and chooses the image of a `RepoTag`, or the only one there is.
pub(super) fn open(archive: Archive, tag: Option<&str>) -> Result<Box<dyn Blobs>, SourceError> {
    let place = archive.place().to_owned();
    let damaged = |why: String| SourceError::Damaged { place: place.clone(), why };
    if !archive.has("manifest.json") {
        if archive.has("index.json") {
            return Ok(Box::new(layout::open_archive(archive, tag)?));
        }
        let why = if archive.has("repositories") {
            "it was saved by a docker older than 1.10: load it and save it again"
        } else {
            "it is no docker archive: there is no manifest.json"
        };
        return Err(damaged(why.to_owned()));
    }
    let bytes = archive.document("manifest.json", LARGEST)?;
    let list: Value = serde_json::from_slice(&bytes)
        .map_err(|error| damaged(format!("manifest.json is no JSON: {error}")))?;
    if !list.is_array() {
        return Err(damaged("manifest.json is no list of images".to_owned()));
    }
    let chosen = pick(&list, &place, tag)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let config = text(&chosen["Config"])
        .ok_or_else(|| damaged("manifest.json names no Config".to_owned()))?;
    let layers = chosen["Layers"]
        .as_array()
        .map(|layers| layers.iter().map(text).collect::<Option<Vec<_>>>());
    let Some(Some(layers)) = layers else {
        return Err(damaged("manifest.json names no Layers".to_owned()));
    };
    if let Some(layout) = as_pushed(&archive, &config) {
        return Ok(Box::new(layout::open_archive(archive, Some(&layout))?));
    }
    Ok(Box::new(Saved::new(archive, &config, &layers)?))
}

fn pick<'a>(list: &'a Value, place: &str, tag: Option<&str>) -> Result<&'a Value, SourceError> {
    let entries = list.as_array().map(Vec::as_slice).unwrap_or_default();
    let tags = |entry: &'a Value| {
        entry["RepoTags"].as_array().into_iter().flatten().filter_map(Value::as_str)
    };
    let choice = |wanted: String| {
        let all: Vec<&str> = entries.iter().flat_map(tags).collect();
        let have = match (entries.len(), all.is_empty()) {
            (0, _) => "no image".to_owned(),
            (count, true) => format!("{count} images without tags"),
            (_, false) => format!("the images {}", all.join(", ")),
        };
        SourceError::Choice { place: place.to_owned(), have, wanted }
    };
    match (tag, entries) {
        (Some(tag), _) => {
            let named = format!("{tag}:latest");
            let is_it = |known: &str| known == tag || known == named;
            let found = entries.iter().find(|entry| tags(entry).any(is_it));
            found.ok_or_else(|| choice(format!("and not `{tag}`")))
        }
        (None, [only]) => Ok(only),
        (None, []) => Err(choice("and so nothing to check".to_owned())),
        (None, _) => {
            Err(choice(format!("and none was named: write `docker-archive:{place}:NAME`")))
        }
    }
}

/// The digest of the index's entry that leads to this config, where the archive is an OCI
/// layout too.
fn as_pushed(archive: &Archive, config: &str) -> Option<String> {
    let config = digest_in(config)?;
    let index = json(archive, "index.json")?;
    let entries = index["manifests"].as_array()?;
    let digests = || entries.iter().filter_map(|entry| entry["digest"].as_str());
    let direct = digests().find(|digest| leads_to(archive, digest, &config, 2).is_some());
    // With one entry there is no doubt which image it is.
    direct.or_else(|| digests().next().filter(|_| entries.len() == 1)).map(str::to_owned)
}

/// Whether a manifest, or one of an index's, has this config.
fn leads_to(archive: &Archive, digest: &str, config: &Digest, indexes: usize) -> Option<()> {
    let digest: Digest = digest.parse().ok()?;
    let document = json(archive, &format!("blobs/sha256/{}", digest.hex()))?;
    if document["config"]["digest"].as_str() == Some(config.to_string().as_str()) {
        return Some(());
    }
    let indexes = indexes.checked_sub(1)?;
    let entries = document["manifests"].as_array()?;
    let mut digests = entries.iter().filter_map(|entry| entry["digest"].as_str());
    digests.find_map(|digest| leads_to(archive, digest, config, indexes))
}

fn json(archive: &Archive, name: &str) -> Option<Value> {
    serde_json::from_slice(&archive.document(name, LARGEST).ok()?).ok()
}

/// The digest that a file of the archive is named after, as configs are: `blobs/sha256/HEX`,
/// `HEX.json`, `sha256:HEX`.
fn digest_in(name: &str) -> Option<Digest> {
    let name = name.rsplit(['/', ':']).next()?;
    format!("sha256:{}", name.split('.').next()?).parse().ok()
}

/// An archive of configs and layers without a manifest.
struct Saved {
    archive: Archive,
    manifest: Vec<u8>,
    packing: Packing,
    /// Names in the archive, by digest.
    blobs: HashMap<Digest, String>,
}

impl Saved {
    fn new(archive: Archive, config: &str, layers: &[String]) -> Result<Saved, SourceError> {
        let bytes = archive.document(config, LARGEST)?;
        let value: Value =
            serde_json::from_slice(&bytes).map_err(|error| SourceError::Damaged {
                place: archive.place().to_owned(),
                why: format!("{config} is no JSON: {error}"),
            })?;
        let diff_ids = value["rootfs"]["diff_ids"].as_array().cloned().unwrap_or_default();
        // Where its name is a digest, that is what its bytes are held to.
        let config_digest = digest_in(config).unwrap_or_else(|| Digest::of(&bytes));
        let mut blobs = HashMap::from([(config_digest, config.to_owned())]);
        let mut described = Vec::new();
        let mut packing = Packing::AsPushed;
        for (at, name) in layers.iter().enumerate() {
            let declared = diff_ids.get(at).and_then(Value::as_str).and_then(|id| id.parse().ok());
            let described_as = describe(&archive, name, declared);
            let (digest, size, kind) = described_as.map_err(|source| {
                if source.kind() == io::ErrorKind::NotFound {
                    SourceError::Damaged {
                        place: archive.place().to_owned(),
                        why: format!("its layer {name} is not in it"),
                    }
                } else {
                    let what = format!("{name} of `{}`", archive.place());
                    SourceError::Read { what, source }
                }
            })?;
            if kind == media_type::DOCKER_LAYER {
                packing = Packing::BeforePush;
            }
            described.push(json!({"mediaType": kind, "digest": digest.to_string(), "size": size}));
            blobs.insert(digest, name.clone());
        }
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media_type::DOCKER_MANIFEST,
            "config": {
                "mediaType": media_type::DOCKER_CONFIG,
                "digest": config_digest.to_string(),
                "size": bytes.len(),
            },
            "layers": described,
        });
        Ok(Saved { archive, manifest: manifest.to_string().into_bytes(), packing, blobs })
    }
}

/// Digest, size and media type of a layer. A plain tar's digest is its diff ID, which is
/// verified when the layer is read; only what is compressed has to be hashed for it.
fn describe(
    archive: &Archive,
    name: &str,
    declared: Option<Digest>,
) -> io::Result<(Digest, u64, &'static str)> {
    let mut part = archive.file(name)?;
    let size = part.size();
    let mut magic = [0; 4];
    let count = part.read(&mut magic)?;
    let kind = match Compression::of(&magic[..count]) {
        Compression::Gzip => media_type::DOCKER_LAYER_GZIP,
        Compression::Zstd => media_type::OCI_LAYER_ZSTD,
        Compression::None => media_type::DOCKER_LAYER,
    };
    if let (media_type::DOCKER_LAYER, Some(diff_id)) = (kind, declared) {
        return Ok((diff_id, size, kind));
    }
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 18];
    let mut part = archive.file(name)?;
    loop {
        let count = part.read(&mut chunk)?;
        if count == 0 {
            return Ok((Digest::from_bytes(hasher.finalize().into()), size, kind));
        }
        hasher.update(&chunk[..count]);
    }
}

impl Blobs for Saved {
    fn root(&self) -> Result<Root, BlobError> {
        Ok(Root {
            bytes: self.manifest.clone(),
            media_type: Some(media_type::DOCKER_MANIFEST.to_owned()),
            digest: None,
            size: None,
        })
    }

    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BlobError> {
        let place = || format!("`{}`", self.archive.place());
        let Some(name) = self.blobs.get(digest) else {
            return Err(BlobError::Missing { digest: digest.to_string(), place: place() });
        };
        match self.archive.file(name) {
            Ok(part) => Ok(Box::new(part)),
            Err(_) => Err(BlobError::Missing { digest: name.clone(), place: place() }),
        }
    }

    fn packing(&self) -> Packing {
        self.packing
    }
}
