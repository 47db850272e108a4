//! Waits for a process to end: for a moment, or as long as a job may take.
#![expect(clippy::disallowed_methods, reason = "a job's clock is here")]

use std::time::{Duration, Instant};

use crate::engine::{EngineError, Instance};
use crate::evidence::{Delivery, Ending, Termination};
use crate::sys::Attention;

/// Between two looks at first.
const FINE: Duration = Duration::from_micros(200);
/// Between two looks later on.
const COARSE: Duration = Duration::from_millis(1);
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
    let delivery = instance.terminate()?;
    let ended = match delivery {
        Delivery::Delivered => ends_before(instance, sent + limit, cancelled),
        Delivery::Dropped => return Ok(Termination::Dropped),
    };
    Ok(match ended {
        Some(ending) => Termination::Ended { ending, after: sent.elapsed() },
        None => Termination::Running { limit },
    })
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
