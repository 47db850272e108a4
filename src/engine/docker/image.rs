//! Has the engine have the image: found by its id, or else loaded from the source's blobs.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bollard::errors::Error;
use bollard::query_parameters::{
    ImportImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::unfold;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::super::EngineError;
use super::client::{Client, doing, is_absent};
use super::leftovers::{Owner, REPOSITORY};
use crate::image::{Blobs, Image, docker_archive};

/// Names that this process has given.
static NAMED: AtomicU64 = AtomicU64::new(0);

/// Bytes that go to the engine at a time.
const CHUNK: usize = 256 << 10;

/// An image that the engine has. What was put there goes with it.
#[derive(Debug)]
pub(super) struct Had {
    client: Arc<Client>,
    /// By what the engine finds it.
    pub(super) name: String,
    /// Whether that name is ours to remove.
    ours: bool,
}

impl Drop for Had {
    fn drop(&mut self) {
        if self.ours {
            let name = self.name.clone();
            let options = RemoveImageOptionsBuilder::default().build();
            // The next run removes what cannot be removed now.
            let _ = self
                .client
                .ask(|docker| async move { docker.remove_image(&name, Some(options), None).await });
        }
    }
}

/// Finds the image in the engine, or puts it there.
pub(super) fn have(
    client: &Arc<Client>,
    owner: &Owner,
    image: &Image,
    blobs: &dyn Blobs,
) -> Result<Had, EngineError> {
    let id = image.config.digest.clone();
    let short = id.trim_start_matches("sha256:").get(..12).unwrap_or_default();
    // A name for each that has it: the first to go takes nothing from the others.
    let tag = owner.tag(&format!("{short}-{}", NAMED.fetch_add(1, Ordering::Relaxed)));
    let name = format!("{REPOSITORY}:{tag}");
    let had = |name: String, ours| Had { client: Arc::clone(client), name, ours };
    let asked = id.clone();
    match client.ask(|docker| async move { docker.inspect_image(&asked).await }) {
        Ok(found) => {
            let tags = found.repo_tags.unwrap_or_default();
            let is_ours = |name: &String| name.starts_with(REPOSITORY);
            if tags.is_empty() || !tags.iter().all(is_ours) {
                // Somebody else's: with a name of ours, its last one would be ours to take.
                return Ok(had(id, false));
            }
            // Another run's, which may end before this one.
            let options = TagImageOptionsBuilder::default().repo(REPOSITORY).tag(&tag).build();
            let tagged =
                client.ask(|docker| async move { docker.tag_image(&id, Some(options)).await });
            match tagged {
                Ok(()) => return Ok(had(name, true)),
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(doing("keep the image in the engine")(error)),
            }
        }
        Err(error) if is_absent(&error) => {}
        Err(error) => return Err(doing("look for the image in the engine")(error)),
    }
    // Made before it is filled: what is loaded in part is removed as well.
    let had = had(name, true);
    load(client, &had.name, image, blobs)?;
    Ok(had)
}

/// Streams the image into the engine, as `docker load` does.
fn load(client: &Client, name: &str, image: &Image, blobs: &dyn Blobs) -> Result<(), EngineError> {
    let failed =
        |source| EngineError::Failed { what: "load the image into the engine".to_owned(), source };
    let (send, receive) = channel::<Bytes>(4);
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            let mut to = ToEngine { send, chunk: Vec::with_capacity(CHUNK) };
            docker_archive(name, image, blobs, &mut to).and_then(|()| to.flush())
        });
        let answer = client.ask(|docker| async move { import(docker, receive).await });
        let written = writer
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the thread that reads it is gone")));
        match (answer, written) {
            // The engine hung up: its own words say why.
            (Err(error), Err(broken)) if broken.kind() == io::ErrorKind::BrokenPipe => {
                Err(doing("load the image into the engine")(error))
            }
            (_, Err(error)) => Err(failed(error)),
            (Err(error), Ok(())) => Err(doing("load the image into the engine")(error)),
            (Ok(()), Ok(())) => Ok(()),
        }
    })
}

async fn import(docker: bollard::Docker, receive: Receiver<Bytes>) -> Result<(), Error> {
    let body = unfold(receive, |mut receive| async move {
        receive.recv().await.map(|bytes| (Ok::<_, io::Error>(bytes), receive))
    });
    let options = ImportImageOptionsBuilder::default().quiet(true).build();
    let mut answers = Box::pin(docker.import_image_stream(options, body, None));
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(())
}

/// A writer whose bytes are sent to the engine in chunks.
struct ToEngine {
    send: Sender<Bytes>,
    chunk: Vec<u8>,
}

impl Write for ToEngine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        if chunk.is_empty() {
            return Ok(());
        }
        self.send.blocking_send(chunk.into()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
