//! What an instance wrote, read through the engine: files of the writable layer and of `/tmp`,
//! as the engine's archives.

use std::io::{self, Read};

use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc::{Receiver, channel};

use super::super::client::{Client, doing, is_absent};
use crate::engine::EngineError;
use crate::engine::canaries::{Canaries, Trail};
use crate::evidence::Write;

/// More files with canaries than this tell nobody more.
const MOST_FILES: usize = 1_000;
/// An archive has the holes of files as well, and those may be of any size: more than this of
/// one container is not read.
const MOST_BYTES: u64 = 4 << 30;

/// Files below these paths that hold one of these values: its place in the list, and the path.
pub(super) fn search(
    client: &Client,
    id: &str,
    written: &[Write],
    values: &[String],
) -> Result<Vec<(usize, String)>, EngineError> {
    let mut looking = Looking {
        canaries: Canaries::new(values.iter().map(String::as_str)),
        found: Vec::new(),
        left: MOST_BYTES,
    };
    for place in places(written) {
        looking.below(client, id, place)?;
    }
    looking.below(client, id, "/tmp")?;
    Ok(looking.found)
}

/// The paths below which all the others are. A directory in this list was made by the
/// instance: one that was there before counts as unchanged.
fn places(written: &[Write]) -> Vec<&str> {
    let mut places: Vec<&str> = Vec::new();
    for write in written.iter().filter(|write| !write.removed) {
        let covered = places.iter().rev().any(|place| is_below(&write.path, place));
        if !covered {
            places.push(&write.path);
        }
    }
    places
}

/// Whether a path lies below another.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
}

struct Looking {
    canaries: Canaries,
    found: Vec<(usize, String)>,
    left: u64,
}

impl Looking {
    /// Looks through a path of the container and all that is below it.
    fn below(&mut self, client: &Client, id: &str, place: &str) -> Result<(), EngineError> {
        let (send, receive) = channel::<Bytes>(4);
        let (container, path) = (id.to_owned(), place.to_owned());
        let answer = client.begin(|docker| async move {
            let options = DownloadFromContainerOptionsBuilder::default().path(&path).build();
            let mut pieces = Box::pin(docker.download_from_container(&container, Some(options)));
            while let Some(piece) = pieces.next().await {
                if send.send(piece?).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        let body = Body { receive, piece: Bytes::new() };
        // A thread of its own may wait for the next piece wherever this one is from.
        let read = std::thread::scope(|scope| {
            let reader = scope.spawn(|| self.read(place, body));
            reader.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
        });
        match answer.recv() {
            // What has vanished meanwhile holds nothing.
            Ok(Err(error)) if is_absent(&error) => return Ok(()),
            Ok(Err(error)) => return Err(doing("read what the container wrote")(error)),
            Ok(Ok(())) | Err(_) => {}
        }
        read.map_err(|source| EngineError::Failed { what: format!("search `{place}`"), source })
    }

    fn read(&mut self, place: &str, body: Body) -> io::Result<()> {
        // Names in it begin with the last one of the path.
        let parent = place.rsplit_once('/').map_or("", |(parent, _)| parent);
        let mut archive = tar::Archive::new(body);
        let mut buffer = vec![0; 64 << 10];
        for entry in archive.entries()? {
            let mut entry = entry?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let mut trail = Trail::default();
            loop {
                let length = entry.read(&mut buffer)?;
                if length == 0 {
                    break;
                }
                self.left = self.left.saturating_sub(length as u64);
                if self.left == 0 {
                    let text = "more was written than is read through an engine, 4 GiB";
                    return Err(io::Error::other(text));
                }
                self.canaries.follow(&mut trail, &buffer[..length]);
            }
            if self.found.len() < MOST_FILES {
                let found = trail.found();
                self.found.extend(found.map(|canary| (canary, format!("{parent}/{name}"))));
            }
        }
        Ok(())
    }
}

/// An answer's body as a reader.
struct Body {
    receive: Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Body {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receive.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = into.len().min(self.piece.len());
        into[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_is_read_once() {
        let write = |path: &str, removed| Write { path: path.to_owned(), bytes: None, removed };
        let written = [
            write("/a", false),
            write("/a/b", false),
            write("/a/b/c", false),
            write("/ab", false),
            write("/etc/passwd", false),
            write("/gone", true),
        ];
        assert_eq!(places(&written), ["/a", "/ab", "/etc/passwd"]);
    }
}
