//! Walks a document's tree and says what is wrong in it, without stopping at the first.

use std::cell::RefCell;

use super::locate::{Part, Path};
use super::node::Node;
use super::printable;
use super::problem::Complaints;
use crate::nearest::nearest;

/// A key of a map in the language, with its line in the reference.
#[derive(Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What it is for, as a sentence without a full stop.
    pub about: &'static str,
}

/// A value and the way to it. Whoever finds it wrong tells so here and goes on.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'n> {
    pub(super) node: &'n Node,
    path: Path,
    complaints: &'n RefCell<Complaints>,
}

/// The entries of a map whose keys are known words.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    map: Cursor<'n>,
    entries: Vec<(&'n str, Cursor<'n>)>,
    /// Keys that mistyped ones were probably meant to be: that they are absent is told.
    meant: Vec<&'static str>,
}

impl<'n> Cursor<'n> {
    pub(super) fn new(node: &'n Node, complaints: &'n RefCell<Complaints>) -> Cursor<'n> {
        Cursor { node, path: Path::new(), complaints }
    }

    fn child(&self, at: usize, node: &'n Node) -> Cursor<'n> {
        let mut path = self.path.clone();
        path.push(at);
        Cursor { node, path, complaints: self.complaints }
    }

    /// This value is wrong.
    pub(super) fn wrong(&self, message: impl AsRef<str>, hint: Option<String>) {
        self.complain(Part::Value, message, hint);
    }

    /// The key of this value is wrong.
    pub(super) fn wrong_key(&self, message: impl AsRef<str>, hint: Option<String>) {
        self.complain(Part::Key, message, hint);
    }

    fn complain(&self, part: Part, message: impl AsRef<str>, hint: Option<String>) {
        // What is quoted of the file may hold anything, also what terminals obey.
        let message = printable::text(message.as_ref());
        let hint = hint.map(|hint| printable::text(&hint));
        self.complaints.borrow_mut().add(&self.path, part, message, hint);
    }

    /// This value is of the wrong kind.
    pub(super) fn unlike(&self, wanted: &str) {
        self.wrong(format!("expected {wanted}, found {}", self.node.what()), None);
    }

    /// What was read of this value; where that is nothing, it is of the wrong kind.
    fn or_unlike<T>(&self, read: Option<T>, wanted: &str) -> Option<T> {
        if read.is_none() {
            self.unlike(wanted);
        }
        read
    }

    pub(super) fn text(&self) -> Option<&'n str> {
        let text = match self.node {
            Node::Text(text) => Some(text.as_str()),
            _ => None,
        };
        self.or_unlike(text, "a text")
    }

    /// A text, or a scalar that is meant as one: header values are often numbers.
    pub(super) fn scalar(&self) -> Option<String> {
        let text = match self.node {
            Node::Text(text) => Some(text.clone()),
            Node::Number(number) => Some(number.to_string()),
            Node::Bool(value) => Some(value.to_string()),
            _ => None,
        };
        self.or_unlike(text, "a text")
    }

    pub(super) fn boolean(&self) -> Option<bool> {
        let value = match self.node {
            Node::Bool(value) => Some(*value),
            _ => None,
        };
        self.or_unlike(value, "true or false")
    }

    pub(super) fn whole_number(&self) -> Option<u64> {
        match self.node {
            Node::Number(number) if number.as_u64().is_some() => number.as_u64(),
            Node::Number(number) => {
                self.wrong(format!("expected a whole number from 0, found {number}"), None);
                None
            }
            _ => {
                self.unlike("a whole number");
                None
            }
        }
    }

    /// A list's items, or the one value that stands in its place.
    pub(super) fn one_or_many(&self) -> Vec<Cursor<'n>> {
        match self.node {
            Node::List(items) => {
                items.iter().enumerate().map(|(at, item)| self.child(at, item)).collect()
            }
            _ => vec![self.clone()],
        }
    }

    pub(super) fn list(&self) -> Option<Vec<Cursor<'n>>> {
        let items = matches!(self.node, Node::List(_)).then(|| self.one_or_many());
        self.or_unlike(items, "a list")
    }

    /// A map's entries, whatever their keys; a key that stands twice is told.
    pub(super) fn entries(&self) -> Option<Vec<(&'n str, Cursor<'n>)>> {
        let Node::Map(entries) = self.node else {
            self.unlike("a map");
            return None;
        };
        let mut found: Vec<(&str, Cursor<'_>)> = Vec::new();
        for (at, (key, value)) in entries.iter().enumerate() {
            let child = self.child(at, value);
            if found.iter().any(|(known, _)| known == key) {
                child.wrong_key(format!("`{key}` stands here twice"), None);
            } else {
                found.push((key, child));
            }
        }
        Some(found)
    }

    /// A map's entries; a key that is none of `keys` is told, with the nearest one.
    pub(super) fn fields(&self, of: &str, keys: &[Key]) -> Option<Fields<'n>> {
        let names: Vec<&'static str> = keys.iter().map(|key| key.name).collect();
        let mut meant = Vec::new();
        let mut entries = self.entries()?;
        entries.retain(|(key, value)| {
            let known = names.contains(key);
            if !known {
                meant.extend(nearest(key, names.iter().copied()));
                let message = format!("`{key}` is no key of {of}");
                value.wrong_key(message, Some(advice(key, &names, "keys")));
            }
            known
        });
        Some(Fields { map: self.clone(), entries, meant })
    }

    /// One of some words, by their values.
    pub(super) fn word<T: Copy>(&self, of: &str, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(format!("`{text}` is no {of}"), Some(advice(text, &names, "words")));
        }
        found.map(|(_, value)| *value)
    }

    /// This value as JSON; keys that stand twice are told.
    pub(super) fn json(&self) -> serde_json::Value {
        self.look_for_twins();
        self.node.to_json()
    }

    fn look_for_twins(&self) {
        match self.node {
            Node::Map(_) => {
                for (_, value) in self.entries().unwrap_or_default() {
                    value.look_for_twins();
                }
            }
            Node::List(_) => self.one_or_many().iter().for_each(Cursor::look_for_twins),
            _ => {}
        }
    }
}

impl<'n> Fields<'n> {
    /// The value of a key.
    pub(super) fn take(&self, key: &str) -> Option<Cursor<'n>> {
        self.entries.iter().find(|(known, _)| *known == key).map(|(_, value)| value.clone())
    }

    /// The value of a key that has to be there.
    pub(super) fn need(&self, key: &str, of: &str) -> Option<Cursor<'n>> {
        let value = self.take(key);
        if value.is_none() && !self.meant.contains(&key) {
            self.map.wrong(format!("{of} needs `{key}:`"), None);
        }
        value
    }

    /// The one of several keys that is there; none, or two, is told.
    pub(super) fn one_of(&self, of: &str, keys: &[&'static str]) -> Option<(&'n str, Cursor<'n>)> {
        let mut found = self.entries.iter().filter(|(key, _)| keys.contains(key));
        match (found.next(), found.next()) {
            (Some((key, value)), None) => Some((key, value.clone())),
            (Some((first, _)), Some((second, value))) => {
                let message = format!("{of} has `{first}:` already, and takes no `{second}:` too");
                value.wrong_key(message, None);
                None
            }
            (None, _) if self.meant.iter().any(|meant| keys.contains(meant)) => None,
            (None, _) => {
                self.map.wrong(format!("{of} needs one of {}", listed(keys)), None);
                None
            }
        }
    }
}

/// What to write instead: the nearest word, or all of them.
pub(super) fn advice(written: &str, valid: &[&str], what: &str) -> String {
    match nearest(written, valid.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("the {what} are {}", listed(valid)),
    }
}

/// `` `a`, `b` and `c` ``.
pub(super) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
