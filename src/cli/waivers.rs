//! `waivers:` of the file of options: what is accepted, why, and until when.

use scf_conform::nearest::nearest;
use scf_conform::selection::Glob;
use scf_conform::waiver::Waiver;
use serde_yaml::Value;

use super::file::Mistake;

/// The key in the file.
pub(super) const KEY: &str = "waivers";

/// What a waiver may say.
const KEYS: [&str; 3] = ["id", "reason", "until"];

/// How one is written.
const EXAMPLE: &str =
    "write `- id: M003`, below it `reason: …`, and `until: 2027-01-31` where it is to end";

/// Reads the list. `text` is the whole file, in which mistakes are shown.
pub(super) fn read(list: &Value, text: &str) -> Result<Vec<Waiver>, Mistake> {
    let block = Block::of(text);
    let wrong = |message: &str, line: usize| Mistake {
        message: message.to_owned(),
        span: line_of(text, line),
        help: Some(EXAMPLE.to_owned()),
    };
    let Value::Sequence(items) = list else {
        return Err(wrong("`waivers` is a list", block.first));
    };
    items
        .iter()
        .enumerate()
        .map(|(number, item)| {
            let begin = block.item(text, number);
            let Value::Mapping(pairs) = item else {
                return Err(wrong("a waiver has an `id` and a `reason`", begin));
            };
            let mut waiver = Parts::default();
            for (key, value) in pairs {
                let key = key.as_str().unwrap_or_default();
                let at = block.key(text, number, key);
                let value = match value {
                    Value::String(value) => value.trim().to_owned(),
                    _ => String::new(),
                };
                if !KEYS.contains(&key) {
                    let help = nearest(key, KEYS).map_or_else(
                        || format!("a waiver has {}", KEYS.join(", ")),
                        |meant| format!("did you mean `{meant}`?"),
                    );
                    let message = format!("`{key}` is nothing that a waiver has");
                    return Err(Mistake { message, span: line_of(text, at), help: Some(help) });
                }
                if value.is_empty() {
                    return Err(wrong(&format!("`{key}` of a waiver takes a text"), at));
                }
                waiver.set(key, value, at);
            }
            waiver.finish(begin).map_err(|(message, line)| wrong(&message, line))
        })
        .collect()
}

/// A waiver, as far as it was read: texts with their lines.
#[derive(Default)]
struct Parts {
    id: Option<(String, usize)>,
    reason: Option<String>,
    until: Option<(String, usize)>,
}

impl Parts {
    fn set(&mut self, key: &str, value: String, line: usize) {
        match key {
            "id" => self.id = Some((value, line)),
            "reason" => self.reason = Some(value),
            _ => self.until = Some((value, line)),
        }
    }

    fn finish(self, begin: usize) -> Result<Waiver, (String, usize)> {
        let (text, line) = self.id.ok_or(("a waiver needs an `id`".to_owned(), begin))?;
        let what: Glob = text.parse().map_err(|error| (format!("`id`: {error}"), line))?;
        let reason = self.reason.ok_or_else(|| {
            (
                format!(
                    "the waiver of `{text}` needs a `reason`: who reads it later wants to know"
                ),
                line,
            )
        })?;
        let until = self.until.map(|(day, at)| {
            day.parse().map_err(|_| (format!("`until: {day}` is no day such as 2027-01-31"), at))
        });
        Ok(Waiver { what, text, reason, until: until.transpose()?, line: line + 1 })
    }
}

/// The lines of the list, counted from 0.
struct Block {
    first: usize,
    end: usize,
}

impl Block {
    fn of(text: &str) -> Block {
        let lines: Vec<&str> = text.lines().collect();
        let begins = |line: &&str| line.trim_end().starts_with(KEY);
        let first = lines.iter().position(begins).unwrap_or(0);
        let inside =
            |line: &&str| line.starts_with([' ', '\t', '-', '#']) || line.trim().is_empty();
        let length =
            lines[(first + 1).min(lines.len())..].iter().take_while(|line| inside(line)).count();
        Block { first, end: first + 1 + length }
    }

    /// The line on which an item begins.
    fn item(&self, text: &str, number: usize) -> usize {
        let dashes = text.lines().enumerate().take(self.end).skip(self.first + 1);
        let mut dashes = dashes.filter(|(_, line)| line.trim_start().starts_with('-'));
        dashes.nth(number).map_or(self.first, |(at, _)| at)
    }

    /// The line on which a key of an item stands.
    fn key(&self, text: &str, number: usize, key: &str) -> usize {
        let begin = self.item(text, number);
        let bare = |line: &str| line.trim_start_matches([' ', '\t', '-']).to_owned();
        let lines = text.lines().enumerate().take(self.end).skip(begin);
        let mut found = lines.filter(|(_, line)| bare(line).starts_with(key));
        found.next().map_or(begin, |(at, _)| at)
    }
}

/// The bytes of a line, without the space around it.
fn line_of(text: &str, number: usize) -> std::ops::Range<usize> {
    let start: usize = text.split_inclusive('\n').take(number).map(str::len).sum();
    let line = text[start..].lines().next().unwrap_or_default();
    let indent = line.len() - line.trim_start_matches([' ', '\t', '-']).len();
    start + indent..start + line.trim_end().len().max(indent)
}

#[cfg(test)]
mod tests {
    use annotate_snippets::Renderer;
    use expect_test::{Expect, expect};

    use super::super::file::{FILE, read as read_file, render};
    use super::*;

    fn list(text: &str) -> Result<Vec<Waiver>, Mistake> {
        read_file(text).map(|file| file.waivers)
    }

    #[test]
    fn waivers_are_read() {
        let text = "memory: 512\nwaivers:\n  - id: M003\n    reason: our scanner wants them\n    until: 2026-12-31\n  # and\n  - {id: 'U*', reason: \"later\"}\nstatic: true\n";
        let waivers = list(text).expect("are read");
        assert_eq!(waivers.len(), 2);
        assert_eq!((waivers[0].text.as_str(), waivers[0].line), ("M003", 3));
        assert_eq!(waivers[0].until.expect("a day").to_string(), "2026-12-31");
        assert_eq!((waivers[1].reason.as_str(), waivers[1].until), ("later", None));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let check = |text: &str, expected: Expect| {
            let mistake = list(text).expect_err("a mistake");
            expected.assert_eq(&render(&mistake, FILE, text, &Renderer::plain()));
        };
        check(
            "waivers:\n  - id: M003\n",
            expect![[r#"
            error: the waiver of `M003` needs a `reason`: who reads it later wants to know
             --> scf-conform.yaml:2:5
              |
            2 |   - id: M003
              |     ^^^^^^^^
              |
              = help: write `- id: M003`, below it `reason: …`, and `until: 2027-01-31` where it is to end"#]],
        );
        check(
            "waivers:\n  - id: M003\n    reason: known\n    untill: 2026-12-31\n",
            expect![[r#"
            error: `untill` is nothing that a waiver has
             --> scf-conform.yaml:4:5
              |
            4 |     untill: 2026-12-31
              |     ^^^^^^^^^^^^^^^^^^
              |
              = help: did you mean `until`?"#]],
        );
        check(
            "waivers:\n  - id: M001\n    reason: known\n  - id: M003\n    reason: known\n    until: 31.12.2026\n",
            expect![[r#"
                error: `until: 31.12.2026` is no day such as 2027-01-31
                 --> scf-conform.yaml:6:5
                  |
                6 |     until: 31.12.2026
                  |     ^^^^^^^^^^^^^^^^^
                  |
                  = help: write `- id: M003`, below it `reason: …`, and `until: 2027-01-31` where it is to end"#]],
        );
        check(
            "waivers: M003\n",
            expect![[r#"
            error: `waivers` is a list
             --> scf-conform.yaml:1:1
              |
            1 | waivers: M003
              | ^^^^^^^^^^^^^
              |
              = help: write `- id: M003`, below it `reason: …`, and `until: 2027-01-31` where it is to end"#]],
        );
        check(
            "waivers:\n- M003\n",
            expect![[r#"
            error: a waiver has an `id` and a `reason`
             --> scf-conform.yaml:2:3
              |
            2 | - M003
              |   ^^^^
              |
              = help: write `- id: M003`, below it `reason: …`, and `until: 2027-01-31` where it is to end"#]],
        );
        check(
            "waivers:\n- reason: because\n",
            expect![[r#"
            error: a waiver needs an `id`
             --> scf-conform.yaml:2:3
              |
            2 | - reason: because
              |   ^^^^^^^^^^^^^^^
              |
              = help: write `- id: M003`, below it `reason: …`, and `until: 2027-01-31` where it is to end"#]],
        );
    }
}
