//! The file `scf-conform.yaml`: the options by their names.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde_yaml::Value;

use super::layer::{Layer, OPTIONS, Opt, Origin, Takes};
use super::waivers;
use scf_conform::nearest::nearest;
use scf_conform::waiver::Waiver;

/// The file that is looked for where none is named.
pub(super) const FILE: &str = "scf-conform.yaml";

/// A mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    /// What is wrong: lower case, one line.
    pub(super) message: String,
    /// The bytes that are meant.
    pub(super) span: Range<usize>,
    /// What to write instead.
    pub(super) help: Option<String>,
}

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// The options of `check`.
    pub(super) layer: Layer,
    /// Failures that are accepted.
    pub(super) waivers: Vec<Waiver>,
}

/// Reads a file's text.
pub(super) fn read(text: &str) -> Result<Said, Mistake> {
    let root: Value = serde_yaml::from_str(text).map_err(|error| unreadable(text, &error))?;
    let mut said = Said::default();
    let options = match root {
        Value::Null => return Ok(said),
        Value::Mapping(options) => options,
        _ => {
            let message = "the file is no list of options".to_owned();
            let help = Some("write one option a line, such as `memory: 512`".to_owned());
            return Err(Mistake { message, span: character_at(text, 0), help });
        }
    };
    for (key, value) in options {
        let name = scalar(&key).unwrap_or_default();
        if name == waivers::KEY {
            said.waivers = waivers::read(&value, text)?;
            continue;
        }
        let place = Place::of(text, &name);
        let option = known(&name, &place)?;
        for (at, value) in values(option, value, &place)?.into_iter().enumerate() {
            said.layer.add(option.name, value, Origin::File(place.value(at)));
        }
    }
    Ok(said)
}

/// A mistake as people read it: with its line, and a caret below what is meant.
pub(super) fn render(mistake: &Mistake, path: &str, text: &str, renderer: &Renderer) -> String {
    let annotation = AnnotationKind::Primary.span(mistake.span.clone());
    let snippet = Snippet::source(text).path(path).annotation(annotation);
    let mut group = Level::ERROR.primary_title(&mistake.message).element(snippet);
    if let Some(help) = &mistake.help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// What the YAML reader objects to. The place is shown with the line itself.
fn unreadable(text: &str, error: &serde_yaml::Error) -> Mistake {
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    let twice =
        message.strip_prefix("duplicate entry with key ").map(|name| name.trim_matches('"'));
    if let Some(name) = twice {
        let lines = text.split_inclusive('\n').scan(0, |end, line| {
            *end += line.len();
            Some((*end - line.len(), line))
        });
        let last = lines.filter_map(|(start, line)| Place::begins(line, start, name)).last();
        if let Some(place) = last {
            return Mistake {
                message: format!("`{name}` stands twice"),
                span: place.key,
                help: None,
            };
        }
    }
    let at = error.location().map_or(0, |location| location.index());
    Mistake { message: message.to_owned(), span: character_at(text, at), help: None }
}

fn known(name: &str, place: &Place) -> Result<&'static Opt, Mistake> {
    OPTIONS.iter().find(|option| option.name == name).ok_or_else(|| Mistake {
        message: format!("`{name}` is no option"),
        span: place.key.clone(),
        help: Some(
            match nearest(name, OPTIONS.iter().map(|option| option.name).chain([waivers::KEY])) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "`scf-conform check --help` names all options".to_owned(),
            },
        ),
    })
}

/// The texts of an option's value: one, or those of a list, or of `NAME: VALUE` pairs.
fn values(option: &Opt, value: Value, place: &Place) -> Result<Vec<String>, Mistake> {
    let wrong = |message: String| Mistake { message, span: place.value(0), help: None };
    let single = |value: &Value, at: usize| {
        scalar(value).ok_or_else(|| Mistake {
            message: format!("`{}` takes a text or a number here", option.name),
            span: place.value(at),
            help: None,
        })
    };
    match (value, option.takes) {
        (Value::Null, _) => Err(wrong(format!("`{}` has no value", option.name))),
        (Value::Sequence(items), Takes::Many | Takes::Lines) => {
            items.iter().enumerate().map(|(at, item)| single(item, at)).collect()
        }
        (Value::Mapping(pairs), _)
            if matches!(option.name, "env" | "report" | "var" | "secret") =>
        {
            pairs
                .iter()
                .enumerate()
                .map(|(at, (name, value))| {
                    Ok(format!("{}={}", single(name, at)?, single(value, at)?))
                })
                .collect()
        }
        (Value::Sequence(_), _) => Err(wrong(format!("`{}` takes one value", option.name))),
        (value, _) => Ok(vec![single(&value, 0)?]),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        Value::String(value) => Some(value.clone()),
        _ => None,
    }
}

/// Where an option stands in the file. The YAML reader does not tell, and a file of options
/// is flat: its keys stand at the start of a line.
struct Place {
    key: Range<usize>,
    /// What follows the key on its line, and the lines below it.
    values: Vec<Range<usize>>,
}

impl Place {
    fn of(text: &str, name: &str) -> Place {
        let mut found: Option<Place> = None;
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            let (from, below) = (start, line.starts_with([' ', '\t', '-']));
            start += line.len();
            if line.trim_start().starts_with('#') || line.trim().is_empty() {
                continue;
            }
            match &mut found {
                Some(place) if below => place.values.extend(item(line, from)),
                Some(_) => break,
                None => found = Place::begins(line, from, name),
            }
        }
        found.unwrap_or_else(|| Place { key: character_at(text, 0), values: Vec::new() })
    }

    fn begins(line: &str, start: usize, name: &str) -> Option<Place> {
        let (key, _) = line.split_once(':')?;
        if key.trim().trim_matches(['"', '\'']) != name {
            return None;
        }
        let values = value(line, key.len() + 1, start).into_iter().collect();
        Some(Place { key: start..start + key.trim_end().len(), values })
    }

    /// The value at a place in the list, or the key where it was not found.
    fn value(&self, at: usize) -> Range<usize> {
        self.values.get(at).or(self.values.first()).unwrap_or(&self.key).clone()
    }
}

/// The value of a line below its key: without the dash before it.
fn item(line: &str, start: usize) -> Option<Range<usize>> {
    let indent = line.len() - line.trim_start_matches([' ', '\t', '-']).len();
    value(line, indent, start)
}

/// What stands on a line from a byte on, without a comment.
fn value(line: &str, from: usize, start: usize) -> Option<Range<usize>> {
    let rest = &line[from..];
    let rest = rest.split(" #").next().unwrap_or(rest);
    let begin = from + rest.len() - rest.trim_start().len();
    let text = rest.trim();
    (!text.is_empty()).then(|| start + begin..start + begin + text.len())
}

/// The character at a byte, or an empty range at the end of the text.
fn character_at(text: &str, at: usize) -> Range<usize> {
    let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    at..at + text[at..].chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn texts(text: &str, name: &str) -> Vec<String> {
        let layer = read(text).expect("a good file").layer;
        layer
            .of(name)
            .iter()
            .map(|given| match &given.origin {
                Origin::File(span) => format!("{} at `{}`", given.text, &text[span.clone()]),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn every_way_of_writing_is_read() {
        let text = "# mine\nmemory: 512 # MB\nstatic: true\nonly: [M*, B001]\n\nenv:\n  MODE: \"a,b\"\n  N: 1\nsuite:\n- a.yaml\n- 'b.yaml'\n";
        assert_eq!(texts(text, "memory"), ["512 at `512`"]);
        assert_eq!(texts(text, "static"), ["true at `true`"]);
        assert_eq!(texts(text, "only"), ["M* at `[M*, B001]`", "B001 at `[M*, B001]`"]);
        assert_eq!(texts(text, "env"), ["MODE=a,b at `MODE: \"a,b\"`", "N=1 at `N: 1`"]);
        assert_eq!(texts(text, "suite"), ["a.yaml at `a.yaml`", "b.yaml at `'b.yaml'`"]);
        assert_eq!(read("# nothing yet\n"), Ok(Said::default()));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let check = |text: &str, expected: Expect| {
            let mistake = read(text).expect_err("a mistake");
            expected.assert_eq(&render(&mistake, FILE, text, &Renderer::plain()));
        };
        check(
            "static: true\nmemroy: 512\n",
            expect![[r#"
            error: `memroy` is no option
             --> scf-conform.yaml:2:1
              |
            2 | memroy: 512
              | ^^^^^^
              |
              = help: did you mean `memory`?"#]],
        );
        check(
            "port: 8080\n",
            expect![[r#"
            error: `port` is no option
             --> scf-conform.yaml:1:1
              |
            1 | port: 8080
              | ^^^^
              |
              = help: `scf-conform check --help` names all options"#]],
        );
        check(
            "memory: [64]\n",
            expect![[r#"
            error: `memory` takes one value
             --> scf-conform.yaml:1:9
              |
            1 | memory: [64]
              |         ^^^^"#]],
        );
        check(
            "only:\n  - M*\n  - {a: b}\n",
            expect![[r#"
            error: `only` takes a text or a number here
             --> scf-conform.yaml:3:5
              |
            3 |   - {a: b}
              |     ^^^^^^"#]],
        );
        check(
            "memory:\n",
            expect![[r#"
            error: `memory` has no value
             --> scf-conform.yaml:1:1
              |
            1 | memory:
              | ^^^^^^"#]],
        );
        check(
            "memory: 64\nmemory: 128\n",
            expect![[r#"
                error: `memory` stands twice
                 --> scf-conform.yaml:2:1
                  |
                2 | memory: 128
                  | ^^^^^^"#]],
        );
        check(
            "only: [\n",
            expect![[r#"
            error: did not find expected node content
             --> scf-conform.yaml:1:9
              |
            1 | only: [
              |        ^"#]],
        );
        check(
            "- memory\n",
            expect![[r#"
            error: the file is no list of options
             --> scf-conform.yaml:1:1
              |
            1 | - memory
              | ^
              |
              = help: write one option a line, such as `memory: 512`"#]],
        );
    }
}
