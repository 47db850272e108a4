//! One invocation: a connection, a request, and what comes back.
#![expect(clippy::disallowed_methods, reason = "the time of an answer is measured here")]

use std::io::ErrorKind;
use std::net::TcpStream as Socket;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout_at;

use super::answer::{End, Need, Reading};
use crate::engine::Instance;
use crate::evidence::{Exchange, Outcome, Timing};
use crate::suite::{Client, Request};

/// How long an answer without a body is watched for bytes that must not follow it. A server
/// that closes its connection, as the request asks for, ends the wait at once.
const AFTERWARDS: Duration = Duration::from_millis(20);

/// The bounds of an invocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Where the server listens.
    pub(super) port: u16,
    /// From the connection to the whole answer.
    pub(super) limit: Duration,
    /// Largest body that is read, in bytes.
    pub(super) body: u64,
    /// How the request is sent.
    pub(super) pace: Pace,
}

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// All at once.
    Whole,
    /// In pieces, with a pause behind each.
    Pieces,
}

impl Pace {
    pub(super) fn of(client: Client) -> Pace {
        if client == Client::Slow { Pace::Pieces } else { Pace::Whole }
    }
}

/// In how many pieces a slow client sends a request, and what it waits behind each.
const PIECES: usize = 16;
const PAUSE: Duration = Duration::from_millis(25);

/// Sends a request to an instance and takes what comes back.
pub(super) async fn invoke(instance: &dyn Instance, request: &Request, bounds: Bounds) -> Exchange {
    let bytes = request.bytes();
    let begun = Instant::now();
    let mut timing = Timing::default();
    let outcome = match connect(instance, bounds) {
        Ok(stream) => {
            timing.connected = Some(begun.elapsed());
            talk(stream, request, &bytes, bounds, begun, &mut timing).await
        }
        Err(outcome) => outcome,
    };
    timing.total = begun.elapsed();
    Exchange { sent: request.sent(), outcome, timing }
}

pub(super) fn connect(instance: &dyn Instance, bounds: Bounds) -> Result<TcpStream, Outcome> {
    let ready = |socket: Socket| {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(true)?;
        TcpStream::from_std(socket)
    };
    let not_asked = |why: std::io::Error| Outcome::NotAsked {
        why: format!("connect to port {} of the instance: {why}", bounds.port),
    };
    let socket =
        instance.connect(bounds.port, bounds.limit).map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Outcome::Refused,
            ErrorKind::TimedOut | ErrorKind::WouldBlock => {
                Outcome::TimedOut { limit: bounds.limit, received: Vec::new() }
            }
            _ => not_asked(error),
        })?;
    ready(socket).map_err(not_asked)
}

async fn talk(
    mut stream: TcpStream,
    request: &Request,
    bytes: &[u8],
    bounds: Bounds,
    begun: Instant,
    timing: &mut Timing,
) -> Outcome {
    let mut reading = Reading::new(&request.method, bounds.body);
    let deadline = (begun + bounds.limit).into();
    let conversation = async {
        let (mut from, mut to) = stream.split();
        let send = async {
            // A server may answer and close before it has read all: what it says then is its
            // answer, and a failed write says no more than that.
            let sent = send_all(&mut to, bytes, bounds.pace).await;
            (sent, std::future::pending::<()>().await)
        };
        tokio::select! {
            end = receive(&mut from, &mut reading, begun, timing) => end,
            _ = send => End::Reset,
        }
    };
    match timeout_at(deadline, conversation).await {
        Ok(End::Reset) if !request.body.is_empty() => {
            // A server that closes with a part of the body unread resets the connection,
            // whatever it has answered before.
            reading.ended(End::Closed)
        }
        Ok(end) => reading.ended(end),
        Err(_) => Outcome::TimedOut { limit: bounds.limit, received: reading.received() },
    }
}

async fn send_all(
    to: &mut tokio::net::tcp::WriteHalf<'_>,
    bytes: &[u8],
    pace: Pace,
) -> std::io::Result<()> {
    if pace == Pace::Whole {
        return to.write_all(bytes).await;
    }
    let mut ticks = tokio::time::interval(PAUSE);
    for piece in bytes.chunks(bytes.len().div_ceil(PIECES).max(1)) {
        ticks.tick().await;
        to.write_all(piece).await?;
    }
    Ok(())
}

/// Reads until the answer is whole or the connection ends.
async fn receive(
    from: &mut tokio::net::tcp::ReadHalf<'_>,
    reading: &mut Reading,
    begun: Instant,
    timing: &mut Timing,
) -> End {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => return End::Closed,
            Err(_) => return End::Reset,
            Ok(count) => {
                timing.first_byte.get_or_insert_with(|| begun.elapsed());
                if reading.feed(&buffer[..count]) == Need::Nothing {
                    break;
                }
            }
        }
    }
    after(from, reading, &mut buffer).await;
    End::Closed
}

/// Looks for bytes behind a whole answer: those that are there already, and behind an answer
/// without a body those that follow at once.
async fn after(from: &mut tokio::net::tcp::ReadHalf<'_>, reading: &mut Reading, buffer: &mut [u8]) {
    if let Ok(count @ 1..) = from.try_read(buffer) {
        reading.feed(&buffer[..count]);
    } else if reading.is_bodiless() {
        let more = tokio::time::timeout(AFTERWARDS, from.read(buffer)).await;
        if let Ok(Ok(count @ 1..)) = more {
            reading.feed(&buffer[..count]);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::Path;

    use super::super::cases::runtime;
    use super::super::scripted::{Act, Scripted};
    use super::*;
    use crate::contract::Contract;

    /// Every answer in `fixtures/exchanges`, and what becomes of it. The first word of a
    /// file's name says how it is asked for: `head` with HEAD, `held` by a server that then
    /// keeps the connection open; what is not held is closed behind the answer.
    #[test]
    fn recorded_answers() {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/exchanges"));
        let runtime = runtime().expect("an event loop");
        let mut seen = 0;
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.extension().is_none_or(|extension| extension != "txt") {
                continue;
            }
            seen += 1;
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
            let bytes = std::fs::read(&path).expect("a file");
            let held = name.starts_with("held-");
            let act = if held { Act::Hold(bytes) } else { Act::Answer(bytes) };
            let instance = Scripted::new(vec![act]);
            let method = if name.starts_with("head-") { "HEAD" } else { "GET" };
            let request = Request {
                method: method.to_owned(),
                target: "/".to_owned(),
                headers: Vec::new(),
                body: Vec::new(),
            };
            // Whoever is to be waited for in vain is not waited for long; a busy machine gets the
            // time for everything else.
            let outcome = path.with_extension("outcome");
            let in_vain =
                std::fs::read_to_string(&outcome).is_ok_and(|text| text.starts_with("timed out"));
            let limit = Duration::from_millis(if in_vain { 400 } else { 10_000 });
            let bounds =
                Bounds { port: 0, limit, body: Contract::scf().answer_size, pace: Pace::Whole };
            let exchange = runtime.block_on(invoke(&instance, &request, bounds));
            let expected = expect_test::expect_file![outcome];
            expected.assert_eq(&told(&exchange.outcome));
        }
        assert!(seen > 30, "only {seen} answers were found");
    }

    fn told(outcome: &Outcome) -> String {
        let mut text = String::new();
        let _ = match outcome {
            Outcome::Answered(answer) => {
                let _ = writeln!(text, "answered {}", answer.status);
                for (name, value) in &answer.headers {
                    let _ = writeln!(text, "{name}: {}", value.escape_ascii());
                }
                let _ = writeln!(text, "body: {}", answer.body.escape_ascii());
                answer.faults.iter().try_for_each(|fault| writeln!(text, "fault: {fault:?}"))
            }
            Outcome::NotHttp { why, received } => {
                writeln!(text, "not http: {why}\nreceived: {} bytes", received.len())
            }
            Outcome::TimedOut { received, .. } => {
                writeln!(text, "timed out\nreceived: {}", received.escape_ascii())
            }
            Outcome::Cut { received } => {
                writeln!(text, "cut\nreceived: {}", received.escape_ascii())
            }
            other => writeln!(text, "{other:?}"),
        };
        text
    }

    #[test]
    fn an_answer_before_the_body_was_read_counts() {
        // The server closes with most of the request unread, which resets the connection.
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let server = std::thread::spawn(move || {
            use std::io::{Read as _, Write as _};
            let (mut stream, _) = listener.accept().expect("a client comes");
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        });
        let request = Request {
            method: "POST".to_owned(),
            target: "/".to_owned(),
            headers: Vec::new(),
            body: vec![b'x'; 6 << 20],
        };
        let runtime = runtime().expect("an event loop");
        let outcome = runtime.block_on(async {
            let pace = Pace::Whole;
            let bounds = Bounds { port: 0, limit: Duration::from_secs(10), body: 100, pace };
            let socket = Socket::connect(address).expect("the server takes it");
            socket.set_nonblocking(true).expect("it can be set");
            let stream = TcpStream::from_std(socket).expect("inside of a runtime");
            let bytes = request.bytes();
            let mut timing = Timing::default();
            talk(stream, &request, &bytes, bounds, Instant::now(), &mut timing).await
        });
        server.join().expect("the server is done");
        assert_eq!(told(&outcome), "answered 413\nContent-Length: 2\nbody: no\n");
    }
}
