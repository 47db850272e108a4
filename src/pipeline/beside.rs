//! What takes an instance of its own: it is booted beside the suite, so that it takes no time
//! of its own either.
//!
//! Whatever fails here is compared with an instance under the usual conditions before it is
//! said to be the condition's fault.

use std::time::Duration;

use super::job::Place;
use super::{Work, engine_trouble};
use crate::contract::FunctionType;
use crate::engine::Instance;
use crate::evidence::{Attempt, FirstCase, Freeze, Trial};
use crate::plan::{Plan, RootMode};
use crate::report::Trouble;
use crate::rules::{self, RULES};
use crate::run::{self, Silent};
use crate::suite::{Case, builtin};

/// How long an instance is frozen where nobody asks for the whole time: the state is seen to
/// change, and a request waits for the thaw. With as long a watch after it, it is over about when
/// the judged instance has been watched after its last invocation.
const BRIEFLY: Duration = Duration::from_millis(10);

/// What is to be found out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    read_only: bool,
    /// For how long.
    freeze: Option<Duration>,
    stranger: bool,
}

/// What was found out.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) read_only: Attempt<Trial>,
    pub(super) frozen: Attempt<Freeze>,
    /// A start as somebody who owns nothing in the image.
    pub(super) stranger: Attempt<Trial>,
}

impl Found {
    /// Nothing, and why.
    pub(super) fn nothing(why: &str) -> Found {
        Found {
            read_only: Attempt::untried(why),
            frozen: Attempt::untried(why),
            stranger: Attempt::untried(why),
        }
    }
}

impl<'a> Work<'a> {
    /// Whether a rule is wanted.
    pub(super) fn wants_rule(&self, id: &str) -> bool {
        RULES.iter().any(|rule| rule.id == id && self.wants(rule))
    }

    /// What is to be found out beside the suite.
    pub(super) fn wanted_beside(&self) -> Wanted {
        let whole = self.job.function.strict || self.job.selection.names("B008");
        let length = if whole { self.job.function.contract.freeze } else { BRIEFLY };
        Wanted {
            read_only: self.wants_rule("B003"),
            freeze: self.wants_rule("B008").then_some(length),
            // Only where there is something to confirm.
            stranger: self.report.checks.iter().any(rules::is_closed_to_strangers),
        }
    }

    /// A worker for what goes on beside this one, and tells nobody of it.
    pub(super) fn beside(&self) -> Work<'a> {
        let mut work = Work::new(self.job, &Silent, self.cancel);
        work.report.kind = self.report.kind;
        work.report.image.clone_from(&self.report.image);
        work
    }

    /// Finds it out, each on an instance that is stopped by the end.
    pub(super) fn find_out(&mut self, wanted: Wanted, place: &Place<'_>) -> Result<Found, Trouble> {
        let mut found = Found::nothing("not selected");
        if wanted.read_only {
            let plan = Plan { root: RootMode::ReadOnly, ..place.plan.clone() };
            let (trial, frozen) = self.try_out(place, &plan, wanted.freeze)?;
            found.read_only = Attempt::Made(trial);
            found.frozen = frozen;
        }
        if let Some(held) = wanted.freeze {
            if !matches!(found.frozen, Attempt::Made(_)) {
                (_, found.frozen) = self.try_out(place, place.plan, Some(held))?;
            }
            if matches!(&found.frozen, Attempt::Made(Freeze { answered: Err(_), .. }))
                && !self.answers_thrice(place)?
            {
                found.frozen = Attempt::untried("it does not answer often enough without a freeze");
            }
        }
        if wanted.stranger {
            let plan = Plan { user: rules::stranger(), ..place.plan.clone() };
            let (trial, _) = self.try_out(place, &plan, None)?;
            found.stranger = Attempt::Made(trial);
        }
        Ok(found)
    }

    /// One more start, the first case on it, and a freeze where one is wanted.
    fn try_out(
        &mut self,
        place: &Place<'_>,
        plan: &Plan,
        freeze: Option<Duration>,
    ) -> Result<(Trial, Attempt<Freeze>), Trouble> {
        let (instance, boot) = self.start(place.engine, place.image, place.blobs, plan)?;
        let first = match boot.diagnosis {
            None => self.first_case(instance.as_ref()),
            Some(_) => None,
        };
        let mut trial = Trial { boot, first, logs: instance.logs() };
        let mut frozen = Attempt::untried("it does not answer without a freeze either");
        if let (Some(held), true, Some(case)) = (freeze, trial.answered(), self.opening()) {
            let target = self.target(instance.as_ref());
            let made = run::frozen(&target, case, held).map_err(|error| engine_trouble(&error))?;
            frozen = Attempt::Made(made);
        }
        trial.logs = instance.logs();
        instance.stop().map_err(|error| engine_trouble(&error))?;
        self.stop_if_cancelled()?;
        Ok((trial, frozen))
    }

    /// Whether a fresh instance answers as often as one that is frozen is asked. What ends
    /// after an answer or two has no need of a freeze for it.
    fn answers_thrice(&mut self, place: &Place<'_>) -> Result<bool, Trouble> {
        let (instance, boot) = self.start(place.engine, place.image, place.blobs, place.plan)?;
        let answered = |_| self.first_case(instance.as_ref()).is_some_and(|first| first.answered);
        let answers = boot.diagnosis.is_none() && (0..3).all(answered);
        instance.stop().map_err(|error| engine_trouble(&error))?;
        self.stop_if_cancelled()?;
        Ok(answers)
    }

    /// The first case of the built-in suite.
    fn opening(&self) -> Option<&'static Case> {
        builtin(self.report.kind.unwrap_or(FunctionType::Event))?.cases.first()
    }

    /// Asks the first case. What it becomes under the usual conditions is for others to say.
    pub(super) fn first_case(&self, instance: &dyn Instance) -> Option<FirstCase> {
        let kind = self.report.kind.unwrap_or(FunctionType::Event);
        let opening = &self.opening()?.id;
        let runs = run::suite(builtin(kind)?, &self.target(instance), &|case| case.id == *opening);
        let run = runs.cases.into_iter().next()?;
        let answered = run.exchange.as_ref().is_some_and(|exchange| exchange.answer().is_some());
        Some(FirstCase { usual: run.check.status, check: run.check, answered })
    }

    pub(super) fn target<'t>(&'t self, instance: &'t dyn Instance) -> run::Target<'t> {
        let size = self.report.image.as_ref().map_or(0, |image| image.size_bytes);
        run::Target {
            image: &self.report.reference,
            instance,
            function: &self.job.function,
            memory: self.job.function.memory_for(size),
            credentials: &self.credentials,
            scene: None,
            progress: self.progress,
            cancel: self.cancel,
            fresh: &run::no_other,
        }
    }
}
