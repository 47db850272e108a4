//! Opens references: one file a transport.

mod archive;
mod daemon;
mod docker_archive;
mod export;
mod fixture;
mod layout;
mod registry;
mod sniff;
mod store;
mod weight;

use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

use oci_spec::distribution::Reference as Name;

use crate::endpoint::{EndpointError, Surroundings};
use crate::image::Blobs;
use crate::oci::{Reference, Transport};
use crate::registry::{Access, RegistryError};

pub use export::export;
pub use fixture::fixture;
pub use weight::{Bounds, weigh};

/// Why a reference could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// Not read by this version.
    #[error("`{reference}` cannot be read: {why}")]
    Unsupported {
        /// As the user wrote it.
        reference: String,
        /// Why, and what to use instead.
        why: String,
    },
    /// A file could not be read.
    #[error("read {what}: {source}")]
    Read {
        /// What was read, and of what.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// Something is there, and not what it has to be.
    #[error("read `{place}`: {why}")]
    Damaged {
        /// The file or directory.
        place: String,
        /// What is wrong, and where.
        why: String,
    },
    /// No local engine can be asked.
    #[error("read `{reference}` from the local engine: {source}")]
    NoEngine {
        /// As the user wrote it.
        reference: String,
        /// Why not.
        source: EndpointError,
    },
    /// The local engine has no such image.
    #[error("read `{reference}` from the engine at {endpoint}: it has no such image")]
    Absent {
        /// As the user wrote it.
        reference: String,
        /// Where the engine was asked.
        endpoint: String,
        /// What the engine was asked for.
        name: String,
    },
    /// The registry does not give it.
    #[error("{source}")]
    Registry {
        /// As the user wrote it.
        reference: String,
        /// Why not.
        source: Box<RegistryError>,
    },
    /// Neither the local engine nor the registry gives it.
    #[error("find `{reference}`: {engine}; {registry}")]
    Nowhere {
        /// As the user wrote it.
        reference: String,
        /// Why the engine does not.
        engine: String,
        /// Why the registry does not.
        registry: Box<RegistryError>,
    },
    /// Whoever asked for it wants it no more.
    #[error("read `{reference}`: stopped")]
    Stopped {
        /// As the user wrote it.
        reference: String,
    },
    /// The local engine does not give it.
    #[error("read `{reference}` from the engine at {endpoint}: {why}")]
    Engine {
        /// As the user wrote it.
        reference: String,
        /// Where the engine was asked.
        endpoint: String,
        /// What it said, or why it could not be asked.
        why: String,
    },
    /// There is no image of that name, or several and none was named.
    #[error("`{place}` has {have}, {wanted}")]
    Choice {
        /// The file or directory.
        place: String,
        /// What it has.
        have: String,
        /// What was asked for.
        wanted: String,
    },
}

impl SourceError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            SourceError::Absent { name, .. } => Some(format!("docker pull {name}")),
            SourceError::NoEngine { source: EndpointError::Nobody(_), .. } => Some(
                "start Docker, or `podman system service`; DOCKER_HOST says where another listens"
                    .to_owned(),
            ),
            SourceError::NoEngine { source: EndpointError::Closed { .. }, .. } => Some(
                "run it as a user who may use the engine: root, or the group docker".to_owned(),
            ),
            SourceError::Registry { source: registry, .. }
            | SourceError::Nowhere { registry, .. } => registry.hint(),
            _ => None,
        }
    }
}

/// What sources use of this machine.
#[derive(Clone, Debug)]
pub struct Local {
    /// The cache. Temporary files are made here too; they have no name, and vanish with the
    /// program.
    pub scratch: PathBuf,
    /// What is known of where the local engine listens.
    pub surroundings: Surroundings,
    /// How registries may be reached.
    pub registry: Access,
}

/// How far a source is before the first bytes of an image can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The engine gets the image ready.
    Waiting,
    /// The image arrives.
    Reading {
        /// Bytes so far.
        done: u64,
        /// Bytes in all, roughly.
        of: u64,
    },
    /// Layers are compressed as a push would.
    Compressing {
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        of: u64,
    },
}

/// Hears how far it is, and says whether to go on.
pub type Telling<'a> = &'a mut (dyn FnMut(Step) -> ControlFlow<()> + Send);

/// Opens a reference.
///
/// # Errors
///
/// Where there is nothing to read.
pub fn open(
    reference: &Reference,
    local: &Local,
    telling: Telling<'_>,
) -> Result<Box<dyn Blobs>, SourceError> {
    let scratch = &local.scratch;
    Ok(match &reference.transport {
        Transport::Layout { dir, tag } => Box::new(layout::Layout::open(dir, tag.as_deref())?),
        Transport::OciArchive { file, tag } => {
            Box::new(layout::open_archive(archive::Archive::open(file, scratch)?, tag.as_deref())?)
        }
        Transport::DockerArchive { file, reference } => {
            docker_archive::open(archive::Archive::open(file, scratch)?, reference.as_deref())?
        }
        Transport::Path(path) => sniff::open(path, scratch)?,
        Transport::Fixture(name) => Box::new(fixture(name)?),
        Transport::Daemon(name) => daemon::open(&reference.to_string(), name, local, telling)?,
        Transport::Name(name) => by_name(&reference.to_string(), name, local, telling)?,
        Transport::Registry(name) => registry::open(&reference.to_string(), name, local)?,
    })
}

/// A name that says not where: the local engine is asked, and where that has no such image, the
/// registry.
fn by_name(
    text: &str,
    name: &Name,
    local: &Local,
    telling: Telling<'_>,
) -> Result<Box<dyn Blobs>, SourceError> {
    let engine = match daemon::open(text, text, local, telling) {
        Err(SourceError::NoEngine { source, .. }) => source.to_string(),
        Err(SourceError::Absent { endpoint, .. }) => {
            format!("the engine at {endpoint} has no such image")
        }
        found => return found,
    };
    registry::open(text, name, local).map_err(|error| match error {
        SourceError::Registry { reference, source: registry } => {
            SourceError::Nowhere { reference, engine, registry }
        }
        other => other,
    })
}

#[cfg(test)]
mod tests;
