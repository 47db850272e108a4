//! Talks to registries: reads manifests and blobs, and writes them.
//!
//! A client of our own on reqwest: what is wanted of it is just what ready-made clients hide.
//! A cut download goes on where it broke off, a busy registry is asked again when it says so,
//! credentials follow no redirect to another host, and nothing is longer than it was said to be.
//!
//! The face is a plain one; the event loop is inside.

mod access;
mod answer;
mod ask;
mod challenge;
mod client;
mod error;
mod fetch;
mod login;
mod manifest;
mod redirect;
mod token;
mod upload;
mod wait;

pub use access::Access;
pub use client::Registry;
pub use error::RegistryError;
pub use login::{Login, login};
pub use manifest::Manifest;
