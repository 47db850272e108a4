//! The processes of the other container, seen from among them: for engines that show no
//! container the machine's, and perhaps limit nothing.

use std::fs;

use crate::group::Used;
use crate::kernel;

/// Nanoseconds of a tick, in which the kernel tells of processes.
const TICK: u64 = 10_000_000;
/// Fields of `/proc/PID/stat`, counted from the one after the name: user and system time, the
/// same of children that are gone, and the start.
const TIMES: std::ops::Range<usize> = 11..15;
const START: usize = 19;

pub struct Inside {
    memory: u64,
    used: Used,
}

/// When the first process was made, which is to become the command: not after its exec.
pub fn born() -> Option<u64> {
    let ticks = *numbers(1)?.get(START)?;
    // Told on a clock that goes on while the machine is suspended.
    let ahead = kernel::since_boot().saturating_sub(kernel::now());
    (ticks * TICK).checked_sub(ahead)
}

impl Inside {
    pub fn new(memory: u64) -> Inside {
        Inside { memory, used: Used::default() }
    }

    /// What they used by now. More memory than the limit is the end of them; of the first one,
    /// which nobody beside it can end, whoever hears of it sees to the end.
    pub fn used(&mut self) -> Used {
        let own = std::process::id();
        let (mut cpu, mut resident) = (0, 0);
        let others: Vec<i32> = processes().filter(|pid| pid.unsigned_abs() != own).collect();
        for pid in &others {
            let times = numbers(*pid).and_then(|all| Some(all.get(TIMES)?.iter().sum::<u64>()));
            cpu += times.unwrap_or(0) * TICK;
            resident += anonymous(*pid).unwrap_or(0);
        }
        self.used.cpu = self.used.cpu.max(Some(cpu));
        self.used.peak = self.used.peak.max(Some(resident));
        if resident > self.memory {
            self.used.out_of_memory = Some(1);
            others.iter().filter(|pid| **pid != 1).for_each(|pid| kernel::end(*pid));
        }
        self.used.clone()
    }
}

/// Memory that is neither cache nor file system.
fn anonymous(pid: i32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes << 10)
}

/// The numbers of a process's `stat` after its name, which is in brackets and may hold anything.
fn numbers(pid: i32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(") ")?;
    // Some are letters, or below zero.
    Some(rest.split_whitespace().map(|word| word.parse().unwrap_or(0)).collect())
}

fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}
