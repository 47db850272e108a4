//! What was seen, before anybody judges it: plain values, and nothing live in them.

mod after;
mod boot;
mod exchange;
mod job;
mod run;
mod snapshot;
mod trial;

pub use after::After;
pub use boot::{Boot, BootEnd, Diagnosis, Ending, ExecRefused, Listener, Phases, Reach};
pub use exchange::{Answer, Exchange, Outcome, Sent, Timing, WireFault};
pub use job::{JobEnd, JobRun};
pub use run::{Crowd, Leak, LeakPlace, LogLine, Logs, Run, Stream, TmpProbe, Usage, Write};
pub use snapshot::{Process, Snapshot};
pub use trial::{Attempt, Delivery, FirstCase, Freeze, Termination, Trial};
