//! What a cold start on the platform may take, from what was measured here.

use std::time::Duration;

/// Bytes a second at which the platform is taken to pull an image: a link of about one
/// gigabit. An assumption, since no document names a number.
pub const ASSUMED_PULL_SPEED: u64 = 100 << 20;

/// A cold start, in the parts in which the platform's log tells it. An estimate: the pull is
/// computed, all else was measured on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColdStart {
    /// The compressed layers, in bytes.
    pub pulled: u64,
    /// Bytes a second at which they are taken to be pulled.
    pub pull_speed: u64,
    /// What it took to unpack them; `None` where that was not measured, and is not counted.
    pub unpack: Option<Duration>,
    /// From the decision to boot to the exec of the command.
    pub runtime: Duration,
    /// From the exec to LISTEN.
    pub function: Duration,
}

impl ColdStart {
    /// `PullCode`: the image is pulled and unpacked.
    #[must_use]
    pub fn pull_code(&self) -> Duration {
        self.pull() + self.unpack.unwrap_or_default()
    }

    /// All of it: `Coldstart`.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.pull_code() + self.runtime + self.function
    }

    fn pull(&self) -> Duration {
        let nanoseconds = u128::from(self.pulled) * 1_000_000_000;
        let nanoseconds = nanoseconds / u128::from(self.pull_speed.max(1));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up() {
        let mut start = ColdStart {
            pulled: 50 << 20,
            pull_speed: 100 << 20,
            unpack: Some(Duration::from_millis(40)),
            runtime: Duration::from_millis(8),
            function: Duration::from_millis(2),
        };
        assert_eq!(start.pull_code(), Duration::from_millis(540));
        assert_eq!(start.total(), Duration::from_millis(550));
        start.unpack = None;
        assert_eq!(start.total(), Duration::from_millis(510));
    }
}
