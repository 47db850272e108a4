//! The holder's loop: answers requests, sees the command end, keeps the limits, and cleans up.

use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use rustix::process::{
    Signal, WaitId, WaitIdOptions, pidfd_send_signal, setpriority_process, waitid,
};
use rustix::time::Timespec;

use super::super::super::processes::{MOST, family, read};
use super::super::wire::{Answer, End, Request, SOCKETS, Sent, receive, send};
use super::container::Held;
use super::fault::{Doing, Fault};
use super::limits::{TICK, occupied};
use super::{freeze, probe, processes, written};
use crate::engine::delivery;

/// Serves until the other side closes its socket or says stop. Leaves nothing behind.
pub(super) fn serve(control: &UnixStream, mut held: Held) -> ExitCode {
    // A look at the limits that comes late is a process killed for what is no memory. Only
    // root may; the instance of everybody else is watched, and nothing is killed by the kernel.
    let _ = setpriority_process(None, -20);
    let mut ended = None;
    let stopped = loop {
        let Ok(state) = wait(control, &held) else { break false };
        if state.ended {
            ended = held.reap();
        }
        if let Some(first) = &held.first {
            held.limits.look(&held.stage, first);
        }
        if state.request && !answer(control, &mut held) {
            break true;
        }
    };
    let cleaned = held.clean();
    if stopped {
        let answer = cleaned.map_or_else(Answer::from, |()| Answer::Stopped(ended));
        let _ = send(control, &answer, &[]);
    }
    ExitCode::SUCCESS
}

/// What there is to do.
struct State {
    request: bool,
    ended: bool,
}

fn wait(control: &UnixStream, held: &Held) -> io::Result<State> {
    let mut sources = vec![PollFd::new(control, PollFlags::IN)];
    let tick = Timespec { tv_sec: 0, tv_nsec: i64::from(TICK.subsec_nanos()) };
    let limit = held.first.as_ref().map(|first| {
        sources.push(PollFd::new(&first.handle, PollFlags::IN));
        tick
    });
    loop {
        match poll(&mut sources, limit.as_ref()) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let ready =
        |place: usize| sources.get(place).is_some_and(|source| !source.revents().is_empty());
    Ok(State { request: ready(0), ended: ready(1) })
}

/// Answers one request. `false` where there will be no more.
fn answer(control: &UnixStream, held: &mut Held) -> bool {
    let Ok(Some((request, _))) = receive::<Request>(control) else { return false };
    let answer = match request {
        Request::Stop => return false,
        Request::Sockets => match sockets() {
            Ok(sockets) => {
                let sockets: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
                return send(control, &Answer::Sockets, &sockets).is_ok();
            }
            Err(fault) => fault.into(),
        },
        Request::Writes => {
            written::paths(&held.stage).map_or_else(Answer::from, |paths| Answer::Writes {
                paths,
                writable_used: occupied(&held.stage.writable).saturating_sub(held.stage.reserved),
                tmp_used: occupied(&held.stage.tmp),
            })
        }
        Request::Search => {
            written::search(&held.order.canaries).map_or_else(Answer::from, Answer::Search)
        }
        Request::ProbeTmp => probe::probe(held).map_or_else(Answer::from, Answer::ProbeTmp),
        Request::Freeze => freeze::freeze(held).map_or_else(Answer::from, |()| Answer::Done),
        Request::Thaw => freeze::thaw(held).map_or_else(Answer::from, |()| Answer::Done),
        Request::Terminate => terminate(held).map_or_else(Answer::from, Answer::Terminated),
        Request::Usage => Answer::Usage(held.limits.used(held.first.as_ref())),
        Request::Traces => traces(held),
        Request::Boot(_) | Request::Examine(_) => {
            Fault::new("boot twice", io::ErrorKind::InvalidInput).into()
        }
    };
    send(control, &answer, &[]).is_ok()
}

/// Sends SIGTERM to the command, where it runs.
fn terminate(held: &Held) -> Result<Sent, Fault> {
    let Some(first) = &held.first else { return Ok(Sent::Delivered) };
    let delivery = delivery::of_sigterm(first.pid.as_raw_nonzero().get());
    pidfd_send_signal(&first.handle, Signal::TERM).doing("send SIGTERM to the command")?;
    Ok(delivery.into())
}

/// What the processes are doing, and the network's UDP sockets; the TCP ones are open already.
fn traces(held: &Held) -> Answer {
    let first = held.first.as_ref().map(|first| first.pid.as_raw_nonzero().get());
    let pids = first.map(family).unwrap_or_default().into_iter();
    Answer::Traces {
        processes: pids.take(MOST).filter_map(read).collect(),
        udp: processes::udp(),
        forks_refused: held.limits.forks_refused(),
    }
}

/// A socket belongs to the network of its maker, whoever connects it.
pub(super) fn sockets() -> Result<Vec<OwnedFd>, Fault> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = || socket_with(AddressFamily::INET, SocketType::STREAM, flags, None);
    std::iter::repeat_with(socket).take(SOCKETS).collect::<Result<_, _>>().doing("open sockets")
}

impl Held {
    /// How the command ended, once it has.
    pub(super) fn reap(&mut self) -> Option<End> {
        let first = self.first.take()?;
        let status = waitid(WaitId::PidFd(first.handle.as_fd()), WaitIdOptions::EXITED).ok()??;
        let end = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => End::Exited(code),
            (None, signal) => {
                let signal = signal.unwrap_or(0);
                let starved = self.limits.out_of_memory().is_some_and(|count| count > 0);
                let out_of_memory = signal == Signal::KILL.as_raw() && starved;
                End::Signalled { signal, out_of_memory }
            }
        };
        if let Ok(text) = serde_json::to_vec(&end) {
            let _ = self.events.write_all(&text);
        }
        Some(end)
    }

    /// Ends what runs, and removes what would stay.
    fn clean(mut self) -> Result<(), Fault> {
        // What is frozen does not even die.
        let _ = freeze::thaw(&self);
        self.first = None;
        self.limits.remove()
    }
}
