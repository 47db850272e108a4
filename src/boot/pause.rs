//! A first process that has started a server beside itself and waits for a `sleep`: what it does
//! when that is over decides whether the instance stays up.
#![expect(clippy::disallowed_methods, reason = "the wait has a deadline")]

use std::time::{Duration, Instant};

use super::ends::ends_before;
use crate::engine::Instance;
use crate::evidence::{Ending, Process};

/// Longer ones are not waited for: with them, enough invocations are answered.
const LONGEST: Duration = Duration::from_secs(5);
/// How late a `sleep` may be.
const LATE: Duration = Duration::from_secs(1);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(10);
/// How soon after it the first process ends, if it does so for that.
const AFTERWARDS: Duration = Duration::from_millis(25);

/// How the first process ended, if that is what it does after the `sleep` that it waits for.
/// Returns at once where it waits for none.
pub fn ends_after_pause(instance: &dyn Instance, cancelled: &dyn Fn() -> bool) -> Option<Ending> {
    let Some((pid, length)) = pause_of(&instance.traces().processes) else {
        return instance.ended();
    };
    let deadline = Instant::now() + length + LATE;
    loop {
        let now = Instant::now();
        let ended = instance.ended();
        if ended.is_some() || now >= deadline || cancelled() {
            return ended;
        }
        let over = pause_of(&instance.traces().processes).is_none_or(|(now, _)| now != pid);
        if over {
            return ends_before(instance, now + AFTERWARDS, cancelled);
        }
        std::thread::park_timeout(LOOK);
    }
}

/// The `sleep` that the first process waits for, by its number, and how long it takes.
fn pause_of(processes: &[Process]) -> Option<(u32, Duration)> {
    let (first, others) = processes.split_first()?;
    let waits = first.waits_in.as_deref().is_some_and(|call| {
        matches!(call, "wait4" | "waitid" | "do_wait" | "rt_sigsuspend" | "sigsuspend")
    });
    let child = |one: &&Process| one.parent == Some(first.pid) && one.name == "sleep";
    let sleep = others.iter().filter(|_| waits).find(child)?;
    let length = length(&sleep.command_line)?;
    (length <= LONGEST).then_some((sleep.pid, length))
}

/// Of a command line: the sum of its words, seconds where they have no unit.
fn length(command_line: &str) -> Option<Duration> {
    let words = command_line.split_ascii_whitespace().skip_while(|word| !word.ends_with("sleep"));
    let seconds = words.skip(1).map(|word| {
        let (number, unit) = match word.find(|c: char| c.is_ascii_alphabetic()) {
            Some(at) => word.split_at(at),
            None => (word, "s"),
        };
        let unit = match unit {
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            "d" => 86400.0,
            _ => return None,
        };
        number.parse::<f64>().ok().map(|number| number * unit)
    });
    Duration::try_from_secs_f64(seconds.sum::<Option<f64>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_read() {
        let check = |line: &str, milliseconds: Option<u64>| {
            assert_eq!(length(line), milliseconds.map(Duration::from_millis), "{line}");
        };
        check("sleep 1", Some(1000));
        check("/bin/sleep 0.5 2s", Some(2500));
        check("/bin/busybox sleep 2m", Some(120_000));
        check("sleep infinity", None);
        check("sleep -1", None);
    }

    #[test]
    fn a_sleep_counts_where_the_first_process_waits_for_it() {
        let process = |pid, parent, name: &str, command_line: &str, call: &str| Process {
            pid,
            parent,
            name: name.to_owned(),
            command_line: command_line.to_owned(),
            waits_in: Some(call.to_owned()),
            ..Process::default()
        };
        let shell = |call| process(1, None, "sh", "sh -c server & sleep 1", call);
        let server = process(2, Some(1), "server", "server", "accept4");
        let asleep = |parent, line| process(3, Some(parent), "sleep", line, "clock_nanosleep");
        let check = |processes: &[Process], waited: bool| {
            let expected = waited.then_some((3, Duration::from_secs(1)));
            assert_eq!(pause_of(processes), expected, "{processes:?}");
        };
        check(&[shell("wait4"), server.clone(), asleep(1, "sleep 1")], true);
        check(&[shell("epoll_wait"), server.clone(), asleep(1, "sleep 1")], false);
        check(&[shell("wait4"), server.clone(), asleep(2, "sleep 1")], false);
        check(&[shell("wait4"), server.clone(), asleep(1, "sleep 30")], false);
        check(&[shell("wait4"), server], false);
        check(&[], false);
    }
}
