//! `invoke`: an image is booted and invoked by hand. The answer goes to stdout; what the
//! platform would log goes to stderr.

use std::io::{self, BufRead as _};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use clap::{Args, ValueHint};
use scf_conform::contract::FunctionType;
use scf_conform::engine::EngineError;
use scf_conform::pipeline::{Job, Opened, Session, run_once};
use scf_conform::report::Trouble;
use scf_conform::run::Cancel;
use scf_conform::suite::by_hand::{self, NoInvocation};
use scf_conform::suite::{Case, Style};
use scf_conform::user_file::{self, LARGEST_BODY};

use super::by_hand::ByHand;
use super::environment::Environment;
use super::exit::Exit;
use super::jobs::{Jobs, Wanted};
use super::progress::Live;
use super::settings::Settings;
use super::shown::{self, Printed};
use super::{signals, term};

/// Boot an image and invoke it once, by hand
///
/// The answer's body goes to stdout as it is. Logs, and the lines that the platform's log would
/// have, go to stderr; the memory in them is measured.
#[derive(Debug, Args)]
#[command(after_help = AFTER)]
pub(super) struct Invoke {
    /// The image, written as for `check`
    #[arg(value_name = "IMAGE", value_hint = ValueHint::AnyPath)]
    image: String,

    /// Send the sample event of this trigger: `timer`, `apigw`, `cos-object-created` …
    #[arg(long, value_name = "TRIGGER", conflicts_with = "http")]
    event: Option<String>,
    /// Send this: JSON as the event, or merged into that of --event; or the request's body
    #[arg(long, value_name = "DATA|@FILE|-", allow_hyphen_values = true)]
    data: Option<String>,
    /// Send this request: `GET /path?query`
    #[arg(long, value_name = "REQUEST")]
    http: Option<String>,
    /// A header of the request, in the place of its own; may be repeated
    #[arg(long, value_name = "NAME: VALUE", requires = "http")]
    header: Vec<String>,
    /// Print the answer's status line and headers before its body
    #[arg(short, long)]
    include: bool,
    /// Keep the function up, and take one invocation a line from stdin: an event as JSON, a
    /// trigger's name, or a request
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    common: ByHand,
}

const AFTER: &str = "\
Examples:
  scf-conform invoke fixture:hello
  scf-conform invoke --event timer app.tar
  scf-conform invoke --data '{\"key\": 1}' app.tar
  scf-conform invoke --http 'POST /users?x=1' --data @user.json -i app.tar
  scf-conform invoke --watch app.tar < events.jsonl

Exit codes:
  0 answered · 1 the function failed, timed out or answered 5xx
  2 usage, nothing was run · 3 could not invoke · 130 interrupted";

/// Between two looks at whether the work is to end.
const LOOK: Duration = Duration::from_millis(50);

/// Runs the command.
pub(super) fn run(arguments: &Invoke, environment: &Environment) -> Exit {
    let settings = match arguments.common.settings(environment) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    let first = match arguments.first(settings.function.kind) {
        Ok(first) => first,
        Err(NoInvocation { message, hint }) => {
            term::error(&message, hint.as_deref());
            return Exit::Usage;
        }
    };
    let settings = Settings { suites: Vec::new(), static_only: false, ..settings };
    let mut jobs = match Jobs::new(&settings, Style::Coloured) {
        Ok(jobs) => jobs,
        Err(quoted) => {
            term::quoted(|_| quoted);
            return Exit::Usage;
        }
    };
    if let Err(error) = jobs.find_engine() {
        let hint = match &error {
            EngineError::Unavailable { hint, .. } => Some(hint.as_str()),
            _ => None,
        };
        term::error(&error.to_string(), hint);
        return Exit::NotChecked;
    }
    let cancel = Cancel::default();
    if let Err(error) = signals::watch(&cancel) {
        term::error(&format!("watch for signals: {error}"), None);
        return Exit::NotChecked;
    }
    let job = match jobs.job(&Wanted::new(&arguments.image), &cancel) {
        Ok(job) => job,
        Err(error) => {
            term::error(&error.to_string(), None);
            return Exit::NotChecked;
        }
    };
    let exit = arguments.session(&job, &settings, first.as_ref(), &cancel);
    if cancel.cancelled() {
        term::error("interrupted; everything that ran is ended and removed", None);
        return Exit::Interrupted;
    }
    exit.unwrap_or_else(|Trouble { message, hint }| {
        term::error(&message, hint.as_deref());
        Exit::NotChecked
    })
}

impl Invoke {
    /// The invocation that the command line asks for; none where it only wants to watch.
    fn first(&self, kind: Option<FunctionType>) -> Result<Option<Case>, NoInvocation> {
        let data = self.data.as_deref().map(data).transpose()?;
        let data = data.as_deref();
        let http = match (&self.http, kind, &self.event) {
            (Some(line), ..) => Some(line.as_str()),
            (None, Some(FunctionType::Http), None) => {
                Some(if data.is_some() { "POST /" } else { "GET /" })
            }
            _ => None,
        };
        if self.watch && self.event.is_none() && data.is_none() && self.http.is_none() {
            return Ok(None);
        }
        match http {
            Some(line) => by_hand::http(line, &self.header, data),
            None => by_hand::event(self.event.as_deref(), data),
        }
        .map(Some)
    }

    fn session(
        &self,
        job: &Job,
        settings: &Settings,
        first: Option<&Case>,
        cancel: &Cancel,
    ) -> Result<Exit, Trouble> {
        let live = Live::new(settings.detail);
        if settings.function.kind == Some(FunctionType::Job) {
            return self.runs(job, &live, first, cancel);
        }
        let opened = Session::open(job, &live, cancel);
        live.done(&job.reference.to_string());
        let mut session = match opened? {
            Opened::Up(session) => session,
            Opened::Down { diagnosis, status, log } => {
                shown::down(&diagnosis, status, &log);
                return Ok(Exit::DoesNotConform);
            }
        };
        let mut printed = Printed::new(self.include);
        if let Some(case) = first {
            printed.invoke(&mut session, case);
        }
        if self.watch {
            watch(&mut session, &mut printed, cancel);
        }
        session.close()?;
        Ok(printed.exit())
    }

    /// A job: each invocation is a run of its own.
    fn runs(
        &self,
        job: &Job,
        live: &Live,
        first: Option<&Case>,
        cancel: &Cancel,
    ) -> Result<Exit, Trouble> {
        let mut printed = Printed::new(self.include);
        let mut run = |case: &Case| {
            let ran = run_once(job, case, live, cancel);
            live.done(&job.reference.to_string());
            // What is interrupted did not fail.
            ran.map(|ran| {
                if !cancel.cancelled() {
                    printed.ran(&ran);
                }
            })
        };
        if let Some(case) = first {
            run(case)?;
        }
        if self.watch {
            let lines = lines();
            while !cancel.cancelled() {
                match lines.recv_timeout(LOOK) {
                    Ok(line) if line.trim().is_empty() => {}
                    Ok(line) => match case(line.trim()) {
                        Ok(case) => run(&case)?,
                        Err(NoInvocation { message, hint }) => {
                            term::error(&message, hint.as_deref());
                        }
                    },
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        }
        Ok(printed.exit())
    }
}

/// What `--data` means: itself, a file's content, or what stdin gives.
fn data(written: &str) -> Result<Vec<u8>, NoInvocation> {
    let failed = |what: &str, error: &io::Error| NoInvocation {
        message: format!("read {what}: {error}"),
        hint: None,
    };
    match written.strip_prefix('@') {
        Some(file) => user_file::read(Path::new(file), LARGEST_BODY)
            .map_err(|error| failed(&format!("`{file}`"), &error)),
        None if written == "-" => {
            let read = user_file::bounded(io::stdin().lock(), LARGEST_BODY);
            read.map_err(|error| failed("stdin", &error))
        }
        None => Ok(written.as_bytes().to_vec()),
    }
}

/// Takes invocations from stdin until it ends, the process does, or somebody interrupts.
fn watch(session: &mut Session<'_>, printed: &mut Printed, cancel: &Cancel) {
    term::note("it is up: an event as JSON, a trigger's name or `GET /path` a line; Ctrl-D ends");
    let lines = lines();
    while !cancel.cancelled() {
        match lines.recv_timeout(LOOK) {
            Ok(line) => {
                let line = line.trim();
                if line.is_empty() {
                    continue;
                }
                match case(line) {
                    Ok(case) => printed.invoke(session, &case),
                    Err(NoInvocation { message, hint }) => {
                        term::error(&message, hint.as_deref());
                        printed.refused();
                    }
                }
            }
            Err(RecvTimeoutError::Timeout) => shown::news(session),
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if printed.is_over(session) {
            break;
        }
    }
}

/// The invocation that a line asks for.
fn case(line: &str) -> Result<Case, NoInvocation> {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    if line.bytes().all(word) && serde_json::from_str::<serde_json::Value>(line).is_err() {
        return by_hand::event(Some(line), None);
    }
    match line.split_once(' ') {
        Some((method, target))
            if target.starts_with('/') && method.bytes().all(|byte| byte.is_ascii_uppercase()) =>
        {
            by_hand::http(line, &[], None)
        }
        _ if line.starts_with('/') => by_hand::http(line, &[], None),
        _ => by_hand::event(None, Some(line.as_bytes())),
    }
}

/// Lines of stdin, read by a thread of their own: nothing else ends the wait for one.
fn lines() -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use scf_conform::suite::Invocation;

    use super::*;

    #[test]
    fn a_line_is_an_event_a_trigger_or_a_request() {
        let told = |line: &str| match case(line) {
            Ok(Case { invocation: Invocation::Http(http), .. }) => {
                format!("{} {}", http.method, http.target)
            }
            Ok(Case { invocation: Invocation::Event { trigger, .. }, .. }) => {
                format!("event {}", trigger.unwrap_or("-"))
            }
            Err(error) => error.to_string(),
        };
        for (line, expected) in [
            ("{\"a\": 1}", "event -"),
            ("null", "event -"),
            ("timer", "event timer"),
            ("timr", "there is no trigger `timr`"),
            ("GET /a?b=c", "GET /a?b=c"),
            ("/a", "GET /a"),
            ("\"GET /a\"", "event -"),
            ("[GET /a]", "the event is no JSON: expected value at line 1 column 2"),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
    }
}
