//! What is made of an engine's export, whatever its form.
#![expect(clippy::disallowed_methods, reason = "looks into the store")]

use std::sync::mpsc::sync_channel;

use serde_json::json;
use tempfile::TempDir;

use super::export::Keeper;
use super::*;
use crate::image::testing::{Memory, gzip, tar};
use crate::image::{Image, Weight, load};
use crate::oci::Reference;

fn tars() -> Vec<Vec<u8>> {
    // One of them larger than any document.
    let large = format!("f:large>{}", "x".repeat(5 << 20));
    vec![tar(&["d:bin", "f:bin/run>1"]), tar(&[&large]), tar(&["f:bin/run>2"])]
}

fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = ::tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = ::tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, &**bytes).expect("a file");
    }
    builder.into_inner().expect("a tar")
}

fn config_of(image: &Memory) -> (Digest, Vec<u8>) {
    let manifest: Value = serde_json::from_slice(&image.root).expect("JSON");
    let digest = manifest["config"]["digest"].as_str().expect("text").parse().expect("a digest");
    (digest, image.blobs[&digest].clone())
}

/// A store, and what an engine said of its image.
struct Engine {
    dir: TempDir,
    found: Found,
}

impl Engine {
    fn new(id: Digest) -> Engine {
        let diff_ids = tars().iter().map(|tar| Digest::of(tar)).collect();
        let dir = tempfile::tempdir().expect("a directory");
        Engine { dir, found: Found { id, diff_ids, size: 0 } }
    }

    fn store(&self) -> Store {
        Store::open(self.dir.path()).expect("a store")
    }

    /// Takes an export in pieces of odd lengths.
    fn takes(&self, export: &[u8]) -> Result<(), String> {
        let (send, chunks) = sync_channel(1 << 16);
        for chunk in export.chunks(70_001) {
            send.send(chunk.to_vec()).expect("there is room");
        }
        drop(send);
        match Keeper::new(&self.store(), &self.found).all(chunks) {
            Ok(()) => Ok(()),
            Err(Failure::Odd(why)) => Err(why),
            Err(_) => Err("another failure".to_owned()),
        }
    }

    fn load(&self) -> Option<Image> {
        let stored = Stored::new(&self.store(), &self.found, "name")?;
        let reference = Reference::parse("docker-daemon:name", |_| false).expect("a reference");
        let image =
            load(&reference, &stored, "linux/amd64", crate::image::Depth::Layers, &mut |_, _| {})
                .expect("loads");
        assert_eq!(image.defects, []);
        assert!(image.is_whole());
        Some(image)
    }
}

/// What Docker wrote until 24, and Podman does: documents after what they describe.
fn legacy(names: [&str; 3]) -> (Digest, Vec<u8>) {
    let (id, config) = config_of(&Memory::of_tars(&tars()));
    let mut files: Vec<_> = names.map(str::to_owned).into_iter().zip(tars()).rev().collect();
    files.push((format!("{}.json", id.hex()), config));
    files.push(("manifest.json".to_owned(), b"[]".to_vec()));
    (id, archive(&files))
}

#[test]
fn layers_of_any_name_in_any_order_are_found() {
    let (id, export) = legacy(["c/layer.tar", "a/layer.tar", "b/layer.tar"]);
    let engine = Engine::new(id);
    assert!(engine.load().is_none(), "nothing is there yet");
    engine.takes(&export).expect("taken");
    let image = engine.load().expect("all is there");
    assert_eq!(image.weight, Weight::AtMost);
    assert_eq!(image.manifest.media_type, media_type::DOCKER_MANIFEST);
    // What describes the archive is not kept: three layers and the config.
    assert_eq!(std::fs::read_dir(engine.dir.path().join("blobs")).expect("there").count(), 4);
    // Again, with all of it there, and with a part of it.
    engine.takes(&export).expect("taken");
    let gone = engine.dir.path().join("blobs").join(Digest::of(&tars()[1]).hex());
    std::fs::remove_file(gone).expect("removed");
    assert!(engine.load().is_none());
    engine.takes(&export).expect("taken");
    assert!(engine.load().is_some());
}

#[test]
fn a_layer_that_only_begins_like_another_is_taken_whole() {
    let other = |last: &str| tar(&[&format!("f:large>{}{last}", "x".repeat(5 << 20))]);
    let (first, second) = (other("1"), other("2"));
    assert_eq!(first.len(), second.len());
    for bytes in [&first, &second] {
        let (id, config) = config_of(&Memory::of_tars(std::slice::from_ref(bytes)));
        let mut engine = Engine::new(id);
        // The other one is wanted too, and there.
        engine.found.diff_ids = vec![Digest::of(&first), Digest::of(&second)];
        let mut incoming = engine.store().incoming(0).expect("a place");
        let there = if bytes == &first { &second } else { &first };
        std::io::Write::write_all(&mut incoming, there).expect("written");
        incoming.keep(None).expect("kept");
        let files = [("x/layer.tar".to_owned(), bytes.clone()), ("c.json".to_owned(), config)];
        engine.takes(&archive(&files)).expect("taken");
        assert!(engine.store().get(&Digest::of(bytes)).is_some());
    }
}

/// Engines with the store of containerd: an index, and compressed blobs by their digests.
#[test]
fn an_image_that_is_kept_as_it_is_pushed_is_read_so() {
    let packed: Vec<_> = tars().iter().map(|tar| (gzip(tar), tar.clone())).collect();
    let mut image = Memory::of(&packed);
    let manifest = image.root.clone();
    let entry = json!({"digest": Digest::of(&manifest).to_string(), "size": manifest.len(),
                       "platform": {"os": "linux", "architecture": "amd64"}});
    image.add(manifest.clone());
    let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX,
                       "manifests": [entry]});
    let id = image.add(index.to_string().into_bytes());
    let blob = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
    let mut files: Vec<_> =
        image.blobs.iter().map(|(digest, bytes)| (blob(digest), bytes.clone())).collect();
    files.push(("oci-layout".to_owned(), b"{}".to_vec()));
    let engine = Engine::new(id);
    engine.takes(&archive(&files)).expect("taken");
    let read = engine.load().expect("all is there");
    assert_eq!((read.weight, read.manifest.raw), (Weight::AsStored, manifest));
    assert!(read.index.is_some());
    // One of its layers gone.
    let gone = engine.dir.path().join("blobs").join(Digest::of(&packed[0].0).hex());
    std::fs::remove_file(gone).expect("removed");
    assert!(engine.load().is_none());
}

#[test]
fn a_damaged_export_is_told() {
    let (id, export) = legacy(["c/layer.tar", "a/layer.tar", "b/layer.tar"]);
    let engine = Engine::new(id);
    let cut = engine.takes(&export[..export.len() / 2]).expect_err("is cut");
    assert!(cut.starts_with("its export is damaged: `a/layer.tar` ends after"), "{cut}");
    assert!(engine.load().is_none());
    let hex = Digest::of(b"").hex();
    let files = [(format!("blobs/sha256/{hex}"), b"other".to_vec())];
    let wrong = engine.takes(&archive(&files)).expect_err("is wrong");
    assert!(wrong.contains(&hex) && wrong.contains("has digest"), "{wrong}");
}
