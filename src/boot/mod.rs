//! The start of an instance, seen by a clock of its own.
//!
//! [`watch`] looks at the sockets of the container's network until one of the platform's port
//! is in LISTEN, the process has ended, or the limit has passed; [`autopsy`] then names the
//! cause of a failure from what was seen.

mod autopsy;
mod ends;
mod examine;
mod listen;
mod pause;
mod watch;

pub use autopsy::{Life, Scene, autopsy, later, status};
pub use ends::{ends_before, ends_within, terminate};
pub use examine::{crowd, examine, listens, seen};
pub use listen::listeners;
pub use pause::ends_after_pause;
pub use watch::{Watched, watch};
