//! Blobs and manifests, uploaded.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

use bytes::Bytes;
use futures_util::Stream;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION};
use reqwest::{Body, Method, Response, StatusCode, Url};
use sha2::{Digest as _, Sha256};
use tokio::sync::{mpsc, watch};

use super::client::{Action, Ask, Registry};
use super::fetch::{CONTENT_DIGEST, Which};
use super::wait::{Budget, patiently};
use super::{Fault, answer, redirect};
use crate::oci::Digest;

/// Bytes that are read and sent at a time.
const CHUNK: usize = 256 << 10;
/// Chunks on the way.
const CHUNKS: usize = 4;

/// A blob to upload.
#[derive(Clone, Copy, Debug)]
pub struct Blob {
    /// What its bytes have to be.
    pub digest: Digest,
    /// How many there have to be.
    pub size: u64,
}

/// What became of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upload {
    /// It was there already.
    There,
    /// It was sent.
    Sent,
}

/// Opens the bytes of a blob, from the first on; an error is a text that says why not.
pub type Open<'a> = &'a dyn Fn() -> Result<Box<dyn Read + Send + 'a>, String>;

impl Registry {
    /// Uploads a blob, unless it is there. `told` hears how many bytes were sent.
    ///
    /// # Errors
    ///
    /// Where it cannot be read or is another one, or the registry does not take it.
    pub fn put_blob(
        &self,
        blob: Blob,
        open: Open<'_>,
        told: &mut dyn FnMut(u64),
    ) -> Result<Upload, Fault> {
        let mut budget = Budget::default();
        loop {
            match self.put_blob_once(blob, open, told) {
                Ok(upload) => return Ok(upload),
                Err(fault) => {
                    self.runtime.block_on(budget.spend(&self.shared.access, fault))?;
                }
            }
        }
    }

    fn put_blob_once(
        &self,
        blob: Blob,
        open: Open<'_>,
        told: &mut dyn FnMut(u64),
    ) -> Result<Upload, Fault> {
        // Asked each time: what looked like a failure may have arrived all the same.
        if self.runtime.block_on(self.has_blob(blob))? {
            return Ok(Upload::There);
        }
        let place = self.runtime.block_on(self.begin_upload())?;
        let from = open().map_err(Fault::Source)?;
        let (send, receive) = mpsc::channel(CHUNKS);
        let response = thread::scope(|scope| {
            let reader = scope.spawn(move || read(from, blob, &send));
            let response = self.runtime.block_on(self.patch(&place, blob, receive, told));
            // Why there was nothing to send is the cause; that it was not sent follows.
            match reader.join() {
                Ok(Err(Unsent::Wrong(why))) => Err(Fault::Source(why)),
                Ok(Ok(()) | Err(Unsent::Unwanted)) => response,
                Err(_) => Err(Fault::Source("the thread that reads failed".to_owned())),
            }
        })?;
        self.runtime.block_on(self.end_upload(response, blob))?;
        Ok(Upload::Sent)
    }

    async fn has_blob(&self, blob: Blob) -> Result<bool, Fault> {
        let ask = Ask::new(Method::HEAD, self.url(&format!("blobs/{}", blob.digest))?);
        let response = self.send(Action::Push, &ask).await?;
        match response.status() {
            StatusCode::OK => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            _ => Err(self.status(response).await),
        }
    }

    async fn begin_upload(&self) -> Result<Url, Fault> {
        let ask = Ask::new(Method::POST, self.url("blobs/uploads/")?);
        let response = self.send(Action::Push, &ask).await?;
        match response.status() {
            StatusCode::ACCEPTED => self.location(&response),
            _ => Err(self.status(response).await),
        }
    }

    /// Sends a blob's bytes. The registry is as patient as we are: it is silent while it
    /// takes none.
    async fn patch(
        &self,
        place: &Url,
        blob: Blob,
        chunks: mpsc::Receiver<io::Result<Bytes>>,
        told: &mut dyn FnMut(u64),
    ) -> Result<Response, Fault> {
        let (sent, mut progress) = watch::channel(0);
        let mut ask = Ask::new(Method::PATCH, place.clone());
        let kind = HeaderValue::from_static("application/octet-stream");
        ask.headers.insert(CONTENT_TYPE, kind);
        ask.headers.insert(CONTENT_LENGTH, blob.size.into());
        let mut request = self.authorized(Action::Push, &ask);
        *request.body_mut() = Some(Body::wrap_stream(Chunks { chunks, sent }));
        let host = redirect::host(place);
        let mut answer = Box::pin(self.execute(request));
        loop {
            let step = async {
                tokio::select! {
                    biased;
                    response = &mut answer => Some(response),
                    Ok(()) = progress.changed() => None,
                }
            };
            let step = patiently(&self.shared.access, step).await;
            let at = *progress.borrow_and_update();
            match step {
                Ok(Some(response)) => return response,
                Ok(None) => told(at),
                Err(vain) => {
                    let after = format!("after it was sent {at} of {} bytes", blob.size);
                    return Err(self.vain(vain, &host, &after));
                }
            }
        }
    }

    async fn end_upload(&self, response: Response, blob: Blob) -> Result<(), Fault> {
        if !matches!(response.status(), StatusCode::ACCEPTED | StatusCode::NO_CONTENT) {
            return Err(self.status(response).await);
        }
        let mut place = self.location(&response)?;
        place.query_pairs_mut().append_pair("digest", &blob.digest.to_string());
        // It is stored for good now, which takes a while.
        let ask = Ask { lasts: true, ..Ask::new(Method::PUT, place) };
        let response = self.send(Action::Push, &ask).await?;
        match response.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
            _ => Err(self.status(response).await),
        }
    }

    /// Uploads a manifest or an index, whose parts are there.
    ///
    /// # Errors
    ///
    /// Where the registry does not take it, or takes it for another one.
    pub fn put_manifest(
        &self,
        which: Which<'_>,
        media_type: &str,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let mut ask = Ask::new(Method::PUT, self.url(&format!("manifests/{which}"))?);
        let kind = HeaderValue::from_str(media_type)
            .map_err(|_| Fault::Source("the manifest's media type is no text".to_owned()))?;
        ask.headers.insert(CONTENT_TYPE, kind);
        ask.body = bytes.to_owned();
        ask.lasts = true;
        self.runtime.block_on(async {
            let mut budget = Budget::default();
            loop {
                match self.put_manifest_once(&ask, Digest::of(bytes)).await {
                    Err(fault) => budget.spend(&self.shared.access, fault).await?,
                    Ok(()) => return Ok(()),
                }
            }
        })
    }

    async fn put_manifest_once(&self, ask: &Ask, expected: Digest) -> Result<(), Fault> {
        let response = self.send(Action::Push, ask).await?;
        if !matches!(response.status(), StatusCode::CREATED | StatusCode::OK) {
            return Err(self.status(response).await);
        }
        let named = response.headers().get(CONTENT_DIGEST).and_then(|text| text.to_str().ok());
        match named.and_then(|text| text.parse::<Digest>().ok()) {
            Some(is) if is != expected => {
                Err(Fault::Differs { host: redirect::host(response.url()), is, expected })
            }
            _ => Ok(()),
        }
    }

    /// Where an upload goes on.
    fn location(&self, response: &Response) -> Result<Url, Fault> {
        let from = response.url();
        let host = redirect::host(from);
        let odd = |why: &str| Fault::NoRegistry { host: host.clone(), why: why.to_owned() };
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or_else(|| odd("it names no place to upload to"))?;
        redirect::target(&self.shared.access, from, location).map_err(|why| {
            let to = answer::one_line(location.split('?').next().unwrap_or_default());
            Fault::Redirect { host: host.clone(), to, why }
        })
    }
}

/// Why not all of a blob was handed on.
enum Unsent {
    /// It cannot be read, or is another one: a text that says so.
    Wrong(String),
    /// Whoever sends it has given up.
    Unwanted,
}

/// Reads a blob and hands it on, until its end or as long as it is wanted.
fn read(
    mut from: Box<dyn Read + Send + '_>,
    blob: Blob,
    to: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), Unsent> {
    let Blob { digest, size } = blob;
    let mut hasher = Sha256::new();
    let mut at = 0;
    let wrong = |why: String| {
        // The request ends with it. Who does not want to hear it has ended it before.
        let _ = to.blocking_send(Err(io::Error::other(why.clone())));
        Err(Unsent::Wrong(why))
    };
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        if let Err(error) = (&mut from).take(CHUNK as u64).read_to_end(&mut chunk) {
            return wrong(error.to_string());
        }
        hasher.update(&chunk);
        at += chunk.len() as u64;
        let last = chunk.len() < CHUNK;
        if at > size || (last && at < size) {
            return wrong(format!("it has {at} bytes, and its descriptor says {size}"));
        }
        if !chunk.is_empty() && to.blocking_send(Ok(chunk.into())).is_err() {
            return Err(Unsent::Unwanted);
        }
        if last {
            let is = Digest::from_bytes(hasher.finalize().into());
            if is != digest {
                return wrong(format!("it has digest {is}, and its descriptor says {digest}"));
            }
            return Ok(());
        }
    }
}

/// What the reading thread gives, as a body.
struct Chunks {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    sent: watch::Sender<u64>,
}

impl Stream for Chunks {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = self.chunks.poll_recv(cx);
        if let Poll::Ready(Some(Ok(chunk))) = &chunk {
            self.sent.send_modify(|sent| *sent += chunk.len() as u64);
        }
        chunk
    }
}
