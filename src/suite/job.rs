//! What is expected of a job's run, and how it is judged.

use super::case::Case;
use super::cursor::Cursor;
use super::invocation::Invocation;
use super::judge::ending;
use super::printable;
use super::shape::{Key, Shape, Table};
use crate::check::{Cause, Check, Severity, Status};
use crate::contract::Function;
use crate::evidence::{Ending, JobEnd, JobRun};
use crate::units;

/// What is expected of a job's run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunExpected {
    /// Exit codes of which it must have one.
    pub exit: Vec<u8>,
    /// Texts that must stand on stdout or stderr.
    pub output: Vec<String>,
}

/// `expect:` of a job's case.
pub(super) const EXPECT: Table = Table {
    of: "`expect:` of a job",
    name: "expect-of-job",
    keys: &[
        Key::new(
            "exit",
            "the exit code, or a list of those that will do; 0 where left out",
            Shape::Many(&Shape::Whole(0, 255)),
        ),
        Key::new(
            "output",
            "a text, or several, that a line of stdout or stderr must hold",
            Shape::Many(&Shape::Scalar),
        ),
    ],
    needs: &[],
    one_of: &[],
};

/// How many of the last lines of the log are shown as evidence.
const LINES: usize = 5;

impl Default for RunExpected {
    fn default() -> RunExpected {
        RunExpected { exit: vec![0], output: Vec::new() }
    }
}

pub(super) fn parse(cursor: &Cursor<'_>) -> RunExpected {
    let mut expected = RunExpected::default();
    let Some(fields) = cursor.fields(&EXPECT) else { return expected };
    if let Some(exit) = fields.take("exit") {
        expected.exit = exit.one_or_many().iter().filter_map(code).collect();
    }
    if let Some(output) = fields.take("output") {
        expected.output = output.one_or_many().iter().filter_map(Cursor::scalar).collect();
    }
    expected
}

fn code(cursor: &Cursor<'_>) -> Option<u8> {
    let code = cursor.whole_number().and_then(|code| u8::try_from(code).ok());
    if code.is_none() {
        cursor.wrong("this is no exit code: they go from 0 to 255", None);
    }
    code
}

impl Case {
    /// The event that a job gets, as text. What is no UTF-8 cannot stand in a variable as the
    /// platform fills it.
    #[must_use]
    pub fn job_event(&self) -> String {
        match &self.invocation {
            Invocation::Event { body, .. } => String::from_utf8_lossy(&body.bytes()).into_owned(),
            Invocation::Http(_) => String::new(),
        }
    }

    /// Judges a job's run with this case's event.
    #[must_use]
    pub fn judge_run(&self, run: &JobRun, function: &Function) -> Check {
        let mut check = self.skipped(function, "");
        check.duration = run.duration;
        let usual = RunExpected::default();
        let expected = self.run.as_ref().unwrap_or(&usual);
        let after = units::duration(run.duration);
        let broken: Result<String, (String, Option<Cause>)> = match &run.end {
            JobEnd::Ended(Ending::Exited(code)) => expected
                .broken(*code, run)
                .map_or_else(|| Ok(format!("exit code {code} after {after}")), Err),
            JobEnd::Ended(ended @ Ending::Signalled { out_of_memory, .. }) => {
                let cause = if *out_of_memory { Cause::OutOfMemory } else { Cause::Signalled };
                Err((format!("the process {} after {after}", ending(*ended)), Some(cause)))
            }
            JobEnd::TimedOut { limit } => Err((
                format!("still running after {}, the function's timeout", units::duration(*limit)),
                Some(Cause::TooSlow),
            )),
            JobEnd::Refused(diagnosis) => Err((diagnosis.message.clone(), Some(diagnosis.cause))),
        };
        match broken {
            Ok(message) => {
                check.status = Status::Pass;
                check.message = message;
            }
            Err((message, cause)) => {
                check.status = Status::Fail;
                if !matches!(run.end, JobEnd::Ended(Ending::Exited(_))) {
                    check.severity = Severity::Error;
                }
                check.message = message;
                check.cause = cause;
                let event = self.job_event();
                check.evidence.push(format!("event: {}", printable::bytes(event.as_bytes(), 200)));
                let usual = "see the job's last log lines".to_owned();
                let own = self.fix.clone();
                if let Some(diagnosis) = &run.diagnosis {
                    check.evidence.extend(diagnosis.evidence.iter().cloned());
                    // What was found out of a code is more than that it is another.
                    let better = cause == Some(Cause::Exited) && diagnosis.cause != Cause::Exited;
                    check.cause = if better { Some(diagnosis.cause) } else { cause };
                    check.fix =
                        Some(own.unwrap_or(if better { diagnosis.fix.clone() } else { usual }));
                } else {
                    let lines = run.logs.last(LINES).map(|line| format!("log: {}", line.text));
                    check.evidence.extend(lines);
                    check.fix = Some(own.unwrap_or(usual));
                }
            }
        }
        check
    }
}

impl RunExpected {
    /// What of it a run that exited does not keep.
    fn broken(&self, code: i32, run: &JobRun) -> Option<(String, Option<Cause>)> {
        if !self.exit.iter().any(|wanted| i32::from(*wanted) == code) {
            let wanted: Vec<String> = self.exit.iter().map(ToString::to_string).collect();
            let message = format!("exit code {code}, wanted {}", wanted.join(" or "));
            return Some((message, Some(Cause::Exited)));
        }
        let missing = self.output.iter().find(|wanted| {
            !run.logs.lines.iter().any(|line| line.text.contains(wanted.as_str()))
        })?;
        let wanted = printable::bytes(missing.as_bytes(), 80);
        Some((format!("no line of the output holds `{wanted}`"), None))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Origin, parse};
    use super::*;
    use crate::evidence::{LogLine, Logs, Stream};

    fn told(expect: &str, end: JobEnd) -> String {
        let text = format!("suite: s\ntype: job\ncases:\n- {{name: n, event: timer{expect}}}");
        let suite = match parse("s.yaml", &text, Origin::User) {
            Ok(suite) => suite,
            Err(problems) => return problems.list()[0].message.clone(),
        };
        let line = LogLine {
            at: Duration::ZERO,
            stream: Stream::Stdout,
            text: "3 rows written".to_owned(),
        };
        let logs = Logs { lines: vec![line], dropped: 0, bytes: 14 };
        let duration = Duration::from_millis(20);
        let run = JobRun { end, duration, logs, diagnosis: None };
        let check = suite.cases[0].judge_run(&run, &Function::default());
        assert_eq!(check.fix.is_some(), check.status == Status::Fail);
        format!("{} {}", check.status, check.message)
    }

    #[test]
    fn runs_are_judged() {
        let exited = |code| JobEnd::Ended(Ending::Exited(code));
        for (expect, end, expected) in [
            ("", exited(0), "pass exit code 0 after 20 ms"),
            ("", exited(2), "fail exit code 2, wanted 0"),
            (", expect: {exit: [1, 2]}", exited(2), "pass exit code 2 after 20 ms"),
            (", expect: {output: rows}", exited(0), "pass exit code 0 after 20 ms"),
            (
                ", expect: {output: [rows, done]}",
                exited(0),
                "fail no line of the output holds `done`",
            ),
            (
                "",
                JobEnd::TimedOut { limit: Duration::from_secs(3) },
                "fail still running after 3 s, the function's timeout",
            ),
            (
                "",
                JobEnd::Ended(Ending::Signalled { signal: 11, out_of_memory: false }),
                "fail the process was ended by signal 11 after 20 ms",
            ),
            (", expect: {status: 200}", exited(0), "`status` is no key of `expect:` of a job"),
            (", expect: {exit: 256}", exited(0), "this is no exit code: they go from 0 to 255"),
            (", headers: {set: nine}", exited(0), "a job gets no headers"),
        ] {
            assert_eq!(told(expect, end), expected, "{expect}");
        }
    }
}
