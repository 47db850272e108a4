//! What was seen of the instance after an invocation.

use std::time::Duration;

use super::{Ending, LogLine, Write};

/// The instance after an invocation, as far as somebody asked for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct After {
    /// Lines that were written since the invocation began.
    pub logs: Vec<LogLine>,
    /// How the process had ended; `None` where it ran.
    pub ended: Option<Ending>,
    /// The peak of memory so far, in bytes; `None` where the machine does not tell.
    pub memory: Option<u64>,
    /// Paths outside `/tmp` that were made, changed or removed so far.
    pub writes: Vec<Write>,
    /// Bytes that are in `/tmp` more than before the invocation.
    pub tmp_added: u64,
    /// How long the same took when it was asked alone, before; `None` where it was not.
    pub alone: Option<Duration>,
}
