//! Waits: for a registry that is busy, and for bytes that do not come.

use std::future::{Future, pending};
use std::time::Duration;

use tokio::time::{interval, timeout};

use super::Access;

/// Between two looks at whether the work is to be given up.
const LOOK: Duration = Duration::from_millis(50);
/// Repetitions of a request that fails for reasons that pass.
pub(super) const REPETITIONS: u32 = 4;

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
        came = timeout(access.patience, what) => came.map_err(|_| Vain::Silent),
        () = stopped(access) => Err(Vain::Stopped),
    }
}

/// Lets some time pass.
pub(super) async fn pause(access: &Access, time: Duration) -> Result<(), Vain> {
    tokio::select! {
        _ = timeout(time, pending::<()>()) => Ok(()),
        () = stopped(access) => Err(Vain::Stopped),
    }
}

async fn stopped(access: &Access) {
    let mut ticks = interval(LOOK);
    while !(access.stopped)() {
        ticks.tick().await;
    }
}

/// How long to wait before a repetition, counted from 0: as long as the registry says, or
/// longer each time.
pub(super) fn before(access: &Access, repetition: u32, wish: Option<Duration>) -> Duration {
    wish.unwrap_or(access.pace * 2_u32.saturating_pow(repetition.min(16)))
}
