//! One image through every source, and what is said of sources that are none.
#![expect(clippy::disallowed_methods, reason = "makes files to be read")]

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::image::testing::{Memory, gzip, tar, zstd};
use crate::image::{Image, load};
use crate::oci::Digest;

fn tars() -> Vec<Vec<u8>> {
    vec![
        tar(&["d:bin", "f:bin/run>#!/bin/sh", "f:gone>1", "s:sh>bin/run"]),
        tar(&["f:.wh.gone>", "h:link>bin/run", "f:data>1234@600,7,8"]),
    ]
}

/// Files by name, and links between them, as a tar.
fn archive(files: &[(&str, &[u8])], links: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    for (name, target) in links {
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        builder.append_link(&mut header, name, target).expect("a link");
    }
    for (name, bytes) in files {
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).expect("a file");
    }
    builder.into_inner().expect("a tar")
}

/// The config that `Memory` made: the blob that is neither a layer nor the root.
fn config_of(image: &Memory) -> (Digest, Vec<u8>) {
    let manifest: Value = serde_json::from_slice(&image.root).expect("JSON");
    let digest = manifest["config"]["digest"].as_str().expect("text").parse().expect("a digest");
    (digest, image.blobs[&digest].clone())
}

/// Name and bytes of every file of a layout of one image, with these annotations.
fn layout(image: &Memory, names: &[&str]) -> Vec<(String, Vec<u8>)> {
    let blob = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
    let digest = Digest::of(&image.root);
    let mut files: Vec<_> =
        image.blobs.iter().map(|(digest, bytes)| (blob(digest), bytes.clone())).collect();
    files.push((blob(&digest), image.root.clone()));
    let entry = |name: &&str| {
        json!({"digest": digest.to_string(), "size": image.root.len(),
               "annotations": {"org.opencontainers.image.ref.name": name}})
    };
    let entries: Vec<Value> = names.iter().map(entry).collect();
    let index = json!({"schemaVersion": 2, "manifests": entries});
    files.push(("index.json".to_owned(), index.to_string().into_bytes()));
    files.push(("oci-layout".to_owned(), br#"{"imageLayoutVersion": "1.0.0"}"#.to_vec()));
    files
}

fn borrowed(files: &[(String, Vec<u8>)]) -> Vec<(&str, &[u8])> {
    files.iter().map(|(name, bytes)| (&**name, &**bytes)).collect()
}

struct Scratch(TempDir);

impl Scratch {
    fn new() -> Scratch {
        Scratch(tempfile::tempdir().expect("a directory"))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(&path, bytes).expect("written");
        path
    }

    /// Loads what a reference names; `DIR` in it is this directory.
    fn load(&self, reference: &str) -> Result<Image, String> {
        let dir = self.0.path().display().to_string();
        let text = reference.replace("DIR", &dir);
        let tmp = self.0.path().join("tmp");
        let shorter = |error: &dyn std::error::Error| error.to_string().replace(&dir, "DIR");
        let reference =
            Reference::parse(&text, std::path::Path::exists).map_err(|error| shorter(&error))?;
        let local = Local {
            scratch: tmp.clone(),
            surroundings: Surroundings::default(),
            registry: crate::registry::Access::default(),
        };
        let mut go_on = |_| ControlFlow::Continue(());
        let blobs = open(&reference, &local, &mut go_on).map_err(|error| shorter(&error))?;
        let image = load(
            &reference,
            blobs.as_ref(),
            "linux/amd64",
            crate::image::Depth::Layers,
            &mut |_, _| {},
        );
        assert!(!tmp.exists() || fs::read_dir(tmp).expect("readable").count() == 0, "left behind");
        image.map_err(|error| shorter(&error))
    }

    /// The image is the one that is meant, from wherever it comes.
    #[track_caller]
    fn same(&self, reference: &str) {
        let expected = Memory::of_tars(&tars()).load().expect("loads");
        let image = self.load(reference).unwrap_or_else(|error| panic!("{reference}: {error}"));
        assert_eq!(image.defects, [], "{reference}");
        let seen = |image: &Image| {
            let nodes = image.tree.walk().map(|(path, id)| (path, image.tree.node(id).clone()));
            let ids: Vec<_> = image.layers.iter().map(|layer| layer.diff_id).collect();
            (ids, image.config.diff_ids.clone(), nodes.collect::<Vec<_>>())
        };
        assert_eq!(seen(&image), seen(&expected), "{reference}");
    }

    #[track_caller]
    fn fails(&self, reference: &str, expected: &str) {
        let error = self.load(reference).expect_err("no image");
        assert_eq!(error, expected, "{reference}");
    }
}

#[test]
fn a_layout_is_a_directory_or_an_archive() {
    let scratch = Scratch::new();
    let files = layout(&Memory::of_tars(&tars()), &["v1"]);
    for (name, bytes) in &files {
        scratch.write(&format!("dir/{name}"), bytes);
    }
    let tar = archive(&borrowed(&files), &[]);
    scratch.write("a.tar", &tar);
    scratch.write("a.tar.gz", &gzip(&tar));
    scratch.write("a.tar.zst", &zstd(&tar));
    for reference in [
        "oci:DIR/dir",
        "oci:DIR/dir:v1",
        "DIR/dir",
        "oci-archive:DIR/a.tar",
        "oci-archive:DIR/a.tar:v1",
        "DIR/a.tar",
        "DIR/a.tar.gz",
        "oci-archive:DIR/a.tar.gz:v1",
        "DIR/a.tar.zst",
        "docker-archive:DIR/a.tar",
    ] {
        scratch.same(reference);
    }
    let packed: Vec<_> = tars().iter().map(|tar| (gzip(tar), tar.clone())).collect();
    for (name, bytes) in layout(&Memory::of(&packed), &["v1", "v2"]) {
        scratch.write(&format!("packed/{name}"), &bytes);
    }
    // Two tags of one image are one image.
    scratch.same("oci:DIR/packed");
}

/// What `docker save` wrote until 24: a directory for each layer, equal ones as links.
fn legacy() -> Vec<u8> {
    let (digest, config) = config_of(&Memory::of_tars(&tars()));
    let (one, two) = (tars().remove(0), tars().remove(1));
    let config_name = format!("{}.json", digest.hex());
    let manifest = json!([{
        "Config": config_name, "RepoTags": ["hello:v1", "hello:latest"],
        "Layers": ["aa/layer.tar", "bb/layer.tar"],
    }]);
    archive(
        &[
            ("bb/VERSION", b"1.0"),
            ("bb/layer.tar", &two),
            (&config_name, &config),
            ("cc/layer.tar", &one),
            ("manifest.json", manifest.to_string().as_bytes()),
            ("repositories", b"{}"),
        ],
        &[("aa/layer.tar", "../cc/layer.tar")],
    )
}

#[test]
fn every_layout_of_docker_save_is_read() {
    let scratch = Scratch::new();
    scratch.write("legacy.tar", &legacy());
    scratch.write("legacy.tar.gz", &gzip(&legacy()));

    // Since 25: an OCI layout and a manifest.json over the same blobs.
    let image = Memory::of_tars(&tars());
    let (digest, config) = config_of(&image);
    let blob = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
    let layers: Vec<_> = tars().iter().map(|tar| blob(&Digest::of(tar))).collect();
    let manifest = |tag: &str, config: &str, layers: &[String]| {
        json!([{"Config": config, "RepoTags": [tag], "Layers": layers}]).to_string()
    };
    let mut files = layout(&image, &["v1"]);
    let saved = manifest("hello:v1", &blob(&digest), &layers);
    files.push(("manifest.json".to_owned(), saved.clone().into_bytes()));
    scratch.write("hybrid.tar", &archive(&borrowed(&files), &[]));
    // Without the index: blobs by digest, and manifest.json alone.
    files.retain(|(name, _)| name != "index.json");
    scratch.write("blobs.tar", &archive(&borrowed(&files), &[]));

    // Other builders: layers compressed, names of their own.
    let packed: Vec<_> = tars()
        .iter()
        .enumerate()
        .map(|(at, tar)| {
            if at == 0 {
                ("0.tar.gz".to_owned(), gzip(tar))
            } else {
                ("1.tar.zst".to_owned(), zstd(tar))
            }
        })
        .collect();
    let names: Vec<_> = packed.iter().map(|(name, _)| name.clone()).collect();
    let mut files = packed;
    files.push((digest.to_string(), config));
    files.push((
        "manifest.json".to_owned(),
        manifest("a:b", &digest.to_string(), &names).into_bytes(),
    ));
    scratch.write("packed.tar", &archive(&borrowed(&files), &[]));

    for reference in [
        "docker-archive:DIR/legacy.tar",
        "docker-archive:DIR/legacy.tar:hello:v1",
        "docker-archive:DIR/legacy.tar:hello",
        "DIR/legacy.tar",
        "DIR/legacy.tar.gz",
        "docker-archive:DIR/hybrid.tar",
        "docker-archive:DIR/hybrid.tar:hello:v1",
        "DIR/hybrid.tar",
        "oci-archive:DIR/hybrid.tar:v1",
        "DIR/blobs.tar",
        "DIR/packed.tar",
    ] {
        scratch.same(reference);
    }
    scratch.fails(
        "docker-archive:DIR/legacy.tar:hello:v2",
        "`DIR/legacy.tar` has the images hello:v1, hello:latest, and not `hello:v2`",
    );
}

#[test]
fn which_image_is_said_or_clear() {
    let scratch = Scratch::new();
    let write = |dir: &str, entries: Value| {
        scratch.write(
            &format!("{dir}/index.json"),
            json!({"manifests": entries}).to_string().as_bytes(),
        );
    };
    let named = |name: &str, digest: &str| json!({"digest": digest, "annotations": {"org.opencontainers.image.ref.name": name}});
    write("two", json!([named("v1", "sha256:1"), named("v2", "sha256:2")]));
    write("none", json!([]));
    write("bare", json!([{"digest": "sha256:1"}, {"digest": "sha256:2"}]));
    scratch.fails(
        "oci:DIR/two",
        "`DIR/two` has the tags v1, v2, and none was named: write `oci:DIR/two:TAG`",
    );
    scratch.fails("oci:DIR/two:v3", "`DIR/two` has the tags v1, v2, and not `v3`");
    scratch.fails("oci:DIR/none", "`DIR/none` has no image, and so nothing to check");
    scratch.fails(
        "oci:DIR/bare",
        "`DIR/bare` has 2 images without tags, and none was named: write `oci:DIR/bare:TAG`",
    );
    // An index of platforms in the place of a list of images.
    let image = Memory::of_tars(&tars());
    for (name, bytes) in layout(&image, &["v1"]) {
        scratch.write(&format!("platforms/{name}"), &bytes);
    }
    let entry = |architecture: &str, digest: &Digest| {
        json!({"digest": digest.to_string(), "size": image.root.len(),
               "platform": {"os": "linux", "architecture": architecture}})
    };
    let entries = [entry("arm64", &Digest::of(b"")), entry("amd64", &Digest::of(&image.root))];
    write("platforms", json!(entries));
    scratch.same("oci:DIR/platforms");
    assert!(scratch.load("oci:DIR/platforms").expect("loads").index.is_some());
}

#[test]
fn what_is_no_source_is_told_in_one_line() {
    let scratch = Scratch::new();
    scratch.write("empty.tar", b"");
    scratch.write("text.tar", &[b'x'; 600]);
    scratch.write("cut.tar", &legacy()[..2000]);
    let gz = gzip(&legacy());
    scratch.write("cut.tar.gz", &gz[..gz.len() / 2]);
    scratch.write("old.tar", &archive(&[("repositories", b"{}")], &[]));
    scratch.write("other.tar", &archive(&[("readme", b"")], &[]));
    scratch.write("text.json.tar", &archive(&[("manifest.json", b"{,")], &[]));
    scratch.write("nothing.tar", &archive(&[("manifest.json", br#"[{"Config": "c"}]"#)], &[]));
    let lost = br#"[{"Config": "c", "Layers": ["l"]}]"#;
    scratch.write("lost.tar", &archive(&[("manifest.json", lost)], &[]));
    scratch.write("lost2.tar", &archive(&[("manifest.json", lost), ("c", b"{}")], &[]));
    scratch.write("dir/readme", b"");
    scratch.write("text/index.json", b"hello");
    scratch.write("list/index.json", b"[]");
    for (reference, expected) in [
        ("oci:DIR/absent", "read `DIR/absent`: No such file or directory (os error 2)"),
        ("DIR/absent.tar", "`DIR/absent.tar` does not exist"),
        (
            "oci:DIR/text.tar",
            "read `DIR/text.tar`: it is a file, and an OCI image layout is a directory; \
             archives are named by `oci-archive:FILE` and `docker-archive:FILE`",
        ),
        ("oci-archive:DIR/dir", "read `DIR/dir`: it is a directory, and no archive"),
        ("oci:DIR/dir", "read `DIR/dir`: it is no OCI image layout: there is no index.json"),
        ("DIR/dir", "read `DIR/dir`: it is no OCI image layout: there is no index.json"),
        ("oci:DIR/text", "read `DIR/text/index.json`: no JSON: expected value at line 1 column 1"),
        ("oci:DIR/list", "read `DIR/list/index.json`: it has no list of manifests"),
        ("DIR/empty.tar", "read `DIR/empty.tar`: the file is empty"),
        (
            "DIR/text.tar",
            "read `DIR/text.tar`: it is no tar file: the header at byte 0 has a wrong checksum",
        ),
        ("DIR/cut.tar", "read `DIR/cut.tar`: the header at byte 1536 ends after 464 of 512 bytes"),
        (
            "DIR/old.tar",
            "read `DIR/old.tar`: it was saved by a docker older than 1.10: load it and save it again",
        ),
        (
            "DIR/other.tar",
            "read `DIR/other.tar`: it is neither an OCI archive (index.json) nor a docker archive (manifest.json)",
        ),
        (
            "DIR/text.json.tar",
            "read `DIR/text.json.tar`: manifest.json is no JSON: key must be a string at line 1 column 2",
        ),
        ("DIR/nothing.tar", "read `DIR/nothing.tar`: manifest.json names no Layers"),
        ("DIR/lost.tar", "read `DIR/lost.tar`: c is not in it"),
        ("DIR/lost2.tar", "read `DIR/lost2.tar`: its layer l is not in it"),
    ] {
        scratch.fails(reference, expected);
    }
    let error = scratch.load("DIR/cut.tar.gz").expect_err("cut");
    let expected = format!(
        "read `DIR/cut.tar.gz`: it ends in the middle of its gzip stream, after {} bytes",
        gz.len() / 2
    );
    assert!(error.starts_with(&expected), "{error}");
}

#[test]
fn a_damaged_blob_is_the_images_fault_and_a_missing_one_the_sources() {
    let scratch = Scratch::new();
    let image = Memory::of_tars(&tars());
    for (name, bytes) in layout(&image, &["v1"]) {
        scratch.write(&format!("dir/{name}"), &bytes);
    }
    let digest = Digest::of(&tars()[0]);
    let name = format!("dir/blobs/sha256/{}", digest.hex());
    let path = scratch.write(&name, &tars()[1]);
    let defects = scratch.load("oci:DIR/dir").expect("can be read").defects;
    assert!(defects[0].message.contains("its descriptor says"), "{defects:?}");
    fs::remove_file(path).expect("removed");
    scratch.fails("oci:DIR/dir", &format!("read {digest} of `DIR/dir`: it is not there"));

    // A size in the index that is not that of the manifest.
    let index = scratch.0.path().join("dir/index.json");
    let text = fs::read_to_string(&index).expect("there");
    let size = format!("\"size\":{}", image.root.len());
    fs::write(index, text.replace(&size, "\"size\":1")).expect("written");
    scratch.write(&name, &tars()[0]);
    let defects = scratch.load("oci:DIR/dir").expect("can be read").defects;
    assert!(defects[0].message.ends_with("and its descriptor says 1"), "{defects:?}");
}
