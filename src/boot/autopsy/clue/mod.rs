//! What programs say when something is refused to them, found in the last lines of a log.
//!
//! The kernel has a handful of refusals, and C libraries, shells and languages have each their
//! own words around them: so these are patterns for the words, and [`path`] finds what it was
//! about wherever it stands in the line.

#[cfg(test)]
mod tests;
mod words;

use std::sync::LazyLock;

use regex::Regex;

use self::words::PATTERNS;
use crate::evidence::Logs;

/// Lines that are looked at, from the last one on.
const LOOKED_AT: usize = 40;
/// Characters of a line that are quoted.
const QUOTED: usize = 160;
/// The exit code of a shell that did not find a command.
const NOT_FOUND: i32 = 127;

/// What was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A shared library is not there.
    Library,
    /// The C library is older than what was built against it.
    OldLibrary,
    /// A library was built for another C library.
    OtherLibrary,
    /// Lines end in CR LF.
    CarriageReturn,
    /// A `#!` line names what is not there.
    Interpreter,
    /// A shell did not find a command, or `exec` did not.
    Command,
    /// Code for another machine.
    Format,
    /// A module of this language is not there.
    Module(Language),
    /// A Python module does not define what was asked of it.
    Attribute,
    /// A script, jar or program that was given as an argument is not there.
    Script,
    /// A Java class is not there.
    Class,
    /// A Java class was compiled for a newer release.
    ClassVersion,
    /// A process or thread could not be made.
    NoProcess,
    /// A file could not be opened, since too many are.
    NoDescriptor,
    /// Memory could not be had.
    NoMemory,
    /// There is no space left.
    NoSpace,
    /// The file system is read-only.
    ReadOnly,
    /// The port is taken.
    InUse,
    /// The port may not be opened.
    PortDenied,
    /// The address is none of this machine's.
    NoSuchAddress,
    /// Somebody in the network was not reached.
    Network,
    /// Permission was denied.
    Denied,
    /// A file is not there.
    NotThere,
    /// The program gave up, in words of its own.
    Raised,
}

/// Languages whose modules are found by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Node,
    Ruby,
    Perl,
    Lua,
}

/// A line that says what was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Clue {
    pub(super) kind: Kind,
    /// What it was about: a path, a name.
    pub(super) subject: Option<String>,
    /// The line, shortened.
    pub(super) line: String,
}

static COMPILED: LazyLock<Vec<(Kind, Regex)>> = LazyLock::new(|| {
    // The patterns are part of the program: a mistake in one is a bug, which each test finds.
    let compile =
        |pattern| Regex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
    PATTERNS.iter().map(|(kind, pattern)| (*kind, compile(pattern))).collect()
});

/// A path or a name in quotes, and a path that begins with a slash.
static QUOTED_PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"['"`‘“](?P<s>[^'"`’”\s]*[/.][^'"`’”\s]*)['"`’”]"#)
        .unwrap_or_else(|e| panic!("{e}"))
});
static BARE_PATH: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?:^|[\s=(\[:,])(?P<s>/[^\s'"`’():,;\]]+)"#).unwrap_or_else(|e| panic!("{e}"))
});

/// The clue that says most: the last one, but words that a program found itself only where
/// nobody else says anything. `code` is the exit code, where there is one.
pub(super) fn find(logs: &Logs, code: Option<i32>) -> Option<Clue> {
    let lines = || logs.lines.iter().rev().map(|line| line.text.as_str());
    // What is indented belongs to the line before it: a stack, a dump of the error's fields.
    let plain = || lines().filter(|line| !line.starts_with([' ', '\t'])).take(LOOKED_AT);
    let strong = |clue: &Clue| clue.kind != Kind::Raised;
    let in_lines = |lines: &mut dyn Iterator<Item = &str>| {
        let mut weak = None;
        for clue in lines.filter_map(|line| read(line, code)) {
            if strong(&clue) {
                return Some(clue);
            }
            weak.get_or_insert(clue);
        }
        weak
    };
    in_lines(&mut plain()).or_else(|| in_lines(&mut lines().take(LOOKED_AT)))
}

fn read(line: &str, code: Option<i32>) -> Option<Clue> {
    let text = line.trim_end_matches([' ', '\n']);
    COMPILED.iter().find_map(|(kind, pattern)| {
        let found = pattern.captures(text)?;
        let whole = found.get(0)?;
        // "x: not found" is said of much; of a command by a shell, which then ends with 127.
        let of_shell = text.contains("sh: ") || text.contains("command not found");
        if *kind == Kind::Command && code.is_some_and(|code| code != NOT_FOUND) && !of_shell {
            return None;
        }
        let subject = found.name("s").map(|subject| subject.as_str().to_owned());
        let (before, after) = (&text[..whole.start()], &text[whole.end()..]);
        let subject = match kind {
            // What is named beside it is what could not be found because of it.
            Kind::CarriageReturn => subject,
            _ => subject.or_else(|| path(before, whole.as_str(), after)),
        };
        Some(Clue { kind: *kind, subject, line: shortened(text) })
    })
}

/// What a line is about: a path after the words of the refusal, or else before them.
fn path(before: &str, inside: &str, after: &str) -> Option<String> {
    let first =
        |pattern: &Regex, text: &str| pattern.captures(text).map(|found| found["s"].to_owned());
    let last = |pattern: &Regex, text: &str| {
        pattern.captures_iter(text).last().map(|found| found["s"].to_owned())
    };
    // PHP says behind its warnings where in the program they arose.
    let after = after.split(" in /").next().unwrap_or(after);
    first(&QUOTED_PATH, after)
        .or_else(|| first(&BARE_PATH, after))
        .or_else(|| last(&QUOTED_PATH, before))
        .or_else(|| last(&BARE_PATH, before))
        .or_else(|| last(&BARE_PATH, inside))
        .or_else(|| relative(before))
}

/// A shell's `cannot create data.db: `, or a program's `data.db: `.
fn relative(before: &str) -> Option<String> {
    let word = before.trim_end().strip_suffix(':')?.rsplit([' ', ':']).next()?;
    let thrown = word.ends_with("Error") || word.ends_with("Exception");
    let like_file = word.contains(['.', '/']) && !word.ends_with('.') && !thrown;
    like_file.then(|| word.trim_matches(['\'', '"', '(', ')']).to_owned())
}

/// A line, cut where it is long.
pub(super) fn shortened(line: &str) -> String {
    let line = line.trim();
    let mut text: String = line.chars().take(QUOTED).collect();
    if line.chars().nth(QUOTED).is_some() {
        text.push('…');
    }
    text
}
