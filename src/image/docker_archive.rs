//! Writes an image as `docker save` does, for engines and whoever reads such files.

use std::io::{self, Read as _, Write};

use serde_json::json;

use super::{Blobs, Image, Layer, Uninflated, inflate_into};
use crate::oci::Digest;

/// Writes what `docker save` writes: config, layers, and the list of both. Layers go plain:
/// engines inflate slower, and not whatever a registry takes.
///
/// # Errors
///
/// Where a blob cannot be had, or `to` takes no more: the latter with its own error's kind.
pub fn docker_archive(
    name: &str,
    image: &Image,
    blobs: &dyn Blobs,
    to: &mut dyn Write,
) -> io::Result<()> {
    let digest: Digest = image.config.digest.parse().map_err(io::Error::other)?;
    let mut config = Vec::new();
    blobs.blob(&digest).map_err(io::Error::other)?.read_to_end(&mut config)?;
    let mut archive = tar::Builder::new(to);
    let config_name = format!("{}.json", digest.hex());
    archive.append(&header(&config_name, config.len() as u64)?, config.as_slice())?;
    let mut names = Vec::new();
    for (number, layer) in image.layers.iter().enumerate() {
        let name = format!("{number}/layer.tar");
        archive.append(&header(&name, layer.unpacked)?, io::empty())?;
        copy(layer, blobs, archive.get_mut())?;
        names.push(name);
    }
    let manifest = json!([{"Config": config_name, "RepoTags": [name], "Layers": names}]);
    let manifest = manifest.to_string();
    archive.append(&header("manifest.json", manifest.len() as u64)?, manifest.as_bytes())?;
    archive.finish()
}

fn header(name: &str, size: u64) -> io::Result<tar::Header> {
    let mut header = tar::Header::new_ustar();
    header.set_path(name)?;
    header.set_mode(0o644);
    header.set_size(size);
    header.set_cksum();
    Ok(header)
}

/// A layer's plain bytes, exactly as many as were announced, filled up to a whole block.
fn copy(layer: &Layer, blobs: &dyn Blobs, to: &mut dyn Write) -> io::Result<()> {
    let blob = blobs.blob(&layer.digest).map_err(io::Error::other)?;
    let mut counted = Counted { to, bytes: 0 };
    inflate_into(blob, &mut counted).map_err(|error| match error {
        Uninflated::Read(error) | Uninflated::Write(error) => error,
        Uninflated::Damaged(why) => io::Error::other(format!("{} {why}", layer.digest)),
    })?;
    let bytes = counted.bytes;
    if bytes != layer.unpacked {
        let expected = layer.unpacked;
        let why = format!("{} has {bytes} bytes, not {expected} any more", layer.digest);
        return Err(io::Error::other(why));
    }
    let rest = usize::try_from(bytes % 512).unwrap_or_default();
    if rest > 0 {
        to.write_all(&[0; 512][rest..])?;
    }
    Ok(())
}

struct Counted<'a> {
    to: &'a mut dyn Write,
    bytes: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
