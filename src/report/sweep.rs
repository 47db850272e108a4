//! The same image under the memory and processor of each size that the platform offers.

use std::time::Duration;

/// What each size of memory gives, smallest first.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Every size that the platform offers.
    pub tiers: Vec<Tier>,
    /// Limits of the platform that this machine could only watch, by name.
    pub watched: Vec<String>,
}

/// One size of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tier {
    /// In MB.
    pub memory_mb: u32,
    /// Its share of the processor, in thousandths of one core.
    pub cpu_millis: u32,
    /// What became of the image with it.
    pub outcome: TierOutcome,
    /// From exec to LISTEN; of a job, to its end.
    pub time: Option<Duration>,
    /// From exec to the first valid answer; a job has none.
    pub first_answer: Option<Duration>,
    /// Peak of memory in bytes, where the machine tells.
    pub memory_peak: Option<u64>,
}

/// What became of an image with a size of memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TierOutcome {
    /// It came up in time, and one invocation was answered in time.
    Conforms,
    /// It did not: why, in a few words.
    Fails(String),
    /// Not tried: a larger one did not conform.
    NotTried,
}

impl Sweep {
    /// The least memory that conforms, in MB.
    #[must_use]
    pub fn least(&self) -> Option<u32> {
        let mut conforming = self.tiers.iter().filter(|tier| tier.outcome == TierOutcome::Conforms);
        conforming.next().map(|tier| tier.memory_mb)
    }
}
