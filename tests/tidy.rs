//! The rules of the house that no compiler knows, as tests.
#![expect(clippy::disallowed_methods, reason = "reads the sources")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom. A module that is not here has no floor yet: give it one.
const FLOORS: &[(&str, &str)] = &[
    ("sys", ""),
    ("endpoint", ""),
    ("units", ""),
    ("check", ""),
    ("oci", ""),
    ("nearest", ""),
    ("selection", ""),
    ("waiver", "check selection"),
    ("contract", "check oci units"),
    ("image", "oci units"),
    ("evidence", "check units"),
    ("registry", "oci units user_file"),
    ("push", "endpoint image oci registry"),
    ("source", "endpoint image oci registry units"),
    ("catalogue", "check contract nearest rules suite"),
    ("rules", "check contract evidence image oci plan units"),
    ("suite", "check contract evidence nearest units"),
    ("plan", "contract image units"),
    ("unpack", "image oci sys units"),
    ("engine", "contract endpoint evidence image oci plan sys units unpack"),
    ("boot", "check contract engine evidence image plan sys units"),
    ("run", "boot check contract engine evidence image plan rules selection suite units"),
    ("report", "check contract evidence oci rules units waiver"),
    (
        "pipeline",
        "boot check contract engine evidence image oci plan report rules run selection source suite \
         units unpack waiver",
    ),
    (
        "selftest",
        "check contract endpoint engine image oci pipeline registry report rules run selection source suite",
    ),
    ("gate", "check contract engine oci pipeline report suite"),
    ("variables", "endpoint"),
    ("user_file", "units"),
    (
        "harness",
        "check contract engine oci pipeline registry report rules run selection source suite user_file variables",
    ),
];

/// Files of more than [`MOST_LINES`] lines. May only become fewer.
const LONG: &[&str] = &[];

const MOST_LINES: usize = 400;

/// Files that hold nothing but tests or what tests need.
const OF_TESTS: &[&str] = &["src/report/sample.rs"];

#[test]
fn modules_import_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let Some(module) = source.module() else { continue };
        let Some((_, allowed)) = FLOORS.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!("{}: `{module}` is not in the table of floors", source.name));
            continue;
        };
        let allowed: BTreeSet<&str> = allowed.split_whitespace().collect();
        for imported in imports(&source.code()) {
            if imported != module && !allowed.contains(imported.as_str()) {
                wrong.push(format!("{}: `{module}` may not import `{imported}`", source.name));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_floors_have_no_cycle() {
    let mut below: BTreeSet<&str> = BTreeSet::new();
    let mut left: Vec<_> = FLOORS.to_vec();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(name, allowed)| {
            let stands = allowed.split_whitespace().all(|module| below.contains(module));
            if stands {
                below.insert(name);
            }
            !stands
        });
        assert!(left.len() < before, "each of these stands on another of them: {left:?}");
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = all().into_iter().filter(|source| !source.text.starts_with("//! "));
    none(&silent.map(|source| source.name).collect::<Vec<_>>());
}

#[test]
fn files_are_short() {
    let long: Vec<String> = all()
        .into_iter()
        .filter(|source| source.text.lines().count() > MOST_LINES)
        .map(|source| source.name)
        .collect();
    let new: Vec<_> = long.iter().filter(|name| !LONG.contains(&name.as_str())).collect();
    assert!(new.is_empty(), "longer than {MOST_LINES} lines: {new:?}");
    let cured: Vec<_> = LONG.iter().filter(|name| !long.iter().any(|file| file == *name)).collect();
    assert!(cured.is_empty(), "short by now, take off the list: {cured:?}");
}

#[test]
fn nothing_sleeps() {
    none(&lines_with(&all(), |line| line.contains("sleep(") && !line.contains("\"sleep(")));
}

#[test]
fn only_sys_is_unsafe() {
    // A test's own server is a program of its own, compiled by the test.
    let outside: Vec<Source> = sources("src")
        .into_iter()
        .filter(|source| source.module().as_deref() != Some("sys"))
        .collect();
    let unsafe_words = ["{", "fn", "impl", "extern"].map(|next| ["unsafe", next].join(" "));
    none(&lines_with(&outside, |line| unsafe_words.iter().any(|word| line.contains(word))));
}

#[test]
fn nothing_is_left_for_later() {
    let words = [["TO", "DO"].concat(), ["FIX", "ME"].concat(), ["XX", "X:"].concat()];
    let wrong: Vec<String> = ["src", "tests", "suites", "fixtures", "benches"]
        .iter()
        .flat_map(|dir| files(Path::new(dir)))
        .filter_map(|path| Some((fs::read_to_string(&path).ok()?, path)))
        .filter(|(text, _)| words.iter().any(|word| text.contains(word.as_str())))
        .map(|(_, path)| path.display().to_string())
        .collect();
    none(&wrong);
}

#[test]
fn every_trigger_is_in_a_list() {
    let list = fs::read_to_string("src/suite/triggers.rs").expect("the list of triggers");
    let forgotten = files(Path::new("suites/triggers")).into_iter().filter(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        !list.contains(&format!("trigger!(\"{name}\""))
    });
    none(&forgotten.map(|path| path.display().to_string()).collect::<Vec<_>>());
}

#[test]
fn only_the_contract_knows_the_numbers_of_the_platform() {
    let elsewhere: Vec<Source> = sources("src")
        .into_iter()
        .filter(|source| source.module().as_deref() != Some("contract"))
        .filter(|source| !OF_TESTS.contains(&source.name.as_str()))
        .filter(|source| !source.name.ends_with("tests.rs"))
        .collect();
    // A number in prose is no decision; as a literal it is one.
    let port = |line: &str| {
        without_strings(line).split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| {
            matches!(word.trim_end_matches("u16"), "9000" | "9_000" | "9000_" | "0x2328")
        })
    };
    none(&lines_with(&elsewhere, |line| port(line) || line.contains("\"/event-invoke")));
}

#[test]
fn the_words_are_read_as_they_are_meant() {
    let code = "use crate::{check, evidence::{Logs, Run}, report};\nuse crate::oci::Digest;\nlet x = \
                crate::units::size(1);";
    let found: Vec<_> = imports(code).into_iter().collect();
    assert_eq!(found, ["check", "evidence", "oci", "report", "units"]);
    assert_eq!(without_strings("let x = \"a \\\" 9000\" + 1;"), "let x =  + 1;");
    let source = Source { name: String::new(), text: "a // b\n//! c\n\"//d\"\n".to_owned() };
    assert_eq!(source.code(), "a \n\n\"//d\"\n");
}

/// A source file, by its path from the package's root.
struct Source {
    name: String,
    text: String,
}

impl Source {
    /// The module of the library that the file belongs to; `None` for the program and for
    /// `lib.rs`.
    fn module(&self) -> Option<String> {
        let path = self.name.strip_prefix("src/")?;
        let first = path.split('/').next()?.trim_end_matches(".rs");
        (!matches!(first, "lib" | "main" | "cli")).then(|| first.to_owned())
    }

    /// The text without comments.
    fn code(&self) -> String {
        let code = |line: &str| {
            let comment = line.match_indices("//").map(|(at, _)| at).find(|at| {
                // Inside of a string there is an odd number of quotes before it.
                line[..*at].matches('"').count().is_multiple_of(2)
            });
            line[..comment.unwrap_or(line.len())].to_owned() + "\n"
        };
        self.text.lines().map(code).collect()
    }
}

/// The modules that `crate::…` paths name, groups in braces included.
fn imports(code: &str) -> BTreeSet<String> {
    let name = |text: &str| {
        text.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut found = BTreeSet::new();
    for (at, path) in code.match_indices("crate::") {
        let rest = &code[at + path.len()..];
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = 0;
            for (at, character) in group.char_indices() {
                match character {
                    '{' => depth += 1,
                    '}' | ',' if depth == 0 => {
                        found.insert(name(&group[start..at]));
                        start = at + 1;
                        if character == '}' {
                            break;
                        }
                    }
                    '}' => depth -= 1,
                    _ => {}
                }
            }
        } else {
            found.insert(name(rest));
        }
    }
    found.remove("");
    found
}

/// A line without what stands in quotes.
fn without_strings(line: &str) -> String {
    let mut inside = false;
    let mut escaped = false;
    let outside = line.chars().filter(|character| {
        let quote = *character == '"' && !escaped;
        escaped = inside && *character == '\\' && !escaped;
        inside ^= quote;
        !inside && !quote
    });
    outside.collect()
}

/// Lines of code that `wrong` objects to; tests at the end of a file are not looked at.
fn lines_with(sources: &[Source], wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.name != "tests/tidy.rs") {
        let code = source.code();
        let tests = code.find("\nmod tests").map_or(code.len(), |at| at + 1);
        for (at, line) in code[..tests].lines().enumerate().filter(|(_, line)| wrong(line)) {
            found.push(format!("{}:{}: {}", source.name, at + 1, line.trim()));
        }
    }
    found
}

fn all() -> Vec<Source> {
    ["src", "tests", "benches"].into_iter().flat_map(sources).collect()
}

/// Every Rust file below a directory of the package.
fn sources(dir: &str) -> Vec<Source> {
    let rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let read = |path: PathBuf| Source {
        name: path.display().to_string(),
        text: fs::read_to_string(&path).expect("a source is text"),
    };
    files(Path::new(dir)).into_iter().filter(rust).map(read).collect()
}

/// Every file below a directory of the package, sorted; none where there is no such directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
