//! Reads a blob as a stream, and goes on where a connection broke off.

use std::io;

use reqwest::header::{CONTENT_RANGE, HeaderValue, RANGE};
use reqwest::{Method, Response, StatusCode};

use super::answer::{deepest, unwanted};
use super::ask::Ask;
use super::client::Action;
use super::wait::{REPETITIONS, Vain, before, patiently, pause};
use super::{Registry, RegistryError};
use crate::oci::Digest;

/// Connections that may break during one download, however much each of them brought.
const MOST_BREAKS: u32 = 50;
/// Silences that are waited out.
const MOST_SILENCES: u32 = 1;

/// How long a blob may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    /// As its descriptor says.
    Exactly(u64),
    /// Whatever it is, up to this.
    AtMost(u64),
}

/// Gets the bytes as they come.
pub(super) type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> io::Result<()> + Send);

impl Registry {
    /// Reads a blob of a known size. It is for the caller to verify it: bytes are given as
    /// they come, never more than `size` of them.
    ///
    /// # Errors
    ///
    /// Where it is not there, has another size, or the registry fails more often than is
    /// borne.
    pub fn blob(&self, digest: &Digest, size: u64, sink: Sink<'_>) -> Result<(), RegistryError> {
        self.runtime.block_on(self.download(digest, Length::Exactly(size), sink))
    }

    /// Reads a small blob whole.
    ///
    /// # Errors
    ///
    /// As [`Registry::blob`], and where it is longer than `most`.
    pub fn document(&self, digest: &Digest, most: u64) -> Result<Vec<u8>, RegistryError> {
        let mut bytes = Vec::new();
        let mut sink = |part: &[u8]| {
            bytes.extend_from_slice(part);
            Ok(())
        };
        self.runtime.block_on(self.download(digest, Length::AtMost(most), &mut sink))?;
        Ok(bytes)
    }

    async fn download(
        &self,
        digest: &Digest,
        length: Length,
        sink: Sink<'_>,
    ) -> Result<(), RegistryError> {
        let what = format!("read blob {} of {}", digest.short(), self.shown());
        let mut part = Part { registry: self, digest, what: &what, length, done: 0 };
        let (mut vain, mut breaks, mut silences) = (0, 0, 0);
        loop {
            let had = part.done;
            let broken = match part.read(sink).await {
                Ok(()) => return Ok(()),
                Err(Cut::Final(error)) => return Err(error),
                Err(Cut::Broken(why)) => why,
                Err(Cut::Silent(error)) => {
                    silences += 1;
                    if silences > MOST_SILENCES {
                        return Err(error);
                    }
                    continue;
                }
            };
            breaks += 1;
            vain = if part.done > had { 0 } else { vain + 1 };
            if vain > REPETITIONS || breaks > MOST_BREAKS {
                let of = match length {
                    Length::Exactly(size) => format!("of {size} "),
                    Length::AtMost(_) => String::new(),
                };
                let why = format!("{}: {broken} after {} {of}bytes", self.host, part.done);
                return Err(RegistryError::Unreachable { what, why });
            }
            pause(&self.access, before(&self.access, vain, None))
                .await
                .map_err(|vain| self.vain(&what, vain))?;
        }
    }
}

/// How a connection ended before the blob did.
enum Cut {
    Broken(String),
    Silent(RegistryError),
    Final(RegistryError),
}

/// A blob, as far as it has come.
struct Part<'a> {
    registry: &'a Registry,
    digest: &'a Digest,
    what: &'a str,
    length: Length,
    done: u64,
}

impl Part<'_> {
    async fn read(&mut self, sink: Sink<'_>) -> Result<(), Cut> {
        let Part { registry, what, .. } = *self;
        let url = registry.url(&format!("blobs/{}", self.digest));
        let mut ask = Ask::new(Method::GET, url, Action::Pull, what);
        if self.done > 0
            && let Ok(range) = HeaderValue::from_str(&format!("bytes={}-", self.done))
        {
            ask.headers.push((RANGE, range));
        }
        let mut response = registry.ask(&ask).await.map_err(Cut::Final)?;
        // What comes again from the beginning, though only the rest was asked for.
        let mut again = match response.status() {
            StatusCode::OK => self.done,
            StatusCode::PARTIAL_CONTENT if begins_at(&response, self.done) => 0,
            _ => return Err(Cut::Final(unwanted(registry, what, response).await)),
        };
        loop {
            let chunk = match patiently(&registry.access, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return self.ended(),
                Ok(Err(error)) => return Err(Cut::Broken(deepest(&error))),
                Err(Vain::Silent) => {
                    return Err(Cut::Silent(registry.vain(what, Vain::Silent)));
                }
                Err(vain) => return Err(Cut::Final(registry.vain(what, vain))),
            };
            let skipped = usize::try_from(again).unwrap_or(usize::MAX).min(chunk.len());
            again -= skipped as u64;
            let chunk = &chunk[skipped..];
            self.done += chunk.len() as u64;
            self.bounded()?;
            sink(chunk).map_err(|source| {
                Cut::Final(RegistryError::File { what: what.to_owned(), source })
            })?;
        }
    }

    /// An answer that does not end is not read to its end.
    fn bounded(&self) -> Result<(), Cut> {
        let (most, said) = match self.length {
            Length::Exactly(size) => (size, "its descriptor says"),
            Length::AtMost(most) => (most, "is read of it"),
        };
        if self.done <= most {
            return Ok(());
        }
        let why = format!("more than the {most} bytes that {said}");
        Err(Cut::Final(self.odd(why)))
    }

    fn ended(&self) -> Result<(), Cut> {
        match self.length {
            Length::Exactly(size) if self.done < size => {
                Err(Cut::Broken("the connection ends".to_owned()))
            }
            _ => Ok(()),
        }
    }

    fn odd(&self, why: String) -> RegistryError {
        let (what, host) = (self.what.to_owned(), self.registry.host.clone());
        RegistryError::Length { what, host, why }
    }
}

/// Whether a part of a blob is the one that was asked for: `bytes 100-199/200`.
fn begins_at(response: &Response, offset: u64) -> bool {
    let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let begin = range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next());
    begin.and_then(|begin| begin.trim().parse::<u64>().ok()) == Some(offset)
}
