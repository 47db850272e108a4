//! The process runs, and does not come to listen, or to answer: busy or idle, and what it waits
//! for.

use std::time::Duration;

use super::clue::{self, Kind};
use super::{Found, Signs, bound, limits, meaning};
use crate::check::Cause;
use crate::evidence::Process;
use crate::units;

/// Processes that are shown.
const SHOWN: usize = 6;
/// One part in this many of the processor time that it may have makes it busy.
const BUSY: u32 = 3;

const LOAD_LATER: &str = "listen first and load later, or do less at the start; a longer \
                          initialization timeout can be tried with --init-timeout";

/// Why nothing listens, though the time is up.
pub(super) fn silent(signs: &Signs<'_>) -> Found {
    let said = || clue::find(signs.logs, None).and_then(|clue| meaning::of(&clue, signs));
    limits::reached(signs)
        .or_else(|| bound::udp_only(signs))
        .or_else(|| on_network(signs))
        .or_else(said)
        .or_else(|| left_alone(signs))
        .unwrap_or_else(|| slow(signs))
}

/// Why an invocation is not answered, though the process runs.
pub(super) fn hangs(signs: &Signs<'_>) -> Found {
    let refused = |kind| {
        matches!(
            kind,
            Kind::NoSpace | Kind::NoMemory | Kind::NoProcess | Kind::NoDescriptor | Kind::Network
        )
    };
    let clue = || clue::find(signs.logs, None).filter(|clue| refused(clue.kind));
    limits::reached(signs)
        .or_else(|| on_network(signs))
        .or_else(|| clue().and_then(|clue| meaning::of(&clue, signs)))
        .unwrap_or_else(|| {
            let running = signs.snapshot.processes.iter().any(|process| process.state == 'R');
            let fix = "answer each request before the function's timeout, or give the function \
                       more time with --timeout";
            let what = if running {
                "it is busy".to_owned()
            } else {
                waiting(signs).unwrap_or_else(|| "it waits".to_owned())
            };
            Found::new(Cause::Hangs, what, fix)
        })
}

/// A line for each process, and what its sockets wait for.
pub(super) fn processes(signs: &Signs<'_>) -> Vec<String> {
    let all = &signs.snapshot.processes;
    let mut lines: Vec<String> = all.iter().take(SHOWN).map(shown).collect();
    if all.len() > SHOWN {
        lines.push(format!("and {} more processes", all.len() - SHOWN));
    }
    if !all.is_empty()
        && let Some(cpu) = signs.snapshot.usage.cpu
    {
        lines.push(format!("used {} of CPU time", units::duration(cpu)));
    }
    if !all.is_empty() && signs.listeners.is_empty() {
        let udp: Vec<String> = signs.snapshot.udp.iter().map(ToString::to_string).collect();
        if !udp.is_empty() {
            lines.push(format!("UDP sockets: {}", udp.join(", ")));
        }
    }
    lines
}

fn shown(process: &Process) -> String {
    let Process { pid, name, command_line, uid, threads, .. } = process;
    let line = if command_line.is_empty() { name } else { command_line };
    let state = match (process.state, &process.waits_in) {
        ('R', _) => "runs".to_owned(),
        ('Z', _) => "has ended, and its parent did not wait for it".to_owned(),
        ('T' | 't', _) => "is stopped".to_owned(),
        (_, Some(call)) => format!("waits in {call}"),
        (_, None) => "waits".to_owned(),
    };
    let threads = match (threads, process.others_wait_in.as_slice()) {
        (0 | 1, _) => String::new(),
        (count, []) => format!(", {count} threads"),
        (count, others) => format!(", {count} threads, others in {}", others.join(", ")),
    };
    format!(
        "process {pid} (uid {uid}) {state}{threads}, {} of CPU time: {}",
        units::duration(process.cpu),
        clue::shortened(line)
    )
}

/// A connection, or a name server, that does not answer.
fn on_network(signs: &Signs<'_>) -> Option<Found> {
    let snapshot = signs.snapshot;
    let (what, seen) = if let Some(to) = snapshot.connecting.first() {
        (
            format!("it waits for a connection to {to}, which nobody answers"),
            format!("SYN_SENT: {to}"),
        )
    } else {
        let server = snapshot.asking.first()?;
        let what = format!("it waits for an answer of the name server {server}");
        (what, format!("UDP socket to a name server: {server}"))
    };
    Some(meaning::waits_on_network(what).seen(seen))
}

/// What should serve has ended, and who started it is still there.
fn left_alone(signs: &Signs<'_>) -> Option<Found> {
    const WAITERS: [&str; 8] = ["sh", "bash", "dash", "ash", "sleep", "tail", "cat", "tini"];
    let all = &signs.snapshot.processes;
    if let Some(dead) = all.iter().find(|process| process.state == 'Z') {
        let what = format!("`{}`, a child of the command, has ended", dead.name);
        return Some(Found::new(Cause::Exited, what, ALONE));
    }
    let only_waiters = all.len() > 1 && all.iter().all(|one| WAITERS.contains(&one.name.as_str()));
    only_waiters.then(|| {
        let mut names: Vec<&str> = all.iter().map(|process| process.name.as_str()).collect();
        names.dedup();
        let what = format!("nothing runs that could serve, only {}", names.join(" and "));
        Found::new(Cause::Exited, what, ALONE)
    })
}

const ALONE: &str = "let the command be the server itself (`exec` in a script), so that its end is \
                     seen";

/// Nothing stands in its way: it takes its time, or waits for something.
fn slow(signs: &Signs<'_>) -> Found {
    let scene = signs.scene;
    let share = scene.function.init_timeout * scene.plan.cpu_millis / 1000;
    let used = signs.snapshot.usage.cpu.unwrap_or_default();
    let running = signs.snapshot.processes.iter().any(|process| process.state == 'R');
    if used * BUSY >= share || running && used > Duration::ZERO {
        let what = format!(
            "it is still busy, with {} of processor time used of the {} that its memory gives it",
            units::duration(used),
            units::duration(share)
        );
        let fix = format!("{LOAD_LATER}, and more memory brings more processor (--memory)");
        return Found::new(Cause::TooSlow, what, fix);
    }
    match waiting(signs) {
        Some(what) => Found::new(Cause::TooSlow, format!("it is idle, {what}"), idle_fix(signs)),
        None => Found::new(Cause::TooSlow, "the process is still running", LOAD_LATER),
    }
}

/// What the process that could serve waits in.
fn waiting(signs: &Signs<'_>) -> Option<String> {
    let process = server(signs)?;
    let call = process.waits_in.as_deref()?;
    let who = &process.name;
    let others = match process.others_wait_in.as_slice() {
        [] => String::new(),
        others => format!(", other threads in {}", others.join(", ")),
    };
    Some(match means(call) {
        Some(meaning) => format!("`{who}` {meaning} ({call}{others})"),
        None => format!("`{who}` waits in {call}{others}"),
    })
}

/// The process that most probably is to serve: the youngest that is not a shell's helper.
fn server<'a>(signs: &Signs<'a>) -> Option<&'a Process> {
    let all = &signs.snapshot.processes;
    let waits_for_child =
        |process: &&Process| matches!(process.waits_in.as_deref(), Some("wait4" | "waitid"));
    all.iter()
        .filter(|process| !waits_for_child(process))
        .max_by_key(|process| process.cpu)
        .or(all.first())
}

fn means(call: &str) -> Option<&'static str> {
    Some(match call {
        "nanosleep" | "clock_nanosleep" => "sleeps",
        "wait4" | "waitid" => "waits for a child to end",
        "futex" => "waits for another thread",
        "accept" | "accept4" => "waits for connections",
        "pause" | "rt_sigsuspend" | "rt_sigtimedwait" => "waits for a signal",
        "flock" | "fcntl" => "waits for a lock on a file",
        "connect" => "waits for a connection",
        "poll" | "ppoll" | "select" | "pselect6" | "epoll_wait" | "epoll_pwait" | "recvfrom"
        | "recvmsg" => "waits for sockets or files",
        "read" => "waits for input",
        "openat" => "waits for a file to be opened, as a FIFO is",
        _ => return None,
    })
}

fn idle_fix(signs: &Signs<'_>) -> String {
    let port = signs.scene.function.contract.port;
    let call = server(signs).and_then(|process| process.waits_in.as_deref()).unwrap_or_default();
    match call {
        "nanosleep" | "clock_nanosleep" => format!(
            "listen on 0.0.0.0:{port} before anything is waited for: it sleeps, and uses no \
             processor; a longer initialization timeout can be tried with --init-timeout"
        ),
        "futex" => {
            "look for a deadlock at the start: it waits for a thread that does not go on".to_owned()
        }
        _ => super::servers::known(signs).unwrap_or_else(|| {
            format!(
                "start a server on 0.0.0.0:{port} (TCP, no Unix socket): the process has nothing \
                 left to do, and more time would not help"
            )
        }),
    }
}
