//! An image, read whole and judged by nobody yet.
//!
//! [`load()`] reads manifest, config and layers through [`Blobs`], each layer once and as a
//! stream, and gives an [`Image`]: complete, no method of it can fail. What is wrong with
//! the image's own bytes is kept in [`Image::defects`]; only what could not be read at all
//! is an error.

mod blobs;
mod docker_archive;
pub mod elf;
pub(crate) mod entries;
mod ldcache;
mod load;
pub mod recipe;
pub mod start;
#[cfg(test)]
pub(crate) mod testing;
mod tree;

use crate::oci::{Digest, Reference};
use crate::units;

pub use blobs::{BlobError, Blobs, Packing, Root};
pub use docker_archive::docker_archive;
pub use load::{Depth, LoadError, Loading, load};
pub(crate) use load::{Uninflated, inflate_into, tar_of};
pub(crate) use tree::EntryId;
#[cfg(test)]
pub(crate) use tree::testing::tree as tree_of;
pub use tree::{Access, Denied, Kind, Lookup, Node, NodeId, Tree, User};

/// Everything that is known about an image before it is started.
#[derive(Debug)]
pub struct Image {
    /// As the user wrote it.
    pub reference: Reference,
    /// The manifest of the linux/amd64 image, or of what was found instead.
    pub manifest: Manifest,
    /// The index that the reference led to, if it led to one.
    pub index: Option<Index>,
    /// What the config says.
    pub config: Config,
    /// Base layer first.
    pub layers: Vec<Layer>,
    /// The layers merged: the root file system as the container sees it.
    pub tree: Tree,
    /// What the layers weigh once they are pushed.
    pub weight: Weight,
    /// Whatever in the image's bytes is not what its descriptors say.
    pub defects: Vec<Defect>,
}

/// What an image's layers weigh in a registry, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Weight {
    /// What the manifest says: a push sends the layers as they are.
    AsStored,
    /// Not more than they do here: a push compresses them.
    AtMost,
    /// About so many bytes in all, judged by samples.
    About(u64),
    /// So many bytes each, base layer first, compressed as a push does it.
    Compressed(Vec<u64>),
}

/// The image's manifest.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// As its bytes, or the descriptor that led to it, say.
    pub media_type: String,
    /// Of the bytes.
    pub digest: Digest,
    /// The bytes as they are; never written again from the parsed form.
    pub raw: Vec<u8>,
    /// `artifactType`, or a config media type that no image has: an artifact that is no image.
    pub artifact: Option<String>,
}

/// An index (a manifest list, in Docker's words).
#[derive(Debug, Clone)]
pub struct Index {
    /// As its bytes say.
    pub media_type: String,
    /// Of the bytes.
    pub digest: Digest,
    /// What it lists, in its order.
    pub entries: Vec<IndexEntry>,
}

/// One entry of an index.
#[derive(Debug, Clone)]
pub struct IndexEntry {
    /// The manifest's digest, as written.
    pub digest: String,
    /// `os/architecture` or `os/architecture/variant`; `None` where the entry names none.
    pub platform: Option<String>,
    /// Whether the entry is an attestation of another one, and no image.
    pub attestation: bool,
}

/// The parts of the image config that a function depends on.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// As the manifest's descriptor names it.
    pub digest: String,
    /// `os/architecture` or `os/architecture/variant`; empty parts where the config has none.
    pub platform: String,
    /// `USER`, as written: name or number, and perhaps a group. Empty for root.
    pub user: String,
    /// `KEY=value`, in order, as written.
    pub env: Vec<String>,
    /// `ENTRYPOINT`; empty where there is none.
    pub entrypoint: Vec<String>,
    /// `CMD`; empty where there is none.
    pub cmd: Vec<String>,
    /// `WORKDIR`; empty for `/`.
    pub working_dir: String,
    /// `EXPOSE`, as written: `9000/tcp`.
    pub exposed_ports: Vec<String>,
    /// `VOLUME` paths.
    pub volumes: Vec<String>,
    /// Diff IDs as written, base first.
    pub diff_ids: Vec<String>,
    /// `Config.Healthcheck`, `OnBuild` and what else no platform rule looks at is not kept.
    pub stop_signal: Option<String>,
}

/// One layer, as its descriptor describes it and as its bytes are.
#[derive(Debug, Clone)]
pub struct Layer {
    /// As the manifest says.
    pub media_type: String,
    /// As the manifest says.
    pub digest: Digest,
    /// As the manifest says, in bytes.
    pub size: u64,
    /// How the bytes really are packed.
    pub compression: Compression,
    /// Bytes that were read.
    pub read: u64,
    /// Bytes after inflating: the size of the tar.
    pub unpacked: u64,
    /// Of the inflated bytes; `None` where they could not be read to their end.
    pub diff_id: Option<Digest>,
}

/// How a layer's bytes are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Plain tar.
    None,
    /// gzip, of one or many members.
    Gzip,
    /// zstd.
    Zstd,
}

/// Something in the image's bytes that is not what it should be. M004 reports these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defect {
    /// Which part of the image it concerns.
    pub part: Part,
    /// One line: what is there, and what should be.
    pub message: String,
}

/// A part of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The index that the reference led to.
    Index,
    /// The manifest.
    Manifest,
    /// The config.
    Config,
    /// A layer, by its place from 0.
    Layer(usize),
}

impl Compression {
    /// What the first bytes of a layer or an archive show.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Compression {
        match bytes {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }
}

impl Image {
    /// The digest by which the image is known: of its manifest; where a push has yet to make
    /// that, of its config.
    #[must_use]
    pub fn identity(&self) -> String {
        match self.weight {
            Weight::AsStored => self.manifest.digest.to_string(),
            _ => self.config.digest.clone(),
        }
    }

    /// Sum of the compressed layers in bytes, as well as it is known: what the platform calls
    /// the image's size.
    #[must_use]
    pub fn compressed_bytes(&self) -> u64 {
        match &self.weight {
            Weight::AsStored | Weight::AtMost => self.stored_bytes(),
            Weight::About(bytes) => *bytes,
            Weight::Compressed(sizes) => sizes.iter().copied().fold(0, u64::saturating_add),
        }
    }

    /// The same as text, which says how well it is known.
    #[must_use]
    pub fn compressed_size(&self) -> String {
        let size = units::size(self.compressed_bytes());
        match &self.weight {
            Weight::AsStored | Weight::Compressed(_) => size,
            Weight::AtMost => format!("at most {size}"),
            Weight::About(_) => format!("about {size}"),
        }
    }

    /// Sum of the layers' sizes as the manifest says, in bytes.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add)
    }

    /// Sum of the layers' tars, in bytes.
    #[must_use]
    pub fn unpacked_bytes(&self) -> u64 {
        self.layers.iter().map(|layer| layer.unpacked).fold(0, u64::saturating_add)
    }

    /// Whether the bytes are such that the image can be started: every layer was read whole,
    /// and is what the config says.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.defects.is_empty() && self.layers.iter().all(|layer| layer.diff_id.is_some())
    }
}
