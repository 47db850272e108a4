//! Waits: for a registry that is busy, and for bytes that do not come.

use std::collections::hash_map::RandomState;
use std::future::{Future, pending};
use std::hash::BuildHasher as _;
use std::time::Duration;

use tokio::time::{interval, timeout};

use super::{Access, Fault};

/// Between two looks at whether the work is to be given up.
const LOOK: Duration = Duration::from_millis(50);
/// Failures after which it is given up.
const FAILURES: u32 = 5;
/// Failures that a silence counts as: it takes long by itself.
const SILENCE: u32 = 3;
/// The longest pause that is made unasked.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Why a wait ended with nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vain {
    /// Nothing came for as long as the patience lasts.
    Silent,
    /// The work is to be given up.
    Stopped,
}

/// Waits for something as long as the patience lasts.
pub(super) async fn patiently<T>(
    access: &Access,
    what: impl Future<Output = T>,
) -> Result<T, Vain> {
    tokio::select! {
        biased;
        came = timeout(access.times.patience, what) => came.map_err(|_| Vain::Silent),
        () = stopped(access) => Err(Vain::Stopped),
    }
}

/// Ends when the work is to be given up.
pub(super) async fn stopped(access: &Access) {
    let mut looks = interval(LOOK);
    while !(access.stopped)() {
        looks.tick().await;
    }
}

/// How often and for how long something is tried again.
#[derive(Debug, Default)]
pub(super) struct Budget {
    failures: u32,
    waited: Duration,
}

impl Budget {
    /// Lets time pass before the next try; an error where there is to be none.
    pub(super) async fn spend(&mut self, access: &Access, fault: Fault) -> Result<(), Fault> {
        let pause = self.pause(access, fault, random())?;
        tokio::select! {
            // There is nothing to wait for but the time itself.
            _ = timeout(pause, pending::<()>()) => Ok(()),
            () = stopped(access) => Err(Fault::Stopped),
        }
    }

    /// The failures so far no longer count: there was progress since.
    pub(super) fn refresh(&mut self) {
        self.failures = 0;
    }

    /// How long to wait before the next try; `random` is between 0 and 1.
    fn pause(&mut self, access: &Access, fault: Fault, random: f64) -> Result<Duration, Fault> {
        if !fault.may_pass() {
            return Err(fault);
        }
        let before = self.failures;
        self.failures += if matches!(fault, Fault::Silent { .. }) { SILENCE } else { 1 };
        if self.failures >= FAILURES {
            return Err(fault);
        }
        if let Fault::Status { host, status, retry_after: Some(asks), .. } = fault {
            let most = access.times.busy;
            self.waited = self.waited.saturating_add(asks);
            if self.waited > most {
                return Err(Fault::Busy { host, status, asks, most });
            }
            return Ok(asks);
        }
        let pause = access.times.pause.saturating_mul(2_u32.saturating_pow(before));
        // Many clients that failed together are not to come again together.
        Ok(pause.min(LONGEST_PAUSE).mul_f64(0.75 + random / 2.0))
    }
}

/// A number between 0 and 1, another one each time.
fn random() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "any number will do")]
    let number = RandomState::new().hash_one(0) as f64;
    number / 18_446_744_073_709_551_616.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, seconds: Option<u64>) -> Fault {
        let retry_after = seconds.map(Duration::from_secs);
        Fault::Status { host: "h".to_owned(), status, told: String::new(), retry_after }
    }

    fn pauses(faults: impl IntoIterator<Item = Fault>) -> Vec<Result<u128, String>> {
        let mut budget = Budget::default();
        let pause = |fault| budget.pause(&Access::default(), fault, 0.5);
        let pauses = faults.into_iter().map(pause);
        pauses.map(|pause| pause.map(|p| p.as_millis()).map_err(|f| f.to_string())).collect()
    }

    #[test]
    fn pauses_grow_and_end() {
        let gone = Err("h answers 500".to_owned());
        let all = pauses((0..5).map(|_| status(500, None)));
        assert_eq!(all, [Ok(250), Ok(500), Ok(1000), Ok(2000), gone]);
        assert_eq!(pauses([status(404, None)]), [Err("h answers 404".to_owned())]);
        assert!((0.0..1.0).contains(&random()));
    }

    #[test]
    fn a_busy_registry_is_heeded_within_bounds() {
        let busy = Err("h answers 429 and wants to be asked again after 40 s; 60 s is what is \
                        waited in all"
            .to_owned());
        assert_eq!(pauses([status(429, Some(40)), status(429, Some(40))]), [Ok(40_000), busy]);
    }

    #[test]
    fn silence_is_tried_once_more() {
        let silent = || {
            let after = "before an answer".to_owned();
            Fault::Silent { host: "h".to_owned(), after, patience: Duration::from_secs(30) }
        };
        let gone = Err("h is silent for 30 s before an answer".to_owned());
        assert_eq!(pauses([silent(), silent()]), [Ok(250), gone]);
    }
}
