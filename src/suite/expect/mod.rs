//! The keys below `expect:`, one file each.

mod body;
mod duration;
mod headers;
mod status;
mod text;
mod wire;

pub(super) use wire::told;

use std::fmt;

use super::cursor::{Cursor, advice};
use crate::evidence::{Answer, Exchange};

/// A key below `expect:`.
pub struct Kind {
    /// As it is written.
    pub key: &'static str,
    /// What it looks at, as a sentence without a full stop.
    pub about: &'static str,
    /// An example of its value, in YAML.
    pub example: &'static str,
    /// Reads its value; what is wrong in it is told to the cursor.
    parse: fn(&Cursor<'_>) -> Option<Box<dyn Judge>>,
}

/// Every key there is, in the order of the reference.
pub const KINDS: &[&Kind] =
    &[&status::KIND, &headers::KIND, &body::KIND, &duration::KIND, &wire::KIND];

/// What is wanted of an answer, by one key.
pub struct Expectation {
    /// The key.
    pub kind: &'static Kind,
    judge: Box<dyn Judge>,
}

/// What one expectation found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The key below `expect:`.
    pub key: &'static str,
    /// Whether the expectation was met.
    pub kept: Kept,
    /// One line: what was there, and where it was broken, what was wanted.
    pub message: String,
}

/// Whether an expectation was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It was.
    Yes,
    /// It was not.
    No,
}

/// Judges answers by what was read from a suite.
trait Judge: fmt::Debug + Send + Sync {
    /// Appends a judgement for each thing that is wanted.
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings);

    /// What is wanted, in a few words.
    fn summary(&self) -> String;
}

/// What an expectation may look at.
struct Seen<'a> {
    exchange: &'a Exchange,
    answer: &'a Answer,
    /// The answer's body as its sender meant it: without its content coding.
    body: &'a [u8],
}

/// Takes the judgements of one expectation.
struct Findings {
    key: &'static str,
    list: Vec<Judgement>,
}

impl Findings {
    fn kept(&mut self, message: impl Into<String>) {
        let message = message.into();
        self.list.push(Judgement { key: self.key, kept: Kept::Yes, message });
    }

    fn broken(&mut self, message: impl Into<String>) {
        let message = message.into();
        self.list.push(Judgement { key: self.key, kept: Kept::No, message });
    }

    fn of(&mut self, kept: bool, message: impl Into<String>) {
        if kept { self.kept(message) } else { self.broken(message) }
    }
}

impl Expectation {
    /// Judges an answer, `body` being its body without content coding.
    #[must_use]
    pub fn judge(&self, exchange: &Exchange, answer: &Answer, body: &[u8]) -> Vec<Judgement> {
        let mut findings = Findings { key: self.kind.key, list: Vec::new() };
        self.judge.judge(&Seen { exchange, answer, body }, &mut findings);
        findings.list
    }

    /// What is wanted, in a few words: `status 2xx`.
    #[must_use]
    pub fn summary(&self) -> String {
        self.judge.summary()
    }
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expectation({})", self.summary())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kind({})", self.key)
    }
}

/// Reads the map below `expect:`.
pub(super) fn parse(cursor: &Cursor<'_>) -> Vec<Expectation> {
    let mut expectations = Vec::new();
    for (key, value) in cursor.entries().unwrap_or_default() {
        let Some(kind) = KINDS.iter().find(|kind| kind.key == key) else {
            let keys: Vec<&str> = KINDS.iter().map(|kind| kind.key).collect();
            let message = format!("`{key}` is no key of `expect:`");
            value.wrong_key(message, Some(advice(key, &keys, "keys")));
            continue;
        };
        if let Some(judge) = (kind.parse)(&value) {
            expectations.push(Expectation { kind, judge });
        }
    }
    expectations
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::node::Node;
    use super::super::problem::Complaints;
    use super::*;
    use crate::evidence::{Outcome, Sent, Timing};

    /// Judges an answer by the value of a key; the broken judgements' messages, a line each,
    /// or the problems of the value.
    pub(super) fn judged(kind: &'static Kind, value: &str, answer: &Answer) -> String {
        let node: Node = serde_yaml::from_str(value).expect("test data is YAML");
        let complaints = RefCell::new(Complaints::default());
        let judge = (kind.parse)(&Cursor::new(&node, &complaints));
        let complaints = complaints.into_inner();
        if !complaints.is_empty() {
            let problems = complaints.into_problems("t", value);
            let told: Vec<&str> =
                problems.list().iter().map(|problem| problem.message.as_str()).collect();
            return format!("problem: {}", told.join("; "));
        }
        let expectation = Expectation { kind, judge: judge.expect("no problem was told") };
        let exchange = Exchange {
            sent: Sent {
                method: "GET".to_owned(),
                target: "/".to_owned(),
                headers: Vec::new(),
                body_bytes: 0,
            },
            outcome: Outcome::Answered(answer.clone()),
            timing: Timing { total: std::time::Duration::from_millis(250), ..Timing::default() },
        };
        let judgements = expectation.judge(&exchange, answer, &answer.body);
        assert!(!judgements.is_empty(), "{value}");
        let broken: Vec<String> = judgements
            .into_iter()
            .filter(|judgement| judgement.kept == Kept::No)
            .map(|judgement| judgement.message)
            .collect();
        if broken.is_empty() { "kept".to_owned() } else { broken.join("; ") }
    }

    /// An answer of text.
    pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let headers =
            headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        Answer { status, headers: headers.collect(), body: body.to_vec(), faults: Vec::new() }
    }

    #[test]
    fn every_example_reads() {
        for kind in KINDS {
            let judged = judged(kind, kind.example, &answer(200, &[], b""));
            assert!(!judged.starts_with("problem"), "{}: {judged}", kind.key);
        }
    }
}
