//! Opens references: one file a transport.

mod archive;
mod daemon;
mod docker_archive;
mod export;
mod fixture;
mod layout;
mod sniff;

use std::io;
use std::path::PathBuf;

use crate::image::Blobs;
use crate::oci::{Reference, Transport};

pub use daemon::{USUAL as USUAL_ENDPOINT, engine_version};
pub use export::export;
pub use fixture::fixture;

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

/// What sources use of this machine.
#[derive(Clone, Debug)]
pub struct Local {
    /// Where temporary files are made; they have no name, and vanish with the program.
    pub scratch: PathBuf,
    /// Where the local engine listens, as `DOCKER_HOST` says it; `None` for the usual place.
    pub docker_host: Option<String>,
}

/// Opens a reference.
///
/// # Errors
///
/// Where there is nothing to read.
pub fn open(reference: &Reference, local: &Local) -> Result<Box<dyn Blobs>, SourceError> {
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
        Transport::Daemon(name) => daemon::open(&reference.to_string(), name, local)?,
        Transport::Name(_) => {
            let text = reference.to_string();
            daemon::open(&text, &text, local)?
        }
        Transport::Registry(name) => {
            return Err(SourceError::Unsupported {
                reference: reference.to_string(),
                why: format!("registries are not read yet; `docker pull {name}`, and check {name}"),
            });
        }
    })
}

#[cfg(test)]
mod tests;
