//! Reads an answer from the bytes of the wire, strictly enough to see what libraries forgive.
//!
//! Nothing here waits or reads: bytes come in as the connection brings them.

use super::chunked::Chunked;
use crate::evidence::{Answer, Outcome, WireFault};

/// How large the head of an answer may grow, in bytes, before it is no head any more.
const HEAD: usize = 256 * 1024;
/// How many header fields an answer may have.
const FIELDS: usize = 256;
/// How many bytes of an answer that is not whole are kept as evidence.
const KEPT: usize = 4 * 1024;
/// How many interim answers (1xx) may come before the one that counts.
const INTERIM: usize = 16;

/// An answer on its way in.
#[derive(Debug)]
pub(super) struct Reading {
    /// Whether the request was a HEAD, whose answer has no body whatever its fields say.
    head_only: bool,
    /// Limit of the body, in bytes.
    limit: u64,
    /// What came and is not taken yet.
    pending: Vec<u8>,
    /// The first bytes of all that came.
    first: Vec<u8>,
    interim: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Head,
    Body { answer: Answer, framing: Framing },
    Decided(Box<Outcome>),
}

#[derive(Debug)]
enum Framing {
    None,
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The other side closed it.
    Closed,
    /// The other side broke it off.
    Reset,
}

/// Whether more has to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    More,
    Nothing,
}

impl Reading {
    pub(super) fn new(method: &str, limit: u64) -> Reading {
        Reading {
            head_only: method == "HEAD",
            limit,
            pending: Vec::new(),
            first: Vec::new(),
            interim: 0,
            state: State::Head,
        }
    }

    /// Takes bytes that came.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Need {
        let room = KEPT.saturating_sub(self.first.len()).min(bytes.len());
        self.first.extend_from_slice(&bytes[..room]);
        self.pending.extend_from_slice(bytes);
        while let State::Head = self.state {
            match self.head() {
                Step::Again => {}
                Step::Wait => return Need::More,
            }
        }
        self.body()
    }

    /// Whether the answer is whole and has no body, so that bytes after it would be a fault
    /// that is worth a moment's wait.
    pub(super) fn is_bodiless(&self) -> bool {
        matches!(&self.state, State::Body { framing: Framing::None, .. })
    }

    /// Whether there is an answer, and not a reason why there is none.
    #[cfg(test)]
    fn is_whole(&self) -> bool {
        matches!(self.state, State::Body { .. })
    }

    /// Tries to read a head from what is pending.
    fn head(&mut self) -> Step {
        if let Some(why) = not_http(&self.pending) {
            return self.decide_not_http(why);
        }
        let Some(end) = head_end(&self.pending) else {
            return if self.pending.len() > HEAD {
                self.decide_not_http("its head does not end".to_owned())
            } else {
                Step::Wait
            };
        };
        let head: Vec<u8> = self.pending.drain(..end).collect();
        let mut answer = match parse_head(&head) {
            Ok(answer) => answer,
            Err(why) => return self.decide_not_http(why),
        };
        if (100..200).contains(&answer.status) && answer.status != 101 {
            self.interim += 1;
            if self.interim > INTERIM {
                return self.decide_not_http("interim answers do not end".to_owned());
            }
            return Step::Again;
        }
        match framing(&mut answer, self.head_only) {
            Ok(Framing::Length(length)) if length > self.limit => {
                self.decide(Outcome::TooLarge { limit: self.limit, status: answer.status })
            }
            Ok(framing) => {
                self.state = State::Body { answer, framing };
                Step::Again
            }
            Err(why) => self.decide_not_http(why),
        }
    }

    /// Takes what is pending as body.
    fn body(&mut self) -> Need {
        let State::Body { answer, framing } = &mut self.state else { return Need::Nothing };
        let pending = &mut self.pending;
        let done = match framing {
            Framing::None => true,
            Framing::Length(length) => {
                let left = usize::try_from(*length).unwrap_or(usize::MAX) - answer.body.len();
                answer.body.extend(pending.drain(..left.min(pending.len())));
                answer.body.len() as u64 == *length
            }
            Framing::UntilClose => {
                answer.body.append(pending);
                false
            }
            Framing::Chunked(chunked) => match chunked.feed(pending, &mut answer.body) {
                Ok(taken) => {
                    pending.drain(..taken);
                    chunked.is_done()
                }
                Err(why) => {
                    self.decide_not_http(why);
                    return Need::Nothing;
                }
            },
        };
        if answer.body.len() as u64 > self.limit {
            let status = answer.status;
            self.decide(Outcome::TooLarge { limit: self.limit, status });
            return Need::Nothing;
        }
        if done { Need::Nothing } else { Need::More }
    }

    fn decide(&mut self, outcome: Outcome) -> Step {
        self.state = State::Decided(Box::new(outcome));
        Step::Again
    }

    fn decide_not_http(&mut self, why: String) -> Step {
        let received = std::mem::take(&mut self.first);
        self.decide(Outcome::NotHttp { why, received })
    }

    /// The outcome when nothing more comes.
    pub(super) fn ended(self, end: End) -> Outcome {
        let received = self.first;
        match self.state {
            State::Decided(outcome) => *outcome,
            State::Head => Outcome::Cut { received },
            State::Body { mut answer, framing } => {
                let whole = match &framing {
                    Framing::None => true,
                    Framing::Length(length) => answer.body.len() as u64 == *length,
                    Framing::Chunked(chunked) => chunked.is_done(),
                    Framing::UntilClose => end == End::Closed,
                };
                if !whole {
                    return Outcome::Cut { received };
                }
                if !self.pending.is_empty() && answer.status != 101 {
                    answer.faults.push(WireFault::BytesAfterBody(self.pending.len() as u64));
                }
                Outcome::Answered(answer)
            }
        }
    }

    /// The first bytes that came, where the time was up before the answer was whole.
    pub(super) fn received(self) -> Vec<u8> {
        self.first
    }
}

enum Step {
    /// The state has changed: go on.
    Again,
    /// More bytes are needed.
    Wait,
}

/// Why bytes cannot be the beginning of an HTTP/1 answer; `None` while they still can.
fn not_http(bytes: &[u8]) -> Option<String> {
    let begins = |beginning: &[u8]| {
        let length = beginning.len().min(bytes.len());
        beginning[..length] == bytes[..length]
    };
    if begins(b"HTTP/1.") {
        return None;
    }
    Some(match bytes {
        [0x15 | 0x16, 0x03, ..] => "it is a TLS record, and requests come without TLS".to_owned(),
        _ if begins(b"HTTP/") => "its version is not HTTP/1.0 or HTTP/1.1".to_owned(),
        // A frame of SETTINGS: three bytes of length, type 4, on stream 0.
        [0, 0, _, 4, _, 0, 0, 0, 0, ..] => "it is HTTP/2".to_owned(),
        _ => "it does not begin with a status line".to_owned(),
    })
}

/// Where a head ends: behind its empty line.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == b'\n') {
        let next = from + at + 1;
        match &bytes[next..] {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => from = next,
        }
    }
    None
}

fn parse_head(head: &[u8]) -> Result<Answer, String> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    match response.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Err("its head is not whole".to_owned()),
        Err(error) => return Err(told(error).to_owned()),
    }
    let headers = response
        .headers
        .iter()
        .map(|field| (field.name.to_owned(), field.value.to_vec()))
        .collect();
    let mut faults = Vec::new();
    if head.split_inclusive(|byte| *byte == b'\n').any(|line| !line.ends_with(b"\r\n")) {
        faults.push(WireFault::BareLineFeed);
    }
    let status = response.code.filter(|code| (100..=599).contains(code));
    let status = status.ok_or("its status is not between 100 and 599")?;
    Ok(Answer { status, headers, body: Vec::new(), faults })
}

fn told(error: httparse::Error) -> &'static str {
    match error {
        httparse::Error::HeaderName => "the name of a header field is malformed",
        httparse::Error::HeaderValue => "the value of a header field has bytes that it must not",
        httparse::Error::NewLine => "a line of its head ends in CR alone",
        httparse::Error::Status => "its status line is malformed",
        httparse::Error::TooManyHeaders => "it has more than 256 header fields",
        httparse::Error::Version => "its version is not HTTP/1.0 or HTTP/1.1",
        httparse::Error::Token => "its head has bytes that it must not",
    }
}

/// How the end of an answer's body is told, by RFC 9112, section 6.3.
fn framing(answer: &mut Answer, head_only: bool) -> Result<Framing, String> {
    let chunked = answer.header("transfer-encoding").last().map(|value| {
        let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
        last.trim_ascii().eq_ignore_ascii_case(b"chunked")
    });
    let length = length(answer)?;
    if chunked.is_some() && length.is_some() {
        answer.faults.push(WireFault::LengthAndChunked);
    }
    if head_only || matches!(answer.status, 101 | 204 | 304) {
        return Ok(Framing::None);
    }
    Ok(match (chunked, length) {
        (Some(true), _) => Framing::Chunked(Chunked::default()),
        (Some(false), _) | (None, None) => Framing::UntilClose,
        (None, Some(length)) => Framing::Length(length),
    })
}

/// The length that all fields and all items in them agree on.
fn length(answer: &Answer) -> Result<Option<u64>, String> {
    let mut length = None;
    let fields = answer.header("content-length");
    for item in fields.flat_map(|value| value.split(|byte| *byte == b',')) {
        let item = item.trim_ascii();
        let digits = !item.is_empty() && item.iter().all(u8::is_ascii_digit);
        let text = std::str::from_utf8(item).ok().filter(|_| digits);
        let value: u64 = text
            .and_then(|text| text.parse().ok())
            .ok_or("its Content-Length is no number of bytes")?;
        if length.is_some_and(|known| known != value) {
            return Err("it has several lengths that differ".to_owned());
        }
        length = Some(value);
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8], step: usize) -> String {
        let mut reading = Reading::new("GET", 64);
        for piece in bytes.chunks(step) {
            if reading.feed(piece) == Need::Nothing && !reading.is_whole() {
                break;
            }
        }
        match reading.ended(End::Closed) {
            Outcome::NotHttp { why, .. } => why,
            other => format!("{other:?}"),
        }
    }

    proptest! {
        /// Where reads end never matters, and no bytes make it panic.
        #[test]
        fn the_same_whole_or_in_pieces(
            head in "HTTP/1[.]1 (20[04]|100|[0-9]{3}|x) ?[a-z]*\r?\n(((?i:content-length): [0-9]{1,2}|(?i:transfer-encoding): chunked|A: b|c)\r?\n){0,3}\r?\n",
            body in "([0-9a-f]{1,2}\r?\n|[a-z]{0,12}|\r\n|0\r\n\r\n){0,6}",
            step in 1_usize..9,
        ) {
            let bytes = [head.as_bytes(), body.as_bytes()].concat();
            prop_assert_eq!(read(&bytes, bytes.len()), read(&bytes, step));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
            read(&bytes, 3);
            read(&[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", bytes.as_slice()].concat(), 7);
        }
    }
}
