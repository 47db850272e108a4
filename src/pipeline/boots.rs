//! Several boots of one image, and what a cold start may take.

use std::time::Duration;

use super::{Work, engine_trouble};
use crate::contract::FunctionType;
use crate::engine::Instance;
use crate::evidence::Boot;
use crate::report::{ASSUMED_PULL_SPEED, ColdStart, Trouble};
use crate::run;
use crate::unpack::Unpacked;

/// What is measured besides what is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Bytes a second at which a cold start is taken to pull the image.
    pub pull_speed: u64,
    /// Under which sizes of memory the image is booted.
    pub memory: Memory,
}

/// Under which sizes of memory an image is booted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Memory {
    /// Under the function's.
    #[default]
    One,
    /// Under the function's, and then under each that the platform offers.
    Each,
}

impl Default for Measure {
    fn default() -> Measure {
        Measure { pull_speed: ASSUMED_PULL_SPEED, memory: Memory::One }
    }
}

/// What the boots of one image have shown.
#[derive(Debug, Default)]
pub(super) struct Boots {
    made: u32,
    /// Of each boot, in their order.
    pub(super) listen: Vec<Duration>,
    pub(super) answers: Vec<Duration>,
    /// One that was not answered tells enough: each further one may cost a whole timeout.
    unanswered: bool,
}

impl Work<'_> {
    /// Whether a boot is the one to be judged: the last one, or one that failed. It is told
    /// which one that was.
    pub(super) fn is_judged(&self, boot: &mut Boot, boots: &mut Boots) -> bool {
        boots.made += 1;
        boots.listen.extend(boot.phases.listen);
        let (made, of) = (boots.made, self.job.boots);
        match &mut boot.diagnosis {
            Some(diagnosis) if of > 1 => {
                let before = match made {
                    1 => "no more were made".to_owned(),
                    2 => "the one before listened".to_owned(),
                    _ => format!("the {} before listened", made - 1),
                };
                diagnosis.evidence.insert(0, format!("boot {made} of {of}; {before}"));
                true
            }
            diagnosis => diagnosis.is_some() || made >= of,
        }
    }

    /// Asks an instance once, for the time of its first answer, and stops it.
    pub(super) fn rehearse(
        &mut self,
        instance: Box<dyn Instance>,
        boots: &mut Boots,
    ) -> Result<(), Trouble> {
        if !boots.unanswered {
            let answer = self.first_answer(instance.as_ref());
            boots.unanswered = answer.is_none();
            boots.answers.extend(answer);
        }
        instance.stop().map_err(|error| engine_trouble(&error))?;
        self.stop_if_cancelled()
    }

    /// From the exec to the first valid answer, to what the platform would send first.
    pub(super) fn first_answer(&self, instance: &dyn Instance) -> Option<Duration> {
        let target = self.target(instance);
        let kind = self.report.kind.unwrap_or(FunctionType::Event);
        let (begun, exchange) = run::once(&target, kind)?;
        exchange.answer()?;
        Some((begun + exchange.timing.total).duration_since(instance.timeline().executed))
    }

    /// What a cold start may take, by the boot that was judged and the median of all.
    pub(super) fn cold_start(
        &self,
        boot: &Boot,
        boots: &Boots,
        instance: &dyn Instance,
    ) -> Option<ColdStart> {
        boot.phases.listen?;
        let mut listen = boots.listen.clone();
        listen.sort_unstable();
        let median = *listen.get(listen.len().checked_sub(1)? / 2)?;
        let unpacking = instance.unpacking();
        let waited = unpacking.filter(|unpacking| unpacking.when == Unpacked::Now);
        let runtime = boot.phases.create + boot.phases.exec;
        Some(ColdStart {
            pulled: self.report.image.as_ref()?.size_bytes,
            pull_speed: self.job.measure.pull_speed,
            unpack: unpacking.map(|unpacking| unpacking.took),
            runtime: runtime.saturating_sub(waited.map(|it| it.took).unwrap_or_default()),
            function: median,
        })
    }
}
