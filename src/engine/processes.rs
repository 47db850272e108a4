//! Processes of an instance, as `/proc` shows them: one reader for all engines.
//!
//! Reading and understanding are apart: the embedded engine's holder reads, and sends the texts
//! as they are to the program.
#![expect(clippy::disallowed_methods, reason = "the kernel tells it in files")]

use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::delivery::delivery;
use crate::evidence::{Delivery, Process};

/// Bytes of a command line that are kept.
const COMMAND_LINE: usize = 400;
/// Threads of a process that are looked at.
const THREADS: usize = 64;
/// Processes that are looked at: more tell nobody more.
pub(super) const MOST: usize = 256;

/// What the kernel says of one process, in its own words.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Texts {
    stat: String,
    status: String,
    command_line: String,
    wchan: String,
    syscall: String,
    descriptors: Option<u64>,
    /// The `syscall` of its threads, as many as are looked at.
    threads: Vec<String>,
    /// Whether one of its threads runs, or would if it were its turn.
    runs: bool,
}

/// Reads what there is to read of a process; `None` where it is gone.
pub(super) fn read(pid: i32) -> Option<Texts> {
    let file = |name: &str| fs::read(format!("/proc/{pid}/{name}"));
    let text = |name: &str| {
        file(name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    };
    let mut command_line = file("cmdline").unwrap_or_default();
    command_line.truncate(COMMAND_LINE);
    Some(Texts {
        stat: String::from_utf8_lossy(&file("stat").ok()?).into_owned(),
        status: text("status"),
        command_line: String::from_utf8_lossy(&command_line).into_owned(),
        wchan: text("wchan"),
        syscall: text("syscall"),
        descriptors: fs::read_dir(format!("/proc/{pid}/fd"))
            .ok()
            .map(|descriptors| descriptors.count() as u64),
        threads: threads(pid, "syscall"),
        runs: threads(pid, "stat")
            .iter()
            .any(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(RUNS))),
    })
}

/// A process and all that come from it, also those that have ended and were not waited for.
/// Orphans of a PID namespace belong to its first process, so below that one are all of them.
pub(super) fn family(first: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut waiting = vec![first];
    while let Some(pid) = waiting.pop() {
        found.push(pid);
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
        for thread in threads.flatten() {
            let children = fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            waiting.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
    }
    found
}

/// A file of each thread of a process: a server's first one mostly waits for the others.
fn threads(pid: i32, file: &str) -> Vec<String> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let threads = threads.flatten().take(THREADS);
    threads.filter_map(|thread| fs::read_to_string(thread.path().join(file)).ok()).collect()
}

/// The kernel's letter for what runs or wants to.
const RUNS: char = 'R';

/// What the texts of an instance's processes mean.
pub(super) fn understood(texts: &[Texts]) -> Vec<Process> {
    let both = texts.iter().filter_map(|one| Some((one, one.process()?)));
    let mut found: Vec<(&Texts, Process)> = both.collect();
    // Parents are told by their numbers out here.
    let numbers: Vec<(Option<&str>, u32)> =
        found.iter().map(|(texts, process)| (texts.number(), process.pid)).collect();
    for (texts, process) in &mut found {
        let parent = texts.parent();
        let known = numbers.iter().find(|(number, _)| parent.is_some() && *number == parent);
        process.parent = known.map(|(_, pid)| *pid);
    }
    found.into_iter().map(|(_, process)| process).collect()
}

/// What the kernel would do with a SIGTERM for the first process of a container.
pub(super) fn sigterm(texts: &[Texts]) -> Option<Delivery> {
    let is_first = |one: &&Texts| one.process().is_some_and(|process| process.pid == 1);
    texts.iter().find(is_first).map(|first| delivery(first.status()))
}

impl Texts {
    /// The text of `/proc/PID/status`; empty where it could not be read.
    pub(super) fn status(&self) -> &str {
        &self.status
    }

    fn number(&self) -> Option<&str> {
        self.stat.split_once(' ').map(|(number, _)| number)
    }

    fn parent(&self) -> Option<&str> {
        self.stat.rsplit_once(") ")?.1.split_ascii_whitespace().nth(1)
    }

    /// What the texts of one process mean, but for who its parent is.
    fn process(&self) -> Option<Process> {
        let (before, after) = self.stat.rsplit_once(") ")?;
        let (number, name) = before.split_once(" (")?;
        let fields: Vec<&str> = after.split_ascii_whitespace().collect();
        let field = |name: &str| {
            let line = self.status.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::split_ascii_whitespace)
        };
        // Its number in each world of processes, the innermost last.
        let inside = field("NSpid:").and_then(|mut pids| pids.next_back()).unwrap_or(number);
        let ticks: u64 = fields.iter().skip(11).take(2).filter_map(|t| t.parse::<u64>().ok()).sum();
        let per_second = u32::try_from(rustix::param::clock_ticks_per_second()).unwrap_or(100);
        let arguments = self.command_line.split('\0').filter(|word| !word.is_empty());
        Some(Process {
            pid: inside.parse().ok()?,
            parent: None,
            name: name.to_owned(),
            command_line: arguments.collect::<Vec<_>>().join(" "),
            state: if self.runs { RUNS } else { fields.first()?.chars().next()? },
            uid: field("Uid:").and_then(|mut ids| ids.next()?.parse().ok()).unwrap_or_default(),
            cpu: Duration::from_secs(ticks) / per_second.max(1),
            threads: field("Threads:").and_then(|mut all| all.next()?.parse().ok()).unwrap_or(1),
            descriptors: self.descriptors,
            waits_in: self.waits_in().filter(|_| !self.runs),
            others_wait_in: self.others_wait_in(),
        })
    }

    fn waits_in(&self) -> Option<String> {
        let function = self.wchan.trim();
        let function = || (!matches!(function, "" | "0")).then(|| function.to_owned());
        // `running` where it does not wait.
        let waits = !self.syscall.starts_with("running");
        call(&self.syscall).or_else(|| function().filter(|_| waits))
    }

    fn others_wait_in(&self) -> Vec<String> {
        let own = call(&self.syscall);
        let mut calls: Vec<String> = self.threads.iter().filter_map(|text| call(text)).collect();
        calls.sort_unstable();
        calls.dedup();
        calls.retain(|call| Some(call) != own.as_ref());
        calls
    }
}

/// The system call that the text of `/proc/PID/syscall` begins with; `None` where it is outside
/// of one, which is -1, or runs.
fn call(syscall: &str) -> Option<String> {
    let number = syscall.split_ascii_whitespace().next()?.parse::<i64>().ok()?;
    let known = CALLS.iter().find(|(known, _)| *known == number);
    let name =
        known.map_or_else(|| format!("system call {number}"), |(_, name)| (*name).to_owned());
    (number >= 0).then_some(name)
}

/// System calls in which processes wait.
const CALLS: &[(i64, &str)] = &[
    (libc::SYS_read, "read"),
    (libc::SYS_write, "write"),
    (libc::SYS_poll, "poll"),
    (libc::SYS_ppoll, "ppoll"),
    (libc::SYS_select, "select"),
    (libc::SYS_pselect6, "pselect6"),
    (libc::SYS_epoll_wait, "epoll_wait"),
    (libc::SYS_epoll_pwait, "epoll_pwait"),
    (libc::SYS_nanosleep, "nanosleep"),
    (libc::SYS_clock_nanosleep, "clock_nanosleep"),
    (libc::SYS_pause, "pause"),
    (libc::SYS_rt_sigsuspend, "rt_sigsuspend"),
    (libc::SYS_rt_sigtimedwait, "rt_sigtimedwait"),
    (libc::SYS_futex, "futex"),
    (libc::SYS_wait4, "wait4"),
    (libc::SYS_waitid, "waitid"),
    (libc::SYS_connect, "connect"),
    (libc::SYS_accept, "accept"),
    (libc::SYS_accept4, "accept4"),
    (libc::SYS_recvfrom, "recvfrom"),
    (libc::SYS_recvmsg, "recvmsg"),
    (libc::SYS_sendto, "sendto"),
    (libc::SYS_openat, "openat"),
    (libc::SYS_flock, "flock"),
    (libc::SYS_fcntl, "fcntl"),
    (libc::SYS_io_getevents, "io_getevents"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_understood() {
        let texts = Texts {
            stat: "712 (a) b) S 1 7 7 0 -1 4194560 10 0 0 0 100 50 30 20 20 0 1 0 5 0".to_owned(),
            status: "Name:\ta) b\nUid:\t1000\t1000\t1000\t1000\nNSpid:\t712\t7\nThreads:\t3\n"
                .to_owned(),
            command_line: "python3\0app.py\0".to_owned(),
            wchan: "hrtimer_nanosleep".to_owned(),
            syscall: format!("{} 0x0 0x0", libc::SYS_clock_nanosleep),
            descriptors: Some(4),
            threads: vec![
                format!("{} 0x0", libc::SYS_futex),
                format!("{} 0x0", libc::SYS_clock_nanosleep),
                format!("{} 0x1", libc::SYS_futex),
            ],
            runs: false,
        };
        let process = texts.process().expect("it is one");
        let expected = Process {
            pid: 7,
            parent: None,
            name: "a) b".to_owned(),
            command_line: "python3 app.py".to_owned(),
            state: 'S',
            uid: 1000,
            cpu: Duration::from_millis(1500),
            threads: 3,
            descriptors: Some(4),
            waits_in: Some("clock_nanosleep".to_owned()),
            others_wait_in: vec!["futex".to_owned()],
        };
        assert_eq!(process, expected);
        let closed = Texts { syscall: String::new(), ..texts.clone() };
        assert_eq!(closed.process().and_then(|p| p.waits_in).as_deref(), Some("hrtimer_nanosleep"));
        let running = Texts { syscall: "running".to_owned(), ..texts.clone() };
        assert_eq!(running.process().and_then(|p| p.waits_in), None);
        let busy = Texts { runs: true, ..texts }.process().expect("it is one");
        assert_eq!((busy.state, busy.waits_in), ('R', None));
        assert_eq!(Texts::default().process(), None);
    }

    #[test]
    fn parents_are_found_among_the_others() {
        let texts = |stat: &str, inside: u32| Texts {
            stat: format!("{stat} 1 7 0 -1 0 0 0 0 0 0 0"),
            status: format!("NSpid:\t0\t{inside}\n"),
            ..Texts::default()
        };
        let found = understood(&[texts("712 (sh) S 1", 1), texts("714 (sleep) S 712", 3)]);
        let parents: Vec<_> = found.iter().map(|process| (process.pid, process.parent)).collect();
        assert_eq!(parents, [(1, None), (3, Some(1))]);
    }

    #[test]
    fn a_living_process_is_read() {
        let own = read(std::process::id().cast_signed()).and_then(|texts| texts.process());
        let own = own.expect("it lives");
        assert!(own.descriptors > Some(2), "{own:?}");
        assert!(own.threads >= 1);
        assert_eq!(family(std::process::id().cast_signed())[0], std::process::id().cast_signed());
    }
}
