//! Keeps what the engine cannot: memory that follows what is written to `/tmp`, and the size
//! of the writable layer.
//!
//! The pages of `/tmp` are memory to the kernel, but disk on the platform: so the limit follows
//! what is written there, and what is used is told without it. The layer lies on the engine's
//! disk, where nothing bounds it: it is watched, and what goes far beyond the limit is ended
//! before it fills the disk.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::fstatvfs;

use super::client::Client;
use super::group::Group;
use super::written;
use crate::plan::Plan;

/// How far what is written may run ahead of the next look.
const SLACK: u64 = 48 << 20;
/// Between two looks at `/tmp`.
const TICK: Duration = Duration::from_millis(5);
/// Looks at `/tmp` for one at the memory.
const SAMPLE: u32 = 4;
/// The same for one at the writable layer.
const LAYER: u32 = 200;

/// The watch over one instance.
#[derive(Debug)]
pub(super) struct Watch {
    seen: Arc<Mutex<Found>>,
    quit: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What was found so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    pub(super) memory_peak: Option<u64>,
    pub(super) out_of_memory: Option<u64>,
    pub(super) cpu: Option<Duration>,
    pub(super) tmp_used: u64,
}

/// What is watched.
pub(super) struct Watched {
    pub(super) client: Arc<Client>,
    pub(super) id: String,
    pub(super) group: Group,
    pub(super) tmp: Option<OwnedFd>,
    pub(super) memory: u64,
    pub(super) writable: u64,
    /// The limit that the kernel has now.
    pub(super) current: u64,
}

impl Watch {
    /// Starts to watch.
    pub(super) fn start(mut watched: Watched) -> std::io::Result<Watch> {
        let seen = Arc::new(Mutex::new(Found::default()));
        let (quit, end) = channel();
        let told = Arc::clone(&seen);
        let thread = std::thread::Builder::new().name("limits".to_owned()).spawn(move || {
            let mut ticks = 0_u32;
            while end.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                watched.look(ticks, &told);
                ticks = ticks.wrapping_add(1);
            }
        })?;
        Ok(Watch { seen, quit: Some(quit), thread: Some(thread) })
    }

    pub(super) fn found(&self) -> Found {
        *lock(&self.seen)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.quit = None;
        if let Some(thread) = self.thread.take() {
            // It does not panic; were it so, there would be nothing to save.
            let _ = thread.join();
        }
    }
}

fn lock(seen: &Mutex<Found>) -> MutexGuard<'_, Found> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watched {
    /// From the plan, before anything was written.
    pub(super) fn new(client: &Arc<Client>, id: &str, plan: &Plan, group: Group) -> Watched {
        Watched {
            client: Arc::clone(client),
            id: id.to_owned(),
            group,
            tmp: None,
            memory: plan.memory,
            writable: plan.writable,
            current: plan.memory,
        }
    }

    fn look(&mut self, ticks: u32, told: &Mutex<Found>) {
        let written = self.tmp.as_ref().map_or(0, occupied);
        let allowed = if written > 0 { self.memory + written + SLACK } else { self.memory };
        // Less than is in use cannot be set; the next look tries again.
        if allowed != self.current && self.group.allow(allowed, self.current).is_ok() {
            self.current = allowed;
        }
        lock(told).tmp_used = written;
        if ticks.is_multiple_of(SAMPLE) {
            sample(&self.group, told, self.memory);
        }
        if ticks % LAYER == LAYER - 1 {
            self.look_at_layer();
        }
    }

    fn look_at_layer(&self) {
        let used = written::used(&self.client, &self.id).unwrap_or(0);
        if used > 2 * self.writable {
            let id = self.id.clone();
            let _ = self.client.ask(|docker| async move { docker.kill_container(&id, None).await });
        }
    }
}

/// Takes what the container's group tells; it is gone with the container.
pub(super) fn sample(group: &Group, told: &Mutex<Found>, memory: u64) {
    let (resident, cpu, out) = (group.resident(), group.cpu(), group.out_of_memory());
    let mut found = lock(told);
    let full = out.is_some_and(|count| count > 0).then_some(memory);
    found.memory_peak = found.memory_peak.max(resident).max(full);
    found.cpu = found.cpu.max(cpu);
    found.out_of_memory = found.out_of_memory.max(out);
}

impl Watch {
    /// The same as of now.
    pub(super) fn sample(&self, group: &Group, memory: u64) -> Found {
        sample(group, &self.seen, memory);
        self.found()
    }
}

fn occupied(filesystem: &OwnedFd) -> u64 {
    fstatvfs(filesystem).map_or(0, |stat| (stat.f_blocks - stat.f_bfree) * stat.f_frsize)
}
