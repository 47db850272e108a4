//! Finds where a value or a key of a YAML document stands.
//!
//! The reader tells a position only with an error. So the document is read once more, along
//! the path to the value, and refused there: whoever has nothing to complain of never pays.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Where in a document: the place of the item or entry at each level, from 0.
pub(super) type Path = Vec<usize>;

/// Whether the key or the value of the path's last entry is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Key,
    Value,
}

/// Line and column, both from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// The position of what a path leads to; the document's beginning where it leads nowhere.
pub(super) fn position(text: &str, path: &[usize], part: Part) -> Position {
    let walk = Walk { path, part };
    let error = walk.deserialize(serde_yaml::Deserializer::from_str(text)).err();
    error.and_then(|error| of_error(&error)).unwrap_or(Position { line: 1, column: 1 })
}

/// The position that an error of the reader has.
pub(super) fn of_error(error: &serde_yaml::Error) -> Option<Position> {
    let location = error.location()?;
    Some(Position { line: location.line(), column: location.column() })
}

struct Walk<'p> {
    path: &'p [usize],
    part: Part,
}

/// Takes whatever comes, and refuses it.
struct Stop;

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            Stop.deserialize(deserializer)
        } else {
            deserializer.deserialize_any(self)
        }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what the path leads to")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some((&at, rest)) = self.path.split_first() else { return Ok(()) };
        for _ in 0..at {
            items.next_element::<IgnoredAny>()?;
        }
        items.next_element_seed(Walk { path: rest, part: self.part })?;
        Err(A::Error::custom("no such item"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let Some((&at, rest)) = self.path.split_first() else { return Ok(()) };
        for _ in 0..at {
            entries.next_entry::<IgnoredAny, IgnoredAny>()?;
        }
        if rest.is_empty() && self.part == Part::Key {
            entries.next_key_seed(Stop)?;
        } else if entries.next_key::<IgnoredAny>()?.is_some() {
            entries.next_value_seed(Walk { path: rest, part: self.part })?;
        }
        Err(A::Error::custom("no such entry"))
    }
}

impl<'de> DeserializeSeed<'de> for Stop {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Stop {
    type Value = ();

    // No `visit_…` is written: each refuses what comes, and that is the point.
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &[usize], part: Part, expected: (usize, usize)) {
        let text =
            "suite: x\ncases:\n  - id: A\n    event: {json: [1, 2]}\n  - 'two': |\n      b\n";
        let found = position(text, path, part);
        assert_eq!((found.line, found.column), expected, "{path:?}");
    }

    #[test]
    fn keys_and_values_are_found() {
        check(&[0], Part::Key, (1, 1));
        check(&[0], Part::Value, (1, 8));
        check(&[1, 0, 0], Part::Value, (3, 9));
        check(&[1, 0, 1, 0, 1], Part::Value, (4, 23));
        check(&[1, 0, 1, 0], Part::Key, (4, 13));
        check(&[1, 1, 0], Part::Key, (5, 5));
        check(&[1, 1, 0], Part::Value, (5, 12));
    }
}
