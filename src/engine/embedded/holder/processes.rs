//! The instance's processes, as `/proc` shows them, where no control group counts them.
#![expect(clippy::disallowed_methods, reason = "the kernel tells it in files")]

use std::fs;
use std::time::Duration;

use rustix::process::Pid;

use super::super::super::processes::family;

/// One process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Process {
    pub(super) pid: Pid,
    /// Bytes of its own memory.
    pub(super) anonymous: u64,
    /// CPU time, with that of the children that it waited for.
    pub(super) cpu: Duration,
    /// Whether a signal stopped it, or it has ended and is not waited for.
    pub(super) stopped: bool,
}

/// A process and all that come from it.
pub(super) fn below(first: Pid) -> Vec<Process> {
    let process = |pid: i32| {
        let handle = Pid::from_raw(pid)?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let cpu = cpu(&stat).unwrap_or_default();
        let anonymous = anonymous(&status);
        Some(Process { pid: handle, anonymous, cpu, stopped: stopped(&stat) })
    };
    family(first.as_raw_nonzero().get()).into_iter().filter_map(process).collect()
}

/// The UDP sockets of the network that this process is in.
pub(super) fn udp() -> String {
    let text = |name| fs::read_to_string(format!("/proc/self/net/{name}")).unwrap_or_default();
    text("udp") + &text("udp6")
}

/// Of `/proc/PID/status`.
fn anonymous(status: &str) -> u64 {
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))
        .and_then(|value| value.trim().strip_suffix(" kB"))
        .and_then(|value| value.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Of `/proc/PID/stat`: stopped, or over.
fn stopped(stat: &str) -> bool {
    let state = stat.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next());
    matches!(state, Some('T' | 'Z' | 'X'))
}

/// Of `/proc/PID/stat`: user and system time, own and of waited-for children.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks: u64 =
        fields.split(' ').skip(11).take(4).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_secs(ticks)
        .checked_div(u32::try_from(rustix::param::clock_ticks_per_second()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read() {
        assert_eq!(anonymous("Name:\tx\nRssAnon:\t     160 kB\nRssFile: 1 kB\n"), 160 << 10);
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 10 0 0 0 100 50 30 20 20 0 1 0 5 0";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu(""), None);
        assert!(!stopped(stat) && stopped(&stat.replace("b) S", "b) T")) && !stopped(""));
        let own = below(rustix::process::getpid());
        assert!(own[0].anonymous > 0);
    }
}
