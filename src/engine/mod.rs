//! Engines boot images; nothing above this module knows which one does.

mod canaries;
mod delivery;
pub mod docker;
pub mod embedded;
mod files;
mod logs;
mod processes;

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::evidence::{Delivery, Ending, ExecRefused, Logs, Process, TmpProbe, Usage, Write};
use crate::image::{Blobs, Image};
use crate::plan::Plan;
use crate::unpack::Unpacking;

pub use logs::LogSink;

/// Boots images.
pub trait Engine: Send + Sync {
    /// The engine's name in options and reports.
    fn name(&self) -> &'static str;

    /// Starts the image. Returns as soon as the command has been executed or the kernel has
    /// refused to, never waiting for a LISTEN. Until [`Instance::watched`] is called or the
    /// instance is dropped, the calling thread may be preferred to all others of the machine.
    ///
    /// # Errors
    ///
    /// Where the machine or the engine cannot do it; a command that does not run is no error.
    fn boot(
        &self,
        image: &Image,
        blobs: &dyn Blobs,
        plan: &Plan,
    ) -> Result<Box<dyn Instance>, EngineError>;
}

/// One booted image. Dropping it cleans up as [`Instance::stop`] does, and reports nothing.
pub trait Instance: Send {
    /// When the boot began, when the root was ready, and when the command was executed (or
    /// refused).
    fn timeline(&self) -> Timeline;

    /// What it took to unpack the image, where the engine did that itself and noted it.
    fn unpacking(&self) -> Option<Unpacking> {
        None
    }

    /// The kernel's refusal to execute the command, if it refused.
    fn refused(&self) -> Option<ExecRefused>;

    /// The start has been watched: whatever the engine did so that the watch began in time may
    /// end.
    fn watched(&self) {}

    /// How the command ended; `None` while it runs. Never blocks.
    fn ended(&self) -> Option<Ending>;

    /// Appends the text of `/proc/net/tcp` and then of `/proc/net/tcp6` of the container's
    /// network namespace.
    ///
    /// # Errors
    ///
    /// Where the table cannot be read.
    fn sockets(&self, text: &mut Vec<u8>) -> io::Result<()>;

    /// Since when the sockets are as they were told last, where whoever tells of them says when
    /// that was; `None` where they are what they are now.
    fn sockets_since(&self) -> Option<Instant> {
        None
    }

    /// A connection to the container's own address, which is not loopback.
    ///
    /// # Errors
    ///
    /// Where nothing takes it in time.
    fn connect(&self, port: u16, limit: Duration) -> io::Result<TcpStream>;

    /// What was written to stdout and stderr so far.
    fn logs(&self) -> Logs;

    /// When the first byte of output came.
    fn first_log(&self) -> Option<Instant>;

    /// Canaries that went by on stdout or stderr: their place in the plan's list, and the
    /// stream. Found in all that is written, kept or not.
    fn leaked(&self) -> Vec<(usize, crate::evidence::Stream)>;

    /// Paths written outside `/tmp`, sorted, and the bytes that the writable layer uses.
    ///
    /// # Errors
    ///
    /// Where the layer cannot be read.
    fn writes(&self) -> Result<Writes, EngineError>;

    /// Tries to make a file below `/tmp` as the image's user, and takes it away again.
    ///
    /// # Errors
    ///
    /// Where it cannot be tried.
    fn probe_tmp(&self) -> Result<TmpProbe, EngineError>;

    /// Files below `/tmp` and in the writable layer that hold a canary: the canary's place
    /// in the plan's list, and the file's path in the container.
    ///
    /// # Errors
    ///
    /// Where the files cannot be read.
    fn search(&self) -> Result<Vec<(usize, String)>, EngineError>;

    /// What was used of the limits so far.
    fn usage(&self) -> Usage;

    /// Holds every process where it is. When this returns, none runs any more.
    ///
    /// # Errors
    ///
    /// Where they cannot be held.
    fn freeze(&self) -> Result<(), EngineError>;

    /// Lets them go on.
    ///
    /// # Errors
    ///
    /// Where they cannot go on.
    fn thaw(&self) -> Result<(), EngineError>;

    /// Sends SIGTERM to the command, as an engine does that wants it to end. How it ends tells
    /// [`Instance::ended`].
    ///
    /// # Errors
    ///
    /// Where it cannot be sent.
    fn terminate(&self) -> Result<Delivery, EngineError>;

    /// What its processes are doing, and all sockets of its network. What cannot be seen is
    /// left out.
    fn traces(&self) -> Traces {
        Traces::default()
    }

    /// Ends every process of the instance and removes all that the boot made. Returns how
    /// the command had ended before that, if it had.
    ///
    /// # Errors
    ///
    /// Where something could not be removed.
    fn stop(self: Box<Self>) -> Result<Option<Ending>, EngineError>;
}

/// The moments of a start, on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    /// The decision to boot.
    pub begun: Instant,
    /// Root file system, namespaces and limits were ready.
    pub created: Instant,
    /// The command was executed, or the kernel refused to.
    pub executed: Instant,
}

/// What can be seen of an instance from outside, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    /// The first one first.
    pub processes: Vec<Process>,
    /// The text of `/proc/net/tcp` and then of `/proc/net/tcp6`.
    pub tcp: Vec<u8>,
    /// The text of `/proc/net/udp` and then of `/proc/net/udp6`.
    pub udp: Vec<u8>,
    /// How often the limit of processes refused one, where it is counted.
    pub forks_refused: Option<u64>,
    /// What the kernel would do with a SIGTERM for the first process, where that was seen.
    pub sigterm: Option<Delivery>,
}

/// What an instance wrote outside `/tmp`, and how full its spaces are.
#[derive(Debug, Clone, Default)]
pub struct Writes {
    /// Sorted by path.
    pub paths: Vec<Write>,
    /// Bytes in use of the writable layer.
    pub writable_used: u64,
    /// Bytes in use of `/tmp`.
    pub tmp_used: u64,
}

/// One thing that a machine can or cannot do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In a word.
    pub name: String,
    /// Whether it can.
    pub state: State,
    /// One line: what was tried, and what came of it.
    pub told: String,
    /// What to change, where it cannot.
    pub change: Option<String>,
}

/// Whether a machine can do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It can.
    Ok,
    /// It cannot.
    No,
    /// It cannot, or not wholly, and things go on without.
    Note,
}

/// Why an engine cannot boot, or lost, an instance. The fault is never the image's.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The machine does not allow what the engine needs.
    #[error("{what}: {why}")]
    Unavailable {
        /// What is not possible: `make a user namespace`.
        what: String,
        /// The kernel's answer, or the setting that forbids it.
        why: String,
        /// What to do about it, on a line of its own.
        hint: String,
    },
    /// An operation of the engine failed.
    #[error("{what}: {source}")]
    Failed {
        /// The operation and its object.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// The layers could not be unpacked.
    #[error(transparent)]
    Unpack(#[from] crate::unpack::UnpackError),
    /// The process that holds the instance is gone.
    #[error("the process that held the instance is gone: {0}")]
    Lost(String),
}
