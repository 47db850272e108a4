//! Suites of invocations and what is expected of their answers.
//!
//! A [`Suite`] is read from YAML, the built-in ones like those of users. Each [`Case`] makes
//! a [`Request`], and judges the [`Exchange`](crate::evidence::Exchange) that came of it:
//! one [`Judgement`] for each expectation, all of them, also after a failure. What counts as
//! a pass is written in the suite; here is only what the words mean.
//!
//! To add a key below `expect:`, write `expect/<key>.rs` with a `KIND` and list it in
//! `expect/mod.rs`. A trigger is a file in `suites/triggers` and a line in `triggers.rs`.

mod amount;
mod body;
mod builtin;
pub mod by_hand;
mod capture;
mod case;
#[cfg(test)]
mod corpus;
mod cursor;
mod expect;
mod flow;
mod given;
mod headers;
mod invocation;
mod job;
mod judge;
mod kind;
mod late;
mod locate;
mod node;
mod parse;
mod printable;
mod problem;
mod read;
mod record;
mod reference;
mod request;
mod schema;
mod secrets;
mod shape;
mod triggers;
mod variables;

pub use body::Body;
pub use builtin::builtin;
pub use capture::Capture;
pub use case::{Case, Proof, Suite};
pub use cursor::Files;
pub use expect::{Expectation, Judgement, KINDS, Kept, Kind, Look};
pub use flow::{AtOnce, Client, Flow, OnInstance, Role};
pub use given::{Given, Unset};
pub use headers::{HeaderEdit, NameCase};
pub use invocation::{Http, Invocation};
pub use job::RunExpected;
pub use judge::{decoded, ending};
pub use kind::{OtherKind, checked_as};
pub use late::{Late, Values};
pub use parse::{Origin, load, number, parse};
pub use problem::{Problem, Problems, Style};
pub use record::{Recorded, recorded};
pub use reference::reference;
pub use request::{Asked, Request};
pub use schema::{SCHEMA_FILE, schema};
pub use secrets::Secrets;
pub use shape::{Entries, Form, Key, Shape, Table};
pub use triggers::{TRIGGERS, Trigger};
