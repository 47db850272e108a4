//! The kernel by hand: the only unsafe code of the program.
//!
//! Each function is one thing that neither the standard library nor `rustix` offers in a
//! safe form, with the narrowest signature that its callers need.

mod attention;
mod execute;
mod fork;
mod loopback;
mod namespace;
mod seccomp;

pub use attention::Attention;
pub use execute::{CommandLine, execute};
pub use fork::{Forked, fork};
pub use loopback::raise_loopback;
pub use namespace::{Namespaces, unshare};
pub use seccomp::pretend_identity_changes;
