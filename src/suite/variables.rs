//! Variables: `${name}` in any text of a case.
//!
//! What is known before the run is put in before the case is read, so that a text that is one
//! variable whole may become a number or a list. What is captured, and what is each
//! invocation's own, is put in when the case is asked.

use super::cursor::{Cursor, advice};
use super::node::Node;
use super::shape::{ANY, Entries, Key, Shape, Table, VARIABLE};

/// `vars:` of a suite.
pub(super) const VARS: Entries = Entries {
    keys: &VARIABLE,
    value: Shape::Either(&[
        Shape::Scalar,
        Shape::Null,
        Shape::List(&Shape::Json),
        Shape::Map(&VAR),
    ]),
};

/// One variable as a map.
pub(super) const VAR: Table = Table {
    of: "a variable",
    name: "variable",
    keys: &[
        Key::new("value", "its value", Shape::Json),
        Key::new("env", "the variable of the environment that has its value", Shape::Form(&ANY)),
        Key::new("text", "a text that is repeated", Shape::Scalar),
        Key::new("times", "how often `text` is repeated", Shape::Whole(1, MOST_TIMES)),
        Key::new("default", "its value where the environment has none", Shape::Json),
        Key::new("secret", "true: its value is shown nowhere", Shape::Switch),
    ],
    needs: &[],
    one_of: &["value", "env", "text"],
};

/// How often a text may be repeated.
const MOST_TIMES: u64 = 1 << 20;
/// How large a text may become by that.
const LARGEST: usize = 8 << 20;

/// The text that `text:` and `times:` make; where it becomes too large, that is told.
pub(super) fn repeated(text: &Cursor<'_>, times: Option<&Cursor<'_>>) -> Option<Node> {
    let once = text.scalar()?;
    let count = times.map_or(Some(1), Cursor::whole_number)?;
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if once.len().saturating_mul(count) > LARGEST {
        text.wrong(format!("this becomes a text of more than {LARGEST} bytes"), None);
        return None;
    }
    Some(Node::Text(once.repeat(count)))
}

/// What is each invocation's own, and known when it is made.
pub(super) const OWN: [(&str, &str); 2] = [
    ("request-id", "the id of this invocation's request, as in `X-Scf-Request-Id`"),
    ("n", "which of the repeated invocations this is, from 1"),
];

/// What the names in a case stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    /// What is known before the run; of several of one name the last counts.
    pub(super) known: Vec<(String, Node)>,
    /// What is known only while the suite runs.
    pub(super) late: Vec<String>,
}

/// A case's tree with what is known put in.
pub(super) struct Filled {
    pub(super) node: Node,
    /// The names that are left.
    pub(super) late: Vec<String>,
}

/// What a text is made of.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    Name(&'t str),
    /// `$${`, which is `${` in the end.
    Escaped,
    /// `${` that does not end.
    Open,
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            pieces.push(Piece::Text(&rest[..at - 1]));
            pieces.push(Piece::Escaped);
            rest = &rest[at + 2..];
            continue;
        }
        pieces.push(Piece::Text(&rest[..at]));
        if let Some((name, after)) = rest[at + 2..].split_once('}') {
            pieces.push(Piece::Name(name.trim()));
            rest = after;
        } else {
            pieces.push(Piece::Open);
            rest = "";
        }
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

/// A text without its variables, each replaced by something.
pub(super) fn without(text: &str, by: &str) -> String {
    let piece = |piece| match piece {
        Piece::Text(text) => text,
        Piece::Name(_) => by,
        Piece::Escaped | Piece::Open => "${",
    };
    pieces(text).into_iter().map(piece).collect()
}

/// Puts in what is known. A name that is nothing is told.
pub(super) fn fill(cursor: &Cursor<'_>, scope: &Scope) -> Filled {
    let mut late = Vec::new();
    let node = filled(cursor, scope, &mut late);
    let node = if late.is_empty() { unescaped(node) } else { node };
    Filled { node, late }
}

fn filled(cursor: &Cursor<'_>, scope: &Scope, late: &mut Vec<String>) -> Node {
    match cursor.node {
        Node::Text(text) if text.contains("${") => text_filled(cursor, text, scope, late),
        Node::List(_) => {
            let items = cursor.one_or_many();
            Node::List(items.iter().map(|item| filled(item, scope, late)).collect())
        }
        Node::Map(entries) => {
            let children = cursor.children();
            let keys = entries.iter().map(|(key, _)| key.clone());
            let values = children.iter().map(|child| filled(child, scope, late));
            Node::Map(keys.zip(values).collect())
        }
        other => other.clone(),
    }
}

fn text_filled(cursor: &Cursor<'_>, text: &str, scope: &Scope, late: &mut Vec<String>) -> Node {
    let pieces = pieces(text);
    let whole = pieces.len() == 1;
    let mut done = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => done.push_str(text),
            Piece::Escaped => done.push_str("$${"),
            Piece::Open => {
                let hint = "write `$${` for the two characters themselves".to_owned();
                cursor.wrong("a `${` in this text has no `}`", Some(hint));
            }
            Piece::Name(name) => match scope.known.iter().rev().find(|(known, _)| known == name) {
                Some((_, value)) if whole => return escaped(value.clone()),
                Some((_, value)) => {
                    if let Some(text) = scalar(value) {
                        done.push_str(&text.replace("${", "$${"));
                    } else {
                        let what = value.what();
                        let message =
                            format!("`{name}` is {what}, which cannot be a part of a text");
                        cursor.wrong(message, None);
                    }
                }
                None if scope.late.iter().any(|known| known == name) => {
                    done.push_str("${");
                    done.push_str(name);
                    done.push('}');
                    late.push(name.to_owned());
                }
                None => unknown(cursor, name, scope),
            },
        }
    }
    Node::Text(done)
}

fn unknown(cursor: &Cursor<'_>, name: &str, scope: &Scope) {
    let names = scope.known.iter().map(|(name, _)| name).chain(&scope.late);
    let names: Vec<&str> = names.map(String::as_str).collect();
    cursor.wrong(
        format!("there is no variable `{name}` here"),
        Some(format!("{} (`$${{` is `${{` itself)", advice(name, &names, "variables"))),
    );
}

/// A scalar as a part of a text.
pub(super) fn scalar(value: &Node) -> Option<String> {
    match value {
        Node::Text(text) => Some(text.clone()),
        Node::Number(number) => Some(number.to_string()),
        Node::Bool(value) => Some(value.to_string()),
        Node::Null => Some(String::new()),
        Node::List(_) | Node::Map(_) => None,
    }
}

fn escaped(node: Node) -> Node {
    each_text(node, &|text| text.replace("${", "$${"))
}

fn unescaped(node: Node) -> Node {
    each_text(node, &|text| text.replace("$${", "${"))
}

fn each_text(node: Node, change: &dyn Fn(&str) -> String) -> Node {
    match node {
        Node::Text(text) if text.contains("${") => Node::Text(change(&text)),
        Node::List(items) => {
            Node::List(items.into_iter().map(|item| each_text(item, change)).collect())
        }
        Node::Map(entries) => Node::Map(
            entries.into_iter().map(|(key, value)| (key, each_text(value, change))).collect(),
        ),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::super::cursor::Reader;
    use super::*;

    fn told(text: &str) -> String {
        let scope = Scope {
            known: vec![
                ("a".to_owned(), Node::Text("${x}".to_owned())),
                ("n".to_owned(), Node::Number(7.into())),
                ("l".to_owned(), Node::List(vec![Node::Null])),
            ],
            late: vec!["id".to_owned()],
        };
        let (node, reader) = (Node::Text(text.to_owned()), Reader::bare());
        let Filled { node, late } = fill(&Cursor::new(&node, &reader), &scope);
        let problems = reader.complaints();
        if !problems.is_empty() {
            return problems.into_problems("", text).list()[0].message.clone();
        }
        format!("{} {late:?}", node.to_json())
    }

    #[test]
    fn texts_are_filled() {
        for (text, expected) in [
            ("plain $x {y}", "\"plain $x {y}\" []"),
            ("${n}", "7 []"),
            ("<${n}> $${n}", "\"<7> ${n}\" []"),
            ("${a}", "\"${x}\" []"),
            ("-${a}-${ n }", "\"-${x}-7\" []"),
            ("${l}", "[null] []"),
            ("x${l}", "`l` is a list, which cannot be a part of a text"),
            ("${id} $${n} ${a}", "\"${id} $${n} $${x}\" [\"id\"]"),
            ("${idd}", "there is no variable `idd` here"),
            ("${id", "a `${` in this text has no `}`"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
        assert_eq!(without("${a}/b/${c}", "/"), "//b//");
    }
}
