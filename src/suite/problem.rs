//! What is wrong in a suite's file, told with the line itself.

use std::fmt::{self, Write as _};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::locate::{Part, Path, Position, position};

/// How many problems of one file are told; the rest is counted.
const TOLD: usize = 50;

/// Everything that is wrong in one file, and in those that it includes. Displayed without colours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// Each file with its text.
    files: Vec<(String, String)>,
    list: Vec<Problem>,
    more: usize,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong: lower case, one line.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// Which of the files.
    file: usize,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters of the line are meant; at least one.
    pub width: usize,
}

/// Whether problems are written for a terminal that shows colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Text alone.
    Plain,
    /// With terminal colours.
    Coloured,
}

/// Collects problems by path, and looks for their positions at the end.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    list: Vec<Complaint>,
}

#[derive(Debug)]
struct Complaint {
    path: Path,
    part: Part,
    message: String,
    hint: Option<String>,
}

impl Complaints {
    /// One more; `path` leads to the key or value that is wrong.
    pub(super) fn add(
        &mut self,
        path: &[usize],
        part: Part,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        // Who reads a value after it was found wrong may find it wrong once more.
        if self.list.iter().any(|known| known.path == path && known.part == part) {
            return;
        }
        self.list.push(Complaint { path: path.to_vec(), part, message: message.into(), hint });
    }

    pub(super) fn first(&self) -> Option<String> {
        self.list.first().map(|complaint| complaint.message.clone())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them with their positions, in the order of the file.
    pub(super) fn into_problems(self, file: &str, text: &str) -> Problems {
        let more = self.list.len().saturating_sub(TOLD);
        let mut list: Vec<Problem> = self
            .list
            .into_iter()
            .take(TOLD)
            .map(|complaint| {
                let place = position(text, &complaint.path, complaint.part);
                Problem::new(text, place, complaint.message, complaint.hint)
            })
            .collect();
        list.sort_by_key(|problem| (problem.line, problem.column));
        Problems { files: vec![(file.to_owned(), text.to_owned())], list, more }
    }
}

impl Problem {
    fn new(text: &str, place: Position, message: String, hint: Option<String>) -> Problem {
        let line = text.lines().nth(place.line - 1).unwrap_or_default();
        let rest: Vec<char> = line.chars().skip(place.column - 1).collect();
        let width = width(&rest).max(1);
        Problem { message, hint, file: 0, line: place.line, column: place.column, width }
    }

    /// The bytes of the text that are meant.
    fn span(&self, text: &str) -> std::ops::Range<usize> {
        let start: usize = text.split_inclusive('\n').take(self.line - 1).map(str::len).sum();
        let line = text[start..].lines().next().unwrap_or_default();
        let offset = |column| line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        start + offset(self.column - 1)..start + offset(self.column - 1 + self.width)
    }
}

/// How many characters the value takes that begins here.
fn width(rest: &[char]) -> usize {
    match rest.first() {
        None => 0,
        Some(quote @ ('"' | '\'')) => {
            let end = rest.iter().skip(1).position(|c| c == quote);
            end.map_or(rest.len(), |end| end + 2)
        }
        Some('{' | '[') => trimmed(rest, &[]),
        Some(_) => trimmed(rest, &[',', '}', ']', ':']),
    }
}

/// Up to a comment, to one of `stops` that ends a word, or to the end of the line.
fn trimmed(rest: &[char], stops: &[char]) -> usize {
    let ends = |at: usize| {
        let blank = |c: Option<&char>| c.is_none_or(|c| c.is_whitespace());
        (rest[at] == '#' && at > 0 && blank(rest.get(at - 1)))
            || (stops.contains(&rest[at]) && (rest[at] != ':' || blank(rest.get(at + 1))))
    };
    let end = (0..rest.len()).find(|&at| ends(at)).unwrap_or(rest.len());
    rest[..end].iter().rposition(|c| !c.is_whitespace()).map_or(0, |last| last + 1)
}

impl Problems {
    /// One problem of a text that cannot be read at all.
    pub(super) fn single(file: &str, text: &str, place: Position, message: String) -> Problems {
        let list = vec![Problem::new(text, place, message, None)];
        Problems { files: vec![(file.to_owned(), text.to_owned())], list, more: 0 }
    }

    /// Those of another file, too.
    pub(super) fn add(&mut self, other: Problems) {
        let shift = self.files.len();
        self.files.extend(other.files);
        let moved = other.list.into_iter();
        self.list.extend(moved.map(|problem| Problem { file: problem.file + shift, ..problem }));
        self.more += other.more;
    }

    /// The problems, in the order of the file. Never empty.
    #[must_use]
    pub fn list(&self) -> &[Problem] {
        &self.list
    }

    /// As text for people: each with its line and a caret below it.
    #[must_use]
    pub fn render(&self, style: Style) -> String {
        let renderer = match style {
            Style::Plain => Renderer::plain(),
            Style::Coloured => Renderer::styled(),
        };
        let told: Vec<String> =
            self.list.iter().map(|problem| self.one(problem, &renderer)).collect();
        let mut text = told.join("\n\n");
        if self.more > 0 {
            let _ = write!(text, "\n\nand {} more", self.more);
        }
        text
    }

    fn one(&self, problem: &Problem, renderer: &Renderer) -> String {
        let (file, text) = &self.files[problem.file];
        let annotation = AnnotationKind::Primary.span(problem.span(text));
        let snippet = Snippet::source(text).path(file).annotation(annotation);
        let mut group: Group<'_> = Level::ERROR.primary_title(&problem.message).element(snippet);
        if let Some(hint) = &problem.hint {
            group = group.element(Level::HELP.message(hint));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_marked_and_not_what_follows_it() {
        let check = |rest: &str, expected: usize| {
            let rest: Vec<char> = rest.chars().collect();
            assert_eq!(width(&rest), expected, "{rest:?}");
        };
        check("stauts: 200", 6);
        check("a text # and a comment", 6);
        check("\"a: b\" # c", 6);
        check("{a: 1}   ", 6);
        check("http://x/#y", 11);
        check("json}", 4);
        check("", 0);
    }
}
