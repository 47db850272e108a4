//! What the tests read images with, and what has to come out.
#![expect(clippy::disallowed_methods, reason = "looks into caches, and runs the program")]

use std::fs;
use std::io::Read as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use libtest_mimic::Failed;
use scf_conform::contract::Contract;
use scf_conform::endpoint::Surroundings;
use scf_conform::image::recipe::Built;
use scf_conform::image::{Blobs, Depth, Image, load};
use scf_conform::oci::{Digest, Reference};
use scf_conform::registry::Access;
use scf_conform::source::{self, Local};
use serde_json::Value;

/// Whether no test may be left out.
pub(crate) fn required() -> bool {
    std::env::var_os("SCF_CONFORM_TEST_REQUIRE_ALL").is_some_and(|value| value == "1")
}

/// Access in a hurry: what has to fail fails soon.
pub(crate) fn hasty() -> Access {
    Access {
        pace: Duration::from_millis(1),
        patience: Duration::from_secs(20),
        busy: Duration::from_secs(2),
        ..Access::default()
    }
}

/// A fixture's image in pieces.
pub(crate) struct Pieces {
    pub(crate) manifest: Vec<u8>,
    pub(crate) media_type: String,
    pub(crate) config: (Digest, Vec<u8>),
    pub(crate) layer: (Digest, Vec<u8>),
}

pub(crate) fn built(name: &str) -> Result<Built, Failed> {
    Ok(source::fixture(name)?)
}

pub(crate) fn pieces(name: &str) -> Result<Pieces, Failed> {
    let built = built(name)?;
    let root = built.root()?;
    let document: Value = serde_json::from_slice(&root.bytes)?;
    let piece = |descriptor: &Value| -> Result<(Digest, Vec<u8>), Failed> {
        let digest: Digest = descriptor["digest"].as_str().ok_or("no digest")?.parse()?;
        let mut bytes = Vec::new();
        built.blob(&digest)?.read_to_end(&mut bytes)?;
        Ok((digest, bytes))
    };
    Ok(Pieces {
        config: piece(&document["config"])?,
        layer: piece(&document["layers"][0])?,
        media_type: root.media_type.unwrap_or_default(),
        manifest: root.bytes,
    })
}

/// Reads an image whole; an error is its one line.
pub(crate) fn read(reference: &str, access: &Access, cache: &Path) -> Result<Image, String> {
    read_to(Depth::Layers, reference, access, cache)
}

pub(crate) fn read_to(
    depth: Depth,
    reference: &str,
    access: &Access,
    cache: &Path,
) -> Result<Image, String> {
    let local = Local {
        scratch: cache.to_owned(),
        surroundings: Surroundings::default(),
        registry: access.clone(),
    };
    let text = |error: &dyn std::error::Error| error.to_string();
    let reference = Reference::parse(reference, |_| false).map_err(|error| text(&error))?;
    let blobs = source::open(&reference, &local, &mut |_| ControlFlow::Continue(()))
        .map_err(|error| text(&error))?;
    load(&reference, blobs.as_ref(), &Contract::scf().platform, depth, &mut |_, _| {})
        .map_err(|error| text(&error))
}

/// The blobs that a cache holds, and whatever else lies beside them.
pub(crate) fn kept(cache: &Path) -> Vec<String> {
    let entries = fs::read_dir(cache.join("blobs")).into_iter().flatten().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// An error that has to say all of this, on one line.
pub(crate) fn says<T>(result: Result<T, String>, words: &[&str]) -> Result<(), Failed> {
    let Err(error) = result else { return Err(format!("no error; wanted {words:?}").into()) };
    match words.iter().find(|word| !error.contains(**word)) {
        None if !error.contains('\n') => Ok(()),
        None => Err(format!("has several lines: {error}").into()),
        Some(word) => Err(format!("{error}\ndoes not say: {word}").into()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "values at the call's own place read best")]
pub(crate) fn equal<T: PartialEq + std::fmt::Debug>(found: T, wanted: T) -> Result<(), Failed> {
    if found == wanted {
        return Ok(());
    }
    Err(format!("found {found:?}, wanted {wanted:?}").into())
}

/// Runs the program with a home of its own.
pub(crate) fn program(home: &Path, arguments: &[&str]) -> Result<Output, Failed> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scf-conform"));
    command.args(arguments).env_clear().env("HOME", home).current_dir(home);
    Ok(command.output()?)
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
