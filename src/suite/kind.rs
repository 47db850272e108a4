//! What an image is checked as, where somebody's suites are asked.

use super::Suite;
use crate::contract::FunctionType;

/// A suite whose cases would never be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("suite `{suite}` is for {} functions, and the function is said to be of type {}", kind.word(), given.word())]
pub struct OtherKind {
    /// The suite's name.
    pub suite: String,
    /// What it is for.
    pub kind: FunctionType,
    /// What the function is said to be.
    pub given: FunctionType,
}

/// The kind of function that is given, or else that of the suites where they agree: cases of
/// one's own are there to be asked. `None` where the image's answers have to tell.
///
/// # Errors
///
/// The first suite that is for another kind than the given one.
pub fn checked_as(
    given: Option<FunctionType>,
    suites: &[Suite],
) -> Result<Option<FunctionType>, OtherKind> {
    let Some(given) = given else {
        let first = suites.first().map(|suite| suite.kind);
        return Ok(first.filter(|kind| suites.iter().all(|suite| suite.kind == *kind)));
    };
    match suites.iter().find(|suite| suite.kind != given) {
        Some(suite) => Err(OtherKind { suite: suite.name.clone(), kind: suite.kind, given }),
        None => Ok(Some(given)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Origin, parse};
    use super::*;
    use FunctionType::{Event, Http};

    fn suites(kinds: &[&str]) -> Vec<Suite> {
        let suite = |kind: &&str| {
            let case = if *kind == "http" { "http: GET /" } else { "event: timer" };
            let text = format!("suite: mine\ntype: {kind}\ncases: [{{name: one, {case}}}]\n");
            parse("s.yaml", &text, Origin::User).expect("a suite")
        };
        kinds.iter().map(suite).collect()
    }

    #[test]
    fn suites_say_it_where_they_agree_and_nothing_else_is_given() {
        assert_eq!(checked_as(None, &suites(&[])), Ok(None));
        assert_eq!(checked_as(None, &suites(&["http", "http"])), Ok(Some(Http)));
        assert_eq!(checked_as(None, &suites(&["event", "http"])), Ok(None));
        assert_eq!(checked_as(Some(Event), &suites(&["event"])), Ok(Some(Event)));
        let other = checked_as(Some(Event), &suites(&["event", "http"]));
        let other = other.expect_err("one is for another");
        assert_eq!((other.kind, other.given), (Http, Event));
    }
}
