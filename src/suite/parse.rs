//! Reads a suite from YAML, with the suites that it includes, and tells everything that is
//! wrong in it at once.

use std::cell::Cell;

use super::case::{Case, Suite};
use super::cursor::{Cursor, Fields, Reader, words};
use super::flow::Role;
use super::given::{Given, Unset, variables};
use super::locate::{Part, Position, of_error, position};
use super::node::Node;
use super::problem::Problems;
use super::read::{self, CASE};
use super::secrets::Secrets;
use super::shape::{Key, Shape, Table};
use super::variables::{OWN, Scope, VARS};
use crate::check::Place;
use crate::contract::FunctionType;

/// Whose suite it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Part of the program: ids of its own letters, a clause and a proof for each case.
    BuiltIn,
    /// A user's: ids are optional, and the program's own are taken.
    User,
}

/// A suite.
pub(super) const SUITE: Table = Table {
    of: "a suite",
    name: "suite",
    keys: &[
        Key::new("suite", "the suite's name in reports", Shape::Text),
        Key::new("about", "what the suite is for", Shape::Text),
        Key::new(
            "type",
            "the kind of function that it asks: event, http or job",
            Shape::Word("a type of function", || words(TYPES)),
        ),
        Key::new(
            "include",
            "other suites, whose variables, preparations and cases go before these",
            Shape::Many(&Shape::Text),
        ),
        Key::new(
            "vars",
            "variables, which stand in texts as `${name}`: a value, null where --var has to give \
             it, or a map",
            Shape::Entries(&VARS),
        ),
        Key::new(
            "setup",
            "cases that make ready for the others: always asked first, and where one fails, the \
             others are not asked",
            Shape::List(&Shape::Map(&CASE)),
        ),
        Key::new(
            "cases",
            "what is asked, in order, of one instance",
            Shape::List(&Shape::Map(&CASE)),
        ),
    ],
    needs: &["suite", "type"],
    one_of: &[],
};

const TYPES: &[(&str, FunctionType)] =
    &[("event", FunctionType::Event), ("http", FunctionType::Http), ("job", FunctionType::Job)];

/// Suites that may be included in all, each as often as it is.
const MOST_INCLUDED: usize = 1000;
/// How deep suites may include each other.
const DEEPEST: usize = 16;

/// Reads a suite that needs nothing but its text. `file` is how the user named it.
///
/// # Errors
///
/// Everything that is wrong in it, each with its place.
pub fn parse(file: &str, text: &str, origin: Origin) -> Result<Suite, Problems> {
    let given = Given {
        files: &|_| Err("no files can be read here".to_owned()),
        variables: &[],
        secrets: &[],
        environment: &|_| None,
        unset: Unset::Told,
    };
    load(file, text, origin, &given)
}

/// Reads a suite with whatever it names.
///
/// # Errors
///
/// Everything that is wrong in it, each with its place.
pub fn load(file: &str, text: &str, origin: Origin, given: &Given<'_>) -> Result<Suite, Problems> {
    let mut scope = Scope::default();
    scope.late.extend(OWN.map(|(name, _)| name.to_owned()));
    read_one(
        file,
        text,
        &Around { origin, given, chain: &[], included: &Cell::new(0) },
        &Whole { scope, kind: None },
    )
}

/// What a suite is read in.
struct Around<'a> {
    origin: Origin,
    given: &'a Given<'a>,
    /// The files that include this one, the outermost first.
    chain: &'a [&'a str],
    /// Suites that were included so far.
    included: &'a Cell<usize>,
}

/// What the including suite says.
struct Whole {
    scope: Scope,
    kind: Option<FunctionType>,
}

fn read_one(file: &str, text: &str, around: &Around<'_>, outer: &Whole) -> Result<Suite, Problems> {
    let node: Node = serde_yaml::from_str(text).map_err(|error| unreadable(file, text, &error))?;
    let reader = Reader::new(file, around.given.files);
    let mut others = Vec::new();
    let suite = suite(&Cursor::new(&node, &reader), around, outer, text, &mut others);
    let complaints = reader.complaints();
    match suite {
        Some(suite) if complaints.is_empty() && others.is_empty() => Ok(suite),
        _ => {
            let mut complaints = complaints;
            if complaints.is_empty() && others.is_empty() {
                complaints.add(&[], Part::Value, "this is no suite", None);
            }
            let mut problems = complaints.into_problems(file, text);
            for other in others {
                problems.add(other);
            }
            Err(problems)
        }
    }
}

/// A file that is no YAML, or has what suites do not: tags, numbers that JSON lacks.
fn unreadable(file: &str, text: &str, error: &serde_yaml::Error) -> Problems {
    let place = of_error(error).unwrap_or(Position { line: 1, column: 1 });
    let told = error.to_string();
    // The position stands beside the line; in the sentence it would be said twice.
    let message = told.split(" at line ").next().unwrap_or(&told);
    let message = super::printable::text(&format!("this cannot be read: {message}"));
    Problems::single(file, text, place, message)
}

fn suite(
    cursor: &Cursor<'_>,
    around: &Around<'_>,
    outer: &Whole,
    text: &str,
    others: &mut Vec<Problems>,
) -> Option<Suite> {
    let fields = cursor.fields(&SUITE)?;
    let name = fields.take("suite").and_then(|name| name.text());
    let about = fields.take("about").and_then(|about| about.text());
    let kind = fields.take("type");
    let word = kind.as_ref().and_then(|kind| kind.word("type of function", TYPES));
    if let (Some(kind), Some(own), Some(wanted)) = (&kind, word, outer.kind)
        && own != wanted
    {
        let (own, wanted) = (own.word(), wanted.word());
        kind.wrong(
            format!("this is for {own} functions, and included for {wanted} functions"),
            None,
        );
    }
    let mut suite = Suite {
        name: name.unwrap_or_default().to_owned(),
        about: about.unwrap_or_default().trim().to_owned(),
        kind: word.unwrap_or(FunctionType::Event),
        file: cursor.reader.file.to_owned(),
        cases: Vec::new(),
        secrets: Secrets::default(),
        variables: Vec::new(),
    };
    let mut scope = Scope { known: Vec::new(), late: outer.scope.late.clone() };
    variables(&fields, around.given, &mut scope, &mut suite);
    scope.known.extend(outer.scope.known.iter().cloned());
    let mut whole = Whole { scope, kind: word };
    include(&fields, around, &mut whole, &mut suite, others);
    let mut cases: Vec<Case> = Vec::new();
    for (key, role) in [("setup", Role::Setup), ("cases", Role::Check)] {
        let Some(list) = fields.take(key) else { continue };
        let lines = lines(cursor.node, text, key);
        let items = list.list().unwrap_or_default();
        if items.is_empty() && key == "cases" {
            list.wrong("a suite without cases asks nothing", None);
        }
        for (at, item) in items.iter().enumerate() {
            if !item.is(&Shape::Map(&CASE)) {
                continue;
            }
            let before: Vec<&str> =
                suite.cases.iter().chain(&cases).map(|case| case.id.as_str()).collect();
            for mut case in read::cases(item, word, around.origin, &whole.scope, &before) {
                case.flow.role = role;
                let names = case.flow.captures.iter().map(|capture| capture.name.clone());
                whole.scope.late.extend(names);
                if around.origin == Origin::User {
                    let line = lines.get(at).or(lines.last()).copied().unwrap_or(1);
                    case.place = Some(Place { file: suite.file.clone(), line });
                }
                cases.push(case);
            }
        }
    }
    suite.cases.extend(cases);
    // Those that make ready go first, whichever file they are from.
    suite.cases.sort_by_key(|case| case.flow.role == Role::Check);
    if fields.take("cases").is_none() && fields.take("include").is_none() {
        cursor.wrong("a suite needs `cases:`", None);
    }
    (name.is_some() && word.is_some()).then_some(suite)
}

fn include(
    fields: &Fields<'_>,
    around: &Around<'_>,
    whole: &mut Whole,
    suite: &mut Suite,
    others: &mut Vec<Problems>,
) {
    let Some(include) = fields.take("include") else { return };
    for named in include.one_or_many() {
        around.included.set(around.included.get() + 1);
        if around.included.get() > MOST_INCLUDED {
            // Once is enough: they may be very many.
            if around.included.get() == MOST_INCLUDED + 1 {
                named.wrong(format!("more than {MOST_INCLUDED} suites are included in all"), None);
            }
            continue;
        }
        let Some(bytes) = named.file() else { continue };
        let path = named.reader.beside(named.text().unwrap_or_default());
        let mut chain = around.chain.to_vec();
        chain.push(named.reader.file);
        if chain.contains(&path.as_str()) || chain.len() > DEEPEST {
            chain.push(&path);
            let way = chain.join("` includes `");
            named.wrong(format!("suites include each other: `{way}`"), None);
            continue;
        }
        let Ok(text) = String::from_utf8(bytes) else {
            named.wrong("this file is no text", None);
            continue;
        };
        let around = Around {
            origin: around.origin,
            given: around.given,
            chain: &chain,
            included: around.included,
        };
        match read_one(&path, &text, &around, whole) {
            Ok(included) => {
                for case in &included.cases {
                    let names = case.flow.captures.iter().map(|capture| capture.name.clone());
                    whole.scope.late.extend(names);
                    if let Some(twice) =
                        suite.cases.iter().find(|known| !known.id.is_empty() && known.id == case.id)
                    {
                        named.wrong(
                            format!("the id `{}` is taken by a case before", twice.id),
                            None,
                        );
                    }
                }
                whole.scope.known.splice(0..0, included.scope());
                suite.secrets.extend(&included.secrets);
                suite.variables.extend(included.variables);
                suite.cases.extend(included.cases);
            }
            Err(problems) => others.push(problems),
        }
    }
}

/// The line of each item of a list. In a list of dashes each item begins with a dash in the
/// column of the first one, and nothing inside of an item does; where the list is written in
/// brackets, its beginning has to do.
fn lines(suite: &Node, text: &str, key: &str) -> Vec<usize> {
    let Node::Map(entries) = suite else { return Vec::new() };
    let Some(at) = entries.iter().position(|(known, _)| known == key) else { return Vec::new() };
    let first = position(text, &[at], Part::Value);
    let indent = first.column - 1;
    let is_item = |line: &str| {
        let rest = line.trim_start_matches(' ');
        line.len() - rest.len() == indent && (rest == "-" || rest.starts_with("- "))
    };
    let numbered = text.lines().enumerate().skip(first.line - 1);
    let lines: Vec<usize> =
        numbered.filter(|(_, line)| is_item(line)).map(|(at, _)| at + 1).collect();
    if lines.is_empty() { vec![first.line] } else { lines }
}

/// Gives an id to every case of users' suites that has none: `U001` and on, over all of them.
pub fn number(suites: &mut [Suite]) {
    let taken: Vec<String> =
        suites.iter().flat_map(|suite| &suite.cases).map(|case| case.id.clone()).collect();
    let mut free = (1..).map(|next| format!("U{next:03}")).filter(|id| !taken.contains(id));
    for case in suites.iter_mut().flat_map(|suite| &mut suite.cases) {
        if case.id.is_empty() {
            case.id = free.next().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Suite {
        parse("a.yaml", text, Origin::User).unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn each_case_knows_its_line() {
        let check = |text: &str, expected: &[usize]| {
            let suite = read(text);
            let lines: Vec<usize> =
                suite.cases.iter().filter_map(|case| Some(case.place.as_ref()?.line)).collect();
            assert_eq!(lines, expected, "{text}");
        };
        check(
            "suite: s\ntype: http\ncases:\n- name: a\n  http: GET /\n  tags:\n  - x\n\n# - no\n- name: |\n    b\n    - c\n  http: GET /\n",
            &[4, 10],
        );
        check(
            "cases:\n  -\n    name: a\n    http: GET /\n  - name: b\n    http: GET /\ntype: http\nsuite: s\n",
            &[2, 5],
        );
        check("{suite: s, type: http,\n cases: [{name: a, http: GET /}]}", &[2]);
    }

    #[test]
    fn cases_without_an_id_are_numbered() {
        let text = "suite: s\ntype: http\ncases:\n- {name: a, http: GET /}\n- {id: U002, name: b, http: GET /}\n";
        let mut suites = [read(text), read(&text.replace("U002", "mine"))];
        number(&mut suites);
        let ids: Vec<&str> =
            suites.iter().flat_map(|suite| &suite.cases).map(|case| case.id.as_str()).collect();
        assert_eq!(ids, ["U001", "U002", "U003", "mine"]);
    }
}
