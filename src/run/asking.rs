//! Asks one case: once or often, one after another or at once, again where it fails.
#![expect(clippy::disallowed_methods, reason = "notes when each invocation began")]

use std::borrow::Cow;
use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;

use super::cases::{CaseRun, NoInstance, Target, ask_within, bounds, cancelled, not_sent};
use super::explain::explain;
use super::invoke::{Pace, connect};
use super::leaks::leaks;
use crate::check::{Check, Status};
use crate::evidence::{After, Ending, Exchange, Leak, Logs, Outcome};
use crate::suite::{Asked, Case, Client, Expectation, Look, Values, decoded};

/// How long lines of the log are waited for that an answer has brought about.
const LINES_COME: Duration = Duration::from_secs(1);
/// How long after an answer it is clear that no line comes of it.
const NO_LINE_COMES: Duration = Duration::from_millis(25);
/// How long a server has to hear that a client is gone.
const SERVER_HEARS: Duration = Duration::from_millis(100);
/// Between two looks at the log.
const LOOK_AT_LOG: Duration = Duration::from_millis(1);

/// Who asks, and whom.
pub(super) struct Asking<'a, 't> {
    pub(super) runtime: &'a io::Result<Runtime>,
    pub(super) target: Target<'t>,
    pub(super) values: &'a mut Values,
}

/// The instance before an invocation, as far as it is compared with afterwards.
#[derive(Default)]
struct Before {
    logs: Logs,
    /// Bytes of `/tmp` in use.
    tmp: u64,
    /// How long the same took alone.
    alone: Option<Duration>,
}

/// One invocation that was judged.
struct Judged {
    check: Check,
    begun: Instant,
    exchange: Exchange,
    leaks: Vec<Leak>,
    ended: Option<Ending>,
}

impl Asking<'_, '_> {
    /// Asks a case on an instance of its own.
    pub(super) fn cold(&mut self, case: &Case) -> CaseRun {
        let function = self.target.function;
        let instance = match (self.target.fresh)() {
            Ok(instance) => instance,
            Err(NoInstance::Down(diagnosis)) => {
                let mut check = case.skipped(function, &diagnosis.message);
                check.status = Status::Fail;
                check.cause = Some(diagnosis.cause);
                check.evidence = diagnosis.evidence;
                check.fix = Some(diagnosis.fix);
                return not_sent(check);
            }
            Err(NoInstance::Impossible(why)) => return not_sent(could_not(case, self, &why)),
        };
        let target = Target { instance: instance.as_ref(), ..self.target };
        let run = Asking { runtime: self.runtime, target, values: self.values }.case(case).0;
        match instance.stop() {
            Ok(_) => run,
            Err(error) => {
                let why = format!("the instance of its own was not removed: {error}");
                CaseRun { check: could_not(case, self, &why), ..run }
            }
        }
    }

    /// Asks a case as often as it says. The ending is told where the process ended and the
    /// case failed by it.
    pub(super) fn case(&mut self, case: &Case) -> (CaseRun, Option<Ending>) {
        let runtime = match self.runtime {
            Ok(runtime) => runtime,
            Err(error) => {
                let why = format!("start an event loop: {error}");
                return (not_sent(could_not(case, self, &why)), None);
            }
        };
        runtime.block_on(async {
            self.wait(case.flow.delay).await;
            let mut invocations = 0;
            let mut attempts = 0;
            let mut leaked = Vec::new();
            loop {
                attempts += 1;
                let (judged, count) = match self.attempt(case).await {
                    Ok(attempt) => attempt,
                    Err(check) => return (not_sent(*check), None),
                };
                invocations += count;
                leaked.extend(judged.leaks);
                let failed = judged.check.status == Status::Fail;
                let again = failed && judged.ended.is_none() && attempts <= case.flow.retries;
                if again && !self.target.cancel.cancelled() {
                    self.wait(case.flow.every).await;
                    continue;
                }
                let mut check = judged.check;
                if attempts > 1 {
                    check.message = format!("{} (attempt {attempts})", check.message);
                }
                let ended = judged.ended.filter(|_| failed);
                let exchange = Some(judged.exchange);
                let begun = judged.begun;
                return (CaseRun { check, begun, exchange, invocations, leaks: leaked }, ended);
            }
        })
    }

    /// A wait that nothing shortens but the end of the work.
    async fn wait(&self, duration: Duration) {
        if !duration.is_zero() {
            let _ = tokio::time::timeout(duration, cancelled(self.target.cancel)).await;
        }
    }

    /// All invocations of a case, until one fails: the one that decided, and how many they
    /// were.
    async fn attempt(&mut self, case: &Case) -> Result<(Judged, usize), Box<Check>> {
        let at_once = case.flow.concurrency.number(self.target.function.concurrency) as usize;
        if at_once > 1 {
            return self.at_once(case, at_once).await;
        }
        let of = case.flow.repeat as usize;
        let mut leaked = Vec::new();
        for n in 1.. {
            let mut judged = self.one(case, n, Pace::of(case.flow.client)).await?;
            leaked.append(&mut judged.leaks);
            if judged.check.status != Status::Pass || n >= of || self.target.cancel.cancelled() {
                if of > 1 {
                    tell_which(&mut judged.check, n, of);
                }
                return Ok((Judged { leaks: leaked, ..judged }, n));
            }
        }
        unreachable!("the numbers do not end before the loop does")
    }

    async fn at_once(&mut self, case: &Case, of: usize) -> Result<(Judged, usize), Box<Check>> {
        let mut made = Vec::with_capacity(of);
        for n in 1..=of {
            let (case, id) = self.made(case, n)?;
            made.push((case.into_owned(), id));
        }
        let (alone, leaked) = self.alone(case).await?.unzip();
        let mut leaked = leaked.unwrap_or_default();
        let begun = Instant::now();
        let before = Before { alone, ..self.before(case) };
        let requests: Vec<_> = made.iter().map(|(case, id)| self.request(case, id)).collect();
        let asked = requests.iter().map(|request| ask_within(request, &self.target, Pace::Whole));
        let answers = futures_util::future::join_all(asked).await;
        let mut decided: Option<(usize, Judged)> = None;
        for (n, ((case, _), (exchange, ended))) in made.iter().zip(answers).enumerate() {
            let mut judged = self.judged(case, exchange, ended, begun, &before).await;
            leaked.append(&mut judged.leaks);
            let failed = judged.check.status != Status::Pass;
            if decided
                .as_ref()
                .is_none_or(|(_, so_far)| failed && so_far.check.status == Status::Pass)
            {
                decided = Some((n + 1, judged));
            }
        }
        let (n, mut judged) =
            decided.ok_or_else(|| Box::new(could_not(case, self, "nothing was asked")))?;
        let which = if judged.check.status == Status::Pass { of } else { n };
        tell_which(&mut judged.check, which, of);
        Ok((Judged { leaks: leaked, ..judged }, of + usize::from(alone.is_some())))
    }

    /// How long the case takes where it is asked alone, and what that answer leaked; `None` where
    /// nobody wants to know.
    async fn alone(&mut self, case: &Case) -> Result<Option<(Duration, Vec<Leak>)>, Box<Check>> {
        if !case.expectations.iter().any(|wanted| wanted.looks() == Look::Alone) {
            return Ok(None);
        }
        let (case, id) = self.made(case, 1)?;
        let request = self.request(&case, &id);
        let (exchange, _) = ask_within(&request, &self.target, Pace::Whole).await;
        let leaks = leaks(&exchange, &case.id, self.target.credentials);
        Ok(Some((exchange.timing.total, leaks)))
    }

    /// The case as it is asked the `n`th time, and the id of its request.
    fn made<'c>(
        &mut self,
        case: &'c Case,
        n: usize,
    ) -> Result<(Cow<'c, Case>, String), Box<Check>> {
        let id = uuid::Uuid::new_v4().to_string();
        if case.late.is_none() {
            return Ok((Cow::Borrowed(case), id));
        }
        self.values.set("request-id", id.as_str().into(), false);
        self.values.set("n", n.into(), false);
        match case.filled(self.values) {
            Ok(case) => Ok((case, id)),
            Err(why) => Err(Box::new(could_not(case, self, &why))),
        }
    }

    fn request(&self, case: &Case, request_id: &str) -> crate::suite::Request {
        case.request(&Asked {
            function: self.target.function,
            memory: self.target.memory,
            credentials: self.target.credentials,
            request_id,
        })
    }

    async fn one(&mut self, case: &Case, n: usize, pace: Pace) -> Result<Judged, Box<Check>> {
        let (case, id) = self.made(case, n)?;
        let request = self.request(&case, &id);
        if let Some(before) = &case.flow.before {
            let id = uuid::Uuid::new_v4().to_string();
            let first = Case { invocation: before.clone(), ..case.clone().into_owned() };
            // Whatever comes of it: it is what comes after it that is judged.
            let _ = ask_within(&self.request(&first, &id), &self.target, Pace::Whole).await;
        }
        if case.flow.client == Client::HangsUp {
            self.hang_up(&request).await;
        }
        let begun = Instant::now();
        let before = self.before(&case);
        let (exchange, ended) = ask_within(&request, &self.target, pace).await;
        let judged = self.judged(&case, exchange, ended, begun, &before).await;
        Ok(self.captured(&case, judged))
    }

    /// Sends half of a request, and goes away.
    async fn hang_up(&self, request: &crate::suite::Request) {
        let bytes = request.bytes();
        if let Ok(mut stream) = connect(self.target.instance, bounds(&self.target, Pace::Whole)) {
            // The server hears of the end, and closes; one that does not is left alone.
            let gone = async {
                stream.write_all(&bytes[..bytes.len() / 2]).await?;
                stream.shutdown().await?;
                stream.read_to_end(&mut Vec::new()).await
            };
            let _ = tokio::time::timeout(SERVER_HEARS, gone).await;
        }
    }

    async fn judged(
        &self,
        case: &Case,
        exchange: Exchange,
        ended: Option<Ending>,
        begun: Instant,
        before: &Before,
    ) -> Judged {
        let target = &self.target;
        let after = match exchange.outcome {
            Outcome::Answered(_) => self.look_after(case, &exchange, before).await,
            _ => Ok(After::default()),
        };
        let leaks = leaks(&exchange, &case.id, target.credentials);
        let check = match after {
            Ok(after) => {
                let mut check = case.judge(&exchange, &after, target.function, ended);
                explain(&mut check, &exchange.outcome, ended, target);
                check
            }
            Err(why) => could_not(case, self, &why),
        };
        Judged { check, begun, exchange, leaks, ended }
    }

    fn before(&self, case: &Case) -> Before {
        let instance = self.target.instance;
        let writes = case.expectations.iter().any(|wanted| wanted.looks() == Look::Writes);
        Before {
            logs: if case.looks_at_logs() { instance.logs() } else { Logs::default() },
            // Where it cannot be read, that is told afterwards.
            tmp: if writes { instance.writes().map_or(0, |writes| writes.tmp_used) } else { 0 },
            alone: None,
        }
    }

    /// Looks at what the case's expectations need of the instance.
    async fn look_after(
        &self,
        case: &Case,
        exchange: &Exchange,
        before: &Before,
    ) -> Result<After, String> {
        let looks: Vec<Look> = case.expectations.iter().map(Expectation::looks).collect();
        let instance = self.target.instance;
        let mut after = After { alone: before.alone, ..After::default() };
        if looks.contains(&Look::Instance) || looks.contains(&Look::Writes) {
            // A process that ends by an answer does so a moment after it.
            let ended = crate::boot::ends_before(instance, Instant::now() + NO_LINE_COMES, &|| {
                self.target.cancel.cancelled()
            });
            after.ended = ended;
            after.memory = instance.usage().memory_peak;
        }
        if looks.contains(&Look::Writes) {
            let writes = instance.writes().map_err(|error| error.to_string())?;
            after.writes = writes.paths;
            after.tmp_added = writes.tmp_used.saturating_sub(before.tmp);
        }
        if !case.looks_at_logs() {
            return Ok(after);
        }
        let began = Instant::now();
        let mut ticks = tokio::time::interval(LOOK_AT_LOG);
        let least = if looks.contains(&Look::NoLogs) { NO_LINE_COMES } else { Duration::ZERO };
        loop {
            ticks.tick().await;
            after.logs = instance.logs().since(&before.logs);
            let kept = case.keeps_logs(exchange, &after);
            let waited = began.elapsed();
            if (kept && waited >= least) || waited >= LINES_COME.max(least) {
                return Ok(after);
            }
        }
    }

    /// Keeps what the case captures; what cannot be captured fails it.
    fn captured(&mut self, case: &Case, mut judged: Judged) -> Judged {
        let Some(answer) = judged.exchange.answer() else { return judged };
        let body = decoded(answer);
        for capture in &case.flow.captures {
            match capture.of(answer, &body) {
                Ok(value) if judged.check.status == Status::Pass => {
                    self.values.set(&capture.name, value, capture.secret);
                }
                Ok(_) => {}
                Err(why) if judged.check.status == Status::Pass => {
                    judged.check.status = Status::Fail;
                    judged.check.message = why;
                    judged.check.fix = Some(case.advice(self.target.function));
                }
                Err(why) => judged.check.message = format!("{}; {why}", judged.check.message),
            }
        }
        judged
    }
}

/// Which of several invocations a message is of.
fn tell_which(check: &mut Check, n: usize, of: usize) {
    check.message = if check.status == Status::Pass {
        format!("{n} of {of} answered: {}", check.message)
    } else {
        format!("invocation {n} of {of}: {}", check.message)
    };
}

fn could_not(case: &Case, asking: &Asking<'_, '_>, why: &str) -> Check {
    Check { status: Status::CouldNotCheck, ..case.skipped(asking.target.function, why) }
}
