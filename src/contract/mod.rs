//! What the platform demands and promises: the only place with its numbers.
//!
//! The numbers are data, in `suites/contract.yaml`, each with its sentence, document and
//! date. [`Contract`] gives them types; [`Function`] is what the user's image is to become.

mod clauses;
mod function;
mod headers;
mod status;

pub use clauses::{Clause, Contract, Known, Registries};
pub use function::{Function, FunctionError, FunctionType, MemoryMb};
pub use headers::{Credentials, HeaderSet, closing_header, context_headers, leading_headers};
pub use status::{ColdStartParts, PlatformLog, PlatformStatus};
