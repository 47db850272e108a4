//! Walks a document's tree and says what is wrong in it, without stopping at the first.

use std::cell::RefCell;

use super::late::Contents;
use super::locate::{Part, Path};
use super::node::Node;
use super::printable;
use super::problem::Complaints;
use super::shape::{Shape, Table};
use crate::nearest::nearest;

/// A value and the way to it. Whoever finds it wrong tells so here and goes on.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'n> {
    pub(super) node: &'n Node,
    path: Path,
    pub(super) reader: &'n Reader<'n>,
}

/// What all cursors of a file share.
pub(super) struct Reader<'g> {
    complaints: RefCell<Complaints>,
    /// The file as the user named it.
    pub(super) file: &'g str,
    /// Reads what a suite names, by its path beside the suite.
    files: &'g Files<'g>,
    /// What was read so far.
    contents: RefCell<Contents>,
}

/// Reads a file by its path; an error is told in a few words.
pub type Files<'g> = dyn Fn(&str) -> Result<Vec<u8>, String> + 'g;

/// The entries of a map whose keys are known words.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    entries: Vec<(&'n str, Cursor<'n>)>,
}

impl<'n> Cursor<'n> {
    pub(super) fn new(node: &'n Node, reader: &'n Reader<'n>) -> Cursor<'n> {
        Cursor { node, path: Path::new(), reader }
    }

    /// Another value in the place of this one; what is wrong in it is told there.
    pub(super) fn with<'m>(&self, node: &'m Node) -> Cursor<'m>
    where
        'n: 'm,
    {
        Cursor { node, path: self.path.clone(), reader: self.reader }
    }

    /// The bytes of the file that this text names.
    pub(super) fn file(&self) -> Option<Vec<u8>> {
        let name = self.text()?;
        match self.reader.read(name) {
            Ok(bytes) => Some(bytes),
            Err(why) => {
                self.wrong(format!("the file `{name}` cannot be read: {why}"), None);
                None
            }
        }
    }

    fn child(&self, at: usize, node: &'n Node) -> Cursor<'n> {
        let mut path = self.path.clone();
        path.push(at);
        Cursor { node, path, reader: self.reader }
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
        self.reader.complaints.borrow_mut().add(&self.path, part, message, hint);
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

    /// The values of a map, in their order, also those whose keys stand twice.
    pub(super) fn children(&self) -> Vec<Cursor<'n>> {
        match self.node {
            Node::Map(entries) => {
                entries.iter().enumerate().map(|(at, (_, value))| self.child(at, value)).collect()
            }
            _ => Vec::new(),
        }
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

    /// A map's entries. Told is a key that the table does not have, with the nearest one; a
    /// value of the wrong kind; a key that is missing.
    pub(super) fn fields(&self, table: &Table) -> Option<Fields<'n>> {
        let names = table.names();
        let mut meant: Vec<&str> = Vec::new();
        let mut entries = self.entries()?;
        let written: Vec<&str> = entries.iter().map(|(key, _)| *key).collect();
        entries.retain(|(key, value)| {
            if let Some(known) = table.keys.iter().find(|known| known.name == *key) {
                return value.is(&known.shape);
            }
            meant.extend(nearest(key, names.iter().copied()));
            let message = format!("`{key}` is no key of {}", table.of);
            value.wrong_key(message, Some(advice(key, &names, "keys")));
            false
        });
        for key in table.needs.iter().filter(|key| !written.contains(key) && !meant.contains(key)) {
            self.wrong(format!("{} needs `{key}:`", table.of), None);
        }
        self.needs_one(table, &written, &meant);
        Some(Fields { entries })
    }

    fn needs_one(&self, table: &Table, written: &[&str], meant: &[&str]) {
        let of = table.of;
        let mut found = written.iter().enumerate().filter(|(_, key)| table.one_of.contains(key));
        match (found.next(), found.next()) {
            (Some((_, first)), Some((at, second))) => {
                let message = format!("{of} has `{first}:` already, and takes no `{second}:` too");
                if let Node::Map(entries) = self.node {
                    self.child(at, &entries[at].1).wrong_key(message, None);
                }
            }
            (None, _)
                if !table.one_of.is_empty()
                    && !meant.iter().any(|meant| table.one_of.contains(meant)) =>
            {
                self.wrong(format!("{of} needs one of {}", listed(table.one_of)), None);
            }
            _ => {}
        }
    }

    /// Whether this value is of the kind that is wanted; if not, it is told.
    pub(super) fn is(&self, shape: &Shape) -> bool {
        let admitted = shape.admits(self.node);
        if !admitted {
            let late = matches!(self.node, Node::Text(text) if text.contains("${"));
            let hint = late.then(|| {
                "what is captured is known when the suite runs: it can stand in texts only"
                    .to_owned()
            });
            let (wanted, found) = (shape.wanted(), self.node.what());
            self.wrong(format!("expected {wanted}, found {found}"), hint);
        }
        admitted
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

    /// The one of several keys that is there, where there is one.
    pub(super) fn one_of(&self, keys: &[&'static str]) -> Option<(&'n str, Cursor<'n>)> {
        let found = self.entries.iter().find(|(key, _)| keys.contains(key));
        found.map(|(key, value)| (*key, value.clone()))
    }
}

impl<'g> Reader<'g> {
    pub(super) fn new(file: &'g str, files: &'g Files<'g>) -> Reader<'g> {
        Reader { complaints: RefCell::default(), file, files, contents: RefCell::default() }
    }

    /// One that has no files.
    pub(super) fn bare() -> Reader<'static> {
        Reader::new("", &|_| Err("no files can be read here".to_owned()))
    }

    /// The path of a file that this one names.
    pub(super) fn beside(&self, name: &str) -> String {
        match self.file.rsplit_once('/') {
            Some((folder, _)) if !name.starts_with('/') => format!("{folder}/{name}"),
            _ => name.to_owned(),
        }
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, String> {
        let bytes = (self.files)(&self.beside(name))?;
        self.contents.borrow_mut().push((name.to_owned(), bytes.as_slice().into()));
        Ok(bytes)
    }

    /// What was read so far, by the names in the file.
    pub(super) fn contents(&self) -> Contents {
        self.contents.borrow().clone()
    }

    /// The first thing that was found wrong.
    pub(super) fn first(&self) -> Option<String> {
        self.complaints.borrow().first()
    }

    pub(super) fn complaints(self) -> Complaints {
        self.complaints.into_inner()
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({})", self.file)
    }
}

/// What to write instead: the nearest word, or all of them.
pub(super) fn advice(written: &str, valid: &[&str], what: &str) -> String {
    match nearest(written, valid.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("the {what} are {}", listed(valid)),
    }
}

/// The words of a list of words and values.
pub(super) fn words<T>(pairs: &[(&'static str, T)]) -> Vec<&'static str> {
    pairs.iter().map(|(word, _)| *word).collect()
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
