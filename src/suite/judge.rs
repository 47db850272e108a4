//! What became of a case: from an exchange to one line of the report.

use std::borrow::Cow;
use std::io::Read as _;

use super::case::Case;
use super::expect::{Expectation, Judgement, Kept, Look, told};
use super::printable;
use crate::check::{Cause, Check, Severity, Status};
use crate::contract::Function;
use crate::evidence::{After, Answer, Ending, Exchange, Outcome};
use crate::units;

/// How much of an answer evidence quotes, in bytes.
const QUOTED: usize = 200;
/// What a body may grow to when its coding is undone: more than the platform would take.
const DECODED: u64 = 64 << 20;

impl Case {
    /// Judges what came of this case's request. `ended` is how the instance's process had
    /// ended by then, if it had.
    #[must_use]
    pub fn judge(
        &self,
        exchange: &Exchange,
        after: &After,
        function: &Function,
        ended: Option<Ending>,
    ) -> Check {
        let mut check = self.check(function);
        check.duration = exchange.timing.total;
        match &exchange.outcome {
            Outcome::Answered(answer) => self.judge_answer(exchange, after, answer, &mut check),
            outcome => unanswered(outcome, function, ended, &mut check),
        }
        if check.status == Status::Fail {
            check.evidence.splice(0..0, evidence(exchange));
            if check.fix.is_none() {
                check.fix = Some(self.advice(function));
            }
        } else {
            check.fix = None;
        }
        check
    }

    /// This case as a check that was not looked at, with the reason.
    #[must_use]
    pub fn skipped(&self, function: &Function, why: &str) -> Check {
        let message = why.to_owned();
        Check { status: Status::Skip, message, fix: None, ..self.check(function) }
    }

    /// This case as a check that failed because the process had ended before it.
    #[must_use]
    pub fn unasked(&self, function: &Function, ended: Ending, after: Option<&str>) -> Check {
        let mut check = self.check(function);
        check.severity = Severity::Error;
        check.status = Status::Fail;
        check.cause = Some(cause(ended));
        check.message = match after {
            Some(case) => format!("the process {} after {case}", ending(ended)),
            None => format!("the process {} before the first invocation", ending(ended)),
        };
        check.fix = Some(STAY.to_owned());
        check
    }

    /// Whether an expectation looks at the log.
    #[must_use]
    pub fn looks_at_logs(&self) -> bool {
        let looks = |wanted: &Expectation| matches!(wanted.looks(), Look::Logs | Look::NoLogs);
        self.expectations.iter().any(looks)
    }

    /// Whether what is expected of the log holds.
    #[must_use]
    pub fn keeps_logs(&self, exchange: &Exchange, after: &After) -> bool {
        let Some(answer) = exchange.answer() else { return true };
        let body = decoded(answer);
        self.expectations
            .iter()
            .filter(|wanted| matches!(wanted.looks(), Look::Logs | Look::NoLogs))
            .flat_map(|wanted| wanted.judge(exchange, after, answer, &body))
            .all(|judgement| judgement.kept == Kept::Yes)
    }

    fn check(&self, function: &Function) -> Check {
        let clause = self.clause.as_deref();
        Check {
            id: self.id.clone(),
            title: self.name.clone(),
            severity: self.severity,
            status: Status::Pass,
            message: String::new(),
            cause: None,
            evidence: Vec::new(),
            fix: None,
            source: clause.map(|clause| function.contract.basis(clause)).unwrap_or_default(),
            duration: std::time::Duration::ZERO,
            place: self.place.clone(),
            waived: None,
        }
    }

    fn judge_answer(&self, exchange: &Exchange, after: &After, answer: &Answer, check: &mut Check) {
        let body = decoded(answer);
        let judgements: Vec<Judgement> = self
            .expectations
            .iter()
            .flat_map(|expectation| expectation.judge(exchange, after, answer, &body))
            .collect();
        let messages = |kept: Kept| -> Vec<&str> {
            let of = judgements.iter().filter(|judgement| judgement.kept == kept);
            of.map(|judgement| judgement.message.as_str()).collect()
        };
        let broken = messages(Kept::No);
        if broken.is_empty() {
            let kept = messages(Kept::Yes).join(", ");
            check.message =
                if kept.is_empty() { format!("status {}", answer.status) } else { kept };
        } else {
            check.status = Status::Fail;
            check.message = broken.join("; ");
        }
    }

    /// What to change where it fails.
    #[must_use]
    pub fn advice(&self, function: &Function) -> String {
        self.fix.clone().unwrap_or_else(|| {
            let wanted: Vec<String> = self.expectations.iter().map(Expectation::summary).collect();
            let port = function.contract.port;
            format!("let the server on port {port} answer with: {}", wanted.join(", "))
        })
    }
}

/// The advice for a server that does not live through an invocation.
const STAY: &str =
    "keep the server running after each answer; its last lines in the log say why it ended";

/// No valid answer: always an error, and often with a cause.
fn unanswered(outcome: &Outcome, function: &Function, ended: Option<Ending>, check: &mut Check) {
    let port = function.contract.port;
    let (message, cause, fix) = match outcome {
        Outcome::Answered(_) => return,
        Outcome::NotAsked { why } => {
            check.status = Status::CouldNotCheck;
            check.message.clone_from(why);
            return;
        }
        Outcome::TooLarge { limit, status } => (
            format!("status {status} with a body above {}", units::size(*limit)),
            None,
            format!("answer with at most {}", units::size(*limit)),
        ),
        Outcome::NotHttp { why, .. } => (
            format!("the answer is no HTTP/1.1: {why}"),
            Some(Cause::NotHttp),
            format!("answer on port {port} with plain HTTP/1.1"),
        ),
        Outcome::TimedOut { limit, received } => (
            match received.len() {
                0 => format!("no answer within {}", units::duration(*limit)),
                some => format!("no whole answer within {}, only {some} bytes of it", units::duration(*limit)),
            },
            Some(Cause::Hangs),
            "answer each request before the function's timeout, or give the function more time with --timeout".to_owned(),
        ),
        Outcome::Refused => (
            format!("the connection to port {port} was refused"),
            None,
            format!("keep port {port} open after an answer"),
        ),
        Outcome::Cut { received } => (
            match received.len() {
                0 => "the connection was closed without an answer".to_owned(),
                some => format!("the connection was closed after {some} bytes, before the answer was whole"),
            },
            None,
            "send the whole answer before the connection is closed".to_owned(),
        ),
    };
    check.status = Status::Fail;
    check.severity = Severity::Error;
    check.message = message;
    check.cause = cause;
    check.fix = Some(fix);
    if let Some(ended) = ended {
        check.message = format!("{}: the process {}", check.message, ending(ended));
        check.cause = Some(self::cause(ended));
        check.fix = Some(STAY.to_owned());
    }
}

/// How a process ended, after "the process": `exited with code 1`.
#[must_use]
pub fn ending(ended: Ending) -> String {
    match ended {
        Ending::Exited(code) => format!("exited with code {code}"),
        Ending::Signalled { out_of_memory: true, .. } => {
            "was killed at its memory limit".to_owned()
        }
        Ending::Signalled { signal, .. } => format!("was ended by signal {signal}"),
    }
}

fn cause(ended: Ending) -> Cause {
    match ended {
        Ending::Exited(_) => Cause::Exited,
        Ending::Signalled { out_of_memory: true, .. } => Cause::OutOfMemory,
        Ending::Signalled { .. } => Cause::Signalled,
    }
}

/// What was sent and what came, a line each.
fn evidence(exchange: &Exchange) -> Vec<String> {
    let sent = &exchange.sent;
    let mut lines = vec![printable::text(&format!(
        "sent: {} {} with {} of body",
        sent.method,
        sent.target,
        units::size(sent.body_bytes)
    ))];
    let took = units::duration(exchange.timing.total);
    let mut received = |bytes: &[u8]| {
        if bytes.is_empty() {
            lines.push(format!("received: nothing in {took}"));
        } else {
            lines.push(format!("received: {} in {took}", printable::bytes(bytes, QUOTED)));
        }
    };
    match &exchange.outcome {
        Outcome::Answered(answer) => {
            let body = decoded(answer);
            let size = units::size(body.len() as u64);
            lines.push(format!("received: status {} with {size} of body in {took}", answer.status));
            if !body.is_empty() {
                lines.push(format!("body: {}", printable::bytes(&body, QUOTED)));
            }
            lines.extend(answer.faults.iter().map(|fault| format!("wire: {}", told(fault))));
        }
        Outcome::TimedOut { received: bytes, .. }
        | Outcome::Cut { received: bytes }
        | Outcome::NotHttp { received: bytes, .. } => received(bytes),
        Outcome::TooLarge { .. } | Outcome::Refused | Outcome::NotAsked { .. } => {}
    }
    lines
}

/// The body as its sender meant it: gunzipped where the answer says that it is gzipped, and
/// as it is where that fails.
#[must_use]
pub fn decoded(answer: &Answer) -> Cow<'_, [u8]> {
    let gzip = |value: &[u8]| value.eq_ignore_ascii_case(b"gzip");
    if answer.header("content-encoding").any(gzip) {
        let mut body = Vec::new();
        let decoder = flate2::bufread::MultiGzDecoder::new(answer.body.as_slice());
        if decoder.take(DECODED).read_to_end(&mut body).is_ok() {
            return Cow::Owned(body);
        }
    }
    Cow::Borrowed(&answer.body)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Origin, parse};
    use super::*;
    use crate::evidence::{Sent, Timing};

    fn judged(outcome: Outcome, ended: Option<Ending>) -> Check {
        let text = "suite: s\ntype: http\ncases:\n- {name: n, http: GET /, severity: info, expect: {status: 200, body: {contains: [a, b, c]}}}";
        let suite = parse("s.yaml", text, Origin::User).expect("it is good");
        let after = After::default();
        let sent = Sent {
            method: "GET".to_owned(),
            target: "/".to_owned(),
            headers: Vec::new(),
            body_bytes: 0,
        };
        let timing = Timing { total: Duration::from_millis(2), ..Timing::default() };
        suite.cases[0].judge(
            &Exchange { sent, outcome, timing },
            &after,
            &Function::default(),
            ended,
        )
    }

    fn told(check: &Check) -> String {
        let cause = check.cause.map_or_else(String::new, |cause| format!(" ({cause})"));
        let mut text = format!("{} {}: {}{cause}\n", check.severity, check.status, check.message);
        for line in check.evidence.iter().chain(&check.fix) {
            text.push_str(line);
            text.push('\n');
        }
        text
    }

    #[test]
    fn all_expectations_are_judged_also_after_a_failure() {
        let answer = |status, body: &[u8]| {
            let body = body.to_vec();
            Outcome::Answered(Answer { status, headers: Vec::new(), body, faults: Vec::new() })
        };
        assert_eq!(
            told(&judged(answer(200, b"cab"), None)),
            "info pass: status 200, body contains `a`, body contains `b`, body contains `c`\n"
        );
        expect_test::expect![[r"
            info fail: status 500, wanted 200; body is `b\u{1b}[1m`, wanted: contains `a`; body is `b\u{1b}[1m`, wanted: contains `c`
            sent: GET / with 0 B of body
            received: status 500 with 5 B of body in 2 ms
            body: b\u{1b}[1m
            let the server on port 9000 answer with: status 200, body contains `a`, contains `b`, contains `c`
        "]]
        .assert_eq(&told(&judged(answer(500, b"b\x1b[1m"), None)));
    }

    #[test]
    fn no_valid_answer_is_an_error_with_its_cause() {
        let limit = Duration::from_secs(3);
        let killed = Ending::Signalled { signal: 9, out_of_memory: true };
        for (outcome, ended, expected) in [
            (
                Outcome::TimedOut { limit, received: Vec::new() },
                None,
                "error fail: no answer within 3 s (hangs)",
            ),
            (
                Outcome::TimedOut { limit, received: b"HTTP".to_vec() },
                None,
                "error fail: no whole answer within 3 s, only 4 bytes of it (hangs)",
            ),
            (Outcome::Refused, None, "error fail: the connection to port 9000 was refused"),
            (
                Outcome::Refused,
                Some(killed),
                "error fail: the connection to port 9000 was refused: the process was killed at its memory limit (out-of-memory)",
            ),
            (
                Outcome::NotHttp { why: "it is HTTP/2".to_owned(), received: vec![0, 0] },
                None,
                "error fail: the answer is no HTTP/1.1: it is HTTP/2 (not-http)",
            ),
            (
                Outcome::TooLarge { limit: 6 << 20, status: 200 },
                None,
                "error fail: status 200 with a body above 6 MiB",
            ),
            (
                Outcome::NotAsked { why: "no more sockets".to_owned() },
                None,
                "info error: no more sockets",
            ),
        ] {
            let check = judged(outcome, ended);
            assert_eq!(told(&check).lines().next(), Some(expected));
            assert_eq!(check.fix.is_some(), check.status == Status::Fail);
        }
    }
}
