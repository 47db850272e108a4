//! What the observer told, and when that was on the clock of this machine.

use std::time::{Duration, Instant};

/// Text that is no message of the observer's, at most.
const LONGEST: usize = 16 << 20;

/// All that was told so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Bytes of a message that is not whole yet.
    rest: Vec<u8>,
    clock: Clock,
    pub(super) watching: bool,
    /// When the first process was seen, waiting for its start; when it became the command.
    pub(super) waiting: Option<u64>,
    pub(super) executed: Option<u64>,
    pub(super) ended: bool,
    /// Sockets in LISTEN, and since when they are so.
    pub(super) table: Vec<u8>,
    table_at: Option<u64>,
    pub(super) tmp: u64,
    pub(super) cpu: Option<Duration>,
    pub(super) memory_peak: Option<u64>,
    pub(super) out_of_memory: Option<u64>,
    /// The answer to the last question: its word, and an error number.
    pub(super) answer: Option<(String, i32)>,
    /// The answer to the last question for traces, in JSON.
    pub(super) traces: Option<String>,
    /// Why nothing more is heard.
    pub(super) lost: Option<String>,
}

/// Two clocks: a moment of the other one is one of ours. The message that took least time on
/// its way ties them, until one is needed; what passes between two messages is the other
/// clock's to say.
#[derive(Debug, Default)]
struct Clock {
    tie: Option<(Instant, u64)>,
    fixed: bool,
}

impl Clock {
    fn hear(&mut self, stamp: u64, now: Instant) {
        let closer = self.tie.is_none_or(|(then, told)| {
            now.duration_since(then) < Duration::from_nanos(stamp.saturating_sub(told))
        });
        if closer && !self.fixed {
            self.tie = Some((now, stamp));
        }
    }

    fn local(&self, stamp: u64) -> Option<Instant> {
        let (then, told) = self.tie?;
        if stamp >= told {
            then.checked_add(Duration::from_nanos(stamp - told))
        } else {
            then.checked_sub(Duration::from_nanos(told - stamp))
        }
    }
}

impl Heard {
    /// Takes the next bytes of the observer's output.
    pub(super) fn take(&mut self, bytes: &[u8], now: Instant) {
        self.rest.extend_from_slice(bytes);
        while let Some(length) = self.message() {
            let message: Vec<u8> = self.rest.drain(..length).collect();
            self.understand(&String::from_utf8_lossy(&message), now);
        }
        if self.rest.len() > LONGEST {
            self.lost = Some("its observer does not end a line".to_owned());
        }
    }

    /// The length of the next message: a line, and those that it announces.
    fn message(&self) -> Option<usize> {
        let mut ends = self.rest.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let (first, _) = ends.next()?;
        let line = String::from_utf8_lossy(&self.rest[..first]);
        let more =
            line.strip_prefix("table ").and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        match more.unwrap_or(0_usize) {
            0 => Some(first + 1),
            more => ends.nth(more - 1).map(|(last, _)| last + 1),
        }
    }

    fn understand(&mut self, message: &str, now: Instant) {
        let (line, rest) = message.split_once('\n').unwrap_or((message, ""));
        let (word, values) = line.split_once(' ').unwrap_or((line, ""));
        let mut numbers = values.split(' ').map(|value| value.parse::<u64>().ok());
        let mut number = || numbers.next().flatten();
        match word {
            "watching" => {
                self.hear(number(), now);
                self.watching = true;
            }
            "waiting" => self.waiting = self.hear(number(), now),
            "executed" => {
                // It is told after it was, and ties nothing.
                self.executed = number();
                self.clock.fixed = true;
            }
            "ended" => self.ended = true,
            "table" => {
                self.table_at = self.hear(number(), now);
                self.table = rest.as_bytes().to_vec();
            }
            "tmp" => self.tmp = number().unwrap_or(self.tmp),
            "used" => {
                self.cpu = self.cpu.max(number().map(Duration::from_nanos));
                self.memory_peak = self.memory_peak.max(number());
                self.out_of_memory = self.out_of_memory.max(number());
            }
            "probed" | "reached" | "listening" => {
                self.answer = Some((word.to_owned(), values.parse().unwrap_or(-1)));
            }
            "traces" => self.traces = Some(values.to_owned()),
            _ => self.lost = Some(format!("its observer says: {line}")),
        }
    }

    fn hear(&mut self, stamp: Option<u64>, now: Instant) -> Option<u64> {
        if let Some(stamp) = stamp {
            self.clock.hear(stamp, now);
        }
        stamp
    }

    /// The exec was at this moment, as far as somebody else knows with the same clock.
    pub(super) fn execute(&mut self, stamp: u64) {
        self.executed = Some(stamp);
        self.clock.fixed = true;
    }

    /// A moment of the observer's clock on ours.
    pub(super) fn local(&self, stamp: u64) -> Option<Instant> {
        self.clock.local(stamp)
    }

    /// Since when the sockets are as they were told last.
    pub(super) fn table_since(&self) -> Option<Instant> {
        self.local(self.table_at?)
    }

    /// Whether anybody listens on a port.
    pub(super) fn listens(&self, port: u16) -> bool {
        let wanted = format!(":{port:04X}");
        let local = |line: &str| line.split_ascii_whitespace().nth(1).map(str::to_owned);
        String::from_utf8_lossy(&self.table)
            .lines()
            .filter_map(local)
            .any(|local| local.ends_with(&wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn now() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "some moment to count from")]
        Instant::now()
    }

    #[test]
    fn what_passes_is_counted_by_the_observer_s_clock() {
        let (mut heard, start) = (Heard::default(), now());
        heard.take(b"watching 5000000000\n", start + SECOND);
        heard.take(b"waiting 6000000000\nexecuted 6000000001\n", start + SECOND * 3);
        // What comes later, whenever that is, is as long after the exec as it was there.
        heard.take(b"table 9000000001 1\n   0: 00000000:2328 x 0A\n", start + SECOND * 60);
        let executed = heard.executed.and_then(|at| heard.local(at)).expect("heard");
        let listens = heard.table_since().expect("heard");
        assert_eq!(listens.duration_since(executed), SECOND * 3);
        // The first message took least time on its way.
        assert_eq!(executed, start + SECOND * 2 + Duration::from_nanos(1));
        assert!(heard.listens(9000) && !heard.listens(9001));
    }

    #[test]
    fn messages_come_in_pieces() {
        let text = b"table 1 2\na b\nc d\nused 7 - 0\nprobed 13\ntmp 4096\ntraces {\"a b\":1}\n\
            table 2 0\nended 9\n";
        for at in 0..text.len() {
            let mut heard = Heard::default();
            heard.take(&text[..at], now());
            heard.take(&text[at..], now());
            assert_eq!((heard.tmp, heard.table.len(), heard.ended), (4096, 0, true));
            assert_eq!(heard.cpu, Some(Duration::from_nanos(7)));
            assert_eq!((heard.memory_peak, heard.out_of_memory), (None, Some(0)));
            assert_eq!(heard.answer, Some(("probed".to_owned(), 13)));
            assert_eq!(heard.traces.as_deref(), Some(r#"{"a b":1}"#));
            assert_eq!(heard.lost, None);
        }
        let mut heard = Heard::default();
        heard.take(b"thread main panicked\n", now());
        assert!(heard.lost.is_some());
    }
}
