//! What the instance may use: enforced by a control group where there is one, watched where
//! there is none.
//!
//! The pages of the writable layer and of `/tmp` are memory to the kernel, but disk on the
//! platform: so the limit follows what is written there, and what is used is told without it.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::fs::fstatvfs;

use super::super::wire::{Order, Used};
use super::Privilege;
use super::container::First;
use super::fault::{Doing, Fault};
use super::group::Group;
use super::hierarchy::Version;
use super::processes;
use super::stage::Stage;

/// How far what is written may run ahead of the next look.
const SLACK: u64 = 48 << 20;
/// Between two looks at what is written.
pub(super) const TICK: Duration = Duration::from_millis(5);
/// Looks at the file systems for one at the memory.
const SAMPLE: u32 = 4;

/// The limits of one instance.
#[derive(Debug)]
pub(super) struct Limits {
    group: Option<Group>,
    privilege: Privilege,
    memory: u64,
    /// The limit that the kernel has now.
    current: u64,
    peak: Option<u64>,
    /// Processes that were ended by the watch.
    killed: u64,
    ticks: u32,
    cpu: Option<Duration>,
    /// Whether the processor is limited.
    shared: bool,
}

impl Limits {
    /// Sets the limits of a group that this process is about to enter.
    pub(super) fn new(
        order: &Order,
        privilege: Privilege,
        group: Option<Group>,
    ) -> Result<Limits, Fault> {
        let mut limits = Limits {
            group,
            privilege,
            memory: order.memory,
            current: 0,
            peak: None,
            killed: 0,
            ticks: 0,
            cpu: None,
            shared: true,
        };
        if let Some(group) = &mut limits.group {
            let processes = order.processes.to_string();
            let set = "limit the instance";
            group.write("pids", "pids.max", &processes).doing(set)?;
            if group.version == Version::V2 {
                // Not there where the kernel has no swap accounting.
                let _ = group.write("memory", "memory.swap.max", "0");
            }
            limits.allow(order.memory).doing(set)?;
        }
        Ok(limits)
    }

    /// Gives the command its share of the processor, once it is executed: what it takes to make
    /// the container would use up the share of the first tenth of a second, or more.
    /// Where that fails, the processor is watched only, and the report says so.
    pub(super) fn share(&mut self, order: &Order) {
        let Some(group) = &self.group else { return };
        let quota = u64::from(order.cpu_millis) * 100;
        let shared = match group.version {
            Version::V1 => group
                .write("cpu", "cpu.cfs_period_us", "100000")
                .and_then(|()| group.write("cpu", "cpu.cfs_quota_us", &quota.to_string())),
            Version::V2 => group.write("cpu", "cpu.max", &format!("{quota} 100000")),
        };
        self.shared = shared.is_ok();
    }

    /// Waits until what this process starts is under the limits.
    pub(super) fn enter(&mut self) -> Result<(), Fault> {
        self.group.as_mut().map_or(Ok(()), Group::enter).doing("enter the control group")
    }

    /// Takes this process out of them.
    pub(super) fn leave(&mut self) {
        if let Some(group) = &mut self.group {
            group.leave();
        }
    }

    /// Looks at what is used, and adapts or enforces the limits. To be called every [`TICK`].
    pub(super) fn look(&mut self, stage: &Stage, first: &First) {
        let written = written(stage);
        let allowed = if written > 0 { self.memory + written + SLACK } else { self.memory };
        if self.group.is_some() && allowed != self.current {
            // Less than is in use cannot be set; the next look tries again.
            let _ = self.allow(allowed);
        }
        if self.ticks.is_multiple_of(SAMPLE) {
            self.sample(first);
        }
        self.ticks = self.ticks.wrapping_add(1);
    }

    fn sample(&mut self, first: &First) {
        let used = match &self.group {
            Some(group) => resident(group),
            None => Some(self.watch(first)),
        };
        self.peak = self.peak.max(used);
    }

    /// Adds up what the instance's processes use, and ends the largest one where that is more
    /// than the limit, as the kernel does.
    fn watch(&mut self, first: &First) -> u64 {
        let processes = processes::below(first.pid);
        self.cpu = self.cpu.max(Some(processes.iter().map(|process| process.cpu).sum()));
        let used = processes.iter().map(|process| process.anonymous).sum();
        if used > self.memory
            && let Some(largest) = processes.iter().max_by_key(|process| process.anonymous)
            && rustix::process::kill_process(largest.pid, rustix::process::Signal::KILL).is_ok()
        {
            self.killed += 1;
        }
        used
    }

    /// Sets the limit of memory, swap included.
    fn allow(&mut self, bytes: u64) -> io::Result<()> {
        let Some(group) = &self.group else { return Ok(()) };
        let value = bytes.to_string();
        let limit = || match group.version {
            Version::V1 => group.write("memory", "memory.limit_in_bytes", &value),
            Version::V2 => group.write("memory", "memory.max", &value),
        };
        // With swap it is never less than without. Not there without swap accounting.
        let with_swap = || match group.version {
            Version::V1 => {
                let _ = group.write("memory", "memory.memsw.limit_in_bytes", &value);
            }
            Version::V2 => {}
        };
        if bytes > self.current && self.current > 0 {
            with_swap();
            limit()?;
        } else {
            limit()?;
            with_swap();
        }
        self.current = bytes;
        Ok(())
    }

    /// How often memory ran out.
    pub(super) fn out_of_memory(&self) -> Option<u64> {
        match &self.group {
            None => Some(self.killed),
            Some(group) => match group.version {
                Version::V1 => group.number("memory", "memory.oom_control", Some("oom_kill")),
                Version::V2 => group.number("memory", "memory.events", Some("oom_kill")),
            },
        }
    }

    /// How often the limit of processes refused one.
    pub(super) fn forks_refused(&self) -> Option<u64> {
        self.group.as_ref()?.number("pids", "pids.events", Some("max"))
    }

    /// What was used so far.
    pub(super) fn used(&mut self, first: Option<&First>) -> Used {
        if let Some(first) = first {
            self.sample(first);
        }
        let out_of_memory = self.out_of_memory();
        let cpu = match &self.group {
            None => self.cpu.map(|cpu| u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX)),
            Some(group) => match group.version {
                Version::V1 => group.number("cpuacct", "cpuacct.usage", None),
                Version::V2 => {
                    group.number("cpu", "cpu.stat", Some("usage_usec")).map(|micros| micros * 1000)
                }
            },
        };
        let full = out_of_memory.is_some_and(|count| count > 0).then_some(self.memory);
        Used {
            memory_peak: self.peak.max(full),
            out_of_memory,
            cpu_nanos: cpu,
            watched: self.watched(),
        }
    }

    /// The limits that nothing enforces, by name. Processes are a matter of resource limits
    /// for everybody but root.
    fn watched(&self) -> Vec<String> {
        let names: &[&str] = match (&self.group, self.privilege) {
            (Some(_), _) if self.shared => &[],
            (Some(_), _) => &["cpu"],
            (None, Privilege::User) => &["cpu", "memory"],
            (None, Privilege::Root) => &["cpu", "memory", "processes"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// The group, where there is one.
    pub(super) fn group(&self) -> Option<&Group> {
        self.group.as_ref()
    }

    /// Removes the group.
    pub(super) fn remove(&mut self) -> Result<(), Fault> {
        self.group.as_mut().map_or(Ok(()), Group::remove).doing("remove the control group")
    }
}

/// Memory that is neither cache nor file system.
fn resident(group: &Group) -> Option<u64> {
    match group.version {
        Version::V1 => group.number("memory", "memory.stat", Some("total_rss")),
        Version::V2 => group.number("memory", "memory.stat", Some("anon")),
    }
}

/// Bytes in use of a file system.
pub(super) fn occupied(filesystem: &OwnedFd) -> u64 {
    fstatvfs(filesystem).map_or(0, |stat| (stat.f_blocks - stat.f_bfree) * stat.f_frsize)
}

/// Bytes that the instance wrote, to its layer and to `/tmp`.
fn written(stage: &Stage) -> u64 {
    occupied(&stage.writable).saturating_sub(stage.reserved) + occupied(&stage.tmp)
}

/// Whether a group can be made at all.
pub(super) fn group(privilege: Privilege) -> Option<Group> {
    match privilege {
        // Without one the limits are watched, and the report says so.
        Privilege::Root => Group::make().ok(),
        Privilege::User => None,
    }
}
