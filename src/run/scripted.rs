//! A server that says what a test has written down, and an instance that leads to it.
#![expect(clippy::disallowed_methods, reason = "test data is read from files")]

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::engine::{EngineError, Instance, Timeline, Writes};
use crate::evidence::{Delivery, Ending, ExecRefused, Logs, Stream, TmpProbe, Usage};

/// What happens on one connection.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// The request is read, this is sent, the connection closed.
    Answer(Vec<u8>),
    /// The request is read, this is sent, and then nothing until the client goes away.
    Hold(Vec<u8>),
    /// The connection is closed, and the process is gone.
    Die,
}

/// An instance whose port leads to a scripted server.
pub(super) struct Scripted {
    address: SocketAddr,
    ended: Arc<Mutex<Option<Ending>>>,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
    server: Option<JoinHandle<()>>,
}

impl Scripted {
    /// A server that plays one act for each connection, and the last one for ever.
    pub(super) fn new(acts: Vec<Act>) -> Scripted {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let ended = Arc::new(Mutex::new(None));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (end, seen) = (Arc::clone(&ended), Arc::clone(&requests));
        let server = thread::spawn(move || {
            let mut acts = acts.into_iter().peekable();
            for stream in listener.incoming().map_while(Result::ok) {
                let request = match request(&stream) {
                    Read::Whole(request) => request,
                    Read::Cut => continue,
                    Read::Nothing => return,
                };
                seen.lock().expect("no panic").push(request);
                let Some(act) = acts.peek().cloned() else { return };
                if acts.len() > 1 {
                    acts.next();
                }
                if !play(&act, stream, &end) {
                    return;
                }
            }
        });
        Scripted { address, ended, requests, server: Some(server) }
    }

    /// The requests so far, as they came.
    pub(super) fn requests(&self) -> Vec<Vec<u8>> {
        self.requests.lock().expect("no panic").clone()
    }
}

/// Plays an act; whether the server lives on.
fn play(act: &Act, mut stream: TcpStream, end: &Mutex<Option<Ending>>) -> bool {
    match act {
        Act::Answer(bytes) => {
            let _ = stream.write_all(bytes);
        }
        Act::Hold(bytes) => {
            let _ = stream.write_all(bytes);
            let _ = stream.read(&mut [0; 1]);
        }
        Act::Die => {
            *end.lock().expect("no panic") = Some(Ending::Exited(1));
            return false;
        }
    }
    true
}

/// What came on a connection.
enum Read {
    Whole(Vec<u8>),
    /// The client went away half way.
    Cut,
    /// No byte: the test is over.
    Nothing,
}

/// Reads a request by its length.
fn request(mut stream: &TcpStream) -> Read {
    let mut request = Vec::new();
    let mut byte = [0; 1];
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).is_err() {
            return if request.is_empty() { Read::Nothing } else { Read::Cut };
        }
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.and_then(|length| length.parse().ok()).unwrap_or(0)];
    if stream.read_exact(&mut body).is_err() {
        return Read::Cut;
    }
    request.extend(body);
    Read::Whole(request)
}

impl Drop for Scripted {
    fn drop(&mut self) {
        // A connection without a request is the sign to end.
        drop(TcpStream::connect(self.address));
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
    }
}

impl Instance for Scripted {
    fn connect(&self, _port: u16, limit: Duration) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&self.address, limit)
    }

    fn ended(&self) -> Option<Ending> {
        *self.ended.lock().expect("no panic")
    }

    fn timeline(&self) -> Timeline {
        let now = Instant::now();
        Timeline { begun: now, created: now, executed: now }
    }

    fn refused(&self) -> Option<ExecRefused> {
        None
    }

    fn sockets(&self, text: &mut Vec<u8>) -> io::Result<()> {
        // Port 9000, in LISTEN.
        text.extend_from_slice(b"  0: 00000000:2328 00000000:0000 0A\n");
        Ok(())
    }

    fn logs(&self) -> Logs {
        Logs::default()
    }

    fn first_log(&self) -> Option<Instant> {
        None
    }

    fn leaked(&self) -> Vec<(usize, Stream)> {
        Vec::new()
    }

    fn writes(&self) -> Result<Writes, EngineError> {
        Ok(Writes::default())
    }

    fn probe_tmp(&self) -> Result<TmpProbe, EngineError> {
        Ok(TmpProbe::Untried)
    }

    fn search(&self) -> Result<Vec<(usize, String)>, EngineError> {
        Ok(Vec::new())
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }

    fn freeze(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn thaw(&self) -> Result<(), EngineError> {
        Ok(())
    }

    fn terminate(&self) -> Result<Delivery, EngineError> {
        Ok(Delivery::Delivered)
    }

    fn stop(self: Box<Self>) -> Result<Option<Ending>, EngineError> {
        Ok(self.ended())
    }
}
