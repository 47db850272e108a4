//! The same image through every source: the findings have to be the same.
#![expect(clippy::disallowed_methods, reason = "writes archives into a directory of its own")]

use std::fs::File;
use std::io::{self, BufWriter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::loopback::Loopback;
use super::{Fixture, FixtureError};
use crate::check::{Check, Severity, Status};
use crate::endpoint::Surroundings;
use crate::engine::docker::Docker;
use crate::engine::{Engine, EngineError};
use crate::image::{Depth, Image, LoadError, docker_archive, load};
use crate::oci::{Reference, ReferenceError};
use crate::pipeline::conform;
use crate::report::ImageReport;
use crate::run::{Cancel, Silent};
use crate::source::{self, SourceError};

/// Images that are sent through every source: one that conforms, and some that break a rule on
/// the manifest, the config, the tree, and the start.
pub const SENT: [&str; 7] = [
    "hello",
    "b001-loopback",
    "f001-missing-library",
    "f002-arm64-binary",
    "f003-tmp-closed",
    "m007-no-command",
    "m009-exposes-8080",
];

/// What an image was found to be through each source.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The fixture.
    pub name: String,
    /// The transports that it was read from, besides `fixture:`.
    pub through: Vec<&'static str>,
    /// Each difference from what was found of `fixture:`, one line each.
    pub deviations: Vec<String>,
}

/// Why an image could not be sent through a source. Never a fault of the image's.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The fixture is at fault.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// A file of it could not be written, or a registry on loopback not be opened.
    #[error("{what}: {source}")]
    Io {
        /// What was done.
        what: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// It could not be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// It could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A place was no reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The engine did not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Checks a fixture through every source, booted by `engine`; through Docker's engine as well
/// where one is given. `scratch` is for whatever has to be written.
///
/// # Errors
///
/// Where a source could not be made ready.
pub fn send(
    fixture: &Fixture,
    engine: &Arc<dyn Engine>,
    scratch: &Path,
    docker: Option<(&Docker, &Surroundings)>,
) -> Result<Sent, SendError> {
    let io = |what| move |source| SendError::Io { what, source };
    // An engine that keeps nothing here has not made it.
    std::fs::create_dir_all(scratch).map_err(io("make the directory for what is unpacked"))?;
    let dir = tempfile::tempdir_in(scratch).map_err(io("make a temporary directory"))?;
    let built = Arc::new(fixture.build()?);
    let job = fixture.job(Arc::clone(engine), scratch)?;
    let blobs = source::open(&job.reference, &job.local, &mut |_| ControlFlow::Continue(()))?;
    let platform = &job.function.contract.platform;
    let image = load(&job.reference, blobs.as_ref(), platform, Depth::Layers, &mut |_, _| {})?;
    let check = |place: &str, surroundings: Option<&Surroundings>| {
        let mut job = fixture.job(Arc::clone(engine), scratch)?;
        // Rules on names would tell the places apart.
        job.known_as = Some(fixture.reference()?);
        job.reference = Reference::parse(place, |_: &Path| false)?;
        job.local.surroundings = surroundings.cloned().unwrap_or_default();
        Ok::<_, SendError>(conform(&job, &Silent, &Cancel::default()))
    };
    let usual = check(&format!("fixture:{}", fixture.name), None)?;
    let mut sent = Sent { name: fixture.name.clone(), through: Vec::new(), deviations: Vec::new() };
    let mut compared = |through: &'static str, found: &ImageReport| {
        sent.through.push(through);
        sent.deviations.extend(differences(through, &usual, found));
    };

    let layout = dir.path().join("layout");
    source::export(&built, &layout).map_err(io("write an OCI layout"))?;
    compared("oci", &check(&format!("oci:{}", layout.display()), None)?);

    let archive = dir.path().join("layout.tar");
    packed(&layout, &archive).map_err(io("write an OCI archive"))?;
    compared("oci-archive", &check(&format!("oci-archive:{}", archive.display()), None)?);

    let saved = saved(&image, blobs.as_ref(), dir.path()).map_err(io("write a docker archive"))?;
    compared("docker-archive", &check(&format!("docker-archive:{}", saved.display()), None)?);

    let registry = Loopback::open(Arc::clone(&built)).map_err(io("listen on loopback"))?;
    compared("docker", &check(&format!("docker://{}/sent:1", registry.address()), None)?);
    drop(registry);

    if let Some((docker, surroundings)) = docker {
        let lent = docker.lend(&image, blobs.as_ref())?;
        let place = format!("docker-daemon:{}", lent.name());
        compared("docker-daemon", &check(&place, Some(surroundings))?);
    }
    Ok(sent)
}

fn packed(layout: &Path, archive: &Path) -> io::Result<()> {
    let mut archive = tar::Builder::new(BufWriter::new(File::create(archive)?));
    archive.append_dir_all(".", layout)?;
    archive.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(())
}

fn saved(image: &Image, blobs: &dyn crate::image::Blobs, dir: &Path) -> io::Result<PathBuf> {
    let path = dir.join("saved.tar");
    let mut to = BufWriter::new(File::create(&path)?);
    docker_archive("sent:1", image, blobs, &mut to)?;
    to.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(path)
}

/// What was found otherwise than of the fixture itself, one line each.
fn differences(through: &str, usual: &ImageReport, found: &ImageReport) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(trouble) = &found.trouble {
        told.push(format!("through {through}: could not be checked: {}", trouble.message));
    }
    let (was, is) = (usual.verdict(Severity::Error), found.verdict(Severity::Error));
    if was != is {
        told.push(format!("through {through}: {}, not {}", is.word(), was.word()));
    }
    for check in &usual.checks {
        let same = |other: &&Check| other.id == check.id;
        match found.checks.iter().find(same) {
            Some(other) if word(other) == word(check) => {}
            Some(other) => told.push(format!(
                "through {through}: {} {}, not {}: {}",
                check.id,
                word(other),
                word(check),
                other.message
            )),
            None => told.push(format!("through {through}: {} was not looked at", check.id)),
        }
    }
    told
}

/// What has to be the same of a check, whatever the digests are.
fn word(check: &Check) -> String {
    match (check.status, check.cause) {
        (Status::Fail, Some(cause)) => format!("{}, {}", check.status, cause.word()),
        _ => check.status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Basis, Cause};
    use std::time::Duration;

    fn report(status: Status, cause: Option<Cause>) -> ImageReport {
        let check = Check {
            id: "B001".to_owned(),
            title: String::new(),
            severity: Severity::Error,
            status,
            message: "seen".to_owned(),
            cause,
            evidence: Vec::new(),
            fix: None,
            source: Basis::default(),
            duration: Duration::ZERO,
            place: None,
            waived: None,
        };
        ImageReport { checks: vec![check], trouble: None, ..ImageReport::new("x") }
    }

    #[test]
    fn what_differs_is_told() {
        let usual = report(Status::Fail, Some(Cause::Exited));
        let told = |found: &ImageReport| differences("oci", &usual, found).join("\n");
        assert_eq!(told(&usual), "");
        assert!(told(&report(Status::Pass, None)).contains("B001 pass, not fail, exited"));
        assert!(
            told(&report(Status::Fail, Some(Cause::Hangs))).contains("hangs, not fail, exited")
        );
        let nothing = ImageReport { checks: Vec::new(), ..report(Status::Pass, None) };
        assert!(told(&nothing).contains("B001 was not looked at"));
    }
}
