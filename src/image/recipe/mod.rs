//! Builds images from recipes: what every fixture image is made by.
//!
//! A [`Recipe`] is data, mostly a YAML file of `fixtures/images`; [`Recipe::build`] makes a
//! [`Built`] image of it, in memory and to the same bytes each time. What is wrong with a
//! fixture image is wrong on purpose: a recipe can name the wrong digest, size, media type
//! or architecture.

mod built;
mod content;
mod elf;
mod layer;
mod manifest;
mod program;

use std::collections::BTreeMap;

use serde::Deserialize;

pub use built::Built;
pub use elf::SyntheticElf;

/// The fixtures that ship inside the program: the name and the text of each file of
/// `fixtures/images`, sorted by name.
pub static FIXTURES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/fixtures.rs"));

/// What an image is made of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recipe {
    /// What the image config says.
    #[serde(default)]
    pub config: ConfigRecipe,
    /// Base layer first.
    pub layers: Vec<LayerRecipe>,
    /// How manifest and index are written.
    #[serde(default)]
    pub manifest: ManifestRecipe,
}

/// What the image config says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConfigRecipe {
    /// `os/architecture` or `os/architecture/variant`.
    pub platform: String,
    /// `USER`.
    pub user: String,
    /// `KEY=value`.
    pub env: Vec<String>,
    /// Variables of the letter x, by the bytes that `KEY=value` and its NUL take.
    pub env_sizes: BTreeMap<String, usize>,
    /// `ENTRYPOINT`.
    pub entrypoint: Vec<String>,
    /// `CMD`.
    pub cmd: Vec<String>,
    /// `WORKDIR`.
    pub workdir: String,
    /// `EXPOSE`, such as `9000/tcp`.
    pub expose: Vec<String>,
    /// `VOLUME`.
    pub volumes: Vec<String>,
    /// Keys that are left out of the config's JSON, though it must have them.
    pub omit: Vec<String>,
}

/// One layer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LayerRecipe {
    /// How it is packed.
    #[serde(default)]
    pub compression: Packing,
    /// What its descriptor says, where that is not what it is.
    pub media_type: Option<String>,
    /// How often the manifest lists it. Each time counts towards the image's size, and none
    /// takes memory.
    #[serde(default = "once")]
    pub repeat: usize,
    /// By absolute path.
    pub files: BTreeMap<String, FileRecipe>,
}

/// How a layer is packed.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Packing {
    /// Plain tar.
    #[default]
    None,
    /// gzip.
    Gzip,
    /// gzip, in more than one member.
    GzipMembers,
    /// zstd.
    Zstd,
}

/// One entry of a layer: exactly one of the keys that say what it is, and its attributes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct FileRecipe {
    /// Permission bits in octal. 755 for directories and programs, 644 for others.
    pub mode: Option<String>,
    /// Owner.
    pub uid: u64,
    /// Owning group.
    pub gid: u64,
    /// The fixture server, for this kind of machine; only `x86-64` runs.
    pub server: Option<Machine>,
    /// A file of this text.
    pub text: Option<String>,
    /// A file of these bytes, in hexadecimal.
    pub hex: Option<String>,
    /// A file of this many zero bytes. They take no memory.
    pub zeros: Option<u64>,
    /// An ELF file that has all headers and no code.
    pub elf: Option<SyntheticElf>,
    /// A symbolic link to this.
    pub symlink: Option<String>,
    /// A hard link to this path.
    pub hardlink: Option<String>,
    /// What has no content.
    pub kind: Option<Bare>,
}

/// An entry without content.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Bare {
    /// A directory.
    Directory,
    /// The path of lower layers is removed.
    Whiteout,
    /// What lower layers have below this directory is removed.
    Opaque,
    /// A FIFO.
    Fifo,
}

/// The kind of machine that an ELF file is for.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Machine {
    /// What the platform runs.
    #[default]
    X86_64,
    /// 64-bit ARM.
    Aarch64,
    /// 32-bit x86.
    I386,
}

/// How manifest and index are written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ManifestRecipe {
    /// Whose manifest it is.
    pub kind: ManifestKind,
    /// What it says of itself, where that is not what it is.
    pub media_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The entries of an index, where the reference is to lead to one: `this` is the image,
    /// `attestation` an attestation of it, anything else a platform, for which the index has
    /// the same image with a config of that platform.
    pub index: Vec<String>,
    /// What is wrong on purpose.
    pub faults: Vec<Fault>,
}

/// Whose manifest it is.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ManifestKind {
    /// OCI's.
    #[default]
    Oci,
    /// Docker's, version 2 schema 2.
    Docker,
    /// Docker's, version 2 schema 1.
    Schema1,
    /// OCI's, of an artifact that is no image.
    Artifact,
}

/// Something in descriptors or config that is not what the bytes give.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The last layer's digest is that of other bytes.
    LayerDigest,
    /// The last layer's size is one byte too large.
    LayerSize,
    /// The last layer's diff ID is that of other bytes.
    DiffId,
    /// The config has one diff ID less than the manifest has layers.
    DiffIdMissing,
    /// The config's digest is that of other bytes.
    ConfigDigest,
    /// The config's size is one byte too large.
    ConfigSize,
    /// The index names the manifest by the digest of other bytes.
    ManifestDigest,
    /// The last layer ends in the middle, and digest and size are those of what is there.
    LayerTruncated,
    /// The last layer's blob is not there.
    LayerMissing,
}

/// Why no image can be made of a recipe: the recipe's own fault.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// No recipe at all.
    #[error("recipe: {0}")]
    Yaml(#[from] serde_yaml::Error),
    /// An entry of a layer that says no one thing.
    #[error("recipe, file `{path}`: {why}")]
    File {
        /// The entry's path.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A layer that could not be packed.
    #[error("recipe, layer {layer}: {source}")]
    Layer {
        /// Its place, from 0.
        layer: usize,
        /// Why.
        source: std::io::Error,
    },
    /// A platform that is none.
    #[error("recipe, platform `{0}`: want os/architecture")]
    Platform(String),
}

impl Recipe {
    /// Makes the image; `place` is how messages name it.
    ///
    /// # Errors
    ///
    /// Where the recipe is at fault.
    pub fn build(&self, place: &str) -> Result<Built, RecipeError> {
        manifest::build(self, place)
    }
}

impl Default for ConfigRecipe {
    fn default() -> ConfigRecipe {
        ConfigRecipe {
            platform: "linux/amd64".to_owned(),
            user: String::new(),
            env: Vec::new(),
            env_sizes: BTreeMap::new(),
            entrypoint: Vec::new(),
            cmd: Vec::new(),
            workdir: String::new(),
            expose: Vec::new(),
            volumes: Vec::new(),
            omit: Vec::new(),
        }
    }
}

fn once() -> usize {
    1
}
