//! Writes blobs and manifests. Each step can be repeated: what is there already is left alone.

use std::io::{self, Read};

use futures_util::stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Body, Method, Response, StatusCode, Url};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::answer::{is_passing, unwanted};
use super::ask::{Ask, Unanswered};
use super::client::Action;
use super::redirect::{is_same_host, target};
use super::wait::{REPETITIONS, before, pause};
use super::{Registry, RegistryError};
use crate::oci::Digest;

/// Bytes that are sent at a time.
const CHUNK: usize = 256 << 10;
/// Chunks that may wait to be sent.
const WAITING: usize = 8;

impl Registry {
    /// Whether a blob is there.
    ///
    /// # Errors
    ///
    /// Where the registry does not say.
    pub fn has_blob(&self, digest: &Digest) -> Result<bool, RegistryError> {
        let what = format!("look for blob {} in {}", digest.short(), self.shown());
        let url = self.url(&format!("blobs/{digest}"));
        self.runtime.block_on(async {
            let response = self.ask(&Ask::new(Method::HEAD, url, Action::Push, &what)).await?;
            match response.status() {
                StatusCode::OK => Ok(true),
                StatusCode::NOT_FOUND => Ok(false),
                _ => Err(unwanted(self, &what, response).await),
            }
        })
    }

    /// Writes a blob. It is opened anew for each try.
    ///
    /// # Errors
    ///
    /// Where the blob cannot be read, or the registry does not take it.
    pub fn put_blob<'b>(
        &self,
        digest: &Digest,
        size: u64,
        open: &mut dyn FnMut() -> io::Result<Box<dyn Read + Send + 'b>>,
    ) -> Result<(), RegistryError> {
        let what = format!("write blob {} to {}", digest.short(), self.shown());
        let mut repetition = 0;
        loop {
            let blob =
                open().map_err(|source| RegistryError::File { what: what.clone(), source })?;
            match self.upload(digest, size, blob, &what) {
                Err(Unanswered::Broken(_)) if repetition < REPETITIONS => {
                    let wait = before(&self.access, repetition, None);
                    self.runtime
                        .block_on(pause(&self.access, wait))
                        .map_err(|vain| self.vain(&what, vain))?;
                    repetition += 1;
                }
                ended => return ended.map_err(Unanswered::error),
            }
        }
    }

    /// Writes a manifest under a tag or its digest.
    ///
    /// # Errors
    ///
    /// Where the registry does not take it.
    pub fn put_manifest(
        &self,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<(), RegistryError> {
        let joint = if reference.contains(':') { '@' } else { ':' };
        let what = format!("write the manifest of {}{joint}{reference}", self.shown());
        let url = self.url(&format!("manifests/{reference}"));
        let mut ask = Ask::new(Method::PUT, url, Action::Push, &what);
        ask.body = bytes.to_vec();
        if let Ok(media_type) = HeaderValue::from_str(media_type) {
            ask.headers.push((CONTENT_TYPE, media_type));
        }
        self.runtime.block_on(async {
            let response = self.ask(&ask).await?;
            if response.status().is_success() {
                return Ok(());
            }
            Err(unwanted(self, &what, response).await)
        })
    }

    /// One upload: a place for it, the bytes, and the digest that they are to be known by.
    fn upload(
        &self,
        digest: &Digest,
        size: u64,
        blob: Box<dyn Read + Send + '_>,
        what: &str,
    ) -> Result<(), Unanswered> {
        let place = self.runtime.block_on(self.begin(what))?;
        std::thread::scope(|scope| {
            let (sender, receiver) = channel(WAITING);
            let reader = scope.spawn(move || feed(blob, &sender));
            let sent = self.runtime.block_on(self.bytes(place, size, receiver, what));
            let read = reader.join().unwrap_or_else(|_| Err(io::Error::other("it failed")));
            read.map_err(|source| {
                Unanswered::Final(RegistryError::File { what: what.to_owned(), source })
            })?;
            self.runtime.block_on(self.finish(sent?, digest, what))
        })
    }

    async fn begin(&self, what: &str) -> Result<Url, Unanswered> {
        let ask = Ask::new(Method::POST, self.url("blobs/uploads/"), Action::Push, what);
        let response = self.ask(&ask).await.map_err(Unanswered::Final)?;
        self.next(response, StatusCode::ACCEPTED, what).await
    }

    async fn bytes(
        &self,
        place: Url,
        size: u64,
        receiver: Receiver<io::Result<Vec<u8>>>,
        what: &str,
    ) -> Result<Url, Unanswered> {
        let mut ask = Ask::new(Method::PATCH, place, Action::Push, what);
        let octets = HeaderValue::from_static("application/octet-stream");
        ask.headers = vec![(CONTENT_TYPE, octets), (CONTENT_LENGTH, HeaderValue::from(size))];
        let body = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|chunk| (chunk, receiver))
        });
        let response = self.send(&ask, Body::wrap_stream(body)).await?;
        self.next(response, StatusCode::ACCEPTED, what).await
    }

    async fn finish(&self, mut place: Url, digest: &Digest, what: &str) -> Result<(), Unanswered> {
        place.query_pairs_mut().append_pair("digest", &digest.to_string());
        let ask = Ask::new(Method::PUT, place, Action::Push, what);
        let response = self.ask(&ask).await.map_err(Unanswered::Final)?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(self.refused(response, what).await)
    }

    /// Where the upload goes on.
    async fn next(
        &self,
        response: Response,
        expected: StatusCode,
        what: &str,
    ) -> Result<Url, Unanswered> {
        if response.status() != expected {
            return Err(self.refused(response, what).await);
        }
        let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let lost = |to: &str, why| {
            let (what, host) = (what.to_owned(), self.host.clone());
            let to = to.split('?').next().unwrap_or_default().to_owned();
            Unanswered::Final(RegistryError::Redirect { what, host, to, why })
        };
        let location = location.ok_or_else(|| lost("nowhere", "it names no place to write to"))?;
        let place = target(response.url(), location).map_err(|why| lost(location, why))?;
        if is_same_host(&place, &self.base) {
            return Ok(place);
        }
        Err(lost(location, "blobs are written to the registry itself only"))
    }

    async fn refused(&self, response: Response, what: &str) -> Unanswered {
        let passing = is_passing(response.status());
        let error = unwanted(self, what, response).await;
        if passing { Unanswered::Broken(error) } else { Unanswered::Final(error) }
    }
}

/// Reads a blob into the queue. Nobody waits for it any more where the queue is closed.
fn feed(
    mut blob: Box<dyn Read + Send + '_>,
    queue: &Sender<io::Result<Vec<u8>>>,
) -> io::Result<()> {
    loop {
        let mut chunk = vec![0; CHUNK];
        let count = match blob.read(&mut chunk) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                // Ends the request in the middle, so that the registry keeps nothing of it.
                let _ = queue.blocking_send(Err(io::ErrorKind::UnexpectedEof.into()));
                return Err(error);
            }
        };
        chunk.truncate(count);
        if count == 0 || queue.blocking_send(Ok(chunk)).is_err() {
            return Ok(());
        }
    }
}
