//! An instance that is kept up for invocations by hand.
#![expect(clippy::disallowed_methods, reason = "a moment is given to what is written last")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::live::AFTERWARDS;
use super::{Job, Work, engine_trouble, source_trouble, trouble, trouble_text};
use crate::boot;
use crate::contract::{Credentials, MemoryMb, PlatformStatus};
use crate::engine::{Engine, Instance};
use crate::evidence::{Diagnosis, Ending, Exchange, LogLine};
use crate::image::{Blobs, Image};
use crate::plan::{Plan, RootMode};
use crate::report::{ColdStart, Trouble};
use crate::run::{self, Cancel, Progress};
use crate::source;
use crate::suite::Case;
use crate::unpack::Unpacked;

/// A booted instance, and what it is invoked with.
pub struct Session<'a> {
    job: &'a Job,
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
    image: String,
    instance: Box<dyn Instance>,
    credentials: Credentials,
    /// The function's memory.
    pub memory: MemoryMb,
    /// What its cold start took; the pull is an estimate.
    pub cold_start: ColdStart,
    /// Lines of the log that were given out.
    told: u64,
}

/// What came of opening a session.
pub enum Opened<'a> {
    /// It listens.
    Up(Box<Session<'a>>),
    /// It does not come up: the image's fault.
    Down {
        /// Why.
        diagnosis: Diagnosis,
        /// What the platform would say.
        status: PlatformStatus,
        /// What it wrote.
        log: Vec<LogLine>,
    },
}

/// What came of an invocation.
pub struct Invoked {
    /// What went over the wire.
    pub exchange: Exchange,
    /// How the process ended, if it did so instead of answering.
    pub ended: Option<Ending>,
    /// What was written since the last time.
    pub log: Vec<LogLine>,
    /// The peak of memory so far, measured, in bytes.
    pub used: Option<u64>,
}

impl<'a> Session<'a> {
    /// Reads and boots the image of a job.
    ///
    /// # Errors
    ///
    /// Where it cannot be read or booted, for no fault of its own.
    pub fn open(
        job: &'a Job,
        progress: &'a dyn Progress,
        cancel: &'a Cancel,
    ) -> Result<Opened<'a>, Trouble> {
        let mut work = Work::new(job, progress, cancel);
        let (image, blobs, engine) = work.ready()?;
        let plan = Plan::new(&image, &job.function, RootMode::Writable, work.canaries())
            .map_err(|error| trouble(&error))?;
        let (instance, boot) = work.start(engine.as_ref(), &image, blobs.as_ref(), &plan)?;
        let size = image.compressed_bytes();
        if let Some(diagnosis) = boot.diagnosis {
            let (log, cause) = (instance.logs().lines, diagnosis.cause);
            instance.stop().map_err(|error| engine_trouble(&error))?;
            return Ok(Opened::Down { diagnosis, status: boot::status(&boot.end, cause), log });
        }
        let unpacking = instance.unpacking();
        let waited = unpacking.filter(|unpacking| unpacking.when == Unpacked::Now);
        let waited = waited.map(|unpacking| unpacking.took).unwrap_or_default();
        let cold_start = ColdStart {
            pulled: size,
            pull_speed: job.measure.pull_speed,
            unpack: unpacking.map(|unpacking| unpacking.took),
            runtime: (boot.phases.create + boot.phases.exec).saturating_sub(waited),
            function: boot.phases.listen.unwrap_or_default(),
        };
        Ok(Opened::Up(Box::new(Session {
            job,
            progress,
            cancel,
            image: work.report.reference,
            instance,
            credentials: work.credentials,
            memory: job.function.memory_for(size),
            cold_start,
            told: 0,
        })))
    }

    /// Sends what a case sends, and takes what comes.
    pub fn invoke(&mut self, case: &Case, request_id: &str) -> Invoked {
        let target = run::Target {
            image: &self.image,
            instance: self.instance.as_ref(),
            function: &self.job.function,
            memory: self.memory,
            credentials: &self.credentials,
            scene: None,
            progress: self.progress,
            cancel: self.cancel,
            fresh: &run::no_other,
        };
        let (exchange, ended) = run::by_hand(&target, case, request_id);
        // What it writes about an answer comes a moment after it.
        let ended =
            ended.or(boot::ends_before(self.instance.as_ref(), moment(AFTERWARDS), &|| false));
        Invoked { exchange, ended, log: self.news(), used: self.used() }
    }

    /// What was written since the last time.
    pub fn news(&mut self) -> Vec<LogLine> {
        let logs = self.instance.logs();
        let all = logs.lines.len() as u64 + logs.dropped;
        let new = usize::try_from(all.saturating_sub(self.told)).unwrap_or(usize::MAX);
        self.told = all;
        logs.last(new).cloned().collect()
    }

    /// The peak of memory so far, measured, in bytes.
    #[must_use]
    pub fn used(&self) -> Option<u64> {
        self.instance.usage().memory_peak
    }

    /// How the process ended; `None` while it runs.
    #[must_use]
    pub fn ended(&self) -> Option<Ending> {
        self.instance.ended()
    }

    /// Ends it, and removes all that it had.
    ///
    /// # Errors
    ///
    /// Where something could not be removed.
    pub fn close(self) -> Result<(), Trouble> {
        self.instance.stop().map(|_| ()).map_err(|error| engine_trouble(&error))
    }
}

/// An image, its blobs, and what boots it.
type Ready = (Image, Box<dyn Blobs>, Arc<dyn Engine>);

impl Work<'_> {
    /// Reads the image; with it what boots it.
    pub(super) fn ready(&mut self) -> Result<Ready, Trouble> {
        let job = self.job;
        let mut telling = |step| self.telling(step);
        let blobs = source::open(&job.reference, &job.local, &mut telling)
            .map_err(|error| source_trouble(&error))?;
        let image = self.load(blobs.as_ref())?;
        self.stop_if_cancelled()?;
        if let Some(why) = self.why_not_boot(&image) {
            return Err(trouble_text(why));
        }
        let engine = job.engine.clone();
        let engine = engine.ok_or_else(|| trouble_text("nothing boots it".to_owned()))?;
        Ok((image, blobs, engine))
    }
}

fn moment(from_now: Duration) -> Instant {
    Instant::now() + from_now
}
