//! Boots an image under each size of memory that the platform offers.

use super::job::Place;
use super::{Work, engine_trouble, trouble};
use crate::contract::{Function, FunctionType, MemoryMb};
use crate::engine::{Engine, Instance};
use crate::evidence::{Ending, JobEnd};
use crate::image::{Blobs, Image};
use crate::plan::{Plan, RootMode};
use crate::report::{Sweep, Tier, TierOutcome, Trouble};
use crate::run::Stage;
use crate::suite::by_hand;
use crate::units;

impl Work<'_> {
    /// From the largest to the smallest, one after another: side by side they would take each
    /// other's time. With the first that does not do, it is known of the smaller ones.
    pub(super) fn sweep(
        &mut self,
        engine: &dyn Engine,
        image: &Image,
        blobs: &dyn Blobs,
    ) -> Result<(), Trouble> {
        let mut sweep = Sweep { tiers: Vec::new(), watched: Vec::new() };
        let mut failed = false;
        for memory in MemoryMb::all().into_iter().rev() {
            let function = Function { memory: Some(memory), ..self.job.function.clone() };
            let plan = Plan::new(image, &function, RootMode::Writable, self.canaries())
                .map_err(|error| trouble(&error))?;
            let mut tier = Tier {
                memory_mb: memory.megabytes(),
                cpu_millis: plan.cpu_millis,
                outcome: TierOutcome::NotTried,
                time: None,
                first_answer: None,
                memory_peak: None,
            };
            if !failed {
                self.stage(Stage::Tier { megabytes: memory.megabytes() });
                let watched = self.one_tier(engine, image, blobs, &plan, &mut tier)?;
                failed = tier.outcome != TierOutcome::Conforms;
                sweep.watched = watched;
            }
            sweep.tiers.insert(0, tier);
        }
        self.report.sweep = Some(sweep);
        Ok(())
    }

    /// One boot; returns the limits that could only be watched.
    fn one_tier(
        &mut self,
        engine: &dyn Engine,
        image: &Image,
        blobs: &dyn Blobs,
        plan: &Plan,
        tier: &mut Tier,
    ) -> Result<Vec<String>, Trouble> {
        let (instance, outcome) = if self.report.kind == Some(FunctionType::Job) {
            self.tier_of_job(&Place { engine, image, blobs, plan }, tier)?
        } else {
            let (instance, boot) = self.start(engine, image, blobs, plan)?;
            tier.time = boot.phases.listen;
            let outcome = if let Some(diagnosis) = boot.diagnosis {
                TierOutcome::Fails(diagnosis.message)
            } else {
                tier.first_answer = self.first_answer(instance.as_ref());
                self.answered(instance.as_ref(), tier)
            };
            (instance, outcome)
        };
        let usage = instance.usage();
        tier.memory_peak = usage.memory_peak;
        tier.outcome = match usage.out_of_memory {
            Some(1..) => TierOutcome::Fails("out of memory".to_owned()),
            _ => outcome,
        };
        instance.stop().map_err(|error| engine_trouble(&error))?;
        self.stop_if_cancelled()?;
        Ok(usage.watched)
    }

    fn answered(&self, instance: &dyn Instance, tier: &Tier) -> TierOutcome {
        match (tier.first_answer, instance.ended()) {
            (Some(_), None) => TierOutcome::Conforms,
            (_, Some(ended)) => TierOutcome::Fails(told(ended)),
            (None, None) => {
                let limit = units::duration(self.job.function.timeout);
                TierOutcome::Fails(format!("not answered within {limit}"))
            }
        }
    }

    fn tier_of_job(
        &mut self,
        place: &Place<'_>,
        tier: &mut Tier,
    ) -> Result<(Box<dyn Instance>, TierOutcome), Trouble> {
        let event = by_hand::event(None, None).map(|case| case.job_event()).unwrap_or_default();
        let (instance, run) = self.one_run(place, event)?;
        tier.time = matches!(run.end, JobEnd::Ended(_)).then_some(run.duration);
        let outcome = match run.end {
            JobEnd::Ended(Ending::Exited(0)) => TierOutcome::Conforms,
            JobEnd::Ended(ended) => TierOutcome::Fails(told(ended)),
            JobEnd::TimedOut { limit } => {
                TierOutcome::Fails(format!("still running after {}", units::duration(limit)))
            }
            JobEnd::Refused(diagnosis) => TierOutcome::Fails(diagnosis.message),
        };
        Ok((instance, outcome))
    }
}

fn told(ended: Ending) -> String {
    let told = crate::suite::ending(ended);
    format!("the process {told}")
}
