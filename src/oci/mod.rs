//! The nouns of the OCI specifications, parsed and never read from anywhere.

mod digest;
pub mod media_type;
mod reference;

pub use digest::{Digest, DigestError};
pub use reference::{Reference, ReferenceError, Transport};
