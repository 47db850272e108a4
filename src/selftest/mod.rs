//! The program proves itself: for each rule an image that breaks it and a near miss that
//! keeps it, both really checked.
//!
//! A [`Fixture`] is a file of `fixtures/images`: a recipe, how it is to be checked, and what
//! has to come out. [`run`] checks each and gives a [`Matrix`]; [`unproved`] names the rules
//! and cases that have no row in it.

mod fixture;
mod loopback;
mod matrix;
mod sources;
mod text;

pub use fixture::{Expected, Failure, Fixture, FixtureError, Proves, Settings, fixtures};
pub use matrix::{Matrix, Row, compare};
pub use sources::{SENT, SendError, Sent, send};
pub use text::list;

use crate::contract::FunctionType;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::engine::Engine;
use crate::pipeline::conform;
use crate::report::{ImageReport, Trouble};
use crate::rules::{Look, RULES};
use crate::run::{Cancel, Silent};
use crate::suite::builtin;

/// The fixtures that are said to prove a rule or a built-in case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The rule's or the case's id.
    pub id: String,
    /// A fixture that breaks it, and nothing else but for what follows from it.
    pub breaks: String,
    /// A near miss that keeps it.
    pub keeps: String,
}

/// The proofs of all rules and of the built-in suites' cases. A case that names none has a
/// proof without names, which no fixture can be.
#[must_use]
pub fn proofs() -> Vec<Proof> {
    let proof = |id: &str, breaks: &str, keeps: &str| Proof {
        id: id.to_owned(),
        breaks: breaks.to_owned(),
        keeps: keeps.to_owned(),
    };
    // What takes two engines is proved where there are two: in `tests/docker.rs`.
    let rules = RULES.iter().filter(|rule| !matches!(rule.look, Look::Engines(_)));
    let rules = rules.map(|rule| proof(rule.id, rule.proof.breaks, rule.proof.keeps));
    let kinds = [FunctionType::Event, FunctionType::Http, FunctionType::Job];
    let cases = kinds.into_iter().filter_map(builtin).flat_map(|suite| &suite.cases);
    let cases = cases.map(|case| match &case.proof {
        Some(known) => proof(&case.id, &known.breaks, &known.keeps),
        None => proof(&case.id, "", ""),
    });
    rules.chain(cases).collect()
}

/// Rules and cases that no fixture proves, one line each: the fixture that is named for it
/// does not break it, or does not keep it. That a fixture does what it says is what the
/// matrix shows.
#[must_use]
pub fn unproved(fixtures: &[Fixture], proofs: &[Proof]) -> Vec<String> {
    let named = |name: &str| fixtures.iter().find(|fixture| fixture.name == name);
    let mut unproved = Vec::new();
    for Proof { id, breaks, keeps } in proofs {
        if !named(breaks).is_some_and(|fixture| fixture.breaks(id)) {
            unproved.push(format!("{id}: `{breaks}` is no fixture that breaks it"));
        }
        if !named(keeps).is_some_and(|fixture| fixture.keeps(id)) {
            unproved.push(format!("{id}: `{keeps}` is no fixture that keeps it"));
        }
    }
    unproved
}

/// Checks each fixture with `check`, several side by side, and compares.
pub fn run(
    fixtures: &[Fixture],
    threads: usize,
    check: &(dyn Fn(&Fixture) -> ImageReport + Sync),
) -> Matrix {
    let next = AtomicUsize::new(0);
    let rows: Vec<OnceLock<Row>> = fixtures.iter().map(|_| OnceLock::new()).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some((fixture, row)) = at(&next, fixtures, &rows) {
                    row.get_or_init(|| compare(fixture, &check(fixture)));
                }
            });
        }
    });
    let rows = rows.into_iter().filter_map(OnceLock::into_inner).collect();
    Matrix { rows, ..Matrix::default() }
}

/// The next fixture that nobody has taken.
fn at<'a>(
    next: &AtomicUsize,
    fixtures: &'a [Fixture],
    rows: &'a [OnceLock<Row>],
) -> Option<(&'a Fixture, &'a OnceLock<Row>)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    fixtures.get(at).zip(rows.get(at))
}

/// Checks a fixture as `check` would with the fixture's own options.
#[must_use]
pub fn check(fixture: &Fixture, engine: Arc<dyn Engine>, scratch: &Path) -> ImageReport {
    match fixture.job(engine, scratch) {
        Ok(job) => conform(&job, &Silent, &Cancel::default()),
        Err(error) => {
            let trouble = Trouble { message: error.to_string(), hint: None };
            ImageReport::not_checked(&fixture.name, trouble)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_without_its_two_rows_is_told() {
        let fixtures = fixtures(&[]).expect("they parse");
        let told = |id: &str, breaks: &str, keeps: &str| {
            let (id, breaks, keeps) = (id.to_owned(), breaks.to_owned(), keeps.to_owned());
            unproved(&fixtures, &[Proof { id, breaks, keeps }]).len()
        };
        assert_eq!(told("B001", "b001-loopback", "hello"), 0);
        assert_eq!(told("B001", "b001-loopback", "no-such-fixture"), 1);
        assert_eq!(told("B002", "b001-loopback", "hello"), 1);
        assert_eq!(told("B001", "hello", "b001-loopback"), 2);
    }
}
