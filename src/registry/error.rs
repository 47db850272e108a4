//! Why a registry could not be read from or written to.

use std::io;

use crate::oci::Digest;

/// Why a registry could not be read from or written to. Each fits after "cannot".
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Nobody answers there, or not as a registry.
    #[error("{what}: {why}")]
    Unreachable {
        /// The operation and its object.
        what: String,
        /// Why.
        why: String,
    },
    /// The registry wants other credentials, or none would do.
    #[error("{what}: {host} refuses {who} ({status})")]
    Refused {
        /// The operation and its object.
        what: String,
        /// The registry's host.
        host: String,
        /// Who asked: `an anonymous client`, `the user ci`.
        who: String,
        /// The status of its answer.
        status: u16,
    },
    /// The credentials could not be had.
    #[error("{what}: find the credentials for {host}: {why}")]
    Credentials {
        /// The operation and its object.
        what: String,
        /// The registry's host.
        host: String,
        /// Why.
        why: String,
    },
    /// It is not there.
    #[error("{what}: {host} has none")]
    Absent {
        /// The operation and its object.
        what: String,
        /// The registry's host.
        host: String,
    },
    /// The registry answers something else.
    #[error("{what}: {host} answers {status}{told}")]
    Status {
        /// The operation and its object.
        what: String,
        /// The registry's host.
        host: String,
        /// The status of its answer.
        status: u16,
        /// What it says of it, after a colon; empty where it says nothing.
        told: String,
    },
    /// It leads to where nobody should follow.
    #[error("{what}: {host} leads to {to}: {why}")]
    Redirect {
        /// The operation and its object.
        what: String,
        /// The registry's host.
        host: String,
        /// Where to.
        to: String,
        /// Why it was not followed.
        why: &'static str,
    },
    /// The bytes are not those that were asked for.
    #[error("{what}: what {host} sends has digest {is}, not {expected}")]
    Differs {
        /// The operation and its object.
        what: String,
        /// The registry's host.
        host: String,
        /// Of the bytes that came.
        is: Digest,
        /// Of what was asked for.
        expected: Digest,
    },
    /// More or fewer bytes came than there should be.
    #[error("{what}: {host} sends {why}")]
    Length {
        /// The operation and its object.
        what: String,
        /// The registry's host.
        host: String,
        /// Which against which.
        why: String,
    },
    /// A file of this machine could not be read or written.
    #[error("{what}: {source}")]
    File {
        /// The operation and its object.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// Whoever asked wants it no more.
    #[error("{0}: stopped")]
    Stopped(String),
}

impl RegistryError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            RegistryError::Refused { host, .. } | RegistryError::Credentials { host, .. } => {
                Some(format!("docker login {host}"))
            }
            RegistryError::Absent { .. } => Some(
                "look at the name and the tag; private repositories need `docker login`".to_owned(),
            ),
            RegistryError::Unreachable { why, .. } if why.contains("certificate") => Some(
                "--ca FILE names the authority that signed it; --insecure HOST asks without TLS"
                    .to_owned(),
            ),
            _ => None,
        }
    }
}
