//! Damage anywhere in what a source reads is an error or a defect, and never a panic.
#![expect(clippy::disallowed_methods, reason = "writes layouts and archives to read")]

use std::fs;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::Path;

use scf_conform::contract::Contract;
use scf_conform::endpoint::Surroundings;
use scf_conform::image::recipe::{Built, Recipe};
use scf_conform::image::{Blobs as _, Image, load};
use scf_conform::oci::{Digest, Reference};
use scf_conform::source::{self, Local};
use serde_json::{Value, json};

const RECIPE: &str = "
config: {entrypoint: [/bin/app], user: '7:8', env: [A=b], expose: [9000/tcp]}
layers:
  - compression: gzip
    files:
      /bin/app: {elf: {}, mode: '4755', uid: 7, gid: 8}
      /etc/passwd: {text: 'seven:x:7:8::/:/bin/sh'}
      /gone/x: {text: x}
      /kept/low: {text: low}
  - compression: none
    repeat: 2
    files:
      /link: {symlink: bin}
      /again: {hardlink: /bin/app}
      /gone: {kind: whiteout}
  - compression: zstd
    files:
      /kept: {kind: opaque}
      /kept/high: {text: '#!/bin/sh'}
";

fn built() -> Built {
    let recipe: Recipe = serde_yaml::from_str(RECIPE).expect("a recipe");
    recipe.build("test").expect("an image")
}

/// The image's parts, as archives are made of them.
struct Parts {
    manifest: Vec<u8>,
    config: Vec<u8>,
    /// As stored, and inflated.
    layers: Vec<(Vec<u8>, Vec<u8>)>,
}

fn parts(built: &Built) -> Parts {
    let manifest = built.root().expect("a root").bytes;
    let document: Value = serde_json::from_slice(&manifest).expect("JSON");
    let blob = |descriptor: &Value| {
        let digest: Digest = descriptor["digest"].as_str().expect("a digest").parse().expect("one");
        let mut bytes = Vec::new();
        built.blob(&digest).expect("a blob").read_to_end(&mut bytes).expect("memory");
        bytes
    };
    let plain = |stored: &[u8]| {
        let mut plain = Vec::new();
        match stored {
            [0x1f, ..] => {
                flate2::read::MultiGzDecoder::new(stored).read_to_end(&mut plain).expect("gzip");
            }
            [0x28, 0xb5, ..] => plain = zstd::decode_all(stored).expect("zstd"),
            _ => plain.extend_from_slice(stored),
        }
        plain
    };
    let stored = document["layers"].as_array().expect("layers").iter().map(blob);
    let layers =
        stored.map(|stored| (plain(&stored), stored)).map(|(plain, stored)| (stored, plain));
    Parts { config: blob(&document["config"]), layers: layers.collect(), manifest }
}

/// A tar of files and, where the content begins with `->`, links.
fn tar(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        if let Some(target) = bytes.strip_prefix(b"->") {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            let target = str::from_utf8(target).expect("text");
            tar.append_link(&mut header, name, target).expect("memory");
        } else {
            header.set_size(bytes.len() as u64);
            tar.append_data(&mut header, name, &**bytes).expect("memory");
        }
    }
    tar.into_inner().expect("memory")
}

fn blob(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", Digest::of(bytes).hex())
}

/// The files of an OCI layout.
fn layout(parts: &Parts) -> Vec<(String, Vec<u8>)> {
    let (digest, size) = (Digest::of(&parts.manifest).to_string(), parts.manifest.len());
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let index = json!({"schemaVersion": 2, "manifests": [
        {"mediaType": kind, "digest": digest, "size": size}]});
    let mut files = vec![
        ("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()),
        ("index.json".to_owned(), index.to_string().into_bytes()),
        (blob(&parts.manifest), parts.manifest.clone()),
        (blob(&parts.config), parts.config.clone()),
    ];
    files.extend(parts.layers.iter().map(|(stored, _)| (blob(stored), stored.clone())));
    files
}

/// `docker save` before version 25: a directory a layer, and links where one comes again.
fn legacy(parts: &Parts) -> Vec<(String, Vec<u8>)> {
    let config = format!("{}.json", Digest::of(&parts.config).hex());
    let mut files = vec![(config.clone(), parts.config.clone())];
    let mut names: Vec<String> = Vec::new();
    for (at, (_, plain)) in parts.layers.iter().enumerate() {
        let before = parts.layers[..at].iter().position(|(_, earlier)| earlier == plain);
        let content =
            before.map_or(plain.clone(), |first| format!("->../{}", names[first]).into_bytes());
        names.push(format!("{at:064}/layer.tar"));
        files.push((format!("{at:064}/VERSION"), b"1.0".to_vec()));
        files.push((names[at].clone(), content));
    }
    let list = json!([{"Config": config, "RepoTags": ["app:v1"], "Layers": names}]);
    files.push(("manifest.json".to_owned(), list.to_string().into_bytes()));
    files.push(("repositories".to_owned(), b"{}".to_vec()));
    files
}

fn read(dir: &Path, reference: &str) -> Result<Image, String> {
    let reference = Reference::parse(reference, Path::exists).map_err(|error| error.to_string())?;
    let local = Local {
        scratch: dir.join("scratch"),
        surroundings: Surroundings::default(),
        registry: scf_conform::registry::Access::default(),
    };
    let mut go_on = |_| ControlFlow::Continue(());
    let blobs = source::open(&reference, &local, &mut go_on).map_err(|error| error.to_string())?;
    load(
        &reference,
        blobs.as_ref(),
        &Contract::scf().platform,
        scf_conform::image::Depth::Layers,
        &mut |_, _| {},
    )
    .map_err(|error| error.to_string())
}

/// Damage anywhere is an error or a defect, and never a panic.
#[test]
fn damage_is_no_panic() {
    let dir = tempfile::tempdir().expect("a directory");
    let parts = parts(&built());
    for (transport, whole) in
        [("oci-archive", tar(&layout(&parts))), ("docker-archive", tar(&legacy(&parts)))]
    {
        let file = dir.path().join("image.tar");
        let reference = format!("{transport}:{}", file.display());
        for at in (0..whole.len()).step_by(509) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0xff;
            for bytes in [&flipped[..], &whole[..at]] {
                fs::write(&file, bytes).expect("written");
                let _ = read(dir.path(), &reference);
            }
        }
    }
}
