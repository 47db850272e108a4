//! A bare path: what is there decides how it is read.

use std::path::Path;

use super::archive::Archive;
use super::{SourceError, docker_archive, layout};
use crate::image::Blobs;

/// Opens a directory as an OCI layout, and a tar file as whichever archive it is.
pub(super) fn open(path: &Path, scratch: &Path) -> Result<Box<dyn Blobs>, SourceError> {
    let place = path.display().to_string();
    let found = std::fs::metadata(path)
        .map_err(|source| SourceError::Read { what: format!("`{place}`"), source })?;
    if found.is_dir() {
        return Ok(Box::new(layout::Layout::open(path, None)?));
    }
    let archive = Archive::open(path, scratch)?;
    if archive.has("manifest.json") || archive.has("repositories") {
        docker_archive::open(archive, None)
    } else if archive.has("index.json") {
        Ok(Box::new(layout::open_archive(archive, None)?))
    } else {
        let why = "it is neither an OCI archive (index.json) nor a docker archive (manifest.json)";
        Err(SourceError::Damaged { place, why: why.to_owned() })
    }
}
