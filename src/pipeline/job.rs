//! Jobs: no port and no answer. The event is in the environment, and the process runs to its
//! end; each event is a run of its own.

use std::time::Duration;

use super::{Job, Work, engine_trouble, trouble, trouble_text};
use crate::boot;
use crate::check::Check;
use crate::contract::{FunctionType, MemoryMb};
use crate::engine::{Engine, Instance};
use crate::evidence::{
    Attempt, Boot, BootEnd, Ending, JobEnd, JobRun, Phases, Reach, Run, Snapshot,
};
use crate::image::{Blobs, Image};
use crate::plan::{Plan, RootMode};
use crate::report::{JobFacts, Trouble};
use crate::rules;
use crate::run::{Cancel, Progress, Stage};
use crate::suite::{Case, by_hand};

/// A run by hand.
pub struct Ran {
    /// How it went.
    pub run: JobRun,
    /// The function's memory.
    pub memory: MemoryMb,
    /// The peak of memory, measured, in bytes.
    pub used: Option<u64>,
}

/// Runs a job once, with what a case gives it, and judges nothing.
///
/// # Errors
///
/// Where it cannot be read or started, for no fault of its own.
pub fn run_once(
    job: &Job,
    case: &Case,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Ran, Trouble> {
    let mut work = Work::new(job, progress, cancel);
    let (image, blobs, engine) = work.ready()?;
    let plan = Plan::new(&image, &job.function, RootMode::Writable, Vec::new())
        .map_err(|error| trouble(&error))?;
    let place =
        Place { engine: engine.as_ref(), image: &image, blobs: blobs.as_ref(), plan: &plan };
    let (instance, run) = work.one_run(&place, case.job_event())?;
    let used = instance.usage().memory_peak;
    instance.stop().map_err(|error| engine_trouble(&error))?;
    Ok(Ran { run, memory: job.function.memory_for(image.compressed_bytes()), used })
}

/// Who runs it, and what.
pub(super) struct Place<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) image: &'a Image,
    pub(super) blobs: &'a dyn Blobs,
    pub(super) plan: &'a Plan,
}

impl Work<'_> {
    /// Runs a job with the first event, and then with each of the suites' events.
    pub(super) fn run_job(
        &mut self,
        engine: &dyn Engine,
        image: &Image,
        blobs: &dyn Blobs,
        plan: &Plan,
    ) -> Result<(), Trouble> {
        let contract = self.job.function.contract;
        self.report.kind_note =
            Some(format!("a job: its event is in {}, and it has no port", contract.job_event));
        let place = Place { engine, image, blobs, plan };
        self.first_runs(&place)?;
        let suites = self.suites(Some(FunctionType::Job));
        let cases: Vec<_> = suites.into_iter().flat_map(|suite| &suite.cases).collect();
        let cases: Vec<_> = cases.into_iter().filter(|case| self.wants_case(case)).collect();
        let of = cases.len();
        let mut checks: Vec<Check> = Vec::new();
        for (done, case) in cases.into_iter().enumerate() {
            self.stage(Stage::Invoking { done, of });
            if let Some(why) = &case.flow.skip {
                checks.push(case.skipped(&self.job.function, why));
                continue;
            }
            let (instance, run) = self.one_run(&place, case.job_event())?;
            instance.stop().map_err(|error| engine_trouble(&error))?;
            self.stop_if_cancelled()?;
            checks.push(case.judge_run(&run, &self.job.function));
        }
        self.add(checks);
        self.skip_suites_for_others();
        Ok(())
    }

    /// As many runs with the event of the platform's console as boots are wanted; the last
    /// one is judged and looked through, or the first that does not end as it shall.
    fn first_runs(&mut self, place: &Place<'_>) -> Result<(), Trouble> {
        let event = by_hand::event(None, None).map(|case| case.job_event()).unwrap_or_default();
        let mut runs = Vec::new();
        let (instance, run) = loop {
            let (instance, run) = self.one_run(place, event.clone())?;
            self.stop_if_cancelled()?;
            let ended = matches!(run.end, JobEnd::Ended(_));
            runs.extend(ended.then_some(run.duration));
            if !ended || runs.len() >= self.job.boots as usize {
                break (instance, run);
            }
            instance.stop().map_err(|error| engine_trouble(&error))?;
        };
        let timeline = instance.timeline();
        self.report.job = Some(JobFacts {
            end: run.end.clone(),
            duration: run.duration,
            create: timeline.created.duration_since(timeline.begun),
            exec: timeline.executed.duration_since(timeline.created),
            first_log: instance
                .first_log()
                .map(|at| at.saturating_duration_since(timeline.executed)),
            limit: self.job.function.timeout,
            runs,
            watched: instance.usage().watched,
        });
        let function = &self.job.function;
        let left_out = rules::look_at_nothing(function, |rule| self.wants(rule));
        let checks = rules::look_at_job(&run, function, |rule| self.wants(rule));
        self.add(left_out.into_iter().chain(checks));
        let life = look_through(instance, &run, place)?;
        let checks = rules::look_at_run(&life, &self.job.function, |rule| self.wants(rule));
        self.add(checks);
        self.report.logs = life.logs;
        Ok(())
    }

    /// One run with an event, to its end or to the timeout.
    pub(super) fn one_run(
        &self,
        place: &Place<'_>,
        event: String,
    ) -> Result<(Box<dyn Instance>, JobRun), Trouble> {
        let function = &self.job.function;
        let plan = place.plan.clone().with_event(function, event);
        self.stage(Stage::Booting);
        let instance = place
            .engine
            .boot(place.image, place.blobs, &plan)
            .map_err(|error| engine_trouble(&error))?;
        self.stage(Stage::Running);
        let (end, duration) = if let Some(refused) = instance.refused() {
            let boot = never(BootEnd::Refused(refused), &plan);
            let scene = boot::Scene { tree: &place.image.tree, plan: &plan, function };
            let diagnosis = boot::autopsy(&boot, &scene);
            let diagnosis = diagnosis.ok_or_else(|| trouble_text("it was refused".to_owned()))?;
            (JobEnd::Refused(diagnosis), Duration::ZERO)
        } else {
            let limit = function.timeout;
            let cancelled = || self.cancel.cancelled();
            match boot::ends_within(instance.as_ref(), limit, &cancelled) {
                (Some(ending), after) => (JobEnd::Ended(ending), after),
                (None, after) => (JobEnd::TimedOut { limit }, after),
            }
        };
        let logs = instance.logs();
        let ended = match &end {
            JobEnd::Ended(ending) => Some(*ending),
            JobEnd::TimedOut { .. } | JobEnd::Refused(_) => None,
        };
        let well = matches!(end, JobEnd::Ended(Ending::Exited(0)) | JobEnd::Refused(_));
        let diagnosis = (!well).then(|| {
            let snapshot = boot::examine(instance.as_ref());
            let scene = boot::Scene { tree: &place.image.tree, plan: &plan, function };
            boot::later(&boot::Life { ended, logs: &logs, snapshot: &snapshot }, &scene)
        });
        Ok((instance, JobRun { end, duration, logs, diagnosis }))
    }
}

/// Why a job is not asked to end, and not held.
const BY_ITSELF: &str = "a job ends by itself (J001)";
/// Why it is not started on a read-only root.
const ONCE: &str = "a job's work is not done twice";

/// A start that the kernel refused.
fn never(end: BootEnd, plan: &Plan) -> Boot {
    Boot {
        end,
        phases: Phases::default(),
        listeners: Vec::new(),
        reach: Reach::Untried,
        logs: crate::evidence::Logs::default(),
        argv: plan.argv.clone(),
        snapshot: Snapshot::default(),
        diagnosis: None,
    }
}

/// Looks through what a run leaves, and stops what is left of it.
fn look_through(
    instance: Box<dyn Instance>,
    job: &JobRun,
    place: &Place<'_>,
) -> Result<Run, Trouble> {
    let tmp = match instance.ended() {
        None => instance.probe_tmp().map_err(|error| engine_trouble(&error))?,
        Some(_) => crate::evidence::TmpProbe::Untried,
    };
    let writes = instance.writes().map_err(|error| engine_trouble(&error))?;
    let run = Run {
        started: !matches!(job.end, JobEnd::Refused(_)),
        ended: instance.ended(),
        diagnosis: None,
        invocations: 1,
        logs: instance.logs(),
        writes: writes.paths,
        writable_used: writes.writable_used,
        tmp_used: writes.tmp_used,
        tmp,
        leaks: Vec::new(),
        usage: instance.usage(),
        crowd: boot::crowd(instance.as_ref()),
        memory: place.plan.memory,
        terminated: Attempt::untried(BY_ITSELF),
        frozen: Attempt::untried(BY_ITSELF),
        read_only: Attempt::untried(ONCE),
    };
    instance.stop().map_err(|error| engine_trouble(&error))?;
    Ok(run)
}
