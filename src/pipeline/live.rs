//! From a boot to the end of the instance: start, invocations, a look at what is left.
#![expect(clippy::disallowed_methods, reason = "notes when the last invocation was over")]

use std::time::{Duration, Instant};

use super::beside::Found;
use super::boots::Boots;
use super::job::Place;
use super::{Work, engine_trouble, trouble_text};
use crate::boot;
use crate::check::Status;
use crate::contract::{Credentials, Function, FunctionType};
use crate::engine::{Engine, Instance};
use crate::evidence::{
    Attempt, Boot, BootEnd, Exchange, Leak, LeakPlace, Run, Termination, TmpProbe, Trial,
};
use crate::image::{Blobs, Image};
use crate::plan::{Canary, Plan, RootMode};
use crate::report::{BootFacts, Trouble};
use crate::rules;
use crate::run::{self, Cancel, NoInstance, Stage};
use crate::suite::{Case, Secrets};

/// How long a process is watched after the last invocation: one that ends by an answer does
/// so a moment after it.
pub(super) const AFTERWARDS: Duration = Duration::from_millis(25);

/// Why nothing can be asked.
const NOBODY: &str = "nothing answers on the port (B001)";

impl Work<'_> {
    pub(super) fn boot(
        &mut self,
        engine: &dyn Engine,
        image: &Image,
        blobs: &dyn Blobs,
    ) -> Result<(), Trouble> {
        let plan = match Plan::new(image, &self.job.function, RootMode::Writable, self.canaries()) {
            Ok(plan) => plan,
            Err(error) => {
                self.skip_everything_live(&format!("not booted: {error}"));
                return Ok(());
            }
        };
        self.report.engine = Some(engine.name().to_owned());
        if self.report.kind == Some(FunctionType::Job) {
            return self.run_job(engine, image, blobs, &plan);
        }
        let mut boots = Boots::default();
        loop {
            let (instance, mut boot) = self.start(engine, image, blobs, &plan)?;
            if self.is_judged(&mut boot, &mut boots) {
                let place = Place { engine, image, blobs, plan: &plan };
                return self.live(instance, boot, boots, &place);
            }
            self.rehearse(instance, &mut boots)?;
        }
    }

    pub(super) fn start(
        &mut self,
        engine: &dyn Engine,
        image: &Image,
        blobs: &dyn Blobs,
        plan: &Plan,
    ) -> Result<(Box<dyn Instance>, Boot), Trouble> {
        self.stage(Stage::Booting);
        let instance = engine.boot(image, blobs, plan).map_err(|error| engine_trouble(&error))?;
        self.stage(Stage::Listening);
        let cancelled = || self.cancel.cancelled();
        let function = &self.job.function;
        let watched = boot::watch(instance.as_ref(), function, &cancelled)
            .map_err(|error| trouble_text(format!("read the container's sockets: {error}")))?;
        let scene = boot::Scene { tree: &image.tree, plan, function };
        let boot = boot::seen(instance.as_ref(), watched, &scene);
        self.stop_if_cancelled()?;
        Ok((instance, boot))
    }

    /// From a start that was seen to the instance's end.
    fn live(
        &mut self,
        instance: Box<dyn Instance>,
        mut boot: Boot,
        mut boots: Boots,
        place: &Place<'_>,
    ) -> Result<(), Trouble> {
        let function = self.job.function.clone();
        let scene = boot::Scene { tree: &place.image.tree, plan: place.plan, function: &function };
        // Where nothing listens, no case can be asked: whoever chose cases has to hear of it.
        let told_anyway = boot.diagnosis.is_some() && self.selects_cases();
        let checks =
            rules::look_at_boot(&boot, &self.job.function, |rule| told_anyway || self.wants(rule));
        self.add(checks);
        let mut seen = Seen::new();
        if boot.diagnosis.is_none() {
            let (function, cancel) = (self.job.function.clone(), self.cancel);
            let fresh = || another(place, &function, cancel);
            self.invoke(instance.as_ref(), &fresh, &mut boot, &mut seen, place, &scene)?;
        } else {
            self.skip_cases(NOBODY);
        }
        boot.phases.first_log = since(instance.as_ref(), instance.first_log());
        boots.answers.extend(boot.phases.first_response);
        self.report.boot = Some(self.boot_facts(&boot, boots, instance.as_ref()));
        self.stage(Stage::Stopping);
        let run = self.look_through(instance, &boot, seen, place, &scene)?;
        let checks = rules::look_at_run(&run, &self.job.function, |rule| self.wants(rule));
        self.add(checks);
        self.report.logs = run.logs;
        Ok(())
    }

    fn invoke(
        &mut self,
        instance: &dyn Instance,
        fresh: &run::Fresh<'_>,
        boot: &mut Boot,
        seen: &mut Seen,
        place: &Place<'_>,
        scene: &boot::Scene<'_>,
    ) -> Result<(), Trouble> {
        let size = self.report.image.as_ref().map_or(0, |image| image.size_bytes);
        let image = self.report.reference.clone();
        let target = run::Target {
            image: &image,
            instance,
            function: &self.job.function,
            memory: self.job.function.memory_for(size),
            credentials: &self.credentials,
            scene: Some(*scene),
            progress: self.progress,
            cancel: self.cancel,
            fresh,
        };
        let executed = instance.timeline().executed;
        if self.report.kind.is_none()
            && let Some(detected) = run::detect(&target)
        {
            self.report.kind = Some(detected.kind);
            self.report.kind_note = Some(detected.note);
            seen.add(detected.begun, Some(&detected.exchange), 1, detected.leaks);
        }
        let (wanted, mut worker) = (self.wanted_beside(), self.beside());
        let mut checks = Vec::new();
        let mut secrets = Secrets::default();
        let found = std::thread::scope(|scope| {
            let beside = scope.spawn(move || worker.find_out(wanted, place));
            for suite in self.suites(self.report.kind) {
                let wanted = |case: &Case| self.wants_case(case) && !self.waits(case);
                let run = run::suite(suite, &target, &wanted);
                for case in run.cases {
                    seen.add(case.begun, case.exchange.as_ref(), case.invocations, case.leaks);
                    checks.push(case.check);
                }
                secrets.extend(&run.secrets);
            }
            beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        self.report.checks.extend(checks);
        self.secrets.extend(&secrets);
        self.skip_slow();
        self.stop_if_cancelled()?;
        seen.beside = found?;
        for found in [&mut seen.beside.read_only, &mut seen.beside.stranger] {
            self.compare_first_case(instance, found);
        }
        if let (Attempt::Made(trial), None) = (&seen.beside.stranger, instance.ended()) {
            self.report.checks.iter_mut().for_each(|check| rules::prove_closed(check, trial));
        }
        self.skip_suites_for_others();
        boot.phases.first_response = seen.first_response.map(|at| at.duration_since(executed));
        self.stop_if_cancelled()
    }

    /// What becomes of the first case on the instance that is judged: it was asked there, or it
    /// is now.
    fn compare_first_case(&self, instance: &dyn Instance, found: &mut Attempt<Trial>) {
        let Attempt::Made(Trial { first: Some(first), .. }) = found else { return };
        if first.check.status != Status::Fail {
            return;
        }
        let asked = self.report.checks.iter().find(|check| check.id == first.check.id);
        first.usual = match asked {
            Some(check) => check.status,
            None => self.first_case(instance).map_or(Status::Fail, |first| first.usual),
        };
    }

    pub(super) fn canaries(&self) -> Vec<Canary> {
        let canary = |(header, value): (&str, &str)| Canary {
            header: header.to_owned(),
            value: value.to_owned(),
        };
        self.credentials.headers().map(canary).into_iter().collect()
    }

    fn boot_facts(&self, boot: &Boot, boots: Boots, instance: &dyn Instance) -> BootFacts {
        BootFacts {
            time_to_listen: boot.phases.listen,
            listen: boot.listeners.iter().map(|listener| listener.address.to_string()).collect(),
            create: boot.phases.create,
            exec: boot.phases.exec,
            first_log: boot.phases.first_log,
            first_accept: boot.phases.first_accept,
            first_response: boot.phases.first_response,
            cold_start: self.cold_start(boot, &boots, instance),
            boots: boots.listen,
            answers: boots.answers,
            limit: self.job.function.init_timeout,
            watched: instance.usage().watched,
        }
    }

    /// Looks through what the instance leaves, and stops it.
    fn look_through(
        &self,
        instance: Box<dyn Instance>,
        boot: &Boot,
        seen: Seen,
        place: &Place<'_>,
        scene: &boot::Scene<'_>,
    ) -> Result<Run, Trouble> {
        let mut leaks = seen.leaks;
        let invocations = seen.invocations;
        let canaries = self.canaries();
        let header =
            |at: usize| canaries.get(at).map(|canary| canary.header.clone()).unwrap_or_default();
        let tmp = match instance.ended() {
            None => instance.probe_tmp().map_err(|error| engine_trouble(&error))?,
            Some(_) => TmpProbe::Untried,
        };
        for (at, path) in instance.search().map_err(|error| engine_trouble(&error))? {
            leaks.push(Leak { header: header(at), place: LeakPlace::File(path) });
        }
        let writes = instance.writes().map_err(|error| engine_trouble(&error))?;
        let cancelled = || self.cancel.cancelled();
        let mut ended = boot::ends_before(instance.as_ref(), seen.over + AFTERWARDS, &cancelled);
        if ended.is_none() && boot.diagnosis.is_none() && self.wants_rule("B002") {
            ended = boot::ends_after_pause(instance.as_ref(), &cancelled);
        }
        let logs = instance.logs();
        for (at, stream) in instance.leaked() {
            leaks.push(Leak { header: header(at), place: LeakPlace::Log(stream) });
        }
        let usage = instance.usage();
        let diagnosis = match (&boot.diagnosis, ended) {
            // Of what ended before it listened, the start tells why.
            (Some(diagnosis), Some(_)) => Some(diagnosis.clone()),
            (None, Some(_)) => {
                let snapshot = boot::examine(instance.as_ref());
                Some(boot::later(&boot::Life { ended, logs: &logs, snapshot: &snapshot }, scene))
            }
            (_, None) => None,
        };
        let crowd = boot::crowd(instance.as_ref());
        let terminated = self.terminate(instance.as_ref(), boot)?;
        instance.stop().map_err(|error| engine_trouble(&error))?;
        Ok(Run {
            started: !matches!(boot.end, BootEnd::Refused(_)),
            ended,
            diagnosis,
            invocations,
            logs,
            writes: writes.paths,
            writable_used: writes.writable_used,
            tmp_used: writes.tmp_used,
            tmp,
            leaks,
            usage,
            crowd,
            memory: place.plan.memory,
            terminated,
            frozen: seen.beside.frozen,
            read_only: seen.beside.read_only,
        })
    }

    /// Asks the instance to end, when nothing else is wanted of it any more.
    fn terminate(
        &self,
        instance: &dyn Instance,
        boot: &Boot,
    ) -> Result<Attempt<Termination>, Trouble> {
        let why = if !self.wants_rule("B007") {
            "not selected"
        } else if boot.diagnosis.is_some() {
            NOBODY
        } else if instance.ended().is_some() {
            "the process had ended before (B002)"
        } else {
            let limit = self.job.function.contract.termination_limit;
            let cancelled = || self.cancel.cancelled();
            let termination = boot::terminate(instance, limit, &cancelled)
                .map_err(|error| engine_trouble(&error))?;
            self.stop_if_cancelled()?;
            return Ok(Attempt::Made(termination));
        };
        Ok(Attempt::untried(why))
    }
}

/// Another instance of the same image, for a case of its own.
fn another(
    place: &Place<'_>,
    function: &Function,
    cancel: &Cancel,
) -> Result<Box<dyn Instance>, NoInstance> {
    let impossible = |error: &dyn std::fmt::Display| NoInstance::Impossible(error.to_string());
    let instance = place
        .engine
        .boot(place.image, place.blobs, place.plan)
        .map_err(|error| impossible(&error))?;
    let watched = boot::watch(instance.as_ref(), function, &|| cancel.cancelled())
        .map_err(|error| impossible(&error))?;
    let scene = boot::Scene { tree: &place.image.tree, plan: place.plan, function };
    match boot::seen(instance.as_ref(), watched, &scene).diagnosis {
        None => Ok(instance),
        Some(diagnosis) => {
            instance.stop().map_err(|error| impossible(&error))?;
            Err(NoInstance::Down(diagnosis))
        }
    }
}

/// The time from the exec to a moment. What was written before it was read in time for it.
fn since(instance: &dyn Instance, moment: Option<Instant>) -> Option<Duration> {
    moment.map(|moment| moment.saturating_duration_since(instance.timeline().executed))
}

/// What the invocations of an instance brought to light beside their own checks.
struct Seen {
    /// When the last invocation was over; when there was none, when there could have been.
    over: Instant,
    invocations: usize,
    first_response: Option<Instant>,
    leaks: Vec<Leak>,
    /// What was found out on other instances.
    beside: Found,
}

impl Seen {
    fn new() -> Seen {
        Seen {
            over: Instant::now(),
            invocations: 0,
            first_response: None,
            leaks: Vec::new(),
            beside: Found::nothing(NOBODY),
        }
    }

    fn add(
        &mut self,
        begun: Instant,
        exchange: Option<&Exchange>,
        invocations: usize,
        leaks: Vec<Leak>,
    ) {
        let Some(exchange) = exchange else { return };
        self.invocations += invocations;
        self.over = begun + exchange.timing.total;
        self.leaks.extend(leaks);
        if self.first_response.is_none() && exchange.answer().is_some() {
            self.first_response = Some(begun + exchange.timing.total);
        }
    }
}

/// Credentials that open nothing, other ones in each run. Letters and digits only, so that
/// no escaping hides them where they turn up.
pub(super) fn canaries() -> Credentials {
    let word = || uuid::Uuid::new_v4().simple().to_string();
    Credentials {
        secret_id: format!("AKID{}", word()),
        secret_key: word(),
        session_token: format!("{}{}", word(), word()),
    }
}
