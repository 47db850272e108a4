//! Reads a suite from YAML, and tells everything that is wrong in it at once.

use std::cell::RefCell;

use super::case::{Case, Proof, Suite};
use super::cursor::{Cursor, Fields, Key, advice};
use super::expect;
use super::headers;
use super::invocation;
use super::job;
use super::locate::{Part, Position, of_error, position};
use super::node::Node;
use super::problem::{Complaints, Problems};
use crate::check::{Place, Severity};
use crate::contract::{Contract, FunctionType};

/// Whose suite it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Part of the program: ids of its own letters, a clause and a proof for each case.
    BuiltIn,
    /// A user's: ids are optional, and the program's own are taken.
    User,
}

/// The keys of a suite.
const SUITE: &[Key] = &[
    Key { name: "suite", about: "the suite's name in reports" },
    Key { name: "about", about: "what the suite is for" },
    Key { name: "type", about: "the kind of function that it asks: event, http or job" },
    Key { name: "cases", about: "what is asked, in order, of one instance" },
];

/// The keys of a case.
const CASE: &[Key] = &[
    Key { name: "id", about: "a stable id; U001 and so on where it is left out" },
    Key { name: "name", about: "what is wanted, as a sentence without a full stop" },
    Key { name: "clause", about: "the clause of the contract that it stands on" },
    Key { name: "severity", about: "how much a broken expectation weighs: error, warning or info" },
    Key { name: "tags", about: "words for selection" },
    Key { name: "event", about: "an event to post: a trigger's name, or a map" },
    Key { name: "http", about: "an HTTP request: `GET /path`, or a map" },
    Key { name: "headers", about: "what is changed of the request's headers" },
    Key { name: "expect", about: "what is wanted of the answer" },
    Key { name: "fix", about: "what to change where it fails" },
    Key { name: "proof", about: "the fixtures that break and keep a built-in case" },
];

const PROOF: &[Key] = &[
    Key { name: "breaks", about: "a fixture that breaks the case and no other" },
    Key { name: "keeps", about: "a near miss that keeps it" },
];

const TYPES: &[(&str, FunctionType)] =
    &[("event", FunctionType::Event), ("http", FunctionType::Http), ("job", FunctionType::Job)];

const SEVERITIES: &[(&str, Severity)] =
    &[("error", Severity::Error), ("warning", Severity::Warning), ("info", Severity::Info)];

/// Reads a suite. `file` is how the user named it.
///
/// # Errors
///
/// Everything that is wrong in it, each with its place.
pub fn parse(file: &str, text: &str, origin: Origin) -> Result<Suite, Problems> {
    let node: Node = serde_yaml::from_str(text).map_err(|error| unreadable(file, text, &error))?;
    let complaints = RefCell::new(Complaints::default());
    let suite = suite(file, &Cursor::new(&node, &complaints), origin);
    let mut complaints = complaints.into_inner();
    match suite {
        Some(mut suite) if complaints.is_empty() => {
            if origin == Origin::User {
                place(&mut suite, file, text);
            }
            Ok(suite)
        }
        _ => {
            if complaints.is_empty() {
                complaints.add(&[], Part::Value, "this is no suite", None);
            }
            Err(complaints.into_problems(file, text))
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

fn suite(file: &str, cursor: &Cursor<'_>, origin: Origin) -> Option<Suite> {
    let fields = cursor.fields("a suite", SUITE)?;
    let name = fields.need("suite", "a suite").and_then(|name| name.text());
    let about = fields.take("about").and_then(|about| about.text());
    let kind = fields.need("type", "a suite");
    let kind = kind.and_then(|kind| kind.word("type of function", TYPES));
    let list = fields.need("cases", "a suite").and_then(|cases| {
        let list = cases.list()?;
        if list.is_empty() {
            cases.wrong("a suite without cases asks nothing", None);
        }
        Some(list)
    });
    let mut cases: Vec<Case> = Vec::new();
    for cursor in list.unwrap_or_default() {
        if let Some(case) = case(&cursor, kind, origin, &cases) {
            cases.push(case);
        }
    }
    Some(Suite {
        name: name?.to_owned(),
        about: about.unwrap_or_default().trim().to_owned(),
        kind: kind?,
        file: file.to_owned(),
        cases,
    })
}

fn case(
    cursor: &Cursor<'_>,
    kind: Option<FunctionType>,
    origin: Origin,
    before: &[Case],
) -> Option<Case> {
    let fields = cursor.fields("a case", CASE)?;
    let id = fields.take("id").and_then(|id| case_id(&id, origin, before));
    let name = fields.need("name", "a case").and_then(|name| name.text());
    let tags = fields.take("tags").map(|tags| tags.one_or_many()).unwrap_or_default();
    let case = Case {
        id: id.unwrap_or_default(),
        name: name.unwrap_or_default().to_owned(),
        clause: fields.take("clause").and_then(|clause| clause_id(&clause)),
        severity: fields
            .take("severity")
            .and_then(|severity| severity.word("severity", SEVERITIES))
            .unwrap_or(Severity::Error),
        tags: tags.iter().filter_map(|tag| tag.text().map(str::to_owned)).collect(),
        headers: fields.take("headers").map(|cursor| edit(&cursor, kind)).unwrap_or_default(),
        run: (kind == Some(FunctionType::Job))
            .then(|| fields.take("expect").map(|cursor| job::parse(&cursor)).unwrap_or_default()),
        // A job's are taken by now.
        expectations: fields
            .take("expect")
            .filter(|_| kind != Some(FunctionType::Job))
            .map(|cursor| expect::parse(&cursor))
            .unwrap_or_default(),
        fix: fields.take("fix").and_then(|fix| fix.text()).map(|fix| fix.trim().to_owned()),
        proof: fields.take("proof").and_then(|proof| proof_of(&proof)),
        place: None,
        invocation: asked(&fields, kind)?,
    };
    name.map(|_| case)
}

fn edit(cursor: &Cursor<'_>, kind: Option<FunctionType>) -> headers::HeaderEdit {
    if kind == Some(FunctionType::Job) {
        cursor.wrong_key("a job gets no headers", None);
    }
    headers::parse(cursor)
}

fn asked(fields: &Fields<'_>, kind: Option<FunctionType>) -> Option<invocation::Invocation> {
    let (word, value) = fields.one_of("a case", &["event", "http"])?;
    if word == "http" {
        if kind == Some(FunctionType::Job) {
            let hint = "write `event:`, or make it a suite of `type: http`".to_owned();
            value.wrong_key("a job gets no requests", Some(hint));
        }
        return invocation::http(&value);
    }
    if kind == Some(FunctionType::Http) {
        let hint = "write `http:`, or make it a suite of `type: event`".to_owned();
        value.wrong_key("an HTTP function gets no events", Some(hint));
    }
    invocation::event(&value)
}

fn case_id(cursor: &Cursor<'_>, origin: Origin, before: &[Case]) -> Option<String> {
    let id = cursor.scalar()?;
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_empty() || !id.bytes().all(fine) {
        cursor.wrong(format!("`{id}` is no id: letters, digits, `-`, `_` and `.`"), None);
    }
    if before.iter().any(|case| case.id == id) {
        cursor.wrong(format!("the id `{id}` is taken by a case before"), None);
    }
    let digits = id.get(1..).is_some_and(|rest| rest.len() == 3 && rest.parse::<u16>().is_ok());
    if origin == Origin::User && digits && id.starts_with(['B', 'E', 'F', 'H', 'J', 'M', 'R', 'S'])
    {
        let hint = "leave it out, and the case gets the next one of U001, U002 …".to_owned();
        cursor.wrong(format!("ids such as `{id}` are the program's own"), Some(hint));
    }
    Some(id)
}

fn clause_id(cursor: &Cursor<'_>) -> Option<String> {
    let id = cursor.text()?;
    if Contract::scf().clause(id).is_none() {
        let ids: Vec<&str> =
            Contract::scf().clauses().iter().map(|clause| clause.id.as_str()).collect();
        cursor.wrong(format!("there is no clause `{id}`"), Some(advice(id, &ids, "clauses")));
    }
    Some(id.to_owned())
}

fn proof_of(cursor: &Cursor<'_>) -> Option<Proof> {
    let fields = cursor.fields("`proof:`", PROOF)?;
    let text = |key| fields.need(key, "`proof:`")?.text().map(str::to_owned);
    Some(Proof { breaks: text("breaks")?, keeps: text("keeps")? })
}

/// Notes the line of each case. In a list of dashes each item begins with a dash in the
/// column of the first one, and nothing inside of an item does; where the list is written in
/// brackets, its beginning has to do.
fn place(suite: &mut Suite, file: &str, text: &str) {
    let Ok(Node::Map(entries)) = serde_yaml::from_str::<Node>(text) else { return };
    let Some(cases) = entries.iter().position(|(key, _)| key == "cases") else { return };
    let first = position(text, &[cases], Part::Value);
    let indent = first.column - 1;
    let is_item = |line: &str| {
        let rest = line.trim_start_matches(' ');
        line.len() - rest.len() == indent && (rest == "-" || rest.starts_with("- "))
    };
    let numbered = text.lines().enumerate().skip(first.line - 1);
    let mut lines = numbered.filter(|(_, line)| is_item(line)).map(|(at, _)| at + 1);
    for case in &mut suite.cases {
        let line = lines.next().unwrap_or(first.line);
        case.place = Some(Place { file: file.to_owned(), line });
    }
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
