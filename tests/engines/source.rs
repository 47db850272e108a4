//! The engine as a source of images.
#![expect(clippy::disallowed_methods, reason = "starts the program")]

use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;
use scf_conform::contract::Contract;
use scf_conform::endpoint::Surroundings;
use scf_conform::image::{Image, load};
use scf_conform::oci::Reference;
use scf_conform::source::{self, Local, Step};
use serde_json::Value;

use crate::engine::Engine;
use crate::image;

/// Reads an image, and says how often something was told while the engine was waited for.
fn read(
    reference: &str,
    surroundings: Surroundings,
    cache: &Path,
) -> Result<(Image, usize), String> {
    let local = Local {
        scratch: cache.to_owned(),
        surroundings,
        registry: scf_conform::registry::Access::default(),
    };
    let reference =
        Reference::parse(reference, |_: &Path| false).map_err(|error| error.to_string())?;
    let mut told = 0;
    let mut telling = |step| {
        told += usize::from(matches!(step, Step::Waiting | Step::Reading { .. }));
        ControlFlow::Continue(())
    };
    let blobs =
        source::open(&reference, &local, &mut telling).map_err(|error| error.to_string())?;
    let image = load(
        &reference,
        blobs.as_ref(),
        &Contract::scf().platform,
        scf_conform::image::Depth::Layers,
        &mut |_, _| {},
    );
    Ok((image.map_err(|error| error.to_string())?, told))
}

/// A layer of one file.
fn layer(content: &[u8]) -> Result<Vec<u8>, Failed> {
    let mut layer = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o751);
    header.set_size(content.len() as u64);
    layer.append_data(&mut header, "app", content)?;
    Ok(layer.into_inner()?)
}

pub(crate) fn image_is_read(engine: &Engine) -> Result<(), Failed> {
    let name = Engine::new_name();
    let loaded = engine.load(&name, &image::docker_archive("hello", &name)?)?;
    let cache = tempfile::tempdir()?;
    let id = engine.run(&["image", "inspect", "-f", "{{.Id}}", &loaded.name], b"")?;
    let id = id.trim_start_matches("sha256:");
    for reference in [name.clone(), format!("docker-daemon:{name}"), format!("docker-daemon:{id}")]
    {
        let (image, _) = read(&reference, engine.surroundings(), cache.path())?;
        let is_there = image.tree.walk().any(|(path, _)| path == "/server");
        if !is_there || image.config.entrypoint != ["/server"] || !image.is_whole() {
            return Err(format!("{reference}: {:?} {:?}", image.config, image.defects).into());
        }
        if image.config.digest != format!("sha256:{id}") {
            return Err(format!("{reference} is {} and not {id}", image.config.digest).into());
        }
    }
    Ok(())
}

pub(crate) fn second_time(engine: &Engine) -> Result<(), Failed> {
    let loaded = engine.import(&layer(&vec![7; 100_000])?, "CMD [\"/app\"]")?;
    let cache = tempfile::tempdir()?;
    let (first, told) = read(&loaded.name, engine.surroundings(), cache.path())?;
    if told == 0 {
        return Err("nothing was told of the export".into());
    }
    let (second, told) = read(&loaded.name, engine.surroundings(), cache.path())?;
    if told != 0 || first.manifest.raw != second.manifest.raw || !second.is_whole() {
        return Err(format!("told {told} times; {:?}", second.defects).into());
    }
    Ok(())
}

/// Two images of one base: whatever of them is there already, both are read rightly.
pub(crate) fn shared_layers(engine: &Engine) -> Result<(), Failed> {
    let cache = tempfile::tempdir()?;
    // As large as the other, and another in its last byte only.
    let mut content = vec![7; 5 << 20];
    for last in [1, 2] {
        content.extend([last]);
        let loaded = engine.import(&layer(&content)?, "CMD [\"/app\"]")?;
        let (image, _) = read(&loaded.name, engine.surroundings(), cache.path())?;
        if !image.is_whole() {
            return Err(format!("{:?}", image.defects).into());
        }
        content.pop();
    }
    Ok(())
}

pub(crate) fn absent_is_told(engine: &Engine) -> Result<(), Failed> {
    let absent = "it has no such image";
    told("docker-daemon:scf-conform/absent:v1", engine.surroundings(), absent)
}

pub(crate) fn no_engine() -> Result<(), Failed> {
    let host =
        |host: &str| Surroundings { docker_host: Some(host.to_owned()), ..Surroundings::default() };
    told("docker-daemon:name:v1", host("unix:///absent"), "no engine listens at /absent")?;
    told("docker-daemon:name:v1", host("ssh://host"), "ssh:// is not spoken here")?;
    told("docker-daemon:name:v1", host("tcp://127.0.0.1:1"), "connect to tcp://127.0.0.1:1")
}

fn told(reference: &str, surroundings: Surroundings, expected: &str) -> Result<(), Failed> {
    let cache = tempfile::tempdir()?;
    match read(reference, surroundings, cache.path()) {
        Err(error) if error.contains(expected) && error.contains(reference) => Ok(()),
        Err(error) => Err(format!("{error}\nwanted: {expected}").into()),
        Ok(_) => Err(format!("{reference} is there").into()),
    }
}

/// The same image from everywhere, good and bad, has the same checks, but for those of its
/// name.
pub(crate) fn same_verdicts(engine: &Engine) -> Result<(), Failed> {
    for fixture in ["hello", "b001-loopback"] {
        let dir = tempfile::tempdir()?;
        let path = |name: &str| dir.path().join(name);
        let name = Engine::new_name();
        let archive = image::docker_archive(fixture, &name)?;
        std::fs::write(path("made.tar"), &archive)?;
        image::layouts(fixture, &path("layout"), &path("layout.tar"))?;
        let _loaded = engine.load(&name, &archive)?;
        engine.save(&name, &path("saved.tar"))?;
        let place = |transport: &str, file: &str| format!("{transport}:{}", path(file).display());
        let mut first = None;
        for reference in [
            place("oci", "layout"),
            place("oci-archive", "layout.tar"),
            place("docker-archive", "made.tar"),
            place("docker-archive", "saved.tar"),
            format!("docker-daemon:{name}"),
        ] {
            let verdicts = verdicts(&reference, engine, dir.path())?;
            let first = first.get_or_insert_with(|| verdicts.clone());
            if *first != verdicts {
                return Err(format!("{reference}: {verdicts:?}\nand not {first:?}").into());
            }
        }
    }
    Ok(())
}

/// Id and status of every check that is not about the image's name.
fn verdicts(reference: &str, engine: &Engine, dir: &Path) -> Result<Vec<(String, String)>, Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_scf-conform"))
        .args(["check", "-f", "json", reference])
        .current_dir(dir)
        .env("XDG_CACHE_HOME", dir.join("cache"))
        .env("DOCKER_HOST", &engine.host)
        .output()?;
    let report: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{error}: {}", String::from_utf8_lossy(&output.stderr)))?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["images"][0]["checks"].as_array().cloned().unwrap_or_default();
    if checks.is_empty() {
        return Err(report.to_string().into());
    }
    let named = |id: &str| id.starts_with('R');
    let verdicts = checks.iter().map(|check| (text(&check["id"]), text(&check["status"])));
    Ok(verdicts.filter(|(id, _)| !named(id)).collect())
}
