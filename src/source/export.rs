//! Writes a built image as an OCI layout, for whoever wants its files.
#![expect(clippy::disallowed_methods, reason = "writes the layout's files")]

use std::fs::{self, File};
use std::io;
use std::path::Path;

use serde_json::json;

use crate::image::Blobs;
use crate::image::recipe::Built;
use crate::oci::Digest;

/// Writes an image into a directory, which is made where it is not there.
///
/// # Errors
///
/// Where a file cannot be written.
pub fn export(built: &Built, dir: &Path) -> io::Result<()> {
    let blobs = dir.join("blobs/sha256");
    fs::create_dir_all(&blobs)?;
    for digest in built.digests() {
        let mut blob = built.blob(digest).map_err(io::Error::other)?;
        io::copy(&mut blob, &mut File::create(blobs.join(digest.hex()))?)?;
    }
    let root = built.root().map_err(io::Error::other)?;
    let digest = Digest::of(&root.bytes);
    fs::write(blobs.join(digest.hex()), &root.bytes)?;
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": root.media_type,
            "digest": digest.to_string(),
            "size": root.bytes.len(),
        }],
    });
    fs::write(dir.join("index.json"), index.to_string())?;
    fs::write(dir.join("oci-layout"), json!({"imageLayoutVersion": "1.0.0"}).to_string())
}
