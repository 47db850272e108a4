//! What a suite is read with beside its text, and its variables with the values that count.

use super::case::Suite;
use super::cursor::{Cursor, Fields, Files};
use super::node::Node;
use super::variables::{OWN, Scope, VAR, VARS, repeated, scalar};

/// What a suite is read with, beside its text.
#[derive(Clone, Copy)]
pub struct Given<'g> {
    /// Reads the files that it names.
    pub files: &'g Files<'g>,
    /// Values of variables, before those in the suite.
    pub variables: &'g [(String, String)],
    /// The same; they are shown nowhere.
    pub secrets: &'g [(String, String)],
    /// The variables of the environment.
    pub environment: &'g dyn Fn(&str) -> Option<String>,
    /// What is done about variables that have no value.
    pub unset: Unset,
}

/// What is done about variables that have no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unset {
    /// It is told.
    Told,
    /// It is let pass: the suite is only looked at.
    LetPass,
}

/// Reads `vars:`, each with the value that counts.
pub(super) fn variables(
    fields: &Fields<'_>,
    given: &Given<'_>,
    scope: &mut Scope,
    suite: &mut Suite,
) {
    let Some(vars) = fields.take("vars") else { return };
    for (name, cursor) in vars.entries().unwrap_or_default() {
        if !super::flow::is_name(name) {
            let hint = "a letter, then letters, digits, `-` and `_`".to_owned();
            cursor.wrong_key(format!("`{name}` is no name of a variable"), Some(hint));
        }
        if OWN.iter().any(|(own, _)| *own == name) {
            cursor.wrong_key(format!("`{name}` is each invocation's own already"), None);
        }
        if !cursor.is(&VARS.value) {
            continue;
        }
        let said = |list: &[(String, String)]| {
            let found = list.iter().rev().find(|(known, _)| known == name);
            found.map(|(_, text)| typed(text))
        };
        let (value, mut secret) = written(&cursor, given);
        let hidden = said(given.secrets);
        secret |= hidden.is_some();
        let value = hidden.or_else(|| said(given.variables)).or(value);
        suite.variables.push((name.to_owned(), value.as_ref().map(Node::to_json)));
        if let Some(value) = value {
            if secret && let Some(text) = scalar(&value) {
                suite.secrets.add(&text);
            }
            scope.known.push((name.to_owned(), value));
            continue;
        }
        scope.late.push(name.to_owned());
        if given.unset == Unset::Told {
            let hint = format!("give it with --var {name}=VALUE");
            cursor.wrong_key(format!("the variable `{name}` has no value"), Some(hint));
        }
    }
}

/// The value that the suite has for a variable, and whether it is a secret.
fn written(cursor: &Cursor<'_>, given: &Given<'_>) -> (Option<Node>, bool) {
    match cursor.node {
        Node::Null => (None, false),
        Node::Map(_) => {
            let Some(fields) = cursor.fields(&VAR) else { return (None, false) };
            let secret = fields.take("secret").and_then(|secret| secret.boolean()) == Some(true);
            let node = |key| fields.take(key).map(|value| value.node.clone());
            if let (Some(_), Some(default)) = (fields.take("value"), fields.take("default")) {
                default.wrong_key("`default:` is for `env:`, and there is a `value:`", None);
            }
            let text = fields.take("text");
            let times = fields.take("times");
            if let (None, Some(times)) = (&text, &times) {
                times.wrong_key("`times:` repeats a `text:`, and there is none", None);
            }
            if let Some(text) = text {
                return (repeated(&text, times.as_ref()), secret);
            }
            let env = fields.take("env").and_then(|env| (given.environment)(env.text()?));
            (node("value").or(env.map(|text| typed(&text))).or(node("default")), secret)
        }
        other => (Some(other.clone()), false),
    }
}

/// A text from outside, as YAML would read it: `200` is a number.
fn typed(text: &str) -> Node {
    match serde_yaml::from_str::<Node>(text) {
        Ok(node @ (Node::Number(_) | Node::Bool(_))) => node,
        _ => Node::Text(text.to_owned()),
    }
}
