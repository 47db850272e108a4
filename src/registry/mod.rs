//! Talks to registries: reads manifests and blobs, and uploads them.
//!
//! A client of our own on reqwest: what is wanted of it is just what ready-made clients hide.
//! A cut download goes on where it broke off, a busy registry is asked again when it says so,
//! credentials follow no redirect to another host, and nothing is longer than it may be.
//!
//! The face is a plain one; the event loop is inside.

mod access;
mod answer;
mod challenge;
mod client;
mod error;
mod fetch;
mod helper;
mod login;
mod redirect;
mod tls;
mod token;
mod upload;
mod wait;

pub use access::{Access, Proxies, Times};
pub use client::Registry;
pub use error::{Fault, RegistryError};
pub use fetch::{Fetched, Which};
pub use upload::{Blob, Open, Upload};
