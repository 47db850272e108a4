//! What an instance is doing at one moment: taken when a start fails, or an invocation does.

use std::net::SocketAddr;
use std::time::Duration;

use super::Usage;

/// An instance at one moment. What the machine does not tell is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Its processes, the first one first.
    pub processes: Vec<Process>,
    /// UDP sockets that wait for whoever sends.
    pub udp: Vec<SocketAddr>,
    /// Where TCP connections are under way to, and nobody has answered.
    pub connecting: Vec<SocketAddr>,
    /// Name servers that were asked, and whose answer is waited for.
    pub asking: Vec<SocketAddr>,
    /// How often the limit of processes refused one; `None` where nobody counts.
    pub forks_refused: Option<u64>,
    /// Bytes in use of the writable layer.
    pub writable_used: u64,
    /// Bytes in use of `/tmp`.
    pub tmp_used: u64,
    /// What was used of the limits.
    pub usage: Usage,
}

/// One process of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Process {
    /// Its number inside of the container.
    pub pid: u32,
    /// That of its parent, where that is one of the container's, too.
    pub parent: Option<u32>,
    /// What the kernel calls it: the first 15 bytes of its file's name.
    pub name: String,
    /// Its arguments, with blanks between them, bounded.
    pub command_line: String,
    /// The kernel's letter: `R` runs or wants to, `S` sleeps, `D` waits for a disk, `Z` has ended
    /// and was not waited for by its parent, `T` is stopped.
    pub state: char,
    /// As whom it runs.
    pub uid: u32,
    /// CPU time, its threads' too.
    pub cpu: Duration,
    /// Threads, itself included.
    pub threads: u64,
    /// Open descriptors, where they can be counted.
    pub descriptors: Option<u64>,
    /// The system call that it waits in, or else the kernel's function.
    pub waits_in: Option<String>,
    /// The same of its other threads, each call once.
    pub others_wait_in: Vec<String>,
}
