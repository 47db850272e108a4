//! The process that holds one instance: everything that is live belongs to it, and goes with
//! it.
//!
//! It has one thread, since libcontainer runs ordinary code between clone and exec, and it
//! lives as long as the socket that it was started with: whoever starts it and dies, by
//! whatever signal, leaves nothing behind.

mod command;
mod container;
mod examine;
mod fault;
mod freeze;
mod group;
mod hierarchy;
mod limits;
mod probe;
mod processes;
mod serve;
mod spec;
mod stage;
mod surroundings;
mod written;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix::fs::Mode;

pub(super) use command::{Report, now, reports};
pub(super) use stage::ADDRESS;

use super::wire::{Answer, Request, receive, send};

/// With what rights the machine lets us boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Privilege {
    /// As the machine's root: ids and limits are real.
    Root,
    /// In a user namespace of our own, where one id exists.
    User,
}

impl Privilege {
    pub(super) fn word(self) -> &'static str {
        match self {
            Privilege::Root => "root",
            Privilege::User => "user",
        }
    }
}

/// The first argument that makes the program a holder.
pub const HOLDER_WORD: &str = "__instance";

/// What the program does, instead of all else, when its first argument is [`HOLDER_WORD`]:
/// holds one instance until standard input, a socket, is closed. To be called before any
/// thread is started.
#[must_use]
pub fn holder_main() -> ExitCode {
    let privilege = match std::env::args().nth(2).as_deref() {
        Some("root") => Privilege::Root,
        Some("user") => Privilege::User,
        _ => return ExitCode::FAILURE,
    };
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let Ok(control) = take_control() else { return ExitCode::FAILURE };
    let foundation = stage::enter(privilege);
    match receive::<Request>(&control) {
        Ok(Some((Request::Boot(order), streams))) => {
            let held = foundation
                .and_then(|foundation| container::boot(&control, foundation, *order, streams));
            match held {
                Ok(held) => serve::serve(&control, held),
                Err(fault) => {
                    let _ = send(&control, &Answer::from(fault), &[]);
                    ExitCode::FAILURE
                }
            }
        }
        Ok(Some((Request::Examine(order), _))) => {
            examine::examine(&control, privilege, foundation, &order)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Standard input stays the socket here; the container gets another one.
fn take_control() -> std::io::Result<UnixStream> {
    Ok(std::io::stdin().as_fd().try_clone_to_owned()?.into())
}
