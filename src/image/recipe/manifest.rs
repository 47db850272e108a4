//! Config, manifest and index of a recipe, with whatever is to be wrong in them.

use serde_json::{Value, json};

use super::content::Content;
use super::layer;
use super::{Built, ConfigRecipe, Fault, LayerRecipe, ManifestKind, Packing, Recipe, RecipeError};
use crate::oci::{Digest, media_type};

/// The config of what is no image.
const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";
/// What an artifact of the fixtures calls itself.
const ARTIFACT: &str = "application/vnd.example.chart.v1+json";

/// A layer as the manifest lists it.
struct Listed {
    descriptor: Value,
    digest: Digest,
    diff_id: Digest,
}

/// Builds the image of a recipe.
pub(super) fn build(recipe: &Recipe, place: &str) -> Result<Built, RecipeError> {
    let mut built = Built::new(place);
    let layers = layers(recipe, &mut built)?;
    if recipe.manifest.kind == ManifestKind::Schema1 {
        let bytes = written(&schema_1(&recipe.config, &layers)?);
        built.set_root(media_type::DOCKER_SCHEMA_1_SIGNED, bytes);
        return Ok(built);
    }
    let (media, manifest) = manifest(recipe, &recipe.config.platform, &layers, &mut built)?;
    if recipe.manifest.index.is_empty() {
        built.set_root(&media, manifest);
        return Ok(built);
    }
    let (media, index) = index(recipe, &media, manifest, &layers, &mut built)?;
    built.set_root(&media, index);
    Ok(built)
}

fn layers(recipe: &Recipe, built: &mut Built) -> Result<Vec<Listed>, RecipeError> {
    let mut listed = Vec::new();
    let has = |fault| recipe.manifest.faults.contains(&fault);
    for (place, one) in recipe.layers.iter().enumerate() {
        let last = place + 1 == recipe.layers.len();
        let failed = |source| RecipeError::Layer { layer: place, source };
        let layer = layer::build(one, place)?;
        let mut stored = layer.stored;
        if last && has(Fault::LayerTruncated) {
            stored = stored.truncated(stored.length() / 2).map_err(failed)?;
        }
        let mut diff_id = layer.tar.digest().map_err(failed)?;
        // A plain layer is its tar, and need not be hashed again.
        let same = one.compression == Packing::None && stored.length() == layer.tar.length();
        let mut digest = if same { diff_id } else { stored.digest().map_err(failed)? };
        let mut size = stored.length();
        if last {
            digest = if has(Fault::LayerDigest) { other(&digest) } else { digest };
            diff_id = if has(Fault::DiffId) { other(&diff_id) } else { diff_id };
            size += u64::from(has(Fault::LayerSize));
        }
        let media = one.media_type.as_deref().unwrap_or(layer_type(recipe, one));
        if !(last && has(Fault::LayerMissing)) {
            built.insert(digest, stored);
        }
        for _ in 0..one.repeat {
            let descriptor = descriptor(media, &digest, size);
            listed.push(Listed { descriptor, digest, diff_id });
        }
    }
    Ok(listed)
}

fn layer_type(recipe: &Recipe, layer: &LayerRecipe) -> &'static str {
    let docker = recipe.manifest.kind == ManifestKind::Docker;
    match (layer.compression, docker) {
        (Packing::None, false) => media_type::OCI_LAYER,
        (Packing::None, true) => media_type::DOCKER_LAYER,
        (Packing::Gzip | Packing::GzipMembers, false) => media_type::OCI_LAYER_GZIP,
        (Packing::Gzip | Packing::GzipMembers, true) => media_type::DOCKER_LAYER_GZIP,
        (Packing::Zstd, _) => media_type::OCI_LAYER_ZSTD,
    }
}

/// The manifest for one platform; its config goes to the blobs.
fn manifest(
    recipe: &Recipe,
    platform: &str,
    layers: &[Listed],
    built: &mut Built,
) -> Result<(String, Vec<u8>), RecipeError> {
    let wanted = &recipe.manifest;
    let has = |fault| wanted.faults.contains(&fault);
    let (media, config_type) = match wanted.kind {
        ManifestKind::Docker => (media_type::DOCKER_MANIFEST, media_type::DOCKER_CONFIG),
        ManifestKind::Artifact => (media_type::OCI_MANIFEST, EMPTY_CONFIG),
        ManifestKind::Oci | ManifestKind::Schema1 => {
            (media_type::OCI_MANIFEST, media_type::OCI_CONFIG)
        }
    };
    let media = wanted.media_type.as_deref().unwrap_or(media);
    let config = match wanted.kind {
        ManifestKind::Artifact => json!({}),
        _ => config(&recipe.config, platform, layers, has(Fault::DiffIdMissing))?,
    };
    let config = written(&config);
    let (mut digest, mut size) = (Digest::of(&config), config.len() as u64);
    digest = if has(Fault::ConfigDigest) { other(&digest) } else { digest };
    size += u64::from(has(Fault::ConfigSize));
    built.insert(digest, Content::from(config));
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media,
        "config": descriptor(config_type, &digest, size),
        "layers": layers.iter().map(|layer| &layer.descriptor).collect::<Vec<_>>(),
    });
    if wanted.kind == ManifestKind::Artifact {
        manifest["artifactType"] = json!(ARTIFACT);
    }
    if !wanted.annotations.is_empty() {
        manifest["annotations"] = json!(wanted.annotations);
    }
    Ok((media.to_owned(), written(&manifest)))
}

fn config(
    recipe: &ConfigRecipe,
    platform: &str,
    layers: &[Listed],
    one_less: bool,
) -> Result<Value, RecipeError> {
    let mut run = serde_json::Map::new();
    let sized = recipe
        .env_sizes
        .iter()
        .map(|(name, size)| format!("{name}={}", "x".repeat(size.saturating_sub(name.len() + 2))));
    let env: Vec<String> = recipe.env.iter().cloned().chain(sized).collect();
    let lists = [("Env", &env), ("Entrypoint", &recipe.entrypoint), ("Cmd", &recipe.cmd)];
    for (key, list) in lists {
        if !list.is_empty() {
            run.insert(key.to_owned(), json!(list));
        }
    }
    for (key, text) in [("User", &recipe.user), ("WorkingDir", &recipe.workdir)] {
        if !text.is_empty() {
            run.insert(key.to_owned(), json!(text));
        }
    }
    for (key, set) in [("ExposedPorts", &recipe.expose), ("Volumes", &recipe.volumes)] {
        if !set.is_empty() {
            let set: serde_json::Map<_, _> =
                set.iter().map(|name| (name.clone(), json!({}))).collect();
            run.insert(key.to_owned(), Value::Object(set));
        }
    }
    let count = layers.len() - usize::from(one_less).min(layers.len());
    let diff_ids: Vec<String> =
        layers[..count].iter().map(|layer| layer.diff_id.to_string()).collect();
    let mut config = json_of_platform(platform)?;
    config["config"] = Value::Object(run);
    config["rootfs"] = json!({"type": "layers", "diff_ids": diff_ids});
    if let Some(object) = config.as_object_mut() {
        object.retain(|key, _| !recipe.omit.contains(key));
    }
    Ok(config)
}

/// `{"architecture": …, "os": …}`, as configs and indexes have it.
fn json_of_platform(platform: &str) -> Result<Value, RecipeError> {
    let parts: Vec<&str> = platform.split('/').collect();
    match parts.as_slice() {
        [os, architecture] => Ok(json!({"architecture": architecture, "os": os})),
        [os, architecture, variant] => {
            Ok(json!({"architecture": architecture, "os": os, "variant": variant}))
        }
        _ => Err(RecipeError::Platform(platform.to_owned())),
    }
}

fn index(
    recipe: &Recipe,
    media: &str,
    this: Vec<u8>,
    layers: &[Listed],
    built: &mut Built,
) -> Result<(String, Vec<u8>), RecipeError> {
    let this_size = this.len() as u64;
    let mut digest = Digest::of(&this);
    if recipe.manifest.faults.contains(&Fault::ManifestDigest) {
        digest = other(&digest);
    }
    built.insert(digest, Content::from(this));
    let mut entries = Vec::new();
    for entry in &recipe.manifest.index {
        entries.push(match entry.as_str() {
            "this" => {
                let mut entry = descriptor(media, &digest, this_size);
                entry["platform"] = json_of_platform(&recipe.config.platform)?;
                entry
            }
            "attestation" => attestation(&digest, built),
            platform => {
                let (media, bytes) = manifest(recipe, platform, layers, built)?;
                let mut entry = descriptor(&media, &Digest::of(&bytes), bytes.len() as u64);
                entry["platform"] = json_of_platform(platform)?;
                built.insert(Digest::of(&bytes), Content::from(bytes));
                entry
            }
        });
    }
    let media = match recipe.manifest.kind {
        ManifestKind::Docker => media_type::DOCKER_INDEX,
        _ => media_type::OCI_INDEX,
    };
    let index = json!({"schemaVersion": 2, "mediaType": media, "manifests": entries});
    Ok((media.to_owned(), written(&index)))
}

/// An attestation as builders add it to an image: a manifest for no platform.
fn attestation(of: &Digest, built: &mut Built) -> Value {
    let statement = written(&json!({"_type": "https://in-toto.io/Statement/v0.1"}));
    let config = written(&json!({"architecture": "unknown", "os": "unknown", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [Digest::of(&statement).to_string()]}}));
    let layer =
        descriptor("application/vnd.in-toto+json", &Digest::of(&statement), statement.len() as u64);
    let manifest = written(&json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(media_type::OCI_CONFIG, &Digest::of(&config), config.len() as u64),
        "layers": [layer],
    }));
    let mut entry =
        descriptor(media_type::OCI_MANIFEST, &Digest::of(&manifest), manifest.len() as u64);
    entry["annotations"] = json!({
        "vnd.docker.reference.digest": of.to_string(),
        "vnd.docker.reference.type": "attestation-manifest",
    });
    entry["platform"] = json!({"architecture": "unknown", "os": "unknown"});
    for bytes in [statement, config, manifest] {
        built.insert(Digest::of(&bytes), Content::from(bytes));
    }
    entry
}

fn schema_1(config: &ConfigRecipe, layers: &[Listed]) -> Result<Value, RecipeError> {
    let platform = json_of_platform(&config.platform)?;
    // The newest layer comes first, each with a config of its own as text.
    let layers = layers.iter().rev();
    let blobs: Vec<Value> =
        layers.clone().map(|layer| json!({"blobSum": layer.digest.to_string()})).collect();
    let history: Vec<Value> =
        layers.map(|_| json!({"v1Compatibility": platform.to_string()})).collect();
    Ok(json!({
        "schemaVersion": 1,
        "name": "fixture",
        "tag": "latest",
        "architecture": platform["architecture"],
        "fsLayers": blobs,
        "history": history,
    }))
}

fn descriptor(media: &str, digest: &Digest, size: u64) -> Value {
    json!({"mediaType": media, "digest": digest.to_string(), "size": size})
}

fn written(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

/// A digest that is not this one.
fn other(digest: &Digest) -> Digest {
    Digest::of(digest.to_string().as_bytes())
}
