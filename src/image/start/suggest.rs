//! What was probably meant by a command that is not there.

use super::{Command, Lookup, Problem, executable, is_below};
use crate::image::start::Role;
use crate::image::{Kind, Tree};

/// What was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What is so, in one line.
    pub what: String,
    /// What to change.
    pub fix: String,
    /// Whether it says all that there is to say, so that the problem itself need not be told.
    pub is_all: bool,
}

/// Where a name is known by another: Debian's node was called so once, and python is 2.
const ALSO: &[(&str, &str)] = &[("node", "nodejs"), ("python2", "python3"), ("bash", "sh")];
/// Paths that are offered.
const MOST: usize = 3;

/// What was probably meant by a command that is not there; `None` where nothing is alike.
#[must_use]
pub fn suggest(tree: &Tree, command: Command<'_>, problem: &Problem) -> Option<Suggestion> {
    let name = match problem {
        Problem::NotInPath { name, .. } | Problem::Missing { name, .. } => name,
        Problem::InterpreterMissing { interpreter, .. } => interpreter,
        Problem::NotAFile { path } => return directory(tree, path),
        _ => return None,
    };
    let own = command.argv.first().is_some_and(|first| first == name);
    if own && let Some(split) = split(command) {
        return Some(split);
    }
    let base = name.rsplit('/').next().unwrap_or(name);
    alike(tree, command, name, base).or_else(|| elsewhere(tree, name, base))
}

/// A whole command line in one string.
fn split(command: Command<'_>) -> Option<Suggestion> {
    let (first, rest) = command.argv.split_first()?;
    let words: Vec<&str> = first.split_ascii_whitespace().collect();
    if words.len() < 2 {
        return None;
    }
    let words = words.into_iter().chain(rest.iter().map(String::as_str));
    let words: Vec<String> = words.map(|word| format!("{word:?}")).collect();
    Some(Suggestion {
        what: format!("`{first}` is one string, and so the name of one file"),
        fix: format!("CMD [{}]    # each word a string of its own", words.join(", ")),
        is_all: true,
    })
}

/// A program of nearly that name in `PATH`: `python3` for `python`.
fn alike(tree: &Tree, command: Command<'_>, name: &str, base: &str) -> Option<Suggestion> {
    let is_version = |rest: &str| {
        !rest.is_empty() && rest.chars().all(|letter| letter.is_ascii_digit() || letter == '.')
    };
    let other = ALSO.iter().find(|(known, _)| *known == base).map(|(_, other)| *other);
    let fits = |file: &str| file.strip_prefix(base).is_some_and(is_version) || Some(file) == other;
    let mut found: Option<String> = None;
    for directory in command.path.split(':').filter(|directory| directory.starts_with('/')) {
        let Lookup::Found { node, .. } = tree.lookup(directory, "/") else { continue };
        for (file, _) in tree.children(node).filter(|(file, _)| fits(file)) {
            let path = format!("{}/{file}", directory.trim_end_matches('/'));
            // The shortest name is the one that stays: `python3`, not `python3.11`.
            let name = |path: &str| path.rsplit('/').next().map_or(0, str::len);
            let shorter = found.as_ref().is_none_or(|found| file.len() < name(found));
            if shorter && executable(tree, command, &path, Role::Command).is_ok() {
                found = Some(path);
            }
        }
    }
    let found = found?;
    let other = found.rsplit('/').next().unwrap_or(&found);
    let target = if name.contains('/') {
        name.to_owned()
    } else {
        let directory = found.rsplit_once('/').map_or("", |(directory, _)| directory);
        format!("{directory}/{base}")
    };
    Some(Suggestion {
        what: format!("there is no `{base}`, but there is `{found}`"),
        fix: format!("RUN ln -s {found} {target}    # or write `{other}` instead of `{base}`"),
        is_all: true,
    })
}

/// Files of that name in other directories.
fn elsewhere(tree: &Tree, name: &str, base: &str) -> Option<Suggestion> {
    if base.is_empty() {
        return None;
    }
    let is_file = |kind: &Kind| {
        matches!(
            kind,
            Kind::File { .. } | Kind::Elf { .. } | Kind::Script { .. } | Kind::Symlink { .. }
        )
    };
    let ending = format!("/{base}");
    let hidden = |path: &str| ["/proc", "/sys", "/dev"].iter().any(|top| is_below(path, top));
    let found: Vec<String> = tree
        .walk()
        .filter(|(path, node)| path.ends_with(&ending) && is_file(&tree.node(*node).kind))
        .map(|(path, _)| path)
        .filter(|path| !hidden(path))
        .take(MOST)
        .collect();
    let first = found.first()?;
    let listed = found.iter().map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    Some(Suggestion {
        what: format!("`{base}` is at {listed}"),
        fix: format!("name `{first}` instead of `{name}`"),
        is_all: false,
    })
}

fn directory(tree: &Tree, path: &str) -> Option<Suggestion> {
    let Lookup::Found { node, path } = tree.lookup(path, "/") else { return None };
    if tree.node(node).kind != Kind::Directory {
        return None;
    }
    let inside = tree.children(node).find(|(_, child)| {
        let child = tree.node(*child);
        matches!(child.kind, Kind::Elf { .. } | Kind::Script { .. }) && child.mode & 0o111 != 0
    });
    let fix = match inside {
        Some((file, _)) => format!("name a program in it as the command, such as `{path}/{file}`"),
        None => format!("name a program as the command: `{path}` is the directory it lies in"),
    };
    Some(Suggestion { what: format!("`{path}` is a directory"), fix, is_all: true })
}
