//! Cases that use what is known only while the suite runs: what cases before them captured,
//! and what is each invocation's own.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use super::case::Case;
use super::cursor::{Cursor, Reader};
use super::node::Node;
use super::read;
use super::secrets::Secrets;
use super::variables::{self, OWN, Scope};
use crate::contract::FunctionType;

/// Files that a case names, with their content.
pub(super) type Contents = Vec<(String, Arc<[u8]>)>;

/// What a case is made of when it is asked.
#[derive(Clone)]
pub struct Late {
    pub(super) node: Node,
    /// The names that are missing.
    pub(super) names: Vec<String>,
    pub(super) kind: Option<FunctionType>,
    pub(super) files: Contents,
}

/// What is known while a suite runs.
#[derive(Debug, Clone, Default)]
pub struct Values {
    list: Vec<(String, Value)>,
    /// Those that are shown nowhere.
    pub secrets: Secrets,
}

impl Values {
    /// Gives a name a value; whether it is shown nowhere is told with it.
    pub fn set(&mut self, name: &str, value: Value, secret: bool) {
        if secret {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.secrets.add(&text);
        }
        match self.list.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.list.push((name.to_owned(), value)),
        }
    }
}

impl Case {
    /// The first name that this case uses and that has no value yet: what is to be captured
    /// by a case before it.
    #[must_use]
    pub fn missing(&self, values: &Values) -> Option<&str> {
        let late = self.late.as_ref()?;
        let known = |name: &str| {
            OWN.iter().any(|(own, _)| *own == name)
                || values.list.iter().any(|(known, _)| known == name)
        };
        late.names.iter().map(String::as_str).find(|name| !known(name))
    }

    /// This case with the values in the names' place.
    ///
    /// # Errors
    ///
    /// Where what comes of it is no case: one line.
    pub fn filled(&self, values: &Values) -> Result<Cow<'_, Case>, String> {
        let Some(late) = &self.late else { return Ok(Cow::Borrowed(self)) };
        let known = values.list.iter().map(|(name, value)| (name.clone(), Node::from(value)));
        let scope = Scope { known: known.collect(), late: Vec::new() };
        let files = |name: &str| {
            let found = late.files.iter().find(|(known, _)| known == name);
            found.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| "it was not read".to_owned())
        };
        let reader = Reader::new("", &files);
        let cursor = Cursor::new(&late.node, &reader);
        let filled = variables::fill(&cursor, &scope);
        let case = read::asked(&cursor.with(&filled.node), late.kind);
        if let Some(wrong) = reader.first() {
            return Err(format!("with what was captured, {wrong}"));
        }
        let case = case.ok_or_else(|| "with what was captured, this is no case".to_owned())?;
        Ok(Cow::Owned(Case {
            id: self.id.clone(),
            clause: self.clause.clone(),
            proof: self.proof.clone(),
            place: self.place.clone(),
            name: if case.name.is_empty() { self.name.clone() } else { case.name.clone() },
            late: None,
            ..case
        }))
    }
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Late({})", self.names.join(", "))
    }
}
