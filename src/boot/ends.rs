//! Waits for a process to end: for a moment, or as long as a job may take.
#![expect(clippy::disallowed_methods, reason = "a job's clock is here")]

use std::time::{Duration, Instant};

use super::listen::listeners;
use crate::engine::{EngineError, Instance};
use crate::evidence::{Delivery, Ending, Termination};
use crate::sys::Attention;

/// Between two looks at first.
const FINE: Duration = Duration::from_micros(200);
/// Between two looks later on.
const COARSE: Duration = Duration::from_millis(1);
/// After which it is looked at whether a signal was given back.
const GIVEN_BACK: Duration = Duration::from_secs(1);
/// How long the clock looks finely.
const FINE_FOR: Duration = Duration::from_millis(500);

/// How a process ended, if it does so before a moment; it is looked at until then, or until
/// `cancelled` says so.
pub fn ends_before(
    instance: &dyn Instance,
    moment: Instant,
    cancelled: &dyn Fn() -> bool,
) -> Option<Ending> {
    loop {
        let ended = instance.ended();
        let now = Instant::now();
        if ended.is_some() || now >= moment || cancelled() {
            return ended;
        }
        std::thread::park_timeout(COARSE.min(moment - now));
    }
}

/// Asks a process to end, and waits for it.
///
/// # Errors
///
/// Where it cannot be asked.
pub fn terminate(
    instance: &dyn Instance,
    limit: Duration,
    cancelled: &dyn Fn() -> bool,
) -> Result<Termination, EngineError> {
    let sent = Instant::now();
    if instance.terminate()? == Delivery::Dropped {
        return Ok(Termination::Dropped);
    }
    let mut ended = ends_before(instance, sent + limit.min(GIVEN_BACK), cancelled);
    if ended.is_none() && limit > GIVEN_BACK && !cancelled() {
        if has_given_back(instance) {
            return Ok(Termination::Dropped);
        }
        ended = ends_before(instance, sent + limit, cancelled);
    }
    Ok(match ended {
        Some(ending) => Termination::Ended { ending, after: sent.elapsed() },
        None => Termination::Running { limit },
    })
}

/// Whether the command has taken the signal only to give it back, as Node does: it makes the
/// kernel's own way of dealing with it the way again, and raises it once more. Of a first process
/// the kernel drops that, so it will never end by it. One that is on its way to its end has
/// closed its port by now.
fn has_given_back(instance: &dyn Instance) -> bool {
    let traces = instance.traces();
    traces.sigterm == Some(Delivery::Dropped) && !listeners(&traces.tcp).is_empty()
}

/// How a job ended within a limit from its exec, and after how long; `None` where it did not.
/// `cancelled` is asked at every look.
pub fn ends_within(
    instance: &dyn Instance,
    limit: Duration,
    cancelled: &dyn Fn() -> bool,
) -> (Option<Ending>, Duration) {
    let executed = instance.timeline().executed;
    let attention = Attention::of_this_thread();
    loop {
        let ended = instance.ended();
        let after = Instant::now().saturating_duration_since(executed);
        if ended.is_some() || after >= limit || cancelled() {
            drop(attention);
            instance.watched();
            return (ended, after.min(limit));
        }
        let pause = if after < FINE_FOR { FINE } else { COARSE };
        std::thread::park_timeout(pause.min(limit.saturating_sub(after)));
    }
}
