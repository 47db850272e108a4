//! What the program and the process that holds an instance say to each other.
//!
//! Frames over a stream socket: four bytes of length, then JSON; file descriptors go with
//! the first byte. Times are nanoseconds of the monotonic clock, which all processes share.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::super::processes::Texts;
use crate::evidence::{Delivery, Ending, ExecRefused, TmpProbe, Usage, Write};
use crate::plan::{Plan, RootMode};

/// Frames beyond this are nobody's.
const LARGEST_FRAME: usize = 64 << 20;
/// Descriptors that one frame can carry.
const MOST_DESCRIPTORS: usize = 32;
/// Sockets that come at a time: an asker that takes one seldom waits for the holder.
pub(super) const SOCKETS: usize = 16;

/// What the program asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Start the command. Carries the writing ends for stdout and stderr.
    Boot(Box<Order>),
    /// Sockets of the instance's network, not yet connected.
    Sockets,
    Writes,
    ProbeTmp,
    Search,
    Usage,
    /// Hold every process.
    Freeze,
    /// Let them go on.
    Thaw,
    /// Send SIGTERM to the command.
    Terminate,
    Traces,
    /// Try what a boot needs, without booting.
    Examine(Box<Order>),
    /// End it all.
    Stop,
}

/// What is to be booted: the plan, and where the root file system lies.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    /// Path of the unpacked root, as the kernel takes it.
    pub(super) root: Vec<u8>,
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) working_dir: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
    pub(super) memory: u64,
    pub(super) cpu_millis: u32,
    pub(super) processes: u64,
    pub(super) descriptors: u64,
    pub(super) tmp: u64,
    pub(super) writable: u64,
    pub(super) read_only: bool,
    pub(super) canaries: Vec<String>,
}

/// What the holder answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The container is made, and its command is executed next: how that goes, the container
    /// says itself; where it says nothing of use, another answer follows. Or there is nothing
    /// to execute, since the working directory cannot be one. Carries the pipes of the
    /// instance's end and of the container's reports, as many socket tables as it says, and
    /// sockets.
    Booted {
        created: u64,
        refused: Option<Refusal>,
        tables: usize,
    },
    /// Carries [`SOCKETS`].
    Sockets,
    Writes {
        paths: Vec<WrittenPath>,
        writable_used: u64,
        tmp_used: u64,
    },
    ProbeTmp(Probe),
    Search(Vec<(usize, String)>),
    Usage(Used),
    /// All are held, or all go on.
    Done,
    Terminated(Sent),
    Traces {
        processes: Vec<Texts>,
        udp: String,
        forks_refused: Option<u64>,
    },
    Examined(Vec<Step>),
    /// All is gone; how the command had ended before.
    Stopped(Option<End>),
    /// It could not be done.
    Failed {
        what: String,
        errno: Option<i32>,
        why: String,
    },
}

/// One thing that was tried.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Step {
    pub(super) name: String,
    /// `None` where a boot does without.
    pub(super) done: Option<bool>,
    /// What was done or found; where it failed and there is an error number, what was tried.
    pub(super) told: String,
    pub(super) errno: Option<i32>,
}

/// The kernel's refusal to execute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Refusal {
    pub(super) path: String,
    pub(super) errno: i32,
}

/// How the command ended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum End {
    Exited(i32),
    Signalled { signal: i32, out_of_memory: bool },
}

/// See [`Delivery`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Sent {
    Delivered,
    Dropped,
}

/// See [`Write`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct WrittenPath {
    pub(super) path: String,
    pub(super) bytes: Option<u64>,
    pub(super) removed: bool,
}

/// See [`TmpProbe`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) enum Probe {
    Writable,
    Refused(i32),
    Untried,
}

/// See [`Usage`].
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Used {
    pub(super) memory_peak: Option<u64>,
    pub(super) out_of_memory: Option<u64>,
    pub(super) cpu_nanos: Option<u64>,
    pub(super) watched: Vec<String>,
}

impl Order {
    pub(super) fn new(root: &std::path::Path, plan: &Plan) -> Order {
        use std::os::unix::ffi::OsStrExt;
        Order {
            root: root.as_os_str().as_bytes().to_vec(),
            argv: plan.argv.clone(),
            env: plan.env.clone(),
            working_dir: plan.working_dir.clone(),
            uid: plan.user.uid,
            gid: plan.user.gid,
            groups: plan.user.groups.clone(),
            memory: plan.memory,
            cpu_millis: plan.cpu_millis,
            processes: plan.processes,
            descriptors: plan.descriptors,
            tmp: plan.tmp,
            writable: plan.writable,
            read_only: plan.root == RootMode::ReadOnly,
            canaries: plan.canaries.iter().map(|canary| canary.value.clone()).collect(),
        }
    }
}

impl From<Refusal> for ExecRefused {
    fn from(refusal: Refusal) -> ExecRefused {
        ExecRefused { path: refusal.path, errno: refusal.errno }
    }
}

impl From<End> for Ending {
    fn from(end: End) -> Ending {
        match end {
            End::Exited(code) => Ending::Exited(code),
            End::Signalled { signal, out_of_memory } => Ending::Signalled { signal, out_of_memory },
        }
    }
}

impl From<Sent> for Delivery {
    fn from(sent: Sent) -> Delivery {
        match sent {
            Sent::Delivered => Delivery::Delivered,
            Sent::Dropped => Delivery::Dropped,
        }
    }
}

impl From<Delivery> for Sent {
    fn from(delivery: Delivery) -> Sent {
        match delivery {
            Delivery::Delivered => Sent::Delivered,
            Delivery::Dropped => Sent::Dropped,
        }
    }
}

impl From<WrittenPath> for Write {
    fn from(written: WrittenPath) -> Write {
        Write { path: written.path, bytes: written.bytes, removed: written.removed }
    }
}

impl From<Probe> for TmpProbe {
    fn from(probe: Probe) -> TmpProbe {
        match probe {
            Probe::Writable => TmpProbe::Writable,
            Probe::Refused(errno) => TmpProbe::Refused(errno),
            Probe::Untried => TmpProbe::Untried,
        }
    }
}

impl From<Used> for Usage {
    fn from(used: Used) -> Usage {
        Usage {
            memory_peak: used.memory_peak,
            out_of_memory: used.out_of_memory,
            cpu: used.cpu_nanos.map(std::time::Duration::from_nanos),
            watched: used.watched,
        }
    }
}

/// Sends one frame, and descriptors with it.
pub(super) fn send<T: Serialize>(
    socket: &UnixStream,
    frame: &T,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    serde_json::to_writer(&mut bytes, frame)?;
    let length = u32::try_from(bytes.len() - 4).map_err(io::Error::other)?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("too many descriptors for one frame"));
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        match sendmsg(socket, &[io::IoSlice::new(rest)], &mut ancillary, SendFlags::NOSIGNAL) {
            Ok(sent) => {
                rest = &rest[sent..];
                ancillary.clear();
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Waits for one frame. `None` where the other side is gone.
pub(super) fn receive<T: DeserializeOwned>(
    socket: &UnixStream,
) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
    let mut descriptors = Vec::new();
    let mut length = [0; 4];
    if !fill(socket, &mut length, &mut descriptors)? {
        return Ok(None);
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > LARGEST_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too large"));
    }
    let mut bytes = vec![0; length];
    if !fill(socket, &mut bytes, &mut descriptors)? {
        return Ok(None);
    }
    Ok(Some((serde_json::from_slice(&bytes)?, descriptors)))
}

/// Fills `bytes`; `false` at the end of the stream.
fn fill(socket: &UnixStream, bytes: &mut [u8], descriptors: &mut Vec<OwnedFd>) -> io::Result<bool> {
    let mut filled = 0;
    while filled < bytes.len() {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let mut parts = [io::IoSliceMut::new(&mut bytes[filled..])];
        match recvmsg(socket.as_fd(), &mut parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) if received.bytes == 0 => return Ok(false),
            Ok(received) => filled += received.bytes,
            Err(Errno::INTR) => continue,
            Err(Errno::CONNRESET) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        for message in ancillary.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                descriptors.extend(received);
            }
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn frames_carry_values_and_descriptors() {
        let (here, there) = UnixStream::pair().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let sent = Answer::Search(vec![(3, "/tmp/\u{fffd}".to_owned())]);
        send(&here, &sent, &[writer.as_fd()]).unwrap();
        drop(writer);
        let (answer, descriptors) = receive::<Answer>(&there).unwrap().unwrap();
        assert!(matches!(answer, Answer::Search(found) if found[0].0 == 3));
        let mut writer = std::fs::File::from(descriptors.into_iter().next().unwrap());
        writer.write_all(b"through").unwrap();
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through");
        drop(here);
        assert!(receive::<Answer>(&there).unwrap().is_none());
    }

    #[test]
    fn a_frame_that_nobody_sends_is_an_error() {
        let (mut here, there) = UnixStream::pair().unwrap();
        here.write_all(&u32::MAX.to_le_bytes()).unwrap();
        assert!(receive::<Answer>(&there).is_err());
    }
}
