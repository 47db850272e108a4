//! The process ended: limits first, then what it said, then what its exit code or signal means.

use super::clue::{self, Kind};
use super::{Found, Signs, limits, meaning, refusal};
use crate::check::Cause;
use crate::evidence::Ending;
use crate::image::start::Problem;
use crate::image::{Kind as File, Lookup};

/// Exit codes from which on a shell tells by which signal a child ended.
const BY_SIGNAL: i32 = 128;
/// The greatest number of a signal.
const SIGNALS: i32 = 64;
const SIGABRT: i32 = 6;

/// How it ended, after "the process".
pub(super) fn told(ending: Ending) -> String {
    match ending {
        Ending::Exited(code) => format!("exited with code {code}"),
        Ending::Signalled { out_of_memory: true, .. } => "was killed".to_owned(),
        Ending::Signalled { signal, .. } => format!("was ended by {}", signal_name(signal)),
    }
}

/// Why it ended.
pub(super) fn cause(ending: Ending, signs: &Signs<'_>) -> Found {
    match ending {
        Ending::Signalled { signal, out_of_memory: true } => {
            limits::out_of_memory(signs, "the memory limit was reached")
                .seen(format!("killed with signal {signal}"))
        }
        Ending::Signalled { signal, .. } => {
            limits::memory(signs).unwrap_or_else(|| signalled(signal, signs))
        }
        Ending::Exited(code) => limits::memory(signs).unwrap_or_else(|| exited(code, signs)),
    }
}

/// What it said, if it gave up by itself or for want of something; the signal otherwise.
fn signalled(signal: i32, signs: &Signs<'_>) -> Found {
    let wants = |kind| {
        matches!(kind, Kind::NoMemory | Kind::NoSpace | Kind::NoProcess | Kind::NoDescriptor)
    };
    let said = clue::find(signs.logs, None);
    let said = said.filter(|clue| signal == SIGABRT || wants(clue.kind));
    let said = said.and_then(|clue| meaning::of(&clue, signs));
    said.unwrap_or_else(|| {
        let found = Found::new(Cause::Signalled, "", advice(signal));
        Found { what: telling(signs).unwrap_or_default(), ..found }
    })
}

fn exited(code: i32, signs: &Signs<'_>) -> Found {
    if code == 0 {
        return without_error(signs);
    }
    // A shell, `env` and the dynamic loader end with these two where what they were to run
    // cannot be.
    let of_tree = matches!(code, 126 | 127).then(|| {
        let start = signs.scene.plan.follow(signs.scene.tree, &signs.scene.plan.argv);
        let problem = start.problem.filter(comes_after_exec);
        problem.map(|problem| refusal::of_problem(&problem, signs.scene))
    });
    let clue = || clue::find(signs.logs, Some(code));
    of_tree
        .flatten()
        .or_else(|| script_with_cr(signs))
        .or_else(|| clue().and_then(|clue| meaning::of(&clue, signs)))
        .or_else(|| limits::reached(signs))
        .unwrap_or_else(|| by_code(code, signs))
}

/// A shell was given a script with CR LF line ends: what it complains of is never that.
fn script_with_cr(signs: &Signs<'_>) -> Option<Found> {
    let plan = signs.scene.plan;
    let (shell, rest) = plan.argv.split_first()?;
    let shell = shell.rsplit('/').next()?;
    if !SHELLS.contains(&shell) {
        return None;
    }
    let tree = signs.scene.tree;
    let script = rest.iter().find(|word| match tree.lookup(word, &plan.working_dir) {
        Lookup::Found { node, .. } => {
            matches!(&tree.node(node).kind, File::Script { line, .. } if line.ends_with(b"\r"))
        }
        _ => false,
    })?;
    Some(meaning::carriage_return(Some(script), signs))
}

const SHELLS: [&str; 5] = ["sh", "bash", "ash", "dash", "busybox"];

/// Whether a problem is one that the kernel did not meet: it has executed the command.
fn comes_after_exec(problem: &Problem) -> bool {
    matches!(
        problem,
        Problem::CarriageReturn { .. }
            | Problem::InterpreterMissing { .. }
            | Problem::LibraryMissing { .. }
    )
}

fn by_code(code: i32, signs: &Signs<'_>) -> Found {
    let last = |cause, usual: &str, fix: &str| {
        Found::new(cause, telling(signs).unwrap_or_else(|| usual.to_owned()), fix)
    };
    match code {
        126 => last(
            Cause::NotExecutable,
            "a shell found a command and could not execute it",
            "RUN chmod a+rx    # the file that the script runs",
        ),
        127 => last(
            Cause::CommandMissing,
            "a shell did not find a command",
            "install what the script runs in the image's last stage, or name it by its full path",
        ),
        code if (BY_SIGNAL + 1..=BY_SIGNAL + SIGNALS).contains(&code) => {
            let signal = code - BY_SIGNAL;
            let what = format!("a child of it was ended by {}", signal_name(signal));
            Found::new(Cause::Signalled, what, advice(signal))
                .seen(format!("exit code {code} is {BY_SIGNAL} + {signal}, as shells tell it"))
        }
        _ => last(Cause::Exited, "", "see the last log lines; the command has to keep running"),
    }
}

/// Ended as if all were done: put into the background, or given nothing to do.
fn without_error(signs: &Signs<'_>) -> Found {
    let argv = &signs.scene.plan.argv;
    let name = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
    let line = argv.join(" ");
    let reads_script = |name: &str| {
        let name = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
        ["python", "node", "nodejs", "ruby", "perl", "php", "sh", "bash", "ash", "dash", "lua"]
            .contains(&name)
    };
    if let [only] = argv.as_slice()
        && reads_script(&name(only))
    {
        return Found::new(
            Cause::Exited,
            format!("`{only}` without a script reads it from standard input, which is empty"),
            format!("CMD [\"{only}\", \"/path/to/your/script\"]"),
        );
    }
    let found = FOREGROUND.iter().find(|(word, unless, _)| {
        line.split([' ', '/', '"', '\'']).any(|part| part == *word) && !line.contains(unless)
    });
    let what = "it ended without an error: a server has to stay in the foreground";
    let fix = found.map_or(
        "run the server in the foreground, as the one command of the image",
        |(_, _, fix)| fix,
    );
    Found::new(Cause::Exited, what, fix)
}

/// Servers that put themselves into the background, unless they are told not to: a word of the
/// command line, what tells them, and the line that does.
const FOREGROUND: &[(&str, &str, &str)] = &[
    ("nginx", "daemon off", "CMD [\"nginx\", \"-g\", \"daemon off;\"]"),
    ("openresty", "daemon off", "CMD [\"openresty\", \"-g\", \"daemon off;\"]"),
    ("apache2ctl", "FOREGROUND", "CMD [\"apache2ctl\", \"-D\", \"FOREGROUND\"]"),
    ("apachectl", "FOREGROUND", "CMD [\"apachectl\", \"-D\", \"FOREGROUND\"]"),
    ("httpd", "FOREGROUND", "CMD [\"httpd-foreground\"]    # or: httpd -D FOREGROUND"),
    ("php-fpm", " -F", "CMD [\"php-fpm\", \"-F\"]"),
    ("supervisord", " -n", "CMD [\"supervisord\", \"-n\"]"),
    (
        "service",
        "\0",
        "name the server itself as the command: `service` starts it in the background",
    ),
    ("gunicorn", "\0", "start gunicorn without --daemon"),
    ("pm2", "\0", "CMD [\"pm2-runtime\", \"start\", \"app.js\"]"),
    ("&", "\0", "leave out the `&`, and begin the line with `exec`"),
];

/// What a line of the log says that looks most like the reason: the last one with a word for
/// trouble in it, or else the very last.
fn telling(signs: &Signs<'_>) -> Option<String> {
    const TROUBLE: [&str; 8] =
        ["error", "fatal", "panic", "exception", "fail", "cannot", "can't", "not "];
    let lines = || signs.logs.lines.iter().rev().map(|line| line.text.trim());
    // A stack of addresses tells nobody anything.
    let lines = || lines().filter(|line| !line.is_empty() && !line.contains(" 0x")).take(20);
    let trouble = |line: &&str| {
        let line = line.to_lowercase();
        TROUBLE.iter().any(|word| line.contains(word))
    };
    let line = lines().find(trouble).or_else(|| lines().next())?;
    Some(format!("it says `{}`", clue::shortened(line)))
}

/// A signal by number and name.
fn signal_name(signal: i32) -> String {
    let name = match signal {
        1 => "SIGHUP",
        2 => "SIGINT",
        3 => "SIGQUIT",
        4 => "SIGILL",
        5 => "SIGTRAP",
        SIGABRT => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        13 => "SIGPIPE",
        14 => "SIGALRM",
        15 => "SIGTERM",
        31 => "SIGSYS",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name})")
}

fn advice(signal: i32) -> &'static str {
    match signal {
        4 => {
            "build for plain x86-64 (no -march=native): it uses instructions that this processor \
              has not"
        }
        SIGABRT => "it gave up by itself (abort): see the last log lines",
        7 => "a file that it has mapped into memory was cut off or could not grow: see the disk",
        9 | 15 => "find out what in the image ends it: a supervisor, a timeout, a script with kill",
        11 => {
            "a crash in native code, often of a library that was built for another C library \
               (glibc, musl) or version: build in the same base image"
        }
        31 => "it makes a system call that containers may not make",
        _ => "see the last log lines; run the program under a debugger if it says nothing",
    }
}
