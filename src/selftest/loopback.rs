//! A registry on loopback that has one image and takes nothing: enough to read the image the
//! way that any registry's is read.

use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::image::Blobs as _;
use crate::image::recipe::Built;
use crate::oci::Digest;

/// A client that says nothing for so long is let go.
const PATIENCE: Duration = Duration::from_secs(10);

/// The head of a request is not longer.
const LARGEST_HEAD: usize = 16 << 10;

/// The registry; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Loopback {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Opens one at a free port.
    pub(super) fn open(built: Arc<Built>) -> io::Result<Loopback> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&ended);
        let thread = thread::Builder::new().name("registry".to_owned()).spawn(move || {
            for stream in listener.incoming() {
                if seen.load(Ordering::Relaxed) {
                    return;
                }
                let built = Arc::clone(&built);
                // Whoever hangs up, or speaks TLS, is the client's own affair.
                let talk = move || drop(stream.and_then(|stream| answer(&stream, &built)));
                drop(thread::Builder::new().spawn(talk));
            }
        })?;
        Ok(Loopback { address, ended, thread: Some(thread) })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // Wakes the thread, which waits for the next connection.
        drop(TcpStream::connect_timeout(&self.address, PATIENCE));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// One request, one answer.
fn answer(stream: &TcpStream, built: &Built) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (method, path) = asked(stream)?;
    let found = find(&path, built)?;
    let mut to = stream;
    let Some(Found { media_type, bytes }) = found else {
        return to.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\
         Docker-Content-Digest: {}\r\nConnection: close\r\n\r\n",
        bytes.len(),
        Digest::of(&bytes)
    );
    to.write_all(head.as_bytes())?;
    if method != "HEAD" {
        to.write_all(&bytes)?;
    }
    Ok(())
}

/// Reads the head of a request: its method and path.
fn asked(stream: &TcpStream) -> io::Result<(String, String)> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == LARGEST_HEAD || reader.read(&mut byte)? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(byte[0]);
        // A greeting of TLS: its first byte is in no method.
        if head[0] == 0x16 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut fields);
    request.parse(&head).map_err(io::Error::other)?;
    let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
    Ok((text(request.method), text(request.path)))
}

struct Found {
    media_type: String,
    bytes: Vec<u8>,
}

fn find(path: &str, built: &Built) -> io::Result<Option<Found>> {
    let plain = |bytes| Found { media_type: "application/octet-stream".to_owned(), bytes };
    if path == "/v2/" {
        return Ok(Some(plain(Vec::new())));
    }
    if path.contains("/manifests/") && !path.contains("/manifests/sha256:") {
        let root = built.root().map_err(io::Error::other)?;
        let media_type = root.media_type.unwrap_or_default();
        return Ok(Some(Found { media_type, bytes: root.bytes }));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let Ok(digest) = name.parse::<Digest>() else { return Ok(None) };
    let Ok(mut blob) = built.blob(&digest) else { return Ok(None) };
    let mut bytes = Vec::new();
    blob.read_to_end(&mut bytes)?;
    Ok(Some(plain(bytes)))
}
