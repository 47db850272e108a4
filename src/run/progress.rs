//! The live stream for the terminal: the same values that the report keeps.

use crate::check::Check;

/// What is being done for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The local engine gets the image ready.
    Exporting,
    /// Layers are compressed as a push would, to know their size.
    Compressing {
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        of: u64,
    },
    /// Layers are read and verified.
    Reading {
        /// Bytes so far.
        done: u64,
        /// Bytes in all.
        of: u64,
    },
    /// The root file system is made ready and the command started.
    Booting,
    /// Waiting for a LISTEN.
    Listening,
    /// It is booted with another size of memory.
    Tier {
        /// In MB.
        megabytes: u32,
    },
    /// A job runs to its end.
    Running,
    /// Cases of a suite are run.
    Invoking {
        /// Cases so far.
        done: usize,
        /// Cases in all.
        of: usize,
    },
    /// The image is pushed.
    Pushing {
        /// Bytes so far.
        done: u64,
        /// Bytes in all; 0 where they are not known.
        of: u64,
    },
    /// The instance is stopped and looked through.
    Stopping,
}

/// Takes what happens while it happens. The image is named by its reference as written.
pub trait Progress: Send + Sync {
    /// A stage began, or went on.
    fn stage(&self, image: &str, stage: Stage);

    /// A check was decided.
    fn check(&self, image: &str, check: &Check);
}

/// Takes no notice.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn stage(&self, _image: &str, _stage: Stage) {}

    fn check(&self, _image: &str, _check: &Check) {}
}
