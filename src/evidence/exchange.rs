//! One invocation: what was sent, and what the wire carried back.

use std::time::Duration;

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request.
    pub sent: Sent,
    /// What came back, or why nothing did.
    pub outcome: Outcome,
    /// When.
    pub timing: Timing,
}

/// The request as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// In order, in their case.
    pub headers: Vec<(String, String)>,
    /// Size of the body in bytes.
    pub body_bytes: u64,
}

/// What became of a request.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// An HTTP answer, whole.
    Answered(Answer),
    /// The time was up before the answer was whole. What had come is kept, bounded.
    TimedOut {
        /// The limit.
        limit: Duration,
        /// The first bytes that had come.
        received: Vec<u8>,
    },
    /// Nothing took the connection.
    Refused,
    /// The connection ended before the answer was whole. What had come is kept, bounded.
    Cut {
        /// The first bytes that had come.
        received: Vec<u8>,
    },
    /// What came is not HTTP.
    NotHttp {
        /// What is wrong with it, in a few words.
        why: String,
        /// The first bytes that came.
        received: Vec<u8>,
    },
    /// The body is larger than we read.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
        /// The answer without its body.
        status: u16,
    },
    /// We could not ask: the fault is ours or the machine's.
    NotAsked {
        /// Why, one line.
        why: String,
    },
}

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// In order, in their case, duplicates kept: from the recorded bytes.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, whole.
    pub body: Vec<u8>,
    /// What a strict reader would object to, though HTTP libraries let it pass.
    pub faults: Vec<WireFault>,
}

/// A deviation from HTTP/1.1 that a lenient reader does not see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireFault {
    /// Lines of the head end in LF alone.
    BareLineFeed,
    /// Both `Content-Length` and `Transfer-Encoding` are there.
    LengthAndChunked,
    /// There are bytes after the body.
    BytesAfterBody(u64),
}

/// When things happened, each from the moment the request was to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// The connection was taken.
    pub connected: Option<Duration>,
    /// The first byte of the answer was there.
    pub first_byte: Option<Duration>,
    /// The answer was whole, or the outcome was known.
    pub total: Duration,
}

impl Answer {
    /// The values of a header, whatever the case of its name.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }
}

impl Exchange {
    /// The answer, where there is a whole one.
    #[must_use]
    pub fn answer(&self) -> Option<&Answer> {
        match &self.outcome {
            Outcome::Answered(answer) => Some(answer),
            _ => None,
        }
    }
}
