//! What `invoke` shows of its invocations: answers on stdout, the platform's lines on stderr.

use std::io::{self, Write as _};

use scf_conform::contract::{ColdStartParts, FunctionType, PlatformLog, PlatformStatus};
use scf_conform::evidence::{Answer, Diagnosis, Ending, JobEnd, LogLine, Stream};
use scf_conform::pipeline::{Invoked, Ran, Session};
use scf_conform::report::printable;
use scf_conform::run::{Failed, failure};
use scf_conform::suite::{Case, Invocation, ending};
use uuid::Uuid;

use super::exit::Exit;
use super::term::{self, Results};

/// An answer from here on is the function's failure.
const FAILED: u16 = 500;

/// What was printed so far, and how it went.
pub(super) struct Printed {
    include: bool,
    results: Results,
    invocations: usize,
    exit: Exit,
    over: bool,
}

impl Printed {
    /// Nothing yet; with the answers' heads, or without.
    pub(super) fn new(include: bool) -> Printed {
        Printed {
            include,
            results: Results::default(),
            invocations: 0,
            exit: Exit::Conforms,
            over: false,
        }
    }

    /// How it went: of several invocations the worst counts.
    pub(super) fn exit(&self) -> Exit {
        self.exit
    }

    /// A line that asked for nothing that could be sent.
    pub(super) fn refused(&mut self) {
        self.exit = self.exit.max(Exit::DoesNotConform);
    }

    /// Invokes, and prints what comes.
    pub(super) fn invoke(&mut self, session: &mut Session<'_>, case: &Case) {
        let request_id = Uuid::new_v4().to_string();
        let log = PlatformLog { request_id: &request_id, memory: session.memory };
        term::dimmed(&log.start());
        if self.invocations == 0 {
            let start = session.cold_start;
            let parts = ColdStartParts {
                pull_code: start.pull_code(),
                init_runtime: start.runtime,
                init_function: start.function,
            };
            let line = log.init_report(&parts, session.used());
            // The one part of it that is computed must not pass for measured.
            term::dimmed(&format!("{line} (PullCode is an estimate)"));
        }
        news(session);
        self.invocations += 1;
        let invoked = session.invoke(case, &request_id);
        lines(&invoked.log);
        self.outcome(case, &invoked, &log);
        term::dimmed(&log.end());
        term::dimmed(&log.report(invoked.exchange.timing.total, invoked.used));
        if let Some(ended) = invoked.ended {
            if invoked.exchange.answer().is_some() {
                term::note(&format!("the process {} after its answer", ending(ended)));
            }
            self.over = true;
        }
    }

    fn outcome(&mut self, case: &Case, invoked: &Invoked, log: &PlatformLog<'_>) {
        let kind = match case.invocation {
            Invocation::Event { .. } => FunctionType::Event,
            Invocation::Http(_) => FunctionType::Http,
        };
        match (invoked.exchange.answer(), failure(&invoked.exchange.outcome, invoked.ended, kind)) {
            (Some(answer), _) => {
                if let Err(error) = self.answer(answer) {
                    term::error(&format!("write the answer to stdout: {error}"), None);
                    self.exit = self.exit.max(Exit::NotChecked);
                }
                if answer.status >= FAILED {
                    self.exit = self.exit.max(Exit::DoesNotConform);
                }
            }
            (None, Some(Failed { status: Some(status), message })) => {
                term::aside(&log.error(status, &message));
                term::error(&format!("not answered; the platform says {}", said(status)), None);
                self.exit = self.exit.max(Exit::DoesNotConform);
            }
            (None, Some(Failed { status: None, message })) => {
                term::error(&message, None);
                self.exit = self.exit.max(Exit::NotChecked);
            }
            (None, None) => {}
        }
    }

    /// The answer as it came; with its head where that is wanted.
    fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        if self.include {
            let mut head = format!("HTTP/1.1 {}\r\n", answer.status).into_bytes();
            for (name, value) in &answer.headers {
                head.extend_from_slice(name.as_bytes());
                head.extend_from_slice(b": ");
                head.extend_from_slice(value);
                head.extend_from_slice(b"\r\n");
            }
            head.extend_from_slice(b"\r\n");
            self.results.write_all(&head)?;
        } else if answer.status >= 400 {
            term::note(&format!("status {}", answer.status));
        }
        self.results.write_all(&answer.body)?;
        // The next thing on a terminal begins on a line of its own.
        if term::stdout_is_terminal() && answer.body.last().is_some_and(|last| *last != b'\n') {
            self.results.write_all(b"\n")?;
        }
        self.results.flush()
    }

    /// A job's run: its stdout goes to stdout.
    pub(super) fn ran(&mut self, ran: &Ran) {
        let request_id = Uuid::new_v4().to_string();
        let log = PlatformLog { request_id: &request_id, memory: ran.memory };
        term::dimmed(&log.start());
        for line in &ran.run.logs.lines {
            match line.stream {
                Stream::Stderr => term::aside(&line.text),
                Stream::Stdout => {
                    let written = writeln!(self.results, "{}", printable(&line.text));
                    if let Err(error) = written.and_then(|()| self.results.flush()) {
                        term::error(&format!("write the output to stdout: {error}"), None);
                        self.exit = self.exit.max(Exit::NotChecked);
                    }
                }
            }
        }
        let failed = match &ran.run.end {
            JobEnd::Ended(Ending::Exited(0)) => None,
            JobEnd::Ended(ended @ Ending::Signalled { out_of_memory: true, .. }) => Some((
                PlatformStatus::MemoryLimitReached,
                format!("the process {}", ending(*ended)),
            )),
            JobEnd::Ended(ended) => {
                Some((PlatformStatus::UserProcessExit, format!("the process {}", ending(*ended))))
            }
            JobEnd::TimedOut { limit } => Some((
                PlatformStatus::TimeLimitReached,
                format!("Invoking task timed out after {} seconds", limit.as_secs()),
            )),
            JobEnd::Refused(diagnosis) => {
                Some((PlatformStatus::ContainerInitError, diagnosis.message.clone()))
            }
        };
        if let Some((status, message)) = failed {
            term::aside(&log.error(status, &message));
            term::error(&message, None);
            self.exit = self.exit.max(Exit::DoesNotConform);
        }
        term::dimmed(&log.end());
        term::dimmed(&log.report(ran.run.duration, ran.used));
    }

    /// Whether there is nobody left to invoke; that is told once.
    pub(super) fn is_over(&mut self, session: &mut Session<'_>) -> bool {
        if let (false, Some(ended)) = (self.over, session.ended()) {
            news(session);
            term::error(&format!("the process {}", ending(ended)), None);
            self.exit = self.exit.max(Exit::DoesNotConform);
            self.over = true;
        }
        self.over
    }
}

/// What was written between two invocations.
pub(super) fn news(session: &mut Session<'_>) {
    lines(&session.news());
}

/// A start that failed.
pub(super) fn down(diagnosis: &Diagnosis, status: PlatformStatus, log: &[LogLine]) {
    lines(log);
    term::error(&diagnosis.message, Some(&diagnosis.fix));
    term::note(&format!("the platform says {}", said(status)));
}

fn said(status: PlatformStatus) -> String {
    format!("{} {}", status.code(), status.name())
}

fn lines(log: &[LogLine]) {
    for line in log {
        term::aside(&line.text);
    }
}
