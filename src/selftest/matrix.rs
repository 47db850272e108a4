//! What was expected of each fixture against what was found.

use std::collections::BTreeSet;

use super::{Failure, Fixture, Sent};
use crate::check::{Check, Severity, Status};
use crate::report::{ImageReport, Verdict};

/// The rows of all fixtures that were checked.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// In the order of the fixtures' names.
    pub rows: Vec<Row>,
    /// Who booted them.
    pub engines: Vec<String>,
    /// Images that were sent through every source.
    pub sent: Vec<Sent>,
}

/// One fixture, checked.
#[derive(Clone, Debug)]
pub struct Row {
    /// The fixture.
    pub name: String,
    /// The rule or case that it breaks.
    pub breaks: Option<String>,
    /// The verdict that was wanted and the one that was found.
    pub verdict: (Verdict, Verdict),
    /// Ids that were found to pass.
    pub passed: BTreeSet<String>,
    /// Ids that were found to fail.
    pub failed: BTreeSet<String>,
    /// The ids among the passed ones of which this is a near miss.
    pub keeps: BTreeSet<String>,
    /// Each deviation from what was expected, one line each; empty where all is well.
    pub deviations: Vec<String>,
}

/// Compares what was found of a fixture with what it expects.
#[must_use]
pub fn compare(fixture: &Fixture, found: &ImageReport) -> Row {
    let verdict = found.verdict(Severity::Error);
    let ids = |status: Status| -> BTreeSet<String> {
        found.checks.iter().filter(|one| one.status == status).map(|one| one.id.clone()).collect()
    };
    let (passed, failed) = (ids(Status::Pass), ids(Status::Fail));
    let keeps = passed.iter().filter(|id| fixture.keeps(id)).cloned().collect();
    Row {
        name: fixture.name.clone(),
        breaks: fixture.proves.breaks.clone(),
        verdict: (fixture.expect.verdict, verdict),
        deviations: deviations(fixture, found, verdict, &passed),
        passed,
        failed,
        keeps,
    }
}

fn deviations(
    fixture: &Fixture,
    found: &ImageReport,
    verdict: Verdict,
    passed: &BTreeSet<String>,
) -> Vec<String> {
    let mut told = Vec::new();
    let expect = &fixture.expect;
    if verdict != expect.verdict {
        told.push(format!("expected {}, found {}", expect.verdict.word(), verdict.word()));
    }
    if let Some(trouble) = &found.trouble
        && expect.verdict != Verdict::NotChecked
    {
        told.push(format!("could not be checked: {}", trouble.message));
    }
    for wanted in &expect.fails {
        match found.checks.iter().find(|check| check.id == wanted.id) {
            Some(check) if check.status == Status::Fail => told.extend(differs(wanted, check)),
            Some(check) => told.push(format!(
                "{}: expected fail, found {}: {}",
                check.id, check.status, check.message
            )),
            None => told.push(format!("{}: expected fail, was not looked at", wanted.id)),
        }
    }
    for check in &found.checks {
        if expect.fails.iter().any(|wanted| wanted.id == check.id) {
            continue;
        }
        match (check.status, expect.follows.iter().find(|one| fits(&one.id, &check.id))) {
            (Status::Fail, Some(wanted)) => told.extend(differs(wanted, check)),
            (Status::Fail, None) => told.push(format!(
                "{}: expected no failure, found{}: {}",
                check.id,
                check.cause.map(|cause| format!(" {cause}")).unwrap_or_default(),
                check.message
            )),
            (Status::CouldNotCheck, _) => {
                told.push(format!("{}: could not be checked: {}", check.id, check.message));
            }
            (Status::Pass | Status::Skip, _) => {}
        }
    }
    told.extend(unsaid(fixture, found));
    for wanted in &fixture.proves.keeps {
        if !passed.iter().any(|id| fits(wanted, id)) {
            told.push(format!("{wanted}: expected pass, found none"));
        }
    }
    told
}

/// Texts that were to stand in what is told of a check, and do not.
fn unsaid(fixture: &Fixture, found: &ImageReport) -> Vec<String> {
    let mut missing = Vec::new();
    for (id, texts) in &fixture.expect.says {
        let check = found.checks.iter().find(|check| check.id == *id);
        let told: Vec<&str> = check
            .into_iter()
            .flat_map(|check| {
                let first = std::iter::once(check.message.as_str());
                first.chain(check.evidence.iter().map(String::as_str)).chain(check.fix.as_deref())
            })
            .collect();
        let unsaid = texts.iter().filter(|text| !told.iter().any(|line| line.contains(*text)));
        missing.extend(unsaid.map(|text| {
            format!("{id}: expected to say `{text}`, found:\n  {}", told.join("\n  "))
        }));
    }
    missing
}

/// How a failure differs from the wanted one.
fn differs(wanted: &Failure, check: &Check) -> Option<String> {
    if wanted.cause.is_some() && wanted.cause != check.cause {
        let word = |cause: Option<crate::check::Cause>| cause.map_or("no cause", |one| one.word());
        return Some(format!(
            "{}: expected {}, found {}: {}",
            check.id,
            word(wanted.cause),
            word(check.cause),
            check.message
        ));
    }
    match wanted.severity {
        Some(severity) if severity != check.severity => Some(format!(
            "{}: expected severity {severity}, found {}: {}",
            check.id, check.severity, check.message
        )),
        _ => None,
    }
}

/// Whether an id is the wanted one; `E*` stands for all that begin so.
pub(super) fn fits(wanted: &str, id: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => id.starts_with(beginning),
        None => wanted == id,
    }
}

impl Row {
    /// Whether everything was found as expected.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.deviations.is_empty()
    }
}

impl Matrix {
    /// Whether every fixture was found as expected, through every source.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.rows.iter().all(Row::holds) && self.sent.iter().all(|sent| sent.deviations.is_empty())
    }

    /// Adds what another engine found of these fixtures, or of some of them.
    pub fn add(&mut self, engine: &str, other: Matrix) {
        self.engines.push(engine.to_owned());
        for row in other.rows {
            let Some(own) = self.rows.iter_mut().find(|own| own.name == row.name) else {
                self.rows.push(row);
                continue;
            };
            let told = row.deviations.iter().map(|line| format!("with {engine}: {line}"));
            own.deviations.extend(told);
            own.passed.extend(row.passed);
            own.failed.extend(row.failed);
        }
    }

    /// Every id that a check had, or that a fixture is to break.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<String> {
        let found = self.rows.iter().flat_map(|row| row.passed.iter().chain(&row.failed));
        found.chain(self.rows.iter().filter_map(|row| row.breaks.as_ref())).cloned().collect()
    }

    /// Rows that broke a rule or case as a proof of it.
    pub fn breaking<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.breaks.as_deref() == Some(id))
    }

    /// Rows that kept a rule or case as a near miss.
    pub fn keeping<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.keeps.contains(id))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::check::{Basis, Cause};
    use crate::report::Trouble;

    const FIXTURE: &str = "
about: listens on loopback
proves: {breaks: B001, keeps: [M001]}
expect:
  verdict: does-not-conform
  fails: [B001 loopback-bind]
  follows: ['E*']
  says: {B001: [seen]}
image: {layers: []}
";

    fn check(id: &str, status: Status, cause: Option<Cause>) -> Check {
        Check {
            id: id.to_owned(),
            title: String::new(),
            severity: Severity::Error,
            status,
            message: "seen".to_owned(),
            cause,
            evidence: Vec::new(),
            fix: None,
            source: Basis::default(),
            duration: Duration::ZERO,
            place: None,
            waived: None,
        }
    }

    fn row(checks: Vec<Check>) -> Row {
        let fixture = Fixture::parse("loopback", FIXTURE).expect("it parses");
        let nothing = Trouble { message: String::new(), hint: None };
        let report = ImageReport {
            checks,
            trouble: None,
            ..ImageReport::not_checked("fixture:loopback", nothing)
        };
        compare(&fixture, &report)
    }

    fn good() -> Vec<Check> {
        vec![
            check("M001", Status::Pass, None),
            check("B001", Status::Fail, Some(Cause::LoopbackBind)),
            check("E001", Status::Fail, None),
            check("E002", Status::Skip, None),
        ]
    }

    #[test]
    fn what_is_as_expected_holds() {
        let row = row(good());
        assert_eq!(row.deviations, Vec::<String>::new());
        let matrix = Matrix { rows: vec![row], ..Matrix::default() };
        assert_eq!(matrix.breaking("B001").count(), 1);
        assert_eq!(matrix.keeping("M001").count(), 1);
        assert_eq!(matrix.keeping("E001").count(), 0);
    }

    #[test]
    fn what_another_engine_found_is_told_with_its_name() {
        let mut matrix = Matrix { rows: vec![row(good())], ..Matrix::default() };
        matrix.add("docker", Matrix { rows: vec![row(good())], ..Matrix::default() });
        assert!(matrix.holds() && matrix.rows.len() == 1);
        let mut other = good();
        other[1].status = Status::Pass;
        matrix.add("docker", Matrix { rows: vec![row(other)], ..Matrix::default() });
        assert_eq!(
            matrix.rows[0].deviations,
            ["with docker: B001: expected fail, found pass: seen"]
        );
    }

    #[test]
    fn each_deviation_is_told() {
        let with = |change: fn(&mut Vec<Check>)| {
            let mut checks = good();
            change(&mut checks);
            row(checks).deviations.join("\n")
        };
        assert!(with(|all| all[0].status = Status::Fail).contains("M001: expected no failure"));
        assert!(with(|all| all[0].status = Status::Skip).contains("M001: expected pass"));
        assert!(with(|all| all[1].cause = Some(Cause::Hangs)).contains("found hangs"));
        assert!(with(|all| all[1].status = Status::Pass).contains("B001: expected fail"));
        assert!(with(|all| all[1].message.clear()).contains("B001: expected to say `seen`"));
        assert!(with(|all| drop(all.remove(1))).contains("was not looked at"));
        assert!(with(|all| all[3].status = Status::CouldNotCheck).contains("E002: could not"));
    }
}
