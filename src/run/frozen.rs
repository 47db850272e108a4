//! A freeze, with an invocation on its way when it ends.
#![expect(clippy::disallowed_methods, reason = "the freeze and the answer have their times")]

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::answer::{End, Need, Reading};
use super::cases::Target;
use super::detect::request;
use super::failure;
use crate::boot;
use crate::contract::FunctionType;
use crate::engine::EngineError;
use crate::evidence::{Freeze, Outcome};
use crate::suite::{Case, Request, ending};

/// Freezes an instance, sends a case's request, and thaws it after that long. From then on the
/// function has its time to answer; afterwards it is watched for as long as it was frozen.
///
/// # Errors
///
/// Where it cannot be frozen or thawed.
pub fn frozen(target: &Target<'_>, case: &Case, held: Duration) -> Result<Freeze, EngineError> {
    let request = request(target, case);
    target.instance.freeze()?;
    let begun = Instant::now();
    // The kernel takes connections for a listener that does not run.
    let sent = send(target, &request);
    let early = match &sent {
        Ok(stream) => wait_for_bytes(stream, begun + held, target).unwrap_or(false),
        Err(_) => false,
    };
    let held = begun.elapsed();
    target.instance.thaw()?;
    let thawed = Instant::now();
    let outcome = match sent {
        Ok(stream) => receive(stream, &request, thawed, target),
        Err(error) => outcome_of(&error, target.function.timeout),
    };
    let after = thawed.elapsed();
    let ours = match &outcome {
        _ if early => Some("it answered all the same"),
        Outcome::NotAsked { why } => Some(why.as_str()),
        _ => None,
    };
    if let Some(why) = ours {
        let (what, source) = ("freeze the instance".to_owned(), io::Error::other(why.to_owned()));
        return Err(EngineError::Failed { what, source });
    }
    let cancelled = || target.cancel.cancelled();
    // What takes the gap for a failure may answer before it finds out.
    let moment = match &outcome {
        Outcome::Answered(_) => thawed + held,
        _ => Instant::now() + END_IS_KNOWN,
    };
    let ended = boot::ends_before(target.instance, moment, &cancelled);
    let kind = target.function.kind.unwrap_or(FunctionType::Event);
    let answered = match (failure(&outcome, ended, kind), ended) {
        (Some(failed), _) => Err(failed.message),
        (None, Some(ended)) => Err(format!("it answered, and then {}", ending(ended))),
        (None, None) => Ok(after),
    };
    Ok(Freeze { held, answered })
}

/// How long after a broken connection the end of the process is waited for.
const END_IS_KNOWN: Duration = Duration::from_millis(100);
/// Between two looks at whether the work is to end.
const LOOK: Duration = Duration::from_millis(20);

fn send(target: &Target<'_>, request: &Request) -> io::Result<TcpStream> {
    let limit = target.function.timeout;
    let mut stream = target.instance.connect(target.function.contract.port, limit)?;
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(limit))?;
    stream.write_all(&request.bytes())?;
    Ok(stream)
}

/// Waits until there are bytes, or the other side has closed. `false` where the moment came
/// first, or the work is to end.
fn wait_for_bytes(stream: &TcpStream, until: Instant, target: &Target<'_>) -> io::Result<bool> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let limit = Timespec::try_from(left.min(LOOK)).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(&limit)) {
            Ok(0) if left.is_zero() || target.cancel.cancelled() => return Ok(false),
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads the answer, in the time that the function has from a moment on.
fn receive(
    mut stream: TcpStream,
    request: &Request,
    begun: Instant,
    target: &Target<'_>,
) -> Outcome {
    let limit = target.function.timeout;
    let mut reading = Reading::new(&request.method, target.function.contract.answer_size);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match wait_for_bytes(&stream, begun + limit, target) {
            Ok(true) => {}
            Ok(false) => return Outcome::TimedOut { limit, received: reading.received() },
            Err(error) => return outcome_of(&error, limit),
        }
        match stream.read(&mut buffer) {
            Ok(0) => return reading.ended(End::Closed),
            Err(_) => return reading.ended(End::Reset),
            Ok(count) if reading.feed(&buffer[..count]) == Need::Nothing => {
                return reading.ended(End::Closed);
            }
            Ok(_) => {}
        }
    }
}

fn outcome_of(error: &io::Error, limit: Duration) -> Outcome {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
            Outcome::Refused
        }
        ErrorKind::TimedOut | ErrorKind::WouldBlock => {
            Outcome::TimedOut { limit, received: Vec::new() }
        }
        _ => Outcome::NotAsked { why: format!("ask the frozen instance: {error}") },
    }
}
