//! Images in memory, for the tests of whatever reads images.

use std::collections::HashMap;
use std::io::{Read, Write};

use serde_json::json;
use tar::{EntryType, Header};

use super::{BlobError, Blobs, Image, LoadError, Root, load};
use crate::oci::{Digest, Reference, media_type};

/// Blobs that a test has made, good or bad.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) root: Vec<u8>,
    pub(crate) blobs: HashMap<Digest, Vec<u8>>,
}

impl Blobs for Memory {
    fn root(&self) -> Result<Root, BlobError> {
        Ok(Root { bytes: self.root.clone(), media_type: None, digest: None, size: None })
    }

    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BlobError> {
        let missing =
            || BlobError::Missing { digest: digest.to_string(), place: "`memory`".to_owned() };
        Ok(Box::new(self.blobs.get(digest).ok_or_else(missing)?.as_slice()))
    }
}

impl Memory {
    /// An image of these layers: each as it is stored, and its tar.
    pub(crate) fn of(layers: &[(Vec<u8>, Vec<u8>)]) -> Memory {
        let mut image = Memory::default();
        let diff_ids: Vec<_> = layers.iter().map(|(_, tar)| Digest::of(tar).to_string()).collect();
        let config = json!({
            "os": "linux", "architecture": "amd64",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = config.to_string().into_bytes();
        let described: Vec<_> = layers
            .iter()
            .map(|(stored, _)| {
                let digest = image.add(stored.clone()).to_string();
                json!({"mediaType": media_type::OCI_LAYER, "digest": digest, "size": stored.len()})
            })
            .collect();
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "layers": described,
            "config": {
                "mediaType": media_type::OCI_CONFIG,
                "digest": Digest::of(&config).to_string(),
                "size": config.len(),
            },
        });
        image.add(config);
        image.root = manifest.to_string().into_bytes();
        image
    }

    /// An image of plain tars.
    pub(crate) fn of_tars(tars: &[Vec<u8>]) -> Memory {
        let layers: Vec<_> = tars.iter().map(|tar| (tar.clone(), tar.clone())).collect();
        Memory::of(&layers)
    }

    pub(crate) fn add(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.blobs.insert(digest, bytes);
        digest
    }

    pub(crate) fn load(&self) -> Result<Image, LoadError> {
        let reference = Reference::parse("fixture:memory", |_| false).expect("a reference");
        load(&reference, self, "linux/amd64", crate::image::Depth::Layers, &mut |_, _| {})
    }
}

/// A tar of words: `d:path` a directory, `f:path>content` a file, `s:path>to` a symbolic link,
/// `h:path>to` a hard link, `n:path` a FIFO. Each may end in `@mode,uid,gid`.
pub(crate) fn tar<T: AsRef<str>>(words: &[T]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for word in words {
        let (word, owner) = word.as_ref().rsplit_once('@').unwrap_or((word.as_ref(), "755,0,0"));
        let mut numbers = owner.split(',');
        let mut number = |radix| u32::from_str_radix(numbers.next().unwrap_or("0"), radix);
        let (letter, path) = word.split_once(':').expect("a letter");
        let (path, target) = path.split_once('>').unwrap_or((path, ""));
        let mut header = Header::new_gnu();
        header.set_mode(number(8).expect("a mode"));
        header.set_uid(number(10).expect("a number").into());
        header.set_gid(number(10).expect("a number").into());
        header.set_mtime(1_000_000_000);
        let content = if letter == "f" { target.as_bytes() } else { &[] };
        header.set_size(content.len() as u64);
        let kind = match letter {
            "d" => EntryType::Directory,
            "s" => EntryType::Symlink,
            "h" => EntryType::Link,
            "n" => EntryType::Fifo,
            _ => EntryType::Regular,
        };
        header.set_entry_type(kind);
        set(&mut header.as_old_mut().name, path);
        set(&mut header.as_old_mut().linkname, if letter == "f" { "" } else { target });
        header.set_cksum();
        builder.append(&header, content).expect("an entry");
    }
    builder.into_inner().expect("a tar")
}

/// What a library that writes tars would refuse goes in too.
fn set(field: &mut [u8; 100], text: &str) {
    field.fill(0);
    field[..text.len()].copy_from_slice(text.as_bytes());
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("no writer fails here")
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("no writer fails here")
}
