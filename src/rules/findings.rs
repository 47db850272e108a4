//! What a rule found, on its way to being one line of the report.

use std::time::Duration;

use super::Rule;
use crate::check::{Cause, Check, Severity, Status};
use crate::contract::Contract;

/// Collects what one rule finds. The last status that is set is the one that counts; a rule
/// that sets none has passed.
#[derive(Debug)]
pub struct Findings {
    check: Check,
}

impl Findings {
    pub(super) fn new(rule: &Rule, contract: &Contract) -> Findings {
        Findings {
            check: Check {
                id: rule.id.to_owned(),
                title: rule.title.to_owned(),
                severity: rule.severity,
                status: Status::Pass,
                message: String::new(),
                cause: None,
                evidence: Vec::new(),
                fix: Some(rule.fix.to_owned()),
                source: contract.basis(rule.clause),
                duration: Duration::ZERO,
                place: None,
                waived: None,
            },
        }
    }

    /// The rule is kept; `measured` says by what.
    pub fn pass(&mut self, measured: impl Into<String>) -> &mut Findings {
        self.set(Status::Pass, measured)
    }

    /// The rule is broken; one line says what was measured against what.
    pub fn fail(&mut self, message: impl Into<String>) -> &mut Findings {
        self.set(Status::Fail, message)
    }

    /// Nothing was looked at, and why.
    pub fn skip(&mut self, why: impl Into<String>) {
        self.set(Status::Skip, why);
    }

    /// We could not find out, and why.
    pub fn could_not_check(&mut self, why: impl Into<String>) -> &mut Findings {
        self.set(Status::CouldNotCheck, why)
    }

    /// The failure's cause.
    pub fn cause(&mut self, cause: Cause) -> &mut Findings {
        self.check.cause = Some(cause);
        self
    }

    /// One more line of what was seen.
    pub fn evidence(&mut self, line: impl Into<String>) -> &mut Findings {
        self.check.evidence.push(line.into());
        self
    }

    /// What to change here, more exactly than the rule says in general.
    pub fn fix(&mut self, fix: impl Into<String>) -> &mut Findings {
        self.check.fix = Some(fix.into());
        self
    }

    /// This finding weighs other than the rule does in general.
    pub fn weighs(&mut self, severity: Severity) -> &mut Findings {
        self.check.severity = severity;
        self
    }

    fn set(&mut self, status: Status, message: impl Into<String>) -> &mut Findings {
        self.check.status = status;
        self.check.message = message.into();
        self
    }

    pub(super) fn into_check(mut self) -> Check {
        // A fix is for what is broken; anywhere else it would be read as advice.
        if self.check.status != Status::Fail {
            self.check.fix = None;
            self.check.cause = None;
        }
        self.check
    }
}
