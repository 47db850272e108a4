//! What an instance writes, kept within bounds however much it is.

use std::collections::VecDeque;
use std::time::Instant;

use super::canaries::{Canaries, Trail};
use crate::evidence::{LogLine, Logs, Stream};
use crate::plan::Canary;

/// Bytes of the first lines that are kept, and of the last ones.
const KEPT: usize = 64 * 1024;
/// Bytes of one line that are kept.
const LINE: usize = 4 * 1024;
/// What a kept line costs beside its bytes, so that empty lines are bounded too.
const OVERHEAD: usize = 64;

/// Takes the bytes of both streams as they come, and keeps the first and the last lines.
/// Canaries are found in all of them.
#[derive(Debug)]
pub struct LogSink {
    canaries: Canaries,
    streams: [Half; 2],
    head: Vec<Line>,
    head_room: usize,
    tail: VecDeque<Line>,
    tail_used: usize,
    dropped: u64,
    bytes: u64,
    first: Option<Instant>,
}

/// One of the two streams: its unfinished line, and the canaries seen in it.
#[derive(Debug, Default)]
struct Half {
    line: Option<Line>,
    trail: Trail,
}

#[derive(Debug, Clone)]
struct Line {
    at: Instant,
    stream: Stream,
    bytes: Vec<u8>,
}

impl LogSink {
    /// An empty one that looks for these canaries.
    #[must_use]
    pub fn new(canaries: &[Canary]) -> LogSink {
        LogSink {
            canaries: Canaries::new(canaries.iter().map(|canary| canary.value.as_str())),
            streams: Default::default(),
            head: Vec::new(),
            head_room: KEPT,
            tail: VecDeque::new(),
            tail_used: 0,
            dropped: 0,
            bytes: 0,
            first: None,
        }
    }

    /// The next bytes of a stream, and when they were read.
    pub fn take(&mut self, stream: Stream, bytes: &[u8], at: Instant) {
        if bytes.is_empty() {
            return;
        }
        self.first.get_or_insert(at);
        self.bytes += bytes.len() as u64;
        let half = &mut self.streams[place(stream)];
        self.canaries.follow(&mut half.trail, bytes);
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend(stream, &rest[..end], at);
            if let Some(line) = self.streams[place(stream)].line.take() {
                self.keep(line);
            }
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            self.extend(stream, rest, at);
        }
    }

    /// Adds to the unfinished line of a stream.
    fn extend(&mut self, stream: Stream, bytes: &[u8], at: Instant) {
        let half = &mut self.streams[place(stream)];
        let line = half.line.get_or_insert_with(|| Line { at, stream, bytes: Vec::new() });
        let room = LINE - line.bytes.len();
        line.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn keep(&mut self, line: Line) {
        let cost = line.bytes.len() + OVERHEAD;
        if self.tail.is_empty() && cost <= self.head_room {
            self.head_room -= cost;
            self.head.push(line);
            return;
        }
        self.tail_used += cost;
        self.tail.push_back(line);
        while self.tail_used > KEPT {
            let Some(oldest) = self.tail.pop_front() else { break };
            self.tail_used -= oldest.bytes.len() + OVERHEAD;
            self.dropped += 1;
        }
    }

    /// What is kept so far, unfinished lines included; times from `executed`.
    #[must_use]
    pub fn logs(&self, executed: Instant) -> Logs {
        let mut unfinished: Vec<&Line> =
            self.streams.iter().filter_map(|half| half.line.as_ref()).collect();
        unfinished.sort_by_key(|line| line.at);
        let lines = self.head.iter().chain(&self.tail).chain(unfinished);
        Logs {
            lines: lines.map(|line| line.read(executed)).collect(),
            dropped: self.dropped,
            bytes: self.bytes,
        }
    }

    /// When the first byte was read.
    #[must_use]
    pub fn first(&self) -> Option<Instant> {
        self.first
    }

    /// The canaries seen: place in the list, and stream.
    #[must_use]
    pub fn leaked(&self) -> Vec<(usize, Stream)> {
        let seen = |stream: Stream| {
            self.streams[place(stream)].trail.found().map(move |canary| (canary, stream))
        };
        seen(Stream::Stdout).chain(seen(Stream::Stderr)).collect()
    }
}

impl Line {
    fn read(&self, executed: Instant) -> LogLine {
        let bytes = self.bytes.strip_suffix(b"\r").unwrap_or(&self.bytes);
        LogLine {
            at: self.at.saturating_duration_since(executed),
            stream: self.stream,
            text: String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

fn place(stream: Stream) -> usize {
    match stream {
        Stream::Stdout => 0,
        Stream::Stderr => 1,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "lines have times")]

    use super::*;

    fn sink(value: &str) -> LogSink {
        LogSink::new(&[Canary { header: "H".to_owned(), value: value.to_owned() }])
    }

    fn texts(sink: &LogSink) -> Vec<String> {
        sink.logs(Instant::now()).lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn lines_are_put_together_stream_by_stream() {
        let mut sink = sink("x");
        let now = Instant::now();
        sink.take(Stream::Stdout, b"one\ntw", now);
        sink.take(Stream::Stderr, b"err\r\n", now);
        sink.take(Stream::Stdout, b"o\n\nend\xff", now);
        assert_eq!(texts(&sink), ["one", "err", "two", "", "end\u{fffd}"]);
        assert_eq!(sink.logs(now).bytes, 18);
        assert_eq!(sink.first(), Some(now));
    }

    #[test]
    fn first_and_last_lines_stay() {
        let mut sink = sink("x");
        let now = Instant::now();
        for number in 0..100_000 {
            sink.take(Stream::Stdout, format!("line {number}\n").as_bytes(), now);
        }
        let logs = sink.logs(now);
        assert_eq!(logs.lines.first().map(|line| line.text.as_str()), Some("line 0"));
        assert_eq!(logs.lines.last().map(|line| line.text.as_str()), Some("line 99999"));
        assert_eq!(logs.lines.len() as u64 + logs.dropped, 100_000);
        let kept: usize = logs.lines.iter().map(|line| line.text.len() + OVERHEAD).sum();
        assert!(kept <= 2 * KEPT, "{kept} bytes are kept");
    }

    #[test]
    fn a_line_without_end_is_cut_and_searched() {
        let mut sink = sink("secret");
        let now = Instant::now();
        for _ in 0..1000 {
            sink.take(Stream::Stderr, &[b'a'; 1000], now);
        }
        sink.take(Stream::Stderr, b"sec", now);
        sink.take(Stream::Stderr, b"ret", now);
        assert_eq!(texts(&sink).concat().len(), LINE);
        assert_eq!(sink.leaked(), [(0, Stream::Stderr)]);
    }
}
