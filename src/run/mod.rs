//! Runs a suite on an instance.
//!
//! [`suite`] asks the cases in order, each on a connection of its own, and has each judge
//! what came back. [`detect`] finds out what kind of function an image is.

mod answer;
mod asking;
mod by_hand;
mod cancel;
mod cases;
mod chunked;
mod detect;
mod explain;
#[cfg(test)]
mod flow_tests;
mod frozen;
mod invoke;
mod leaks;
mod progress;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod tests;
mod tls;

pub use by_hand::{Failed, by_hand, failure};
pub use cancel::Cancel;
pub use cases::{CaseRun, Fresh, NoInstance, SuiteRun, Target, no_other, suite};
pub use detect::{Detected, detect, once};
pub use frozen::frozen;
pub use progress::{Progress, Silent, Stage};
