//! Asks the cases of a suite in order, on one instance.
#![expect(clippy::disallowed_methods, reason = "notes when each invocation began")]

use std::io;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use super::asking::Asking;
use super::explain::explain;
use super::invoke::{Bounds, Pace, invoke};
use super::{Cancel, Progress, Stage};
use crate::boot::{self, Scene};
use crate::check::{Check, Status};
use crate::contract::{Credentials, Function, MemoryMb};
use crate::engine::Instance;
use crate::evidence::{Diagnosis, Ending, Exchange, Leak, Outcome, Timing};
use crate::suite::{AtOnce, Case, OnInstance, Request, Role, Secrets, Suite, Values, ending};
use crate::units;

/// How long after a broken connection the end of the process is waited for: the kernel closes
/// its sockets a moment before anybody learns that it is gone.
const END_IS_KNOWN: Duration = Duration::from_millis(100);

/// How long the process may take to end when it has closed its port.
const END_FOLLOWS: Duration = Duration::from_secs(3);

/// Between two looks at whether the work is to end.
const LOOK: Duration = Duration::from_millis(20);
const INTERRUPTED: &str = "interrupted";

/// Who is asked.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The image's reference as written, for progress.
    pub image: &'a str,
    /// The booted image.
    pub instance: &'a dyn Instance,
    /// The function that it is to become.
    pub function: &'a Function,
    /// The function's memory.
    pub memory: MemoryMb,
    /// Canaries, sent as the run role's credentials.
    pub credentials: &'a Credentials,
    /// What was started, where it is to be found out why an answer does not come.
    pub scene: Option<Scene<'a>>,
    /// Is told of each check.
    pub progress: &'a dyn Progress,
    /// Ends a wait for an answer, and asks no more.
    pub cancel: &'a Cancel,
    /// Starts an instance for a case of its own.
    pub fresh: &'a Fresh<'a>,
}

/// Starts another instance of the same image, and waits until it listens.
pub type Fresh<'a> = dyn Fn() -> Result<Box<dyn Instance>, NoInstance> + 'a;

/// Why there is no other instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoInstance {
    /// It does not come up: the image's fault.
    Down(Diagnosis),
    /// It cannot be started here: not the image's fault.
    Impossible(String),
}

/// There is none besides the one.
///
/// # Errors
///
/// Always.
pub fn no_other() -> Result<Box<dyn Instance>, NoInstance> {
    Err(NoInstance::Impossible("there is one instance only".to_owned()))
}

/// What became of one case.
#[derive(Debug, Clone)]
pub struct CaseRun {
    /// The line of the report.
    pub check: Check,
    /// When the request was to be sent; of several, the last one.
    pub begun: Instant,
    /// What went by, of several the one that decided; `None` where nothing was sent.
    pub exchange: Option<Exchange>,
    /// How many invocations were made.
    pub invocations: usize,
    /// Credentials that came back.
    pub leaks: Vec<Leak>,
}

/// What became of a suite.
#[derive(Debug, Clone)]
pub struct SuiteRun {
    /// Each case that was selected, in order, and those that made ready.
    pub cases: Vec<CaseRun>,
    /// What is shown nowhere: the suite's secrets, and those that were captured.
    pub secrets: Secrets,
}

/// Asks the selected cases of a suite in order, and judges what comes back. Waits until it is
/// done; not to be called where a tokio runtime runs already.
///
/// When the process has ended, the case during which it ended fails, and those after it are
/// skipped with the reason; likewise when two cases in a row got no answer at all in time, or
/// when one that makes ready failed.
#[must_use]
pub fn suite(suite: &Suite, target: &Target<'_>, selected: &dyn Fn(&Case) -> bool) -> SuiteRun {
    let ready = |case: &&Case| case.flow.role == Role::Setup;
    // Where no case is wanted there is nothing to make ready for.
    let any = suite.cases.iter().any(|case| !ready(&case) && selected(case));
    let wanted = |case: &&Case| if ready(case) { any } else { selected(case) };
    let cases: Vec<&Case> = suite.cases.iter().filter(wanted).collect();
    let of = cases.len();
    let runtime = runtime();
    let mut values = Values::default();
    values.secrets.extend(&suite.secrets);
    let mut course = Course { values, ..Course::default() };
    let mut runs: Vec<CaseRun> = Vec::with_capacity(of);
    for (done, case) in cases.into_iter().enumerate() {
        target.progress.stage(target.image, Stage::Invoking { done, of });
        let mut run = course.next(&runtime, case, target);
        course.values.secrets.redact(&mut run.check);
        target.progress.check(target.image, &run.check);
        runs.push(run);
    }
    target.progress.stage(target.image, Stage::Invoking { done: of, of });
    SuiteRun { cases: runs, secrets: course.values.secrets }
}

/// How a suite has gone so far.
#[derive(Default)]
struct Course<'c> {
    /// What was captured.
    values: Values,
    /// The last case that was asked.
    last: Option<&'c str>,
    /// The last case, where it got not a byte in time.
    silent: Option<&'c str>,
    /// Why nothing more is asked.
    over: Option<String>,
}

impl<'c> Course<'c> {
    fn next(
        &mut self,
        runtime: &io::Result<Runtime>,
        case: &'c Case,
        target: &Target<'_>,
    ) -> CaseRun {
        if let Some(why) = self.why_not(case, target) {
            return not_sent(case.skipped(target.function, &why));
        }
        let cold = case.flow.instance == OnInstance::Cold;
        let ended = target.instance.ended().filter(|_| !cold);
        if let Some(ended) = ended {
            self.over = Some(skip_reason(ended, self.last));
            let mut check = case.unasked(target.function, ended, self.last);
            explain(&mut check, &Outcome::Refused, Some(ended), target);
            return not_sent(check);
        }
        let mut asking = Asking { runtime, target: *target, values: &mut self.values };
        let (run, ended) = if cold { (asking.cold(case), None) } else { asking.case(case) };
        if case.flow.role == Role::Setup && run.check.status != Status::Pass {
            let id = if case.id.is_empty() { &case.name } else { &case.id };
            self.over = Some(format!("{id}, which makes ready, has failed"));
        }
        if let Some(ended) = ended {
            self.over = Some(skip_reason(ended, Some(&case.id)));
        }
        let refused = |exchange: &Exchange| matches!(exchange.outcome, Outcome::Refused);
        let port = target.function.contract.port;
        if self.over.is_none()
            && run.exchange.as_ref().is_some_and(refused)
            && !boot::listens(target.instance, port)
        {
            let why = format!("nothing listens on port {port} any more, since {}", case.id);
            self.over = Some(why);
        }
        let silent = run.exchange.as_ref().is_some_and(|exchange| {
            matches!(&exchange.outcome, Outcome::TimedOut { received, .. } if received.is_empty())
        });
        // Each further case would cost a whole timeout, to say the same.
        if let (true, Some(before)) = (silent, self.silent) {
            let limit = units::duration(target.function.timeout);
            let why = format!("neither {before} nor {} was answered within {limit}", case.id);
            self.over = Some(why);
        }
        self.silent = silent.then_some(case.id.as_str());
        self.last = Some(&case.id);
        run
    }

    /// Why a case is not asked.
    fn why_not(&self, case: &Case, target: &Target<'_>) -> Option<String> {
        if case.flow.skip.is_some() {
            return case.flow.skip.clone();
        }
        if self.over.is_some() {
            return self.over.clone();
        }
        if target.cancel.cancelled() {
            return Some(INTERRUPTED.to_owned());
        }
        if case.flow.concurrency == AtOnce::AsConfigured && target.function.concurrency == 1 {
            let why = "an instance takes one request at a time, unless --concurrency says more";
            return Some(why.to_owned());
        }
        let missing = case.missing(&self.values)?;
        Some(format!(
            "`{missing}` is not there: the case that captures it was not asked, or failed"
        ))
    }
}

/// Sends one request; with it how the process ended, if it did so instead of answering.
pub(super) fn ask(
    runtime: &io::Result<Runtime>,
    request: &Request,
    target: &Target<'_>,
) -> (Exchange, Option<Ending>) {
    match runtime {
        Ok(runtime) => runtime.block_on(ask_within(request, target, Pace::Whole)),
        Err(error) => (not_asked(request, format!("start an event loop: {error}")), None),
    }
}

/// The same, inside of a runtime.
pub(super) async fn ask_within(
    request: &Request,
    target: &Target<'_>,
    pace: Pace,
) -> (Exchange, Option<Ending>) {
    let bounds = bounds(target, pace);
    let mut exchange = tokio::select! {
        exchange = invoke(target.instance, request, bounds) => exchange,
        () = cancelled(target.cancel) => not_asked(request, INTERRUPTED.to_owned()),
    };
    let ended = match exchange.outcome {
        Outcome::Refused | Outcome::Cut { .. } | Outcome::NotAsked { .. } => {
            ended_by_now(target.instance, target.function.contract.port).await
        }
        _ => None,
    };
    // The way to an instance goes with it: then it is the image that does not answer.
    if let (Some(_), Outcome::NotAsked { .. }) = (ended, &exchange.outcome) {
        exchange.outcome = Outcome::Refused;
    }
    (exchange, ended)
}

pub(super) fn bounds(target: &Target<'_>, pace: Pace) -> Bounds {
    Bounds {
        port: target.function.contract.port,
        limit: target.function.timeout,
        body: target.function.contract.answer_size,
        pace,
    }
}

fn not_asked(request: &Request, why: String) -> Exchange {
    let outcome = Outcome::NotAsked { why };
    Exchange { sent: request.sent(), outcome, timing: Timing::default() }
}

/// Returns when somebody wants the work to end.
pub(super) async fn cancelled(cancel: &Cancel) {
    let mut ticks = tokio::time::interval(LOOK);
    while !cancel.cancelled() {
        ticks.tick().await;
    }
}

/// How the process ended, if that comes to be known within a moment; or within some more, where
/// nothing listens any more: a server that has closed its port is on its way out.
async fn ended_by_now(instance: &dyn Instance, port: u16) -> Option<Ending> {
    let ended = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        loop {
            if let Some(ended) = instance.ended() {
                return ended;
            }
            ticks.tick().await;
        }
    };
    let mut ended = std::pin::pin!(ended);
    if let Ok(ended) = tokio::time::timeout(END_IS_KNOWN, &mut ended).await {
        return Some(ended);
    }
    if boot::listens(instance, port) {
        return None;
    }
    tokio::time::timeout(END_FOLLOWS, ended).await.ok()
}

/// One thread is enough: the cases of a suite follow each other.
pub(super) fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_io().enable_time().build()
}

fn skip_reason(ended: Ending, after: Option<&str>) -> String {
    match after {
        Some(case) => format!("the process had {} after {case}", past(ended)),
        None => format!("the process had {} before the first invocation", past(ended)),
    }
}

/// An ending after "had": `exited with code 1`, `been ended by signal 9`.
fn past(ended: Ending) -> String {
    let told = ending(ended);
    told.strip_prefix("was ").map_or_else(|| told.clone(), |rest| format!("been {rest}"))
}

pub(super) fn not_sent(check: Check) -> CaseRun {
    CaseRun { check, begun: Instant::now(), exchange: None, invocations: 0, leaks: Vec::new() }
}
