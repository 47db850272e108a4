//! The suites that ship inside the program.

use std::sync::LazyLock;

use super::case::Suite;
use super::parse::{Origin, parse};
use crate::contract::FunctionType;

static EVENT: LazyLock<Suite> =
    LazyLock::new(|| read("suites/event.yaml", include_str!("../../suites/event.yaml")));
static HTTP: LazyLock<Suite> =
    LazyLock::new(|| read("suites/http.yaml", include_str!("../../suites/http.yaml")));
static JOB: LazyLock<Suite> =
    LazyLock::new(|| read("suites/job.yaml", include_str!("../../suites/job.yaml")));

/// The built-in suite of a kind of function.
#[must_use]
pub fn builtin(kind: FunctionType) -> Option<&'static Suite> {
    match kind {
        FunctionType::Event => Some(&EVENT),
        FunctionType::Http => Some(&HTTP),
        FunctionType::Job => Some(&JOB),
    }
}

fn read(file: &str, text: &str) -> Suite {
    // The data is part of the program: a mistake in it is a bug, which the tests below find.
    parse(file, text, Origin::BuiltIn).unwrap_or_else(|problems| panic!("{problems}"))
}

#[cfg(test)]
mod tests {
    use super::super::invocation::Invocation;
    use super::super::triggers::TRIGGERS;
    use super::*;

    #[test]
    fn every_case_is_whole() {
        // The first of the ids with J are rules.
        for (kind, letter, first) in [
            (FunctionType::Event, 'E', 1),
            (FunctionType::Http, 'H', 1),
            (FunctionType::Job, 'J', 5),
        ] {
            let suite = builtin(kind).expect("there is one");
            assert_eq!(suite.kind, kind);
            for (at, case) in suite.cases.iter().enumerate() {
                let id = &case.id;
                assert_eq!(*id, format!("{letter}{:03}", at + first), "ids go up by one");
                assert!(case.clause.is_some(), "{id} has no clause");
                assert!(case.fix.is_some(), "{id} has no fix");
                let expects = !case.expectations.is_empty() || case.run.is_some();
                assert!(expects, "{id} expects nothing");
                assert!(!case.name.ends_with('.'), "{id}");
                let proof = case.proof.as_ref().unwrap_or_else(|| panic!("{id} has no proof"));
                assert_ne!(proof.breaks, proof.keeps, "{id}");
                let again = suite.cases.iter().filter(|other| {
                    other.proof.as_ref().is_some_and(|other| other.breaks == proof.breaks)
                });
                assert_eq!(again.count(), 1, "{} is to break {id} alone", proof.breaks);
            }
        }
    }

    #[test]
    fn every_trigger_is_sent() {
        let suite = builtin(FunctionType::Event).expect("there is one");
        for trigger in TRIGGERS {
            let sent = suite.cases.iter().any(|case| {
                matches!(case.invocation, Invocation::Event { trigger: Some(name), .. } if name == trigger.name)
            });
            assert!(sent, "no case sends {}", trigger.name);
        }
    }
}
