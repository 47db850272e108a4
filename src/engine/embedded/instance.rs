//! One booted instance, as the program sees it: a holder, pipes and socket tables.

use std::fs::File;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::time::Timespec;

use super::super::processes::{sigterm, understood};
use super::super::{EngineError, Instance, Timeline, Traces, Writes};
use super::holder::{ADDRESS, Report, reports};
use super::pump::Pump;
use super::spawn::{Holder, clock, instant};
use super::wire::{Answer, End, Order, Refusal, Request};
use crate::evidence::{Delivery, Ending, ExecRefused, Logs, Stream, TmpProbe, Usage};
use crate::plan::Plan;
use crate::sys::Attention;
use crate::unpack::{UnpackedRoot, Unpacking};

/// See [`Instance`].
#[derive(Debug)]
pub(super) struct Booted {
    // Dropped first, so that the streams end before their reader is waited for.
    holder: Holder,
    pump: Pump,
    timeline: Timeline,
    refused: Option<ExecRefused>,
    events: Mutex<Events>,
    /// `/proc/net/tcp` and `tcp6` of the instance's network.
    tables: Vec<File>,
    /// Of the instance's network, not yet connected.
    sockets: Mutex<Vec<OwnedFd>>,
    /// Until the start has been watched: who is interrupted between boot and watch looks late.
    attention: Mutex<Option<Attention>>,
    /// Keeps the unpacked image in the cache.
    root: Option<UnpackedRoot>,
}

/// What the holder tells without being asked.
#[derive(Debug)]
struct Events {
    /// Carries how the command ended. Closed by the holder's own end.
    pipe: File,
    ended: Option<Ending>,
    /// Whether the holder ended, and with it the instance, for no reason of the image's.
    lost: bool,
}

impl Events {
    fn look(&mut self) {
        if self.ended.is_none() && !self.lost {
            let mut text = [0; 256];
            match self.pipe.read(&mut text) {
                Ok(0) => self.lost = true,
                Ok(length) => {
                    let end = serde_json::from_slice::<End>(&text[..length]);
                    self.ended = end.ok().map(Ending::from);
                }
                Err(_) => {} // Nothing yet.
            }
        }
    }
}

impl Booted {
    /// Has a holder boot the root file system in a directory.
    pub(super) fn boot(
        holder: Holder,
        root: &Path,
        plan: &Plan,
        begun: Instant,
        unpacked: Option<UnpackedRoot>,
    ) -> Result<Booted, EngineError> {
        let (stdout, stdout_end) = io::pipe().map_err(failed("make the pipe for stdout"))?;
        let (stderr, stderr_end) = io::pipe().map_err(failed("make the pipe for stderr"))?;
        let pump =
            Pump::start(stdout, stderr, &plan.canaries).map_err(failed("read what is written"))?;
        let root = std::path::absolute(root).map_err(failed("find the unpacked image"))?;
        let request = Request::Boot(Box::new(Order::new(&root, plan)));
        // The answer comes with the exec, and the clock starts with the answer.
        let attention = Attention::of_this_thread();
        let (answer, descriptors) =
            holder.ask(&request, &[stdout_end.as_fd(), stderr_end.as_fd()])?;
        drop((stdout_end, stderr_end));
        let Answer::Booted { created, refused, tables } = answer else {
            return Err(unexpected());
        };
        let mut descriptors = descriptors.into_iter();
        let events = descriptors.next().ok_or_else(unexpected)?;
        let told = File::from(descriptors.next().ok_or_else(unexpected)?);
        let (executed, refused) = match refused {
            Some(refused) => (created, Some(refused)),
            None => executed(&holder, told, created)?,
        };
        rustix::io::ioctl_fionbio(&events, true)
            .map_err(|error| failed("watch the command")(error.into()))?;
        Ok(Booted {
            holder,
            pump,
            timeline: Timeline { begun, created: instant(created), executed: instant(executed) },
            refused: refused.map(ExecRefused::from),
            events: Mutex::new(Events { pipe: events.into(), ended: None, lost: false }),
            tables: descriptors.by_ref().take(tables).map(File::from).collect(),
            sockets: Mutex::new(descriptors.collect()),
            attention: Mutex::new(attention),
            root: unpacked,
        })
    }

    fn events(&self) -> MutexGuard<'_, Events> {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.look();
        events
    }

    /// A socket that nobody has used.
    fn socket(&self) -> Result<OwnedFd, EngineError> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = sockets.pop() {
            return Ok(socket);
        }
        let (_, more) = self.holder.ask(&Request::Sockets, &[])?;
        *sockets = more;
        sockets.pop().ok_or_else(unexpected)
    }

    fn ask(&self, request: &Request) -> Result<Answer, EngineError> {
        self.holder.ask(request, &[]).map(|(answer, _)| answer)
    }
}

/// Waits for the exec: when it was, and the kernel's refusal, if it refused.
fn executed(
    holder: &Holder,
    told: File,
    created: u64,
) -> Result<(u64, Option<Refusal>), EngineError> {
    let mut executed = None;
    for report in reports(told).map_err(failed("read what the container says"))? {
        match report {
            Report::Executing { nanos } => executed = Some(nanos),
            Report::Refused(refusal) => return Ok((executed.unwrap_or(created), Some(refusal))),
            Report::Failed { .. } => return Err(holder.failure()),
        }
    }
    executed.map(|executed| (executed, None)).ok_or_else(|| holder.failure())
}

fn failed(what: &str) -> impl FnOnce(io::Error) -> EngineError {
    let what = what.to_owned();
    move |source| EngineError::Failed { what, source }
}

pub(super) fn unexpected() -> EngineError {
    EngineError::Lost("it answered something else".to_owned())
}

impl Instance for Booted {
    fn timeline(&self) -> Timeline {
        self.timeline
    }

    fn unpacking(&self) -> Option<Unpacking> {
        self.root.as_ref().and_then(|root| root.unpacking)
    }

    fn watched(&self) {
        *self.attention.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn refused(&self) -> Option<ExecRefused> {
        self.refused.clone()
    }

    fn ended(&self) -> Option<Ending> {
        self.events().ended
    }

    fn sockets(&self, text: &mut Vec<u8>) -> io::Result<()> {
        if self.events().lost {
            // The table is still there, and would show what is no more.
            return Err(io::Error::other("the process that held the instance is gone"));
        }
        for table in &self.tables {
            let mut offset = 0;
            loop {
                let end = text.len();
                text.resize(end + 32 * 1024, 0);
                let length = table.read_at(&mut text[end..], offset)?;
                text.truncate(end + length);
                offset += length as u64;
                if length == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    fn connect(&self, port: u16, limit: Duration) -> io::Result<TcpStream> {
        let socket = self.socket().map_err(io::Error::other)?;
        connect(socket, SocketAddr::from((ADDRESS, port)), limit)
    }

    fn logs(&self) -> Logs {
        self.pump.logs(self.timeline.executed)
    }

    fn first_log(&self) -> Option<Instant> {
        self.pump.first()
    }

    fn leaked(&self) -> Vec<(usize, Stream)> {
        self.pump.leaked()
    }

    fn writes(&self) -> Result<Writes, EngineError> {
        match self.ask(&Request::Writes)? {
            Answer::Writes { paths, writable_used, tmp_used } => Ok(Writes {
                paths: paths.into_iter().map(Into::into).collect(),
                writable_used,
                tmp_used,
            }),
            _ => Err(unexpected()),
        }
    }

    fn probe_tmp(&self) -> Result<TmpProbe, EngineError> {
        match self.ask(&Request::ProbeTmp)? {
            Answer::ProbeTmp(probe) => Ok(probe.into()),
            _ => Err(unexpected()),
        }
    }

    fn search(&self) -> Result<Vec<(usize, String)>, EngineError> {
        match self.ask(&Request::Search)? {
            Answer::Search(found) => Ok(found),
            _ => Err(unexpected()),
        }
    }

    fn usage(&self) -> Usage {
        match self.ask(&Request::Usage) {
            Ok(Answer::Usage(used)) => used.into(),
            _ => Usage::default(),
        }
    }

    fn freeze(&self) -> Result<(), EngineError> {
        match self.ask(&Request::Freeze)? {
            Answer::Done => Ok(()),
            _ => Err(unexpected()),
        }
    }

    fn thaw(&self) -> Result<(), EngineError> {
        match self.ask(&Request::Thaw)? {
            Answer::Done => Ok(()),
            _ => Err(unexpected()),
        }
    }

    fn terminate(&self) -> Result<Delivery, EngineError> {
        match self.ask(&Request::Terminate)? {
            Answer::Terminated(sent) => Ok(sent.into()),
            _ => Err(unexpected()),
        }
    }

    fn traces(&self) -> Traces {
        let mut tcp = Vec::new();
        let seen = self
            .sockets(&mut tcp)
            .and_then(|()| self.ask(&Request::Traces).map_err(io::Error::other));
        match seen {
            Ok(Answer::Traces { processes, udp, forks_refused }) => Traces {
                sigterm: sigterm(&processes),
                processes: understood(&processes),
                tcp,
                udp: udp.into_bytes(),
                forks_refused,
            },
            _ => Traces::default(),
        }
    }

    fn stop(self: Box<Self>) -> Result<Option<Ending>, EngineError> {
        match self.ask(&Request::Stop)? {
            Answer::Stopped(ended) => Ok(ended.map(Ending::from)),
            _ => Err(unexpected()),
        }
    }
}

/// Connects a socket that does not block, and makes it one that does.
fn connect(socket: OwnedFd, to: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    let deadline = clock() + limit;
    match rustix::net::connect(&socket, &to) {
        Ok(()) => {}
        Err(Errno::INPROGRESS) => {
            wait_until_writable(&socket, deadline)?;
            socket_error(&socket)??;
        }
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn wait_until_writable(socket: &OwnedFd, deadline: Instant) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(clock());
        let limit = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(socket, PollFlags::OUT)], Some(&limit)) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
