//! When the run began, and how long it takes.
#![expect(clippy::disallowed_methods, reason = "reads the clocks for the report")]

use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, NaiveDate, Utc};

/// A start on both clocks: the wall's for its date, the monotonic one for the duration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started: SystemTime,
    instant: Instant,
}

impl Clock {
    /// Starts now.
    pub(super) fn start() -> Clock {
        Clock { started: SystemTime::now(), instant: Instant::now() }
    }

    /// The moment of the start.
    pub(super) fn started(self) -> SystemTime {
        self.started
    }

    /// The day of the start, in UTC.
    pub(super) fn today(self) -> NaiveDate {
        DateTime::<Utc>::from(self.started).date_naive()
    }

    /// The time since.
    pub(super) fn elapsed(self) -> Duration {
        self.instant.elapsed()
    }
}
