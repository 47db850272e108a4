//! Waivers: failures that somebody has accepted, with a reason, and perhaps for a time.

use chrono::NaiveDate;

use crate::check::{Check, Status, Waived};
use crate::selection::Glob;

/// A failure that is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// What it is for: fits ids of checks and names of cases.
    pub what: Glob,
    /// As the user wrote that.
    pub text: String,
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it is.
    pub until: Option<NaiveDate>,
    /// The line of the file that it stands on, from 1.
    pub line: usize,
}

/// Waives the failed checks that waivers are for, and says of each waiver whether it was of any
/// use. A check that fails again, because its waiver has ended, says so in its evidence. What
/// could not be checked is nobody's to accept.
pub fn apply(checks: &mut [Check], waivers: &[Waiver], today: NaiveDate) -> Vec<bool> {
    waivers
        .iter()
        .map(|waiver| {
            let fits = |check: &&mut Check| {
                (waiver.what.fits(&check.id) || waiver.what.fits(&check.title))
                    && check.status == Status::Fail
            };
            let mut used = false;
            for check in checks.iter_mut().filter(fits) {
                used = true;
                match waiver.until {
                    Some(until) if until < today => {
                        let ended =
                            format!("waived until {until}, which is past: {}", waiver.reason);
                        check.evidence.push(ended);
                    }
                    until => {
                        check.status = Status::Skip;
                        check.waived = Some(Waived {
                            reason: waiver.reason.clone(),
                            until: until.map(|until| until.to_string()),
                        });
                    }
                }
            }
            used
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Basis, Severity};
    use std::time::Duration;

    fn check(id: &str, status: Status) -> Check {
        Check {
            id: id.to_owned(),
            title: format!("the rule {id}"),
            severity: Severity::Error,
            status,
            message: "seen".to_owned(),
            cause: None,
            evidence: Vec::new(),
            fix: None,
            source: Basis::default(),
            duration: Duration::ZERO,
            place: None,
            waived: None,
        }
    }

    fn waiver(what: &str, until: Option<&str>) -> Waiver {
        Waiver {
            what: what.parse().expect("a pattern"),
            text: what.to_owned(),
            reason: "known".to_owned(),
            until: until.map(|day| day.parse().expect("a day")),
            line: 1,
        }
    }

    fn applied(status: Status, waiver: Waiver) -> (Check, bool) {
        let mut checks = [check("M003", status)];
        let used = apply(&mut checks, &[waiver], "2026-06-15".parse().expect("a day"));
        let [check] = checks;
        (check, used[0])
    }

    #[test]
    fn a_failure_is_waived_to_the_last_day() {
        for (what, until) in
            [("M003", None), ("m0*", Some("2026-06-15")), ("the rule *", Some("2027-01-01"))]
        {
            let (check, used) = applied(Status::Fail, waiver(what, until));
            assert!(used && check.waived.is_some() && check.status == Status::Skip, "{what}");
            assert!(!check.fails_at(Severity::Info));
        }
    }

    #[test]
    fn it_fails_again_after_that_day_and_says_why() {
        let (check, used) = applied(Status::Fail, waiver("M003", Some("2026-06-14")));
        assert!(used && check.waived.is_none() && check.status == Status::Fail);
        assert_eq!(check.evidence, ["waived until 2026-06-14, which is past: known"]);
    }

    #[test]
    fn nothing_else_is_waived() {
        for status in [Status::Pass, Status::Skip, Status::CouldNotCheck] {
            let (check, used) = applied(status, waiver("M003", None));
            assert!(!used && check.waived.is_none() && check.status == status);
        }
        let (check, used) = applied(Status::Fail, waiver("M004", None));
        assert!(!used && check.status == Status::Fail);
    }
}
