//! Manifests and blobs, fetched.

use std::fmt;
use std::io;

use reqwest::header::{ACCEPT, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};
use serde_json::Value;

use super::client::{Action, Ask, Registry};
use super::wait::Budget;
use super::{Fault, answer, redirect};
use crate::oci::{Digest, media_type};

/// The largest manifest that registries take, in bytes.
const LARGEST_MANIFEST: u64 = 4 << 20;
/// Most tags that are asked for to be shown.
const TAGS: usize = 1000;
/// Bytes that an attempt has to bring to count as progress.
const PROGRESS: u64 = 8 << 20;
/// The header by which a registry names what it sends.
pub(super) const CONTENT_DIGEST: &str = "docker-content-digest";

/// What a manifest is asked for by.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Its digest.
    Digest(&'a Digest),
    /// Its tag.
    Tag(&'a str),
}

impl fmt::Display for Which<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Which::Digest(digest) => digest.fmt(f),
            Which::Tag(tag) => f.write_str(tag),
        }
    }
}

/// A manifest or an index, as it came.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What the registry says that it is, where that is the type of a manifest.
    pub media_type: Option<String>,
}

impl Registry {
    /// A manifest or an index. Its bytes are those of the digest that it was asked for by, or
    /// that the registry names.
    ///
    /// # Errors
    ///
    /// Where it is not there, or cannot be had.
    pub fn manifest(&self, which: Which<'_>) -> Result<Fetched, Fault> {
        self.runtime.block_on(async {
            let mut budget = Budget::default();
            loop {
                match self.manifest_once(which).await {
                    Err(fault) => budget.spend(&self.shared.access, fault).await?,
                    fetched => return fetched,
                }
            }
        })
    }

    async fn manifest_once(&self, which: Which<'_>) -> Result<Fetched, Fault> {
        let mut ask = Ask::new(Method::GET, self.url(&format!("manifests/{which}"))?);
        for kind in [
            media_type::OCI_MANIFEST,
            media_type::DOCKER_MANIFEST,
            media_type::OCI_INDEX,
            media_type::DOCKER_INDEX,
            media_type::DOCKER_SCHEMA_1_SIGNED,
            media_type::DOCKER_SCHEMA_1,
            "*/*;q=0.1",
        ] {
            ask.headers.append(ACCEPT, HeaderValue::from_static(kind));
        }
        let response = self.send(Action::Pull, &ask).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(self.absent(response, which).await);
        }
        if response.status() != StatusCode::OK {
            return Err(self.status(response).await);
        }
        let host = redirect::host(response.url());
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.split(';').next().unwrap_or_default().trim().to_owned())
        };
        let kind = header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let named = header(CONTENT_DIGEST).and_then(|text| text.parse::<Digest>().ok());
        let bytes = self.body(response, LARGEST_MANIFEST).await?;
        let expected = match which {
            Which::Digest(digest) => Some(*digest),
            Which::Tag(_) => named,
        };
        let is = Digest::of(&bytes);
        if let Some(expected) = expected.filter(|expected| *expected != is && !is_signed(&bytes)) {
            return Err(Fault::Differs { host, is, expected });
        }
        if serde_json::from_slice::<Value>(&bytes).is_err() {
            let kind = if kind.is_empty() { "no media type" } else { &kind };
            let why =
                format!("what it sends as a manifest is no JSON ({})", answer::one_line(kind));
            return Err(Fault::NoRegistry { host, why });
        }
        // Some send every document as `application/json`, and the document says more.
        let media_type = Some(kind).filter(|kind| kind.starts_with("application/vnd."));
        Ok(Fetched { bytes, media_type })
    }

    /// What is there instead of a manifest.
    async fn absent(&self, response: Response, which: Which<'_>) -> Fault {
        let host = redirect::host(response.url());
        let repository = &self.shared.repository;
        let body = self.body(response, LARGEST_MANIFEST).await.unwrap_or_default();
        let code = answer::code(&body);
        let object = match (code.as_deref(), which) {
            (None, _) => {
                let why = "it answers 404, and not in a registry's words".to_owned();
                return Fault::NoRegistry { host, why };
            }
            (Some("NAME_UNKNOWN"), _) => format!("repository `{repository}`"),
            (_, Which::Digest(digest)) => format!("manifest {digest} in `{repository}`"),
            (_, Which::Tag(tag)) => {
                let tags = self.tags().await.unwrap_or_default();
                format!("tag `{tag}` in `{repository}`{}", listed(tag, &tags))
            }
        };
        Fault::Absent { host, object }
    }

    async fn tags(&self) -> Result<Vec<String>, Fault> {
        let url = self.url(&format!("tags/list?n={TAGS}"))?;
        let response = self.send(Action::Pull, &Ask::new(Method::GET, url)).await?;
        if response.status() != StatusCode::OK {
            return Err(self.status(response).await);
        }
        let body = self.body(response, LARGEST_MANIFEST).await?;
        let document: Value = serde_json::from_slice(&body).unwrap_or_default();
        let tags = document["tags"].as_array().into_iter().flatten().filter_map(Value::as_str);
        Ok(tags.map(answer::one_line).collect())
    }

    /// A blob, in pieces. One that is cut off is gone on with where it ended. `size` is what
    /// its descriptor says: where the registry says another size, that is what comes, within
    /// reason. The bytes are not compared with the digest here.
    ///
    /// # Errors
    ///
    /// Where it cannot be had whole, or `sink` fails.
    pub fn blob(
        &self,
        digest: &Digest,
        size: u64,
        sink: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<(), Fault> {
        self.runtime.block_on(async {
            let mut budget = Budget::default();
            let mut at = 0;
            loop {
                let before = at;
                match self.rest_of_blob(digest, size, &mut at, sink).await {
                    Ok(()) => return Ok(()),
                    Err(fault) => {
                        if at - before >= PROGRESS {
                            budget.refresh();
                        }
                        budget.spend(&self.shared.access, fault).await?;
                    }
                }
            }
        })
    }

    /// A blob from its byte `at` on, which moves on with what comes.
    async fn rest_of_blob(
        &self,
        digest: &Digest,
        size: u64,
        at: &mut u64,
        sink: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<(), Fault> {
        let mut ask = Ask::new(Method::GET, self.url(&format!("blobs/{digest}"))?);
        if *at > 0
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={at}-"))
        {
            ask.headers.insert(RANGE, range);
        }
        let response = self.send(Action::Pull, &ask).await?;
        let host = redirect::host(response.url());
        // What was asked for again, where a registry knows no ranges.
        let mut again = match response.status() {
            StatusCode::OK => *at,
            StatusCode::PARTIAL_CONTENT if starts_at(&response) == Some(*at) => 0,
            StatusCode::PARTIAL_CONTENT => {
                let why = format!("it sends another range than was asked for, which is from {at}");
                return Err(Fault::NoRegistry { host, why });
            }
            StatusCode::NOT_FOUND => {
                return Err(Fault::Absent { host, object: format!("blob {digest}") });
            }
            _ => return Err(self.status(response).await),
        };
        let begins = *at - again;
        let announced = response.content_length();
        let end = announced.map_or(size, |length| begins.saturating_add(length));
        // A descriptor may be wrong, which is the image's fault and M004's to tell; this is
        // about what could fill a disk.
        if end > size.saturating_mul(2).saturating_add(1 << 20) {
            let why = format!("{end} bytes, and its descriptor says {size}");
            return Err(Fault::Length { host, why });
        }
        self.stream(response, end - begins, &mut |chunk| {
            let known = again.min(chunk.len() as u64);
            again -= known;
            let new = &chunk[usize::try_from(known).unwrap_or(chunk.len())..];
            sink(new)?;
            *at += new.len() as u64;
            Ok(())
        })
        .await?;
        if *at < end {
            // Without a length the end of the connection looks like the end of the blob.
            let after = format!("after {at} of {end} bytes");
            return Err(Fault::Cut { host, after, why: "it was closed".to_owned() });
        }
        Ok(())
    }
}

/// The first byte of the range that an answer holds.
fn starts_at(response: &Response) -> Option<u64> {
    let range = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

/// Whether it is a manifest of schema 1 with signatures, whose digest is that of what they
/// sign. Nobody starts such an image, and M001 says so.
fn is_signed(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes).is_ok_and(|document| {
        document["schemaVersion"].as_u64() == Some(1) && document["signatures"].is_array()
    })
}

/// Some tags, the most like the one that is missing.
fn listed(tag: &str, tags: &[String]) -> String {
    const SHOWN: usize = 5;
    if tags.is_empty() {
        return String::new();
    }
    let mut tags: Vec<&String> = tags.iter().collect();
    tags.sort_by_key(|known| strsim::levenshtein(tag, known));
    let shown: Vec<_> = tags.iter().take(SHOWN).map(|tag| tag.as_str()).collect();
    let more = if tags.len() > SHOWN {
        format!(" and {} more", tags.len() - SHOWN)
    } else {
        String::new()
    };
    format!("; it has {}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_tags_come_first() {
        let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
        assert_eq!(listed("v9", &[]), "");
        assert_eq!(listed("v1.3", &tags(&["latest", "v1.2"])), "; it has v1.2, latest");
        let many = tags(&["a", "b", "c", "d", "e", "f", "v1"]);
        assert_eq!(listed("v2", &many), "; it has v1, a, b, c, d and 2 more");
    }
}
