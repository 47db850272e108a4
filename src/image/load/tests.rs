//! What is said of images whose bytes are right, damaged or none.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::image::testing::{Memory, gzip, tar, zstd};
use crate::image::{Access, Compression, Kind, Lookup, User};

fn layer() -> Vec<u8> {
    tar(&["d:bin", "f:bin/run>#!/bin/sh", "f:etc/passwd>me:x:7:8::/home:/bin/sh", "s:sh>bin/run"])
}

fn defects(image: &Image) -> Vec<&str> {
    image.defects.iter().map(|defect| &*defect.message).collect()
}

/// Loads an image of one layer, stored as given, and compares what is wrong with it.
#[track_caller]
fn check(stored: Vec<u8>, expected: &[&str]) -> Image {
    let image = Memory::of(&[(stored, layer())]).load().expect("its bytes can be had");
    let found = defects(&image);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected) && !found.contains('\n'), "{found:?}, want {expected:?}");
        assert!(found.starts_with("layer 1 of 1 (sha256:"), "{found}");
    }
    image
}

#[test]
fn however_a_layer_is_packed_the_image_is_the_same() {
    let two_members = [gzip(&layer()[..700]), gzip(&layer()[700..])].concat();
    let padded = [gzip(&layer()), vec![0; 5000]].concat();
    for (stored, compression) in [
        (layer(), Compression::None),
        (gzip(&layer()), Compression::Gzip),
        (two_members, Compression::Gzip),
        (padded, Compression::Gzip),
        (zstd(&layer()), Compression::Zstd),
        ([zstd(&layer()[..700]), zstd(&layer()[700..])].concat(), Compression::Zstd),
    ] {
        let size = stored.len() as u64;
        let image = check(stored, &[]);
        assert_eq!(image.layers[0].compression, compression);
        assert_eq!((image.layers[0].read, image.compressed_bytes()), (size, size));
        assert_eq!(image.unpacked_bytes(), layer().len() as u64);
        assert!(image.is_whole());
        let paths: Vec<_> = image.tree.walk().map(|(path, _)| path).collect();
        assert_eq!(paths, ["/", "/bin", "/bin/run", "/etc", "/etc/passwd", "/sh"]);
        let me = image.tree.user("me").expect("is in it");
        assert_eq!((me.uid, me.gid), (7, 8));
        let (node, path) =
            image.tree.access("sh", "/", &User::default(), Access::Execute).expect("x");
        assert_eq!(path, "/bin/run");
        assert!(
            matches!(&image.tree.node(node).kind, Kind::Script { line, .. } if line == b"/bin/sh")
        );
    }
}

#[test]
fn a_damaged_layer_is_the_images_fault() {
    let gz = gzip(&layer());
    let cut = &gz[..gz.len() - 20];
    check(cut.to_vec(), &["ends in the middle of its gzip stream"]);
    let mut wrong = gz.clone();
    let at = wrong.len() - 6;
    wrong[at] ^= 1;
    check(wrong, &["is damaged as a gzip stream"]);
    check([gz, b"more".to_vec()].concat(), &["other bytes follow it"]);
    let zst = zstd(&layer());
    check(zst[..zst.len() - 9].to_vec(), &["zstd stream"]);
    check(layer()[..1600].to_vec(), &["is no whole tar: the header at", "has diff ID"]);
    check(vec![b'x'; 2000], &["the header at byte 0 has a wrong checksum", "has diff ID"]);
    check(tar(&["f:../../etc/x>1"]), &["leads out of its layer", "has diff ID"]);
}

#[test]
fn digests_and_sizes_are_held_to_the_bytes() {
    let change = |find: &str, put: &str| {
        let mut image = Memory::of_tars(&[layer()]);
        let text = String::from_utf8(image.root.clone()).expect("JSON");
        assert!(text.contains(find), "{text}");
        image.root = text.replace(find, put).into_bytes();
        let loaded = image.load().expect("its bytes can be had");
        loaded.defects.into_iter().map(|defect| (defect.part, defect.message)).collect::<Vec<_>>()
    };
    let size = format!("\"size\":{}", layer().len());
    let found = change(&size, "\"size\":7");
    assert_eq!(found[0].0, Part::Layer(0));
    assert!(found[0].1.ends_with("bytes, and its descriptor says 7"), "{found:?}");

    let mut image = Memory::of_tars(&[layer()]);
    let other = tar(&["f:other>1"]);
    image.blobs.insert(Digest::of(&layer()), other);
    let loaded = image.load().expect("its bytes can be had");
    let found = defects(&loaded);
    assert!(found[0].contains("has") && found[0].contains("its descriptor says"), "{found:?}");
    assert!(found[1].contains("has diff ID"), "{found:?}");
    assert!(!loaded.is_whole());
}

/// What `load` says of a root document, other blobs being there.
fn error(root: &str) -> String {
    let mut image = Memory::of_tars(&[layer()]);
    image.root = root.as_bytes().to_vec();
    image.load().map(|image| defects(&image).join("; ")).expect_err("no image").to_string()
}

#[test]
fn documents_that_are_none_are_errors_of_one_line() {
    let config = Digest::of(b"{}");
    let manifest = |config: &str, layers: &str| {
        format!(r#"{{"schemaVersion": 2, "config": {config}, "layers": {layers}}}"#)
    };
    let descriptor = format!(r#"{{"digest": "{config}", "size": 2}}"#);
    for (root, expected) in [
        (String::new(), "read the manifest of `fixture:memory`: no JSON: EOF"),
        ("[]".to_owned(), "no JSON object"),
        ("{\"schemaVersion\": 2,\n\"config\": }".to_owned(), "at line 2 column 11"),
        ("{}".to_owned(), "config has no digest"),
        (manifest("{}", "[]"), "config has no digest"),
        (manifest(r#"{"digest": "md5:1"}"#, "[]"), "digest `md5:1` is not sha256"),
        (manifest(&descriptor, "[]"), "it is not there"),
        (manifest(&descriptor, "[{}]"), "it is not there"),
    ] {
        let found = error(&root);
        assert!(found.contains(expected) && !found.contains('\n'), "{found}, want {expected}");
    }
}

#[test]
fn what_is_no_image_is_loaded_without_layers() {
    for root in [
        json!({"schemaVersion": 1, "fsLayers": [{"blobSum": "sha256:x"}], "signatures": []}),
        json!({"schemaVersion": 2, "artifactType": "text/x", "config": {}, "layers": []}),
        json!({"schemaVersion": 2, "manifests": []}),
        json!({"schemaVersion": 2, "config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"},
               "layers": []}),
    ] {
        let image = Memory { root: root.to_string().into_bytes(), ..Memory::default() };
        let image = image.load().expect("a value to be judged");
        assert_eq!(image.layers.len(), 0, "{root}");
    }
}

#[test]
fn an_index_leads_to_the_platform() {
    let mut image = Memory::of_tars(&[layer()]);
    let manifest = image.root.clone();
    let size = manifest.len();
    let digest = image.add(manifest).to_string();
    let entry = |os: &str, architecture: &str, digest: &str| {
        let platform = json!({"os": os, "architecture": architecture});
        json!({"digest": digest, "size": size, "platform": platform})
    };
    let absent = Digest::of(b"absent").to_string();
    let attestation = entry("unknown", "unknown", &absent);
    let inner = json!({"schemaVersion": 2, "manifests": [
        attestation, entry("linux", "arm64", &absent), entry("linux", "amd64", &digest),
    ]});
    let mut load = |index: &serde_json::Value| {
        image.root = index.to_string().into_bytes();
        image.load()
    };
    let loaded = load(&inner).expect("is there");
    assert_eq!(loaded.manifest.digest.to_string(), digest);
    let index = loaded.index.expect("led there");
    let listed: Vec<_> = index.entries.iter().map(|entry| entry.attestation).collect();
    assert_eq!(listed, [true, false, false]);
    assert_eq!(index.entries[1].platform.as_deref(), Some("linux/arm64"));
    // Without the platform: the first image, so that the rule can say what there is.
    let other =
        json!({"schemaVersion": 2, "manifests": [attestation, entry("linux", "arm64", &digest)]});
    assert_eq!(load(&other).expect("is there").layers.len(), 1);
    // Attestations alone are no image.
    let none = json!({"schemaVersion": 2, "manifests": [attestation]});
    assert_eq!(load(&none).expect("a value to be judged").layers.len(), 0);
}

#[test]
fn the_users_files_are_found_behind_links() {
    let nix = tar(&[
        "f:nix/store/x/etc/passwd>me:x:7:8::/:/bin/sh",
        "s:etc/passwd>/nix/store/x/etc/passwd",
    ]);
    let image = Memory::of_tars(&[nix]).load().expect("loads");
    assert_eq!(image.tree.user("me").map(|user| user.uid), Some(7));
    assert!(matches!(image.tree.lookup("/etc/passwd", "/"), Lookup::Found { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the bytes of a layer are: a value, no panic, and lines without control characters.
    #[test]
    fn no_layer_is_a_panic(
        changes in prop::collection::vec((0_usize..4096, any::<u8>()), 1..6),
        packing in 0..3,
    ) {
        let pack = |bytes: &[u8]| match packing {
            0 => bytes.to_vec(),
            1 => gzip(bytes),
            _ => zstd(bytes),
        };
        // Damage below the packing, and damage of the packing itself.
        let mut inside = layer();
        let mut outside = pack(&layer());
        for (at, byte) in &changes {
            let (inside_at, outside_at) = (at % inside.len(), at % outside.len());
            inside[inside_at] = *byte;
            outside[outside_at] = *byte;
        }
        for stored in [pack(&inside), outside] {
            let image = Memory::of(&[(stored, layer())]).load().expect("its bytes can be had");
            for message in defects(&image) {
                prop_assert!(!message.contains(char::is_control), "{message:?}");
            }
        }
    }
}
