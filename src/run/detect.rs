//! Finds out what kind of function an image is, by asking it.
#![expect(clippy::disallowed_methods, reason = "notes when the probe began")]

use std::time::Instant;

use super::cases::{Target, ask, runtime};
use super::leaks::leaks;
use crate::contract::FunctionType;
use crate::evidence::{Exchange, Leak, Outcome};
use crate::suite::{Asked, Case, Request, builtin};

/// What an image is, and how that was found out.
#[derive(Debug, Clone)]
pub struct Detected {
    /// Event or HTTP.
    pub kind: FunctionType,
    /// One line for people: what was asked, what came, what follows.
    pub note: String,
    /// When the probe was to be sent.
    pub begun: Instant,
    /// The probe.
    pub exchange: Exchange,
    /// Credentials that came back.
    pub leaks: Vec<Leak>,
}

/// Sends the first of the built-in cases for a type of function, and judges nothing; with it
/// the moment at which it was to be sent. `None` for a type that has none.
#[must_use]
pub fn once(target: &Target<'_>, kind: FunctionType) -> Option<(Instant, Exchange)> {
    let case = builtin(kind)?.cases.first()?;
    let begun = Instant::now();
    Some((begun, ask(&runtime(), &request(target, case), target).0))
}

/// Posts an event. A server that does not know the path or the method is an HTTP function;
/// whatever else comes, also nothing, is for the event suite to judge.
#[must_use]
pub fn detect(target: &Target<'_>) -> Option<Detected> {
    let case = builtin(FunctionType::Event)?.cases.first()?;
    let begun = Instant::now();
    let request = request(target, case);
    let (exchange, _) = ask(&runtime(), &request, target);
    let (kind, came) = verdict(&exchange.outcome);
    let word = kind.word();
    let note = format!(
        "{} {} {came}: checked as an {} function (--type {word})",
        request.method,
        request.target,
        if kind == FunctionType::Http { "HTTP" } else { "event" },
    );
    let leaks = leaks(&exchange, &case.id, target.credentials);
    Some(Detected { kind, note, begun, exchange, leaks })
}

pub(super) fn request(target: &Target<'_>, case: &Case) -> Request {
    let request_id = uuid::Uuid::new_v4().to_string();
    case.request(&Asked {
        function: target.function,
        memory: target.memory,
        credentials: target.credentials,
        request_id: &request_id,
    })
}

fn verdict(outcome: &Outcome) -> (FunctionType, String) {
    match outcome {
        Outcome::Answered(answer) => {
            let kind = match answer.status {
                404 | 405 | 501 => FunctionType::Http,
                _ => FunctionType::Event,
            };
            (kind, format!("answered {}", answer.status))
        }
        Outcome::TooLarge { status, .. } => (FunctionType::Event, format!("answered {status}")),
        Outcome::NotHttp { .. } => (FunctionType::Event, "was not answered with HTTP".to_owned()),
        Outcome::TimedOut { .. }
        | Outcome::Refused
        | Outcome::Cut { .. }
        | Outcome::NotAsked { .. } => (FunctionType::Event, "was not answered".to_owned()),
    }
}
