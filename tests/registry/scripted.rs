//! A registry that does what a test tells it: one thread a connection, one request each.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::world::Pieces;

/// A request, as far as anybody looks at it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    /// How often the same path was asked for before.
    pub(crate) before: usize,
}

impl Asked {
    pub(crate) fn is_manifest(&self) -> bool {
        self.path.contains("/manifests/")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// Where the rest of a blob begins, if only that is asked for.
    pub(crate) fn from(&self) -> usize {
        let range = self.header("range").and_then(|range| range.strip_prefix("bytes="));
        range.and_then(|range| range.split('-').next()?.parse().ok()).unwrap_or(0)
    }
}

/// What answers: writes to the connection whatever it likes.
type Answer = dyn Fn(&Asked, &mut TcpStream) -> io::Result<()> + Send + Sync;

/// A running registry; it ends when this is dropped.
pub(crate) struct Scripted {
    pub(crate) host: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    pub(crate) fn new(
        answer: impl Fn(&Asked, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
    ) -> io::Result<Scripted> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let host = listener.local_addr()?.to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let ended = Arc::new(AtomicBool::new(false));
        let (all, over) = (Arc::clone(&asked), Arc::clone(&ended));
        let answer: Arc<Answer> = Arc::new(answer);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Acquire) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (all, answer) = (Arc::clone(&all), Arc::clone(&answer));
                // Whoever hangs up early is none of its business.
                std::thread::spawn(move || serve(stream, &all, &*answer));
            }
        });
        Ok(Scripted { host, asked, ended, thread: Some(thread) })
    }

    /// One that has an image, and answers all else as told.
    pub(crate) fn with(
        pieces: Pieces,
        quirk: impl Fn(&Asked, &mut TcpStream) -> io::Result<bool> + Send + Sync + 'static,
    ) -> io::Result<Scripted> {
        Scripted::new(move |asked, stream| {
            if quirk(asked, stream)? {
                return Ok(());
            }
            well(&pieces, asked, stream)
        })
    }

    pub(crate) fn reference(&self) -> String {
        format!("docker://{}/team/app:v1", self.host)
    }

    /// Everything that was asked for.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        // Wakes whoever waits for the next connection.
        let _ = TcpStream::connect(&self.host);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, all: &Mutex<Vec<Asked>>, answer: &Answer) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    // Whoever tries TLS first is told that it is not spoken here.
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let path = words.nth(1)?.to_owned();
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let asked = {
        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
        let before = all.iter().filter(|other| other.path == path).count();
        let asked = Asked { path, headers, before };
        all.push(asked.clone());
        asked
    };
    let _ = answer(&asked, &mut stream);
    Some(())
}

/// What a registry has to answer.
fn well(pieces: &Pieces, asked: &Asked, stream: &mut TcpStream) -> io::Result<()> {
    let blob = [&pieces.config, &pieces.layer]
        .into_iter()
        .find(|(digest, _)| asked.path.ends_with(&digest.to_string()));
    if asked.is_manifest() {
        let kind = format!("Content-Type: {}\r\n", pieces.media_type);
        return whole(stream, "200 OK", &kind, &pieces.manifest);
    }
    match blob {
        Some((_, bytes)) => part(stream, bytes, asked.from(), bytes.len()),
        None => whole(stream, "404 Not Found", "", b"{}"),
    }
}

/// A whole answer, and the end of the connection.
pub(crate) fn whole(
    stream: &mut TcpStream,
    status: &str,
    headers: &str,
    body: &[u8],
) -> io::Result<()> {
    let length = body.len();
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n")?;
    write!(stream, "{headers}\r\n")?;
    stream.write_all(body)
}

/// A blob from some byte to another; what is promised is all to its end.
pub(crate) fn part(stream: &mut TcpStream, bytes: &[u8], from: usize, to: usize) -> io::Result<()> {
    let rest = bytes.len() - from;
    if from == 0 {
        write!(stream, "HTTP/1.1 200 OK\r\n")?;
    } else {
        let last = bytes.len() - 1;
        write!(stream, "HTTP/1.1 206 Partial Content\r\n")?;
        write!(stream, "Content-Range: bytes {from}-{last}/{}\r\n", bytes.len())?;
    }
    write!(stream, "Content-Length: {rest}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(&bytes[from..to])
}
