//! `oci:DIR` and `oci-archive:FILE`: an OCI image layout, as a directory or in a tar file.
#![expect(clippy::disallowed_methods, reason = "reads the layout's files")]

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::SourceError;
use super::archive::Archive;
use crate::image::{BlobError, Blobs, Root};
use crate::oci::{Digest, DigestError, media_type};

/// The annotation that names an entry of the index.
const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// What containerd writes instead, in archives and layouts of its own.
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// The largest index that is read, in bytes.
const LARGEST_INDEX: u64 = 4 << 20;

const A_FILE: &str = "it is a file, and an OCI image layout is a directory; \
                      archives are named by `oci-archive:FILE` and `docker-archive:FILE`";

/// The files of a layout, wherever they are.
trait Files: Send + Sync {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send + '_>>;
}

/// An opened layout, and what was chosen from its index.
pub(super) struct Layout {
    files: Box<dyn Files>,
    place: String,
    chosen: Chosen,
}

/// Where an image begins.
enum Chosen {
    /// At a descriptor of the index.
    Entry(Value),
    /// At `index.json` itself, which lists one image's platforms: some builders write that.
    Index(Vec<u8>),
}

impl Layout {
    pub(super) fn open(dir: &Path, tag: Option<&str>) -> Result<Layout, SourceError> {
        let place = dir.display().to_string();
        let found = std::fs::metadata(dir);
        match found {
            Ok(found) if !found.is_dir() => {
                return Err(SourceError::Damaged { place, why: A_FILE.to_owned() });
            }
            Ok(_) => {}
            Err(source) => return Err(SourceError::Read { what: format!("`{place}`"), source }),
        }
        choose(Box::new(Directory(dir.to_owned())), "oci", place, tag)
    }
}

pub(super) fn open_archive(archive: Archive, tag: Option<&str>) -> Result<Layout, SourceError> {
    let place = archive.place().to_owned();
    choose(Box::new(archive), "oci-archive", place, tag)
}

struct Directory(PathBuf);

impl Files for Directory {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send + '_>> {
        let path = self.0.join(name);
        // To open a FIFO would be to wait for somebody to write into it.
        if !std::fs::metadata(&path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no file"));
        }
        Ok(Box::new(File::open(path)?))
    }
}

impl Files for Archive {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(self.file(name)?))
    }
}

fn choose(
    files: Box<dyn Files>,
    transport: &str,
    place: String,
    tag: Option<&str>,
) -> Result<Layout, SourceError> {
    let read = |source| SourceError::Read { what: format!("index.json of `{place}`"), source };
    let index = files.open("index.json").map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            let why = match files.open("manifest.json") {
                Ok(_) => "it is what `docker save` writes, which is named by `docker-archive:FILE`",
                Err(_) => "it is no OCI image layout: there is no index.json",
            };
            SourceError::Damaged { place: place.clone(), why: why.to_owned() }
        }
        _ => read(error),
    })?;
    let bytes = whole(index, LARGEST_INDEX).map_err(read)?;
    let damaged = |why: String| SourceError::Damaged { place: format!("{place}/index.json"), why };
    let index: Value =
        serde_json::from_slice(&bytes).map_err(|error| damaged(format!("no JSON: {error}")))?;
    let Some(entries) = index["manifests"].as_array() else {
        return Err(damaged("it has no list of manifests".to_owned()));
    };
    let chosen = match pick(entries, transport, &place, tag)? {
        Some(entry) => Chosen::Entry(entry.clone()),
        None => Chosen::Index(bytes),
    };
    Ok(Layout { files, place, chosen })
}

/// A small file, whole.
fn whole(file: impl Read, largest: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(largest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        let why = format!("it has more than {largest} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    Ok(bytes)
}

/// The names that an entry goes by.
fn names(entry: &Value) -> impl Iterator<Item = &str> {
    let annotations = &entry["annotations"];
    [&annotations[REF_NAME], &annotations[CONTAINERD_NAME]].into_iter().filter_map(Value::as_str)
}

/// The entry with the tag; without one, the only image there is. `None`: the index itself is
/// the image's, and its entries are the platforms of it.
fn pick<'a>(
    entries: &'a [Value],
    transport: &str,
    place: &str,
    tag: Option<&str>,
) -> Result<Option<&'a Value>, SourceError> {
    let have = || {
        let mut all: Vec<&str> = entries.iter().filter_map(|entry| names(entry).next()).collect();
        all.sort_unstable();
        all.dedup();
        match (entries.len(), all.is_empty()) {
            (0, _) => "no image".to_owned(),
            (1, true) => "one image without a tag".to_owned(),
            (count, true) => format!("{count} images without tags"),
            (_, false) => format!("the tags {}", all.join(", ")),
        }
    };
    let choice =
        |wanted: String| SourceError::Choice { place: place.to_owned(), have: have(), wanted };
    if let Some(tag) = tag {
        let by_digest = |entry: &&Value| entry["digest"].as_str() == Some(tag);
        let by_name = |entry: &&Value| names(entry).any(|name| name == tag);
        let mut found = entries.iter().filter(|entry| by_name(entry) || by_digest(entry));
        // Where a tag was set again, the last entry is the one that counts.
        return found.next_back().map(Some).ok_or_else(|| choice(format!("and not `{tag}`")));
    }
    let Some(first) = entries.first() else {
        return Err(choice("and so nothing to check".to_owned()));
    };
    let same = |entry: &Value| entry["digest"] == first["digest"];
    let platform = |entry: &Value| entry["platform"].is_object() && names(entry).next().is_none();
    if entries.iter().all(same) {
        Ok(Some(first))
    } else if entries.iter().all(platform) {
        Ok(None)
    } else {
        Err(choice(format!("and none was named: write `{transport}:{place}:TAG`")))
    }
}

impl Blobs for Layout {
    fn root(&self) -> Result<Root, BlobError> {
        let entry = match &self.chosen {
            Chosen::Entry(entry) => entry,
            Chosen::Index(bytes) => {
                let media_type = Some(media_type::OCI_INDEX.to_owned());
                return Ok(Root { bytes: bytes.clone(), media_type, digest: None, size: None });
            }
        };
        let read = |what: &str, source| BlobError::Read {
            what: what.to_owned(),
            place: format!("`{}`", self.place),
            source,
        };
        let text = entry["digest"].as_str().unwrap_or_default();
        let digest: Digest = text.parse().map_err(|error: DigestError| {
            read("the entry of index.json", io::Error::new(io::ErrorKind::InvalidData, error))
        })?;
        let bytes = whole(self.blob(&digest)?, LARGEST_INDEX)
            .map_err(|error| read(&format!("blob {digest}"), error))?;
        let media_type = entry["mediaType"].as_str().map(str::to_owned);
        Ok(Root { bytes, media_type, digest: Some(digest), size: entry["size"].as_u64() })
    }

    fn blob(&self, digest: &Digest) -> Result<Box<dyn Read + Send + '_>, BlobError> {
        let place = format!("`{}`", self.place);
        self.files.open(&format!("blobs/sha256/{}", digest.hex())).map_err(|source| {
            match source.kind() {
                io::ErrorKind::NotFound => BlobError::Missing { digest: digest.to_string(), place },
                _ => BlobError::Read { what: format!("blob {digest}"), place, source },
            }
        })
    }
}
