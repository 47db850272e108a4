//! From a boot to the end of the instance: start, invocations, a look at what is left.
#![expect(clippy::disallowed_methods, reason = "notes when the last invocation was over")]

use std::time::{Duration, Instant};

use super::boots::Boots;
use super::job::Place;
use super::{Work, engine_trouble, trouble_text};
use crate::boot;
use crate::contract::{Credentials, Function, FunctionType};
use crate::engine::{Engine, Instance};
use crate::evidence::{Boot, BootEnd, Exchange, Leak, LeakPlace, Run, TmpProbe};
use crate::image::{Blobs, Image};
use crate::plan::{Canary, Plan, RootMode};
use crate::report::{BootFacts, Trouble};
use crate::rules;
use crate::run::{self, Cancel, NoInstance, Stage};
use crate::suite::Secrets;

/// How long a process is watched after the last invocation: one that ends by an answer does
/// so a moment after it.
pub(super) const AFTERWARDS: Duration = Duration::from_millis(25);

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
                return self.live(&place, instance, boot, boots);
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
        let mut boot = Boot {
            end: watched.end,
            phases: watched.phases,
            listeners: watched.listeners,
            reach: watched.reach,
            logs: instance.logs(),
            argv: plan.argv.clone(),
            cpu: instance.usage().cpu,
            diagnosis: None,
        };
        self.stop_if_cancelled()?;
        boot.diagnosis = boot::autopsy(&boot, function, &plan.start(image));
        Ok((instance, boot))
    }

    /// From a start that was seen to the instance's end.
    fn live(
        &mut self,
        place: &Place<'_>,
        instance: Box<dyn Instance>,
        mut boot: Boot,
        mut boots: Boots,
    ) -> Result<(), Trouble> {
        // Where nothing listens, no case can be asked: whoever chose cases has to hear of it.
        let told_anyway = boot.diagnosis.is_some() && self.selects_cases();
        let checks =
            rules::look_at_boot(&boot, &self.job.function, |rule| told_anyway || self.wants(rule));
        self.add(checks);
        let mut seen = Seen::new();
        if boot.diagnosis.is_none() {
            let (function, cancel) = (&self.job.function, self.cancel);
            let fresh = || another(place, function, cancel);
            self.invoke(instance.as_ref(), &fresh, &mut boot, &mut seen)?;
        } else {
            self.skip_cases("nothing answers on the port (B001)");
        }
        boot.phases.first_log = since(instance.as_ref(), instance.first_log());
        boots.answers.extend(boot.phases.first_response);
        self.report.boot = Some(self.boot_facts(&boot, boots, instance.as_ref()));
        self.stage(Stage::Stopping);
        let run = self.look_through(instance, &boot, seen)?;
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
    ) -> Result<(), Trouble> {
        let size = self.report.image.as_ref().map_or(0, |image| image.size_bytes);
        let image = self.report.reference.clone();
        let target = run::Target {
            image: &image,
            instance,
            function: &self.job.function,
            memory: self.job.function.memory_for(size),
            credentials: &self.credentials,
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
        let mut checks = Vec::new();
        let mut secrets = Secrets::default();
        for suite in self.suites(self.report.kind) {
            let run =
                run::suite(suite, &target, &|case| self.wants_case(case) && !self.waits(case));
            for case in run.cases {
                seen.add(case.begun, case.exchange.as_ref(), case.invocations, case.leaks);
                checks.push(case.check);
            }
            secrets.extend(&run.secrets);
        }
        self.report.checks.extend(checks);
        self.secrets.extend(&secrets);
        self.skip_slow();
        self.skip_suites_for_others();
        boot.phases.first_response = seen.first_response.map(|at| at.duration_since(executed));
        self.stop_if_cancelled()
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
        let ended = boot::ends_before(instance.as_ref(), seen.over + AFTERWARDS);
        let logs = instance.logs();
        for (at, stream) in instance.leaked() {
            leaks.push(Leak { header: header(at), place: LeakPlace::Log(stream) });
        }
        let usage = instance.usage();
        instance.stop().map_err(|error| engine_trouble(&error))?;
        Ok(Run {
            started: !matches!(boot.end, BootEnd::Refused(_)),
            ended,
            invocations,
            logs,
            writes: writes.paths,
            writable_used: writes.writable_used,
            tmp_used: writes.tmp_used,
            tmp,
            leaks,
            usage,
        })
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
    let boot = Boot {
        end: watched.end,
        phases: watched.phases,
        listeners: watched.listeners,
        reach: watched.reach,
        logs: instance.logs(),
        argv: place.plan.argv.clone(),
        cpu: None,
        diagnosis: None,
    };
    match boot::autopsy(&boot, function, &place.plan.start(place.image)) {
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
}

impl Seen {
    fn new() -> Seen {
        Seen { over: Instant::now(), invocations: 0, first_response: None, leaks: Vec::new() }
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
