//! Reads the cases of a suite: rows of a matrix, variables, and then each key.

use super::capture;
use super::case::{Case, Proof};
use super::cursor::{Cursor, Fields, advice, words};
use super::expect;
use super::flow::{self, Flow};
use super::headers;
use super::invocation;
use super::job;
use super::late::Late;
use super::node::Node;
use super::parse::Origin;
use super::shape::{Entries, Form, Key, Shape, Table, VARIABLE};
use super::variables::{Scope, fill, scalar};
use crate::check::Severity;
use crate::contract::{Contract, FunctionType};

/// A case.
pub(super) const CASE: Table = Table {
    of: "a case",
    name: "case",
    keys: &[
        Key::new("id", "a stable id; U001 and so on where it is left out", Shape::Form(&ID)),
        Key::new("name", "what is wanted, as a sentence without a full stop", Shape::Scalar),
        Key::new(
            "clause",
            "the clause of the contract that it stands on",
            Shape::Word("a clause", || {
                Contract::scf().clauses().iter().map(|clause| clause.id.as_str()).collect()
            }),
        ),
        Key::new(
            "severity",
            "how much a broken expectation weighs: error, warning or info",
            Shape::Word("a severity", || words(SEVERITIES)),
        ),
        Key::new("tags", "words for selection", Shape::Many(&Shape::Text)),
        invocation::EVENT_KEY,
        invocation::HTTP_KEY,
        Key::new(
            "headers",
            "what is changed of the request's headers",
            Shape::Map(&headers::HEADERS),
        ),
        Key::new("expect", "what is wanted of the answer", Shape::Map(&expect::EXPECT)),
        capture::CAPTURE,
        Key::new(
            "matrix",
            "the case once for each row of variables, or for each combination of lists of them",
            Shape::Either(&[Shape::List(&Shape::Entries(&ROW)), Shape::Entries(&COLUMNS)]),
        ),
        flow::REPEAT,
        flow::CONCURRENCY,
        flow::RETRY,
        flow::DELAY,
        flow::COLD,
        flow::CLIENT,
        flow::BEFORE,
        flow::SKIP,
        Key::new("fix", "what to change where it fails", Shape::Text),
        Key::new("proof", "the fixtures that break and keep a built-in case", Shape::Map(&PROOF)),
    ],
    needs: &["name"],
    one_of: &["event", "http"],
};

const ROW: Entries = Entries { keys: &VARIABLE, value: Shape::Json };
const COLUMNS: Entries = Entries { keys: &VARIABLE, value: Shape::List(&Shape::Json) };

const PROOF: Table = Table {
    of: "`proof:`",
    name: "proof",
    keys: &[
        Key::new("breaks", "a fixture that breaks the case and no other", Shape::Text),
        Key::new("keeps", "a near miss that keeps it", Shape::Text),
    ],
    needs: &["breaks", "keeps"],
    one_of: &[],
};

const ID: Form = Form {
    what: "a text",
    pattern: "^[A-Za-z0-9_.-]+$",
    numbers: Some((0, u64::MAX)),
    examples: &["paid-order", "U017"],
    counterexamples: &["a b", ""],
};

const SEVERITIES: &[(&str, Severity)] =
    &[("error", Severity::Error), ("warning", Severity::Warning), ("info", Severity::Info)];

/// How many rows a matrix may come to.
const MOST_ROWS: usize = 1_000;

/// Keys that mean nothing for a job, which runs once for each event.
const NOT_FOR_JOBS: [Key; 8] = [
    flow::BEFORE,
    capture::CAPTURE,
    flow::REPEAT,
    flow::CONCURRENCY,
    flow::RETRY,
    flow::DELAY,
    flow::COLD,
    flow::CLIENT,
];

/// Variables of one row.
type Row = Vec<(String, Node)>;

/// Reads an item of a list of cases: one case, or one for each row of its matrix.
pub(super) fn cases(
    cursor: &Cursor<'_>,
    kind: Option<FunctionType>,
    origin: Origin,
    scope: &Scope,
    before: &[&str],
) -> Vec<Case> {
    let matrix = matrix_of(cursor);
    let rows = matrix
        .as_ref()
        .map_or_else(|| vec![Row::new()], |matrix| rows(&matrix.with(&fill(matrix, scope).node)));
    let mut cases: Vec<Case> = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let mut scope = scope.clone();
        scope.known.extend(row.iter().cloned());
        let filled = fill(cursor, &scope);
        let Some(mut case) = case(&cursor.with(&filled.node), kind, origin, before) else {
            continue;
        };
        if matrix.is_some() {
            if !case.id.is_empty() {
                case.id = format!("{}.{}", case.id, at + 1);
            }
            if filled.node.text_at("name") == cursor.node.text_at("name") {
                let told: Vec<String> = row
                    .iter()
                    .filter_map(|(name, value)| Some(format!("{name} {}", scalar(value)?)))
                    .collect();
                case.name = format!("{} ({})", case.name, told.join(", "));
            }
        }
        if !filled.late.is_empty() {
            let files = cursor.reader.contents();
            case.late = Some(Late { node: filled.node, names: filled.late, kind, files });
        }
        cases.push(case);
    }
    cases
}

fn matrix_of<'n>(cursor: &Cursor<'n>) -> Option<Cursor<'n>> {
    let Node::Map(entries) = cursor.node else { return None };
    let at = entries.iter().position(|(key, _)| key == "matrix")?;
    cursor.children().into_iter().nth(at)
}

fn rows(cursor: &Cursor<'_>) -> Vec<Row> {
    let rows = match cursor.node {
        Node::List(_) => cursor.one_or_many().iter().map(row).collect(),
        Node::Map(_) => product(&row_cursors(cursor)),
        // That it is neither is told where its key is.
        _ => return vec![Row::new()],
    };
    if rows.is_empty() {
        cursor.wrong("a matrix has one row at least", None);
        return vec![Row::new()];
    }
    if rows.len() > MOST_ROWS {
        cursor.wrong(
            format!("{} rows are more than the {MOST_ROWS} that a matrix may have", rows.len()),
            None,
        );
        return vec![rows.into_iter().next().unwrap_or_default()];
    }
    rows
}

fn row(cursor: &Cursor<'_>) -> Row {
    row_cursors(cursor).into_iter().map(|(name, value)| (name, value.node.clone())).collect()
}

fn row_cursors<'n>(cursor: &Cursor<'n>) -> Vec<(String, Cursor<'n>)> {
    let mut row = Vec::new();
    for (name, value) in cursor.entries().unwrap_or_default() {
        if !flow::is_name(name) {
            value.wrong_key(format!("`{name}` is no name of a variable"), None);
        }
        row.push((name.to_owned(), value));
    }
    row
}

/// Each combination, the last column changing first.
fn product(columns: &[(String, Cursor<'_>)]) -> Vec<Row> {
    let mut rows = vec![Row::new()];
    for (name, column) in columns {
        let Some(values) = column.list() else { continue };
        // What would be too many is told by the caller; it need not be built.
        let many = rows.len().saturating_mul(values.len()) > 2 * MOST_ROWS;
        let taken = if many { 1.max(2 * MOST_ROWS / rows.len()) } else { values.len() };
        rows = rows
            .iter()
            .flat_map(|row| {
                values.iter().take(taken).map(move |value| {
                    let mut row = row.clone();
                    row.push((name.clone(), value.node.clone()));
                    row
                })
            })
            .collect();
    }
    rows
}

fn case(
    cursor: &Cursor<'_>,
    kind: Option<FunctionType>,
    origin: Origin,
    before: &[&str],
) -> Option<Case> {
    let case = asked(cursor, kind);
    // What makes it this case, beside what it asks.
    let fields = cursor.fields(&CASE)?;
    let proof = fields.take("proof").and_then(|proof| proof_of(&proof));
    let id = fields.take("id").and_then(|id| case_id(&id, origin, proof.as_ref(), before));
    let clause = fields.take("clause").and_then(|clause| clause_id(&clause));
    case.map(|case| Case { id: id.unwrap_or_default(), clause, proof, ..case })
}

/// What a case asks and expects.
pub(super) fn asked(cursor: &Cursor<'_>, kind: Option<FunctionType>) -> Option<Case> {
    let fields = cursor.fields(&CASE)?;
    let tags = fields.take("tags").map(|tags| tags.one_or_many()).unwrap_or_default();
    let is_job = kind == Some(FunctionType::Job);
    for key in NOT_FOR_JOBS.iter().filter(|_| is_job) {
        if let Some(value) = fields.take(key.name) {
            value.wrong_key(format!("a job's case takes no `{}:`", key.name), None);
        }
    }
    let expect = fields.take("expect");
    Some(Case {
        id: String::new(),
        name: fields.take("name").and_then(|name| name.scalar()).unwrap_or_default(),
        clause: None,
        severity: fields
            .take("severity")
            .and_then(|severity| severity.word("severity", SEVERITIES))
            .unwrap_or(Severity::Error),
        tags: tags.iter().filter_map(|tag| tag.text().map(str::to_owned)).collect(),
        headers: fields.take("headers").map(|cursor| edit(&cursor, kind)).unwrap_or_default(),
        run: is_job.then(|| expect.as_ref().map(job::parse).unwrap_or_default()),
        // A job's are taken by now.
        expectations: expect.filter(|_| !is_job).map(|it| expect::parse(&it)).unwrap_or_default(),
        flow: if is_job { job_flow(&fields) } else { flow::parse(&fields) },
        late: None,
        fix: fields.take("fix").and_then(|fix| fix.text()).map(|fix| fix.trim().to_owned()),
        proof: None,
        place: None,
        invocation: invocation_of(&fields, kind)?,
    })
}

fn job_flow(fields: &Fields<'_>) -> Flow {
    let skip = fields.take(flow::SKIP.name);
    Flow { skip: skip.and_then(|skip| skip.text()).map(str::to_owned), ..Flow::default() }
}

fn edit(cursor: &Cursor<'_>, kind: Option<FunctionType>) -> headers::HeaderEdit {
    if kind == Some(FunctionType::Job) {
        cursor.wrong_key("a job gets no headers", None);
    }
    headers::parse(cursor)
}

fn invocation_of(
    fields: &Fields<'_>,
    kind: Option<FunctionType>,
) -> Option<invocation::Invocation> {
    let (word, value) = fields.one_of(CASE.one_of)?;
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

fn case_id(
    cursor: &Cursor<'_>,
    origin: Origin,
    proof: Option<&Proof>,
    before: &[&str],
) -> Option<String> {
    let id = cursor.scalar()?;
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_empty() || !id.bytes().all(fine) {
        cursor.wrong(format!("`{id}` is no id: letters, digits, `-`, `_` and `.`"), None);
    }
    if before.contains(&id.as_str()) {
        cursor.wrong(format!("the id `{id}` is taken by a case before"), None);
    }
    let digits = id.get(1..).is_some_and(|rest| rest.len() == 3 && rest.parse::<u16>().is_ok());
    let own = digits && id.starts_with(['B', 'E', 'F', 'H', 'J', 'M', 'R', 'S']);
    // The program's own suites are files like those of users, and each of their cases has a
    // proof.
    if origin == Origin::User && own && proof.is_none() {
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
    let fields = cursor.fields(&PROOF)?;
    let text = |key| fields.take(key)?.text().map(str::to_owned);
    Some(Proof { breaks: text("breaks")?, keeps: text("keeps")? })
}
