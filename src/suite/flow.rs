//! How a case is asked: how often, how many at once, after what, and what is kept of it.

use std::time::Duration;

use super::amount;
use super::capture::{self, Capture};
use super::cursor::{Cursor, Fields, words};
use super::invocation::{self, Invocation};
use super::shape::{DURATION, Key, Shape, Table};

/// How a case is asked.
#[derive(Debug, Clone)]
pub struct Flow {
    /// How often, one after another; each has to keep what is expected.
    pub repeat: u32,
    /// How many at once.
    pub concurrency: AtOnce,
    /// How often it may be asked again where it fails.
    pub retries: u32,
    /// How long after a failure it is asked again.
    pub every: Duration,
    /// How long it waits before it is asked.
    pub delay: Duration,
    /// Whether it gets an instance of its own, freshly started.
    pub instance: OnInstance,
    /// Why it is not asked.
    pub skip: Option<String>,
    /// What the client does besides.
    pub client: Client,
    /// What is sent before, whatever comes of it.
    pub before: Option<Invocation>,
    /// What is kept of the answer, for the cases after it.
    pub captures: Vec<Capture>,
    /// Whether it makes ready for the others, and is always asked.
    pub role: Role,
}

/// How many invocations are made at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtOnce {
    /// So many.
    Number(u32),
    /// As many as the function takes; where that is one, the case is not asked.
    AsConfigured,
}

impl AtOnce {
    /// How many that are, for a function that takes so many.
    #[must_use]
    pub fn number(self, configured: u32) -> u32 {
        match self {
            AtOnce::Number(number) => number,
            AtOnce::AsConfigured => configured,
        }
    }
}

/// On which instance a case is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnInstance {
    /// On the suite's.
    #[default]
    Shared,
    /// On one of its own, freshly started.
    Cold,
}

/// What the client does besides sending the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Client {
    /// Nothing.
    #[default]
    Plain,
    /// It gives up another such request before, half sent.
    HangsUp,
    /// It sends the request in many small pieces.
    Slow,
}

/// What a case is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Role {
    /// It checks.
    #[default]
    Check,
    /// It makes ready for the others.
    Setup,
}

impl Default for Flow {
    fn default() -> Flow {
        Flow {
            repeat: 1,
            concurrency: AtOnce::Number(1),
            retries: 0,
            every: Duration::ZERO,
            delay: Duration::ZERO,
            instance: OnInstance::default(),
            skip: None,
            client: Client::default(),
            before: None,
            captures: Vec::new(),
            role: Role::default(),
        }
    }
}

const MOST: u64 = 10_000;
const MOST_AT_ONCE: u64 = 256;
/// Between two attempts, where nothing else is said.
const EVERY: Duration = Duration::from_millis(200);

const NUMBER_AT_ONCE: Shape = Shape::Whole(1, MOST_AT_ONCE);
const AT_ONCE: &[(&str, AtOnce)] = &[("function", AtOnce::AsConfigured)];

/// The keys of a case that say how it is asked.
pub(super) const REPEAT: Key = Key::new(
    "repeat",
    "how often it is asked, one after another; each answer is judged",
    Shape::Whole(1, MOST),
);
pub(super) const CONCURRENCY: Key = Key::new(
    "concurrency",
    "how many times it is asked at once, each answer being judged; function: as many as \
     --concurrency says, and not at all where that is 1",
    Shape::Either(&[NUMBER_AT_ONCE, Shape::Word("a number or `function`", || words(AT_ONCE))]),
);
pub(super) const RETRY: Key = Key::new(
    "retry",
    "how often it may be asked again until it holds: a number, or a map",
    Shape::Either(&[Shape::Whole(1, 1000), Shape::Map(&RETRIES)]),
);
pub(super) const DELAY: Key =
    Key::new("delay", "how long to wait before it is asked", Shape::Form(&DURATION));
pub(super) const COLD: Key =
    Key::new("cold", "true: it gets an instance of its own, freshly started", Shape::Switch);
pub(super) const SKIP: Key =
    Key::new("skip", "why it is not asked; it is reported as skipped", Shape::Text);
pub(super) const CLIENT: Key = Key::new(
    "client",
    "hangs-up: another such request is given up half sent, before; slow: it is sent in many pieces",
    Shape::Word("a way of clients", || words(CLIENTS)),
);
pub(super) const BEFORE: Key = Key::new(
    "before",
    "an invocation that is made before this one, whatever comes of it",
    Shape::Map(&BEFORE_IT),
);
pub(super) const RETRIES: Table = Table {
    of: "`retry:`",
    name: "retry",
    keys: &[
        Key::new("times", "how often it may be asked again", Shape::Whole(1, 1000)),
        Key::new("every", "how long after a failure; 200ms where left out", Shape::Form(&DURATION)),
    ],
    needs: &["times"],
    one_of: &[],
};

const BEFORE_IT: Table = Table {
    of: "`before:`",
    name: "before",
    keys: &[invocation::EVENT_KEY, invocation::HTTP_KEY],
    needs: &[],
    one_of: &["event", "http"],
};

const CLIENTS: &[(&str, Client)] = &[("hangs-up", Client::HangsUp), ("slow", Client::Slow)];

/// Reads the keys of a case that say how it is asked.
pub(super) fn parse(fields: &Fields<'_>) -> Flow {
    let number = |key: &Key| {
        let value = fields.take(key.name)?;
        within(&value, &key.shape)
    };
    let (retries, every) = retries(fields).unwrap_or_default();
    let cold = fields.take(COLD.name).and_then(|cold| cold.boolean());
    let delay = fields.take(DELAY.name).and_then(|delay| amount::duration(&delay));
    let client = fields.take(CLIENT.name);
    let captures = fields.take(capture::CAPTURE.name);
    let flow = Flow {
        repeat: number(&REPEAT).unwrap_or(1),
        concurrency: at_once(fields).unwrap_or(AtOnce::Number(1)),
        retries,
        every,
        delay: delay.unwrap_or_default(),
        instance: if cold == Some(true) { OnInstance::Cold } else { OnInstance::Shared },
        skip: fields.take(SKIP.name).and_then(|skip| skip.text()).map(str::to_owned),
        client: client
            .and_then(|client| client.word("way of clients", CLIENTS))
            .unwrap_or_default(),
        before: fields.take(BEFORE.name).and_then(|before| invocation_before(&before)),
        captures: captures.map(|captures| capture::captures(&captures)).unwrap_or_default(),
        role: Role::Check,
    };
    let at_once = flow.concurrency != AtOnce::Number(1);
    let many = flow.repeat > 1 || at_once;
    if let (true, Some(capture)) = (many, fields.take(capture::CAPTURE.name)) {
        capture.wrong_key("nothing can be captured of several answers", None);
    }
    if let (Some(repeat), true) = (fields.take(REPEAT.name), at_once) {
        let hint = "write `concurrency:` alone, for so many at once".to_owned();
        repeat.wrong_key("`repeat:` and `concurrency:` exclude each other", Some(hint));
    }
    flow
}

fn at_once(fields: &Fields<'_>) -> Option<AtOnce> {
    let value = fields.take(CONCURRENCY.name)?;
    match value.node {
        super::node::Node::Text(_) => value.word("number of invocations", AT_ONCE),
        _ => within(&value, &NUMBER_AT_ONCE).map(AtOnce::Number),
    }
}

fn invocation_before(cursor: &Cursor<'_>) -> Option<Invocation> {
    match cursor.fields(&BEFORE_IT)?.one_of(BEFORE_IT.one_of)? {
        ("http", value) => invocation::http(&value),
        (_, value) => invocation::event(&value),
    }
}

/// A whole number inside of what its key takes.
pub(super) fn within(cursor: &Cursor<'_>, shape: &Shape) -> Option<u32> {
    let number = cursor.whole_number()?;
    let (least, most) = match shape {
        Shape::Whole(least, most) => (*least, *most),
        _ => (0, u64::from(u32::MAX)),
    };
    if !(least..=most).contains(&number) {
        cursor.wrong(format!("{number} is outside of {least} to {most}"), None);
        return None;
    }
    u32::try_from(number).ok()
}

fn retries(fields: &Fields<'_>) -> Option<(u32, Duration)> {
    let retry = fields.take(RETRY.name)?;
    let super::node::Node::Map(_) = retry.node else {
        return Some((within(&retry, &Shape::Whole(1, 1000))?, EVERY));
    };
    let fields = retry.fields(&RETRIES)?;
    let every = fields.take("every").map_or(Some(EVERY), |every| amount::duration(&every))?;
    Some((within(&fields.take("times")?, &Shape::Whole(1, 1000))?, every))
}

impl Flow {
    /// How it is asked, a line each where it is not the usual way.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        if let Some(why) = &self.skip {
            told.push(format!("skipped: {why}"));
        }
        if self.repeat > 1 {
            told.push(format!("{} times, one after another", self.repeat));
        }
        match self.concurrency {
            AtOnce::Number(1) => {}
            AtOnce::Number(number) => told.push(format!("{number} at once")),
            AtOnce::AsConfigured => told.push("as many at once as --concurrency says".to_owned()),
        }
        if self.retries > 0 {
            let every = crate::units::duration(self.every);
            told.push(format!("again up to {} times, {every} after a failure", self.retries));
        }
        if !self.delay.is_zero() {
            told.push(format!("after {}", crate::units::duration(self.delay)));
        }
        if self.instance == OnInstance::Cold {
            told.push("on an instance of its own".to_owned());
        }
        match self.client {
            Client::Plain => {}
            Client::HangsUp => told.push("after another one that is given up half sent".to_owned()),
            Client::Slow => told.push("in many pieces".to_owned()),
        }
        if let Some(before) = &self.before {
            told.push(format!("after {}", before.told()));
        }
        for Capture { name, .. } in &self.captures {
            told.push(format!("keeps `{name}` of the answer"));
        }
        told
    }
}

/// Whether a text can be a variable's name.
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
