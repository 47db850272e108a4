//! Fixture images as files: a layout and both archives.
#![expect(clippy::disallowed_methods, reason = "writes the files")]

use std::fs;
use std::io::Read as _;
use std::path::Path;

use libtest_mimic::Failed;
use scf_conform::image::Blobs as _;
use scf_conform::oci::Digest;
use scf_conform::source;
use serde_json::{Value, json};

/// The layers of a fixture, plain, and its config.
struct Parts {
    config: Vec<u8>,
    layers: Vec<Vec<u8>>,
}

fn parts(fixture: &str) -> Result<Parts, Failed> {
    let built = source::fixture(fixture)?;
    let blob = |descriptor: &Value| -> Result<Vec<u8>, Failed> {
        let digest: Digest = descriptor["digest"].as_str().unwrap_or_default().parse()?;
        let mut bytes = Vec::new();
        built.blob(&digest)?.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let manifest: Value = serde_json::from_slice(&built.root()?.bytes)?;
    let mut layers = Vec::new();
    for layer in manifest["layers"].as_array().into_iter().flatten() {
        let stored = blob(layer)?;
        let mut plain = Vec::new();
        match stored.as_slice() {
            [0x1f, ..] => {
                flate2::read::MultiGzDecoder::new(&*stored).read_to_end(&mut plain)?;
            }
            _ => plain = stored,
        }
        layers.push(plain);
    }
    Ok(Parts { config: blob(&manifest["config"])?, layers })
}

fn tar(files: &[(String, &[u8])]) -> Result<Vec<u8>, Failed> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, *bytes)?;
    }
    Ok(tar.into_inner()?)
}

/// A fixture as `docker save` writes it, under a name.
pub(crate) fn docker_archive(fixture: &str, name: &str) -> Result<Vec<u8>, Failed> {
    let Parts { config, layers } = parts(fixture)?;
    let config_name = format!("{}.json", Digest::of(&config).hex());
    let names: Vec<String> = (0..layers.len()).map(|at| format!("{at}/layer.tar")).collect();
    let list = json!([{"Config": config_name, "RepoTags": [name], "Layers": names}]).to_string();
    let mut files = vec![(config_name, &*config), ("manifest.json".to_owned(), list.as_bytes())];
    files.extend(names.into_iter().zip(layers.iter().map(Vec::as_slice)));
    tar(&files)
}

/// A fixture as an OCI layout in a directory, and as an archive of that.
pub(crate) fn layouts(fixture: &str, dir: &Path, archive: &Path) -> Result<(), Failed> {
    source::export(&source::fixture(fixture)?, dir)?;
    let mut tar = tar::Builder::new(fs::File::create(archive)?);
    tar.append_dir_all("", dir)?;
    tar.finish()?;
    Ok(())
}
