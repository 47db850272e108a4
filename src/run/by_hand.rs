//! One invocation by hand: the exchange, and nothing judged.

use super::cases::{Target, ask, runtime};
use crate::contract::{FunctionType, PlatformStatus};
use crate::evidence::{Ending, Exchange, Outcome};
use crate::suite::{Asked, Case, ending};
use crate::units;

/// What the platform would say of an invocation that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its status; `None` where we could not ask.
    pub status: Option<PlatformStatus>,
    /// What happened, one line.
    pub message: String,
}

/// Sends what a case sends. With it, how the process ended, if it did so instead of answering.
/// Not to be called where a tokio runtime runs already.
#[must_use]
pub fn by_hand(target: &Target<'_>, case: &Case, request_id: &str) -> (Exchange, Option<Ending>) {
    let request = case.request(&Asked {
        function: target.function,
        memory: target.memory,
        credentials: target.credentials,
        request_id,
    });
    ask(&runtime(), &request, target)
}

/// What an exchange without an answer means on the platform; `None` where there is one.
#[must_use]
pub fn failure(outcome: &Outcome, ended: Option<Ending>, kind: FunctionType) -> Option<Failed> {
    if let Outcome::Answered(_) = outcome {
        return None;
    }
    if let Some(ended) = ended {
        let status = match ended {
            Ending::Signalled { out_of_memory: true, .. } => PlatformStatus::MemoryLimitReached,
            Ending::Exited(_) | Ending::Signalled { .. } => PlatformStatus::UserProcessExit,
        };
        return Some(Failed {
            status: Some(status),
            message: format!("the process {} instead of answering", ending(ended)),
        });
    }
    let broken = Some(PlatformStatus::UserCodeException);
    let (status, message) = match outcome {
        Outcome::Answered(_) => return None,
        Outcome::TimedOut { limit, .. } => (
            Some(PlatformStatus::TimeLimitReached),
            format!("Invoking task timed out after {} seconds", limit.as_secs()),
        ),
        Outcome::Refused => (broken, "nothing takes the connection any more".to_owned()),
        Outcome::Cut { received } => {
            let bytes = received.len();
            (broken, format!("the connection was closed after {bytes} bytes of the answer"))
        }
        Outcome::NotHttp { why, .. } => (broken, format!("the answer is no HTTP/1.1: {why}")),
        Outcome::TooLarge { limit, status } => (
            Some(PlatformStatus::ResponseTooLarge(kind)),
            format!("status {status} with a body above {}", units::size(*limit)),
        ),
        Outcome::NotAsked { why } => (None, why.clone()),
    };
    Some(Failed { status, message })
}
