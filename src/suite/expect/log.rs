//! `log:` looks at the lines that were written during this invocation.

use super::text::Wanted;
use super::{Findings, Judge, Kind, Look, Seen};
use crate::suite::cursor::Cursor;
use crate::suite::printable;
use crate::suite::shape::{Key, PATTERN, Shape, Table};

pub(super) const KIND: Kind = Kind {
    key: "log",
    about: "the lines on stdout and stderr that were written during this invocation",
    example: "{contains: order, without: password}",
    shape: Shape::Map(&LOG),
    parse,
};

const LOG: Table = Table {
    of: "`log:`",
    name: "log",
    keys: &[
        Key::new(
            "contains",
            "a line has this text in it; of a list, one line each",
            Shape::Many(&Shape::Scalar),
        ),
        Key::new("matches", "a line matches this pattern", Shape::Form(&PATTERN)),
        Key::new(
            "without",
            "no line has this text, or one of a list, in it",
            Shape::Many(&Shape::Scalar),
        ),
        Key::new("optional", "true: no line at all will do, too", Shape::Switch),
        Key::new("empty", "true: nothing was written; false: something was", Shape::Switch),
    ],
    needs: &[],
    one_of: &[],
};

#[derive(Debug)]
struct Log {
    lines: Vec<Line>,
    /// Whether an empty log will do.
    optional: bool,
}

#[derive(Debug)]
enum Line {
    Has(Wanted),
    Without(String),
    Empty(bool),
}

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    let fields = cursor.fields(&LOG)?;
    let optional = fields.take("optional").and_then(|it| it.boolean()) == Some(true);
    let mut lines = Vec::new();
    for key in LOG.keys {
        let Some(value) = fields.take(key.name) else { continue };
        match key.name {
            "without" => {
                let texts = value.one_or_many();
                lines.extend(texts.iter().filter_map(Cursor::scalar).map(Line::Without));
            }
            "optional" => {}
            "empty" => lines.extend(value.boolean().map(Line::Empty)),
            word => lines.extend(Wanted::parse(word, &value).into_iter().map(Line::Has)),
        }
    }
    Some(Box::new(Log { lines, optional }))
}

impl Judge for Log {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        let lines = &seen.after.logs;
        let count = lines.len();
        if self.optional && lines.is_empty() {
            judgements.kept("nothing was logged");
            return;
        }
        for wanted in &self.lines {
            match wanted {
                Line::Has(wanted) => {
                    let met = lines.iter().any(|line| wanted.met_by(line.text.as_bytes()));
                    let which = if met { "a" } else { "no" };
                    let of = if met { String::new() } else { format!(" of {count}") };
                    judgements.of(met, format!("{which} log line{of} {}", wanted.summary()));
                }
                Line::Without(text) => match lines.iter().find(|line| line.text.contains(text)) {
                    None => judgements.kept(format!("no log line has `{}`", printable::text(text))),
                    Some(line) => judgements.broken(format!(
                        "a log line is `{}`, wanted: without `{}`",
                        printable::bytes(line.text.as_bytes(), 80),
                        printable::text(text)
                    )),
                },
                Line::Empty(empty) => {
                    let wanted = if *empty { "none" } else { "some" };
                    judgements.of(
                        lines.is_empty() == *empty,
                        format!("{count} log lines, wanted {wanted}"),
                    );
                }
            }
        }
    }

    fn summary(&self) -> String {
        let lines = self.lines.iter().map(|line| match line {
            Line::Has(wanted) => format!("a log line that {}", wanted.summary()),
            Line::Without(text) => format!("no log line with `{}`", printable::text(text)),
            Line::Empty(true) => "no log lines".to_owned(),
            Line::Empty(false) => "log lines".to_owned(),
        });
        lines.collect::<Vec<_>>().join(", ")
    }

    fn looks(&self) -> Look {
        let absent = |line: &Line| matches!(line, Line::Without(_) | Line::Empty(true));
        if self.optional || self.lines.iter().any(absent) { Look::NoLogs } else { Look::Logs }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, judged_after};
    use super::KIND;
    use crate::evidence::{After, LogLine, Stream};

    #[test]
    fn logs() {
        let line = |text: &str| LogLine {
            at: std::time::Duration::ZERO,
            stream: Stream::Stdout,
            text: text.to_owned(),
        };
        let some = After { logs: vec![line("order 7"), line("done")], ..After::default() };
        let none = After::default();
        for (value, after, expected) in [
            ("{contains: [order, done]}", &some, "kept"),
            ("{contains: paid}", &some, "no log line of 2 contains `paid`"),
            ("{matches: '^order [0-9]+$', without: password}", &some, "kept"),
            ("{without: done}", &some, "a log line is `done`, wanted: without `done`"),
            ("{contains: paid, optional: true}", &none, "kept"),
            ("{contains: paid, optional: true}", &some, "no log line of 2 contains `paid`"),
            ("{empty: true}", &some, "2 log lines, wanted none"),
            ("{empty: true}", &none, "kept"),
            ("{contians: x}", &none, "problem: `contians` is no key of `log:`"),
        ] {
            let told = judged_after(&KIND, value, &answer(200, &[], b""), after);
            assert_eq!(told, expected, "{value}");
        }
    }
}
