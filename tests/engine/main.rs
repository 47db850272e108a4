//! The embedded engine boots a small static server and sees what it does.
//!
//! Run as root and as an ordinary user: both are real ways to use the engine. Where the
//! machine allows neither, the tests say so and pass without looking.
#![expect(clippy::disallowed_methods, reason = "tests build and boot programs")]

mod held;
mod left_behind;
mod limits;
mod seen;
mod starts;
mod world;
