//! What the language is made of: tables of keys, and the shape of each key's value.
//!
//! The reader, the schema for editors and the reference page all go by these tables; nothing
//! else says which keys there are.

use super::node::Node;

/// A key of a map in the language, with its line in the reference.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What it is for, as a sentence without a full stop.
    pub about: &'static str,
    /// What its value is.
    pub shape: Shape,
}

/// A map whose keys are known words.
#[derive(Debug)]
pub struct Table {
    /// What the map is, in messages: `` `http:` `` or `a case`.
    pub of: &'static str,
    /// Its name in the schema and in the reference.
    pub name: &'static str,
    /// The keys, in the order of the reference.
    pub keys: &'static [Key],
    /// Those that have to be there.
    pub needs: &'static [&'static str],
    /// Those of which exactly one has to be there; none where empty.
    pub one_of: &'static [&'static str],
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Any text.
    Text,
    /// A text; numbers and truth values are taken as one.
    Scalar,
    /// True or false.
    Switch,
    /// A whole number between two.
    Whole(u64, u64),
    /// One of some words: what they are, and which there are.
    Word(&'static str, fn() -> Vec<&'static str>),
    /// A text, or a number, that says something in a form of its own.
    Form(&'static Form),
    /// Any value at all.
    Json,
    /// A JSON Schema.
    Schema,
    /// Nothing.
    Null,
    /// A map with known keys.
    Map(&'static Table),
    /// A map with keys of a form.
    Entries(&'static Entries),
    /// A list of at least one.
    List(&'static Shape),
    /// One, or a list of at least one.
    Many(&'static Shape),
    /// One of several shapes.
    Either(&'static [Shape]),
}

/// A form of text, such as that of durations.
#[derive(Debug)]
pub struct Form {
    /// What it is: `a duration`.
    pub what: &'static str,
    /// A pattern that every such text matches, in the dialect that editors share.
    pub pattern: &'static str,
    /// The numbers that may stand for it.
    pub numbers: Option<(u64, u64)>,
    /// Texts of this form, for the reference and the tests; the first is the usual one.
    pub examples: &'static [&'static str],
    /// Texts that the pattern refuses, and the reader too.
    pub counterexamples: &'static [&'static str],
}

/// A map whose keys are a user's own.
#[derive(Debug)]
pub struct Entries {
    /// What the keys are.
    pub keys: &'static Form,
    /// What each value is.
    pub value: Shape,
}

impl Key {
    pub(super) const fn new(name: &'static str, about: &'static str, shape: Shape) -> Key {
        Key { name, about, shape }
    }
}

impl Table {
    /// The names of the keys.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }
}

impl Shape {
    /// Whether a value is of the right kind. What it says is for its reader to judge.
    pub(super) fn admits(&self, node: &Node) -> bool {
        match self {
            Shape::Text | Shape::Word(..) => matches!(node, Node::Text(_)),
            Shape::Scalar => matches!(node, Node::Text(_) | Node::Number(_) | Node::Bool(_)),
            Shape::Switch => matches!(node, Node::Bool(_)),
            Shape::Whole(..) => matches!(node, Node::Number(_)),
            Shape::Form(form) => match node {
                Node::Text(_) => true,
                Node::Number(_) => form.numbers.is_some(),
                _ => false,
            },
            Shape::Json => true,
            Shape::Schema => matches!(node, Node::Map(_) | Node::Bool(_)),
            Shape::Null => matches!(node, Node::Null),
            Shape::Map(_) | Shape::Entries(_) => matches!(node, Node::Map(_)),
            Shape::List(_) => matches!(node, Node::List(_)),
            Shape::Many(shape) => matches!(node, Node::List(_)) || shape.admits(node),
            Shape::Either(shapes) => shapes.iter().any(|shape| shape.admits(node)),
        }
    }

    /// What is wanted, in a message: `a text or a map`.
    #[must_use]
    pub fn wanted(&self) -> String {
        match self {
            Shape::Text | Shape::Scalar => "a text".to_owned(),
            Shape::Switch => "true or false".to_owned(),
            Shape::Whole(..) => "a whole number".to_owned(),
            Shape::Word(what, _) => (*what).to_owned(),
            Shape::Form(form) => form.what.to_owned(),
            Shape::Json => "a value".to_owned(),
            Shape::Schema => "a JSON Schema".to_owned(),
            Shape::Null => "nothing".to_owned(),
            Shape::Map(_) | Shape::Entries(_) => "a map".to_owned(),
            Shape::List(_) => "a list".to_owned(),
            Shape::Many(shape) => format!("{}, or a list", shape.wanted()),
            Shape::Either(shapes) => {
                let mut told: Vec<String> = Vec::new();
                for shape in shapes.iter().filter(|shape| !matches!(shape, Shape::Null)) {
                    let wanted = shape.wanted();
                    if !told.contains(&wanted) {
                        told.push(wanted);
                    }
                }
                told.join(" or ")
            }
        }
    }
}

/// `250ms`, `1.5s`, `2min`.
pub(super) const DURATION: Form = Form {
    what: "a duration",
    pattern: "^[0-9.]+ *(ms|s|min)$",
    numbers: None,
    examples: &["250ms", "1.5 s", "2min"],
    counterexamples: &["1h", "soon", "-1s"],
};

/// `6 MB`, `128 KB`, 17.
pub(super) const SIZE: Form = Form {
    what: "a size",
    pattern: "^[0-9.]+ *(B|KB|KiB|MB|MiB)$",
    numbers: Some((0, u64::MAX)),
    examples: &["6 MB", "128KB", "17 B"],
    counterexamples: &["6 PB", "large"],
};

/// `$.a[0]`.
pub(super) const JSON_PATH: Form = Form {
    what: "a JSONPath",
    pattern: r"^\$",
    numbers: None,
    examples: &["$.orders[0].id", "$.orders[?@.total > 10]"],
    counterexamples: &["orders[0]"],
};

/// A pattern of the crate `regex`.
pub(super) const PATTERN: Form = Form {
    what: "a pattern",
    // Look-around and back-references are what editors' patterns have and ours have not.
    pattern: r"^([^(\\]|\\[^1-9]|\((?!\?<?[=!]))*$",
    numbers: None,
    examples: &["^[a-z]+-[0-9]{4}$"],
    counterexamples: &["a(?=b)"],
};

/// The name of a header.
pub(super) const HEADER_NAME: Form = Form {
    what: "a header's name",
    pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
    numbers: None,
    examples: &["Content-Type"],
    counterexamples: &["a b", "a:"],
};

/// The name of a variable.
pub(super) const VARIABLE: Form = Form {
    what: "a variable's name",
    pattern: "^[A-Za-z_][A-Za-z0-9_-]*$",
    numbers: None,
    examples: &["order_id"],
    counterexamples: &["1st", "a b"],
};

/// Anything.
pub(super) const ANY: Form =
    Form { what: "a text", pattern: "", numbers: None, examples: &["x"], counterexamples: &[] };

/// A file beside the suite.
pub(super) const FILE: Shape = Shape::Text;
