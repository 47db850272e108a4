//! The autopsy on facts that are written down.

use std::time::Duration;

use super::*;
use crate::evidence::{ExecRefused, LogLine, Phases, Process, Stream, Usage};
use crate::image::{User, tree_of};
use crate::plan::RootMode;

/// A start that failed, and what is known of it.
struct Case {
    end: BootEnd,
    argv: &'static [&'static str],
    tree: &'static [&'static str],
    logs: &'static str,
    snapshot: Snapshot,
    listeners: &'static [&'static str],
    uid: u32,
}

impl Case {
    fn exits(code: i32, logs: &'static str) -> Case {
        Case::of(BootEnd::Ended(Ending::Exited(code)), logs)
    }

    fn runs() -> Case {
        Case::of(BootEnd::TimedOut { limit: Duration::from_secs(30) }, "")
    }

    fn of(end: BootEnd, logs: &'static str) -> Case {
        Case {
            end,
            argv: &["/app/server"],
            tree: &["f:app/server@755,0,0"],
            logs,
            snapshot: Snapshot::default(),
            listeners: &[],
            uid: 0,
        }
    }

    fn plan(&self) -> Plan {
        Plan {
            argv: self.argv.iter().map(|word| (*word).to_owned()).collect(),
            env: Vec::new(),
            working_dir: "/app".to_owned(),
            user: User { uid: self.uid, gid: self.uid, ..User::default() },
            memory: 384 << 20,
            cpu_millis: 300,
            processes: 1024,
            descriptors: 1024,
            tmp: 512 << 20,
            writable: 512 << 20,
            root: RootMode::Writable,
            port: Function::default().contract.port,
            canaries: Vec::new(),
        }
    }

    fn diagnosis(self) -> Diagnosis {
        let (function, plan, tree) = (Function::default(), self.plan(), tree_of(&[self.tree]));
        let address = |text: &&str| Listener { address: text.parse().expect("an address") };
        let boot = Boot {
            end: self.end,
            phases: Phases::default(),
            listeners: self.listeners.iter().map(address).collect(),
            reach: Reach::Untried,
            logs: logs(self.logs),
            argv: plan.argv.clone(),
            snapshot: self.snapshot,
            diagnosis: None,
        };
        let scene = Scene { tree: &tree, plan: &plan, function: &function };
        autopsy(&boot, &scene).expect("it failed")
    }

    /// Cause, message and fix are these.
    #[track_caller]
    fn check(self, cause: Cause, message: &str, fix: &str) {
        let diagnosis = self.diagnosis();
        assert_eq!(diagnosis.cause, cause, "{diagnosis:#?}");
        assert!(diagnosis.message.contains(message), "{diagnosis:#?}");
        assert!(diagnosis.fix.contains(fix), "{diagnosis:#?}");
        assert!(!diagnosis.fix.contains('\n') && !diagnosis.message.contains('\n'));
    }
}

fn logs(text: &str) -> Logs {
    let line =
        |text: &str| LogLine { at: Duration::ZERO, stream: Stream::Stderr, text: text.to_owned() };
    let lines = text.split('\n').filter(|line| !line.is_empty()).map(line).collect();
    Logs { lines, ..Logs::default() }
}

fn process(name: &str, state: char, waits_in: &str) -> Process {
    Process {
        pid: 1,
        name: name.to_owned(),
        state,
        threads: 1,
        waits_in: Some(waits_in.to_owned()).filter(|call| !call.is_empty()),
        ..Process::default()
    }
}

#[test]
fn everything_is_told() {
    let usage = Usage { cpu: Some(Duration::from_millis(40)), ..Usage::default() };
    let sleeps = process("python3", 'S', "clock_nanosleep");
    let sleeps = Process { command_line: "python3 app.py".to_owned(), ..sleeps };
    let snapshot = Snapshot { processes: vec![sleeps], usage, ..Snapshot::default() };
    let Diagnosis { cause, message, evidence, fix } = Case { snapshot, ..Case::runs() }.diagnosis();
    expect_test::expect![[r#"
        too-slow: not listening on port 9000 within 30 s: it is idle, `python3` sleeps (clock_nanosleep)
        platform: 450 InitContainerTimeout: The request timed out in 30000ms.Please confirm your http server have enabled listening on port 9000.
        process 1 (uid 0) waits in clock_nanosleep, 0 ms of CPU time: python3 app.py
        used 40 ms of CPU time
        nothing was written to stdout or stderr
        listen on 0.0.0.0:9000 before anything is waited for: it sleeps, and uses no processor; a longer initialization timeout can be tried with --init-timeout"#]]
    .assert_eq(&format!("{cause}: {message}\n{}\n{fix}", evidence.join("\n")));
}

#[test]
fn a_start_that_went_well_has_no_cause() {
    let (function, tree) = (Function::default(), tree_of(&[&[]]));
    let case = Case::runs();
    let plan = case.plan();
    let boot = Boot {
        end: BootEnd::Listening,
        phases: Phases::default(),
        listeners: vec![Listener { address: "0.0.0.0:9000".parse().expect("an address") }],
        reach: Reach::Reached,
        logs: logs("open /x: permission denied\nbind: address already in use"),
        argv: Vec::new(),
        snapshot: Snapshot::default(),
        diagnosis: None,
    };
    assert_eq!(autopsy(&boot, &Scene { tree: &tree, plan: &plan, function: &function }), None);
}

#[test]
fn refusals_are_told_by_the_tree() {
    let refused = |path: &str, errno| {
        Case::of(BootEnd::Refused(ExecRefused { path: path.to_owned(), errno }), "")
    };
    Case { argv: &["python3 /app/app.py", "-u"], ..refused("python3 /app/app.py", 2) }.check(
        Cause::CommandMissing,
        "is one string",
        "CMD [\"python3\", \"/app/app.py\", \"-u\"]",
    );
    Case { argv: &["python"], tree: &["f:usr/bin/python3@755,0,0"], ..refused("python", 2) }.check(
        Cause::CommandMissing,
        "there is `/usr/bin/python3`",
        "RUN ln -s /usr/bin/python3 /usr/bin/python",
    );
    Case { argv: &["/server"], tree: &["f:app/server@755,0,0"], ..refused("/server", 2) }.check(
        Cause::CommandMissing,
        "`server` is at `/app/server`",
        "name `/app/server` instead of `/server`",
    );
    Case { argv: &["/tmp/run"], tree: &["f:tmp/run@755,0,0"], ..refused("/tmp/run", 2) }.check(
        Cause::CommandMissing,
        "mounts an empty /tmp",
        "COPY run /opt/run",
    );
    Case { tree: &["f:app/server"], uid: 33, ..refused("/app/server", 13) }.check(
        Cause::NotExecutable,
        "uid 33 may not execute",
        "RUN chmod a+rx /app/server",
    );
    // What the tree does not explain is told as the kernel told it.
    refused("/app/server", 7).check(Cause::NotExecutable, "argument list too long", "file");
    refused("/app/server", 5).check(Cause::NotExecutable, "input/output error", "locally");
}

#[test]
fn limits_come_before_words() {
    let snapshot = Snapshot {
        usage: Usage { out_of_memory: Some(1), ..Usage::default() },
        ..Snapshot::default()
    };
    Case { snapshot, ..Case::exits(137, "Killed") }.check(
        Cause::OutOfMemory,
        "exited with code 137 before it listened: the memory limit was reached (384 MiB)",
        "--memory",
    );
    let snapshot = Snapshot { forks_refused: Some(3), ..Snapshot::default() };
    Case { snapshot, ..Case::exits(1, "") }.check(Cause::TooManyProcesses, "1024", "workers");
    let full = Process { descriptors: Some(1024), ..process("server", 'S', "futex") };
    let snapshot = Snapshot { processes: vec![full], ..Snapshot::default() };
    Case { snapshot, ..Case::runs() }.check(Cause::TooManyFiles, "1024", "close");
    let snapshot = Snapshot { writable_used: 512 << 20, ..Snapshot::default() };
    Case { snapshot, ..Case::exits(1, "failed") }.check(
        Cause::NoSpace,
        "the writable layer is full",
        "outside of /tmp",
    );
}

#[test]
fn codes_and_signals_are_explained() {
    Case::exits(143, "").check(Cause::Signalled, "a child of it was ended by signal 15", "ends it");
    Case::exits(126, "").check(Cause::NotExecutable, "could not execute it", "chmod");
    Case::exits(127, "").check(Cause::CommandMissing, "did not find a command", "install");
    Case { argv: &["python3"], ..Case::exits(0, "") }.check(
        Cause::Exited,
        "without a script",
        "CMD [\"python3\"",
    );
    Case { argv: &["nginx"], ..Case::exits(0, "") }.check(
        Cause::Exited,
        "foreground",
        "daemon off",
    );
    Case::exits(1, "starting\nconfig.yaml is not valid\nbye").check(
        Cause::Exited,
        "it says `config.yaml is not valid`",
        "log lines",
    );
    let signalled = |signal, logs| {
        Case::of(BootEnd::Ended(Ending::Signalled { signal, out_of_memory: false }), logs)
    };
    signalled(4, "").check(Cause::Signalled, "SIGILL", "-march=native");
    signalled(6, "FATAL ERROR: JavaScript heap out of memory").check(
        Cause::OutOfMemory,
        "no more memory",
        "--memory",
    );
}

#[test]
fn modules_are_looked_for_where_they_may_lie() {
    let missing = |name, tree| {
        let logs: &'static str = match name {
            "wsgi" => "ModuleNotFoundError: No module named 'wsgi'",
            _ => "Error: Cannot find module 'express'",
        };
        let diagnosis = Case { tree, ..Case::exits(1, logs) }.diagnosis();
        (diagnosis.fix, diagnosis.message)
    };
    let (fix, message) =
        missing("wsgi", &["f:usr/lib/python3/dist-packages/gunicorn/http/wsgi.py"]);
    assert!(fix.starts_with("COPY wsgi.py /app/"), "{message}");
    let (fix, message) = missing("wsgi", &["f:srv/wsgi.py"]);
    assert_eq!(fix, "ENV PYTHONPATH=/srv", "{message}");
    let (fix, message) = missing("wsgi", &["d:opt/venv/lib/python3.11/site-packages/wsgi"]);
    assert_eq!(fix, "ENV PYTHONPATH=/opt/venv/lib/python3.11/site-packages", "{message}");
    let (fix, message) = missing("express", &["d:a/node_modules/x/node_modules/express"]);
    assert!(fix.starts_with("RUN npm install express"), "{message}");
    let (fix, message) = missing("express", &["d:srv/node_modules/express"]);
    assert_eq!(fix, "ENV NODE_PATH=/srv/node_modules", "{message}");
}

#[test]
fn who_runs_is_told_by_what_it_does() {
    let snapshot = |processes: Vec<Process>| Snapshot { processes, ..Snapshot::default() };
    let case = |processes| Case { snapshot: snapshot(processes), ..Case::runs() };
    let shell = || process("sh", 'S', "wait4");
    case(vec![shell(), process("server", 'Z', "")]).check(
        Cause::Exited,
        "`server`, a child",
        "exec",
    );
    case(vec![shell(), process("sleep", 'S', "clock_nanosleep")]).check(
        Cause::Exited,
        "only sh and sleep",
        "exec",
    );
    case(vec![process("gunicorn", 'S', "select")]).check(
        Cause::TooSlow,
        "it is idle, `gunicorn` waits for sockets or files",
        "no Unix socket",
    );
    let usage = Usage { cpu: Some(Duration::from_secs(8)), ..Usage::default() };
    let busy = Snapshot { usage, ..snapshot(vec![process("java", 'S', "futex")]) };
    Case { snapshot: busy, ..Case::runs() }.check(
        Cause::TooSlow,
        "busy, with 8 s of processor time used of the 9 s",
        "more memory",
    );
    let connecting = vec!["10.0.0.5:3306".parse().expect("an address")];
    let waits = Snapshot { connecting, ..snapshot(vec![process("app", 'S', "connect")]) };
    Case { snapshot: waits, ..Case::runs() }.check(
        Cause::WaitsOnNetwork,
        "a connection to 10.0.0.5:3306",
        "VPC",
    );
}

#[test]
fn servers_are_told_where_to_listen_in_their_own_words() {
    let case = |argv, listeners| Case { argv, listeners, ..Case::runs() };
    case(&["gunicorn", "app:app"], &["127.0.0.1:8000"]).check(
        Cause::WrongPort,
        "listens on port 8000 and on loopback only, not on 9000",
        "gunicorn --bind 0.0.0.0:9000",
    );
    case(&["python3", "-m", "http.server", "9000", "--bind", "127.0.0.1"], &["127.0.0.1:9000"])
        .check(Cause::LoopbackBind, "127.0.0.1:9000 only", "-m http.server 9000 --bind 0.0.0.0");
    case(&["/opt/noderunner"], &["[::1]:9000"]).check(
        Cause::LoopbackBind,
        "[::1]:9000 only",
        "listen on 0.0.0.0:9000",
    );
}

#[test]
fn what_fails_later_is_told_as_well() {
    let (function, tree, case) = (Function::default(), tree_of(&[&[]]), Case::runs());
    let plan = case.plan();
    let scene = Scene { tree: &tree, plan: &plan, function: &function };
    let told = |ended, log: &str, snapshot: Snapshot| {
        let life = Life { ended, logs: &logs(log), snapshot: &snapshot };
        let diagnosis = later(&life, &scene);
        format!("{}: {}; {}", diagnosis.cause, diagnosis.message, diagnosis.evidence[0])
    };
    assert_eq!(
        told(
            Some(Ending::Exited(3)),
            "ModuleNotFoundError: No module named 'x'",
            Snapshot::default()
        ),
        "exited: the process exited with code 3: the Python module `x` is missing; \
         platform: 439 User process exit when running"
    );
    let asking = vec!["8.8.8.8:53".parse().expect("an address")];
    assert_eq!(
        told(None, "", Snapshot { asking, ..Snapshot::default() }),
        "waits-on-network: the process runs: it waits for an answer of the name server \
         8.8.8.8:53; platform: 433 TimeLimitReached: Invoking task timed out"
    );
}
