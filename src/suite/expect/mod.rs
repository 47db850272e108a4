//! The keys below `expect:`, one file each.

mod body;
mod duration;
mod head;
mod headers;
mod instance;
mod json_schema;
mod log;
mod path;
mod status;
mod text;
mod upgrade;
mod wire;

pub(super) use path::read as read_path;
pub(super) use text::pattern;
pub(super) use wire::told;

use std::fmt;
use std::sync::Arc;

use super::cursor::Cursor;
use super::shape::{Key, Shape, Table};
use crate::evidence::{After, Answer, Exchange};

/// A key below `expect:`.
pub struct Kind {
    /// As it is written.
    pub key: &'static str,
    /// What it looks at, as a sentence without a full stop.
    pub about: &'static str,
    /// An example of its value, in YAML.
    pub example: &'static str,
    /// What its value is.
    shape: Shape,
    /// Reads its value; what is wrong in it is told to the cursor.
    parse: fn(&Cursor<'_>) -> Option<Box<dyn Judge>>,
}

/// Every key there is, in the order of the reference.
pub const KINDS: &[&Kind] = &[
    &status::KIND,
    &headers::KIND,
    &body::KIND,
    &duration::KIND,
    &wire::KIND,
    &head::KIND,
    &log::KIND,
    &instance::KIND,
    &upgrade::KIND,
];

/// `expect:` of a case that is answered.
pub(super) const EXPECT: Table =
    Table { of: "`expect:`", name: "expect", keys: &KEYS, needs: &[], one_of: &[] };

const KEYS: [Key; KINDS.len()] = {
    let mut keys = [KINDS[0].as_key(); KINDS.len()];
    let mut at = 1;
    while at < KINDS.len() {
        keys[at] = KINDS[at].as_key();
        at += 1;
    }
    keys
};

/// What is wanted of an answer, by one key.
#[derive(Clone)]
pub struct Expectation {
    /// The key.
    pub kind: &'static Kind,
    judge: Arc<dyn Judge>,
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

    /// What has to be looked at besides the answer.
    fn looks(&self) -> Look {
        Look::Answer
    }
}

/// What an expectation looks at besides the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Nothing else.
    Answer,
    /// Lines of the log, which may come a moment after the answer.
    Logs,
    /// That something is not in the log, for which a moment has to pass.
    NoLogs,
    /// The instance's memory and processes.
    Instance,
    /// What the instance wrote outside `/tmp`.
    Writes,
    /// The time that the same takes where it is asked alone.
    Alone,
}

/// What an expectation may look at.
struct Seen<'a> {
    exchange: &'a Exchange,
    after: &'a After,
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
    pub fn judge(
        &self,
        exchange: &Exchange,
        after: &After,
        answer: &Answer,
        body: &[u8],
    ) -> Vec<Judgement> {
        let mut findings = Findings { key: self.kind.key, list: Vec::new() };
        self.judge.judge(&Seen { exchange, after, answer, body }, &mut findings);
        findings.list
    }

    /// What is wanted, in a few words: `status 2xx`.
    #[must_use]
    pub fn summary(&self) -> String {
        self.judge.summary()
    }

    /// What has to be looked at besides the answer.
    #[must_use]
    pub fn looks(&self) -> Look {
        self.judge.looks()
    }
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expectation({})", self.summary())
    }
}

impl Kind {
    const fn as_key(&self) -> Key {
        Key::new(self.key, self.about, self.shape)
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
    let Some(fields) = cursor.fields(&EXPECT) else { return expectations };
    for kind in KINDS {
        let Some(value) = fields.take(kind.key) else { continue };
        if let Some(judge) = (kind.parse)(&value) {
            expectations.push(Expectation { kind, judge: judge.into() });
        }
    }
    expectations
}

#[cfg(test)]
mod tests {
    use super::super::cursor::Reader;
    use super::super::node::Node;
    use super::*;
    use crate::evidence::{Outcome, Sent, Timing};

    /// Judges an answer by the value of a key; the broken judgements' messages, a line each,
    /// or the problems of the value.
    pub(super) fn judged(kind: &'static Kind, value: &str, answer: &Answer) -> String {
        judged_after(kind, value, answer, &After::default())
    }

    /// The same, with what was seen of the instance.
    pub(super) fn judged_after(
        kind: &'static Kind,
        value: &str,
        answer: &Answer,
        after: &After,
    ) -> String {
        let node: Node = serde_yaml::from_str(value).expect("test data is YAML");
        let reader = Reader::bare();
        let cursor = Cursor::new(&node, &reader);
        let judge = cursor.is(&kind.shape).then(|| (kind.parse)(&cursor)).flatten();
        let complaints = reader.complaints();
        if !complaints.is_empty() {
            let problems = complaints.into_problems("t", value);
            let told: Vec<&str> =
                problems.list().iter().map(|problem| problem.message.as_str()).collect();
            return format!("problem: {}", told.join("; "));
        }
        let expectation = Expectation { kind, judge: judge.expect("no problem was told").into() };
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
        let judgements = expectation.judge(&exchange, after, answer, &answer.body);
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
