//! Why a registry could not be read from or written to.

use std::io;
use std::time::Duration;

use crate::oci::Digest;

/// Why a registry could not be read from or written to: the step, and what was wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {fault}")]
pub struct RegistryError {
    /// The operation and its object: fits after "cannot".
    pub what: String,
    /// What was wrong.
    pub fault: Fault,
}

/// What was wrong: a sentence about the registry, without the operation.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nobody answers there, or not in HTTP.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The registry's host.
        host: String,
        /// Why.
        why: String,
    },
    /// Its certificate is not one that is trusted here.
    #[error("the certificate of {host} is not trusted: {why}")]
    Untrusted {
        /// The registry's host.
        host: String,
        /// Why.
        why: String,
    },
    /// It speaks something else than TLS.
    #[error("{host} does not speak TLS")]
    NoTls {
        /// The registry's host.
        host: String,
    },
    /// The registry wants other credentials, or these allow something else.
    #[error("{host} refuses {who} ({status}{told})")]
    Refused {
        /// Who refuses: the registry, or the service that gives tokens for it.
        host: String,
        /// The registry to log in at.
        registry: String,
        /// Who asked: `an anonymous client`, `the user ci`.
        who: String,
        /// The status of its answer.
        status: u16,
        /// What it says of it, after a colon; empty where it says nothing.
        told: String,
    },
    /// The credentials could not be had.
    #[error("find the credentials for {host}: {why}")]
    Credentials {
        /// The registry's host.
        host: String,
        /// Why.
        why: String,
    },
    /// It is not there.
    #[error("{host} has no {object}")]
    Absent {
        /// The registry's host.
        host: String,
        /// What is missing, and what is there instead.
        object: String,
    },
    /// The registry answers something else.
    #[error("{host} answers {status}{told}")]
    Status {
        /// The registry's host.
        host: String,
        /// The status of its answer.
        status: u16,
        /// What it says of it, after a colon; empty where it says nothing.
        told: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The registry is busy, for longer than it is waited for.
    #[error(
        "{host} answers {status} and wants to be asked again after {} s; {} s is what is waited in all",
        asks.as_secs(), most.as_secs()
    )]
    Busy {
        /// The registry's host.
        host: String,
        /// The status of its answer.
        status: u16,
        /// How long it wants to be left alone.
        asks: Duration,
        /// How long that may be in all.
        most: Duration,
    },
    /// It leads to where nobody should follow.
    #[error("{host} leads to {to}: {why}")]
    Redirect {
        /// The registry's host.
        host: String,
        /// Where to.
        to: String,
        /// Why it was not followed.
        why: &'static str,
    },
    /// The bytes are not those that were asked for.
    #[error("what {host} sends has digest {is}, not {expected}")]
    Differs {
        /// The registry's host.
        host: String,
        /// Of the bytes that came.
        is: Digest,
        /// Of what was asked for.
        expected: Digest,
    },
    /// More bytes came, or were announced, than there should be.
    #[error("{host} sends {why}")]
    Length {
        /// The registry's host.
        host: String,
        /// How many against how many.
        why: String,
    },
    /// The connection ended too early, each time.
    #[error("the connection to {host} breaks off {after}: {why}")]
    Cut {
        /// The registry's host.
        host: String,
        /// Where: `before an answer`, `after 10 of 20 bytes`.
        after: String,
        /// Why.
        why: String,
    },
    /// Nothing came for as long as it is waited.
    #[error("{host} is silent for {} {after}", crate::units::duration(*patience))]
    Silent {
        /// The registry's host.
        host: String,
        /// Where: `before an answer`, `after 10 of 20 bytes`.
        after: String,
        /// How long it was waited.
        patience: Duration,
    },
    /// Whatever answers there does not answer as a registry does.
    #[error("{host} does not answer as a registry does: {why}")]
    NoRegistry {
        /// The host.
        host: String,
        /// What is odd.
        why: String,
    },
    /// What was to be sent could not be read, or is not what it should be.
    #[error("{0}")]
    Source(String),
    /// A file of this machine could not be read or written.
    #[error("{what}: {source}")]
    File {
        /// The operation and its object.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// Whoever asked wants it no more.
    #[error("stopped")]
    Stopped,
}

impl Fault {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Fault::Refused { registry, who, .. } => match who.as_str() {
                super::login::ANONYMOUS => format!(
                    "`docker login {registry}`; a registry says the same of a name that it does not have"
                ),
                _ => format!(
                    "`docker login {registry}` as a user who may do this; a registry says the same \
                     of a name that it does not have"
                ),
            },
            Fault::Credentials { host, .. } => format!("`docker login {host}` writes them anew"),
            Fault::Untrusted { host, .. } => format!(
                "--ca FILE names the authority that signed it; --insecure {host} asks without TLS"
            ),
            Fault::NoTls { host } => format!("--insecure {host} asks without TLS"),
            Fault::Unreachable { .. } => "look at the registry's name and its port".to_owned(),
            Fault::Silent { .. } | Fault::Cut { .. } | Fault::Busy { .. } => {
                "run it again later: what came whole is kept, and not fetched again".to_owned()
            }
            _ => return None,
        };
        Some(hint)
    }

    /// The same fault once more, for everybody who waits for the same bytes.
    #[must_use]
    pub fn into_io(self) -> io::Error {
        match self {
            Fault::File { source, .. } => source,
            fault => io::Error::other(fault),
        }
    }

    /// Whether it may be gone when it is tried again.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Fault::Cut { .. } | Fault::Silent { .. } => true,
            Fault::Status { status, .. } => matches!(status, 408 | 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }

    pub(super) fn of(self, what: impl Into<String>) -> RegistryError {
        RegistryError { what: what.into(), fault: self }
    }
}

impl RegistryError {
    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        self.fault.hint()
    }
}
