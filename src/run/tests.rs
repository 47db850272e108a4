//! Suites on a scripted server: what is sent, and what becomes of the answers.

use std::sync::Mutex;
use std::time::Duration;

use super::scripted::{Act, Scripted};
use super::{Cancel, CaseRun, Progress, Silent, Stage, SuiteRun, Target, detect};
use crate::check::{Cause, Check, Severity, Status};
use crate::contract::{Credentials, Function, FunctionType, MemoryMb};
use crate::suite::{Case, Look, Origin, Suite, builtin, parse};

pub(super) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn run(acts: Vec<Act>, suite: &Suite) -> (Vec<CaseRun>, Vec<Vec<u8>>) {
    let (run, requests) = run_all(acts, suite);
    (run.cases, requests)
}

pub(super) fn run_all(acts: Vec<Act>, suite: &Suite) -> (SuiteRun, Vec<Vec<u8>>) {
    let instance = Scripted::new(acts);
    let run = super::suite(suite, &target(&instance, &Silent), &is_fast);
    (run, instance.requests())
}

/// Whether a case is asked without being asked for.
fn is_fast(case: &Case) -> bool {
    !case.tags.iter().any(|tag| tag == "slow")
}

/// One sign for each case but the first two.
fn for_the_rest(suite: &Suite, sign: &str) -> String {
    sign.repeat(suite.cases.iter().filter(|case| is_fast(case)).count() - 2)
}

fn target<'a>(instance: &'a Scripted, progress: &'a dyn Progress) -> Target<'a> {
    static FUNCTION: std::sync::LazyLock<Function> = std::sync::LazyLock::new(|| Function {
        timeout: Duration::from_secs(10),
        concurrency: 3,
        ..Function::default()
    });
    static CREDENTIALS: std::sync::LazyLock<Credentials> =
        std::sync::LazyLock::new(|| Credentials {
            secret_id: "AKIDcanary1".to_owned(),
            secret_key: "canary2".to_owned(),
            session_token: "canary3".to_owned(),
        });
    static CANCEL: std::sync::LazyLock<Cancel> = std::sync::LazyLock::new(Cancel::default);
    let memory = MemoryMb::recommended(0);
    Target {
        image: "fixture:hello",
        instance,
        function: &FUNCTION,
        memory,
        credentials: &CREDENTIALS,
        scene: None,
        progress,
        cancel: &CANCEL,
        fresh: &super::no_other,
    }
}

pub(super) fn statuses(runs: &[CaseRun]) -> String {
    runs.iter()
        .map(|run| match run.check.status {
            Status::Pass => '.',
            Status::Fail => 'F',
            Status::Skip => 's',
            Status::CouldNotCheck => '?',
        })
        .collect()
}

#[test]
fn a_good_server_keeps_every_built_in_case() {
    for kind in [FunctionType::Event, FunctionType::Http] {
        let suite = builtin(kind).expect("there is one");
        // A HEAD gets no body, so the server says only that there would be none.
        let empty = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec();
        let instance = Scripted::new(vec![Act::Answer(empty)]);
        let runs = super::suite(suite, &target(&instance, &Silent), &is_fast).cases;
        for run in &runs {
            assert_eq!(run.check.status, Status::Pass, "{:?}", run.check);
        }
        let many = |case: &Case| case.flow.concurrency.number(3);
        // One alone, before all at once.
        let alone = |case: &Case| case.expectations.iter().any(|one| one.looks() == Look::Alone);
        let before = |case: &Case| u32::from(case.flow.before.is_some()) + u32::from(alone(case));
        let whole = |case: &Case| many(case) + before(case);
        let wanted: u32 = suite.cases.iter().filter(|case| is_fast(case)).map(whole).sum();
        assert_eq!(instance.requests().len(), wanted as usize);
    }
}

#[test]
fn an_event_is_what_was_captured() {
    let suite = builtin(FunctionType::Event).expect("there is one");
    let (runs, requests) = run(vec![Act::Answer(OK.to_vec())], suite);
    let text = String::from_utf8(requests[0].clone()).expect("text");
    let exchange = runs[0].exchange.as_ref().expect("it was sent");
    let id = &exchange.sent.headers.iter().find(|(name, _)| name == "X-Scf-Request-Id");
    let text = text.replace(&id.expect("it is there").1, "[id]").replace('\r', "");
    expect_test::expect![[r#"
        POST /event-invoke HTTP/1.1
        Host: 11.148.165.112:10217
        User-Agent: Go-http-client/1.1
        Content-Length: 44
        Accept-Encoding: gzip
        Content-Type: application/json
        X-Forwarded-For: 11.163.0.86
        X-Real-Ip: 11.163.0.86
        X-Scf-Appid: 1250000000
        X-Scf-Memory: 384
        X-Scf-Name: scf-conform
        X-Scf-Namespace: default
        X-Scf-Region: ap-guangzhou
        X-Scf-Request-Id: [id]
        X-Scf-Timeout: 10000
        X-Scf-Uin: 100000000001
        X-Scf-Version: $LATEST
        X-Scf-Secret-Id: AKIDcanary1
        X-Scf-Secret-Key: canary2
        X-Scf-Session-Token: canary3
        X-Scf-Trigger-Src: Timer
        Connection: close

        {"key1":"first value","key2":"second value"}"#]]
    .assert_eq(&text);
    let names = |case: usize| -> Vec<String> {
        let head = String::from_utf8_lossy(&requests[case]).into_owned();
        let lines = head.split("\r\n").skip(1).take_while(|line| !line.is_empty());
        lines.filter_map(|line| Some(line.split_once(':')?.0.to_owned())).collect()
    };
    assert!(names(3).contains(&"x-scf-request-id".to_owned()), "{:?}", names(3));
    assert!(names(4).contains(&"x-sCf-rEqUeSt-iD".to_owned()), "{:?}", names(4));
    assert_eq!(names(2).iter().filter(|name| name.starts_with("X-Scf-")).count(), 9);
    assert_eq!(names(1).iter().filter(|name| name.starts_with("X-Scf-")).count(), 12);
    assert_eq!(names(6).iter().filter(|name| name.starts_with("X-Scf-")).count(), 13);
}

#[test]
fn after_the_end_of_the_process_the_rest_is_skipped() {
    let suite = builtin(FunctionType::Event).expect("there is one");
    let (runs, _) = run(vec![Act::Answer(OK.to_vec()), Act::Die], suite);
    assert_eq!(statuses(&runs), format!(".F{}", for_the_rest(suite, "s")));
    assert_eq!(
        runs[1].check.message,
        "the connection was closed without an answer: the process exited with code 1"
    );
    assert_eq!(runs[1].check.cause, Some(Cause::Exited));
    assert_eq!(runs[2].check.message, "the process had exited with code 1 after E002");
}

#[test]
fn a_server_that_hangs_is_not_asked_for_ever() {
    let suite = builtin(FunctionType::Event).expect("there is one");
    let instance = Scripted::new(vec![Act::Hold(Vec::new())]);
    let function = Function { timeout: Duration::from_millis(30), ..Function::default() };
    let target = Target { function: &function, ..target(&instance, &Silent) };
    let runs = super::suite(suite, &target, &is_fast).cases;
    assert_eq!(statuses(&runs), format!("FF{}", for_the_rest(suite, "s")));
    assert_eq!(runs[0].check.cause, Some(Cause::Hangs));
    assert_eq!(runs[0].check.message, "no answer within 30 ms");
    assert_eq!(runs[2].check.message, "neither E001 nor E002 was answered within 30 ms");
}

#[test]
fn a_severity_is_of_the_expectations_alone() {
    let text = "suite: s\ntype: http\ncases:\n- name: n\n  severity: info\n  http: GET /\n  expect: {status: 200}\n";
    let suite = parse("s.yaml", text, Origin::User).expect("it is good");
    for (answer, severity, message) in [
        (
            &b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"[..],
            Severity::Info,
            "status 500, wanted 200",
        ),
        (
            b"hello",
            Severity::Error,
            "the answer is no HTTP/1.1: it does not begin with a status line",
        ),
        (b"", Severity::Error, "the connection was closed without an answer"),
    ] {
        let (runs, _) = run(vec![Act::Answer(answer.to_vec())], &suite);
        let check = &runs[0].check;
        assert_eq!((check.severity, check.message.as_str()), (severity, message));
        assert_eq!(check.status, Status::Fail);
        assert!(check.fix.is_some());
    }
}

#[test]
fn credentials_that_come_back_are_found() {
    let suite = builtin(FunctionType::Event).expect("there is one");
    let answer = b"HTTP/1.1 200 OK\r\nX-Echo: canary3\r\n\r\n{\"id\":\"AKIDcanary1\"}";
    let (runs, _) = run(vec![Act::Answer(answer.to_vec())], suite);
    let headers: Vec<&str> = runs[0].leaks.iter().map(|leak| leak.header.as_str()).collect();
    assert_eq!(headers, ["X-Scf-Secret-Id", "X-Scf-Session-Token"]);
    assert!(runs[2].leaks.is_empty(), "they are not sent to E003");
}

#[test]
fn the_kind_of_function_is_found_out() {
    for (status, kind, came) in [
        (200, FunctionType::Event, "answered 200: checked as an event function (--type event)"),
        (404, FunctionType::Http, "answered 404: checked as an HTTP function (--type http)"),
        (501, FunctionType::Http, "answered 501: checked as an HTTP function (--type http)"),
        (500, FunctionType::Event, "answered 500: checked as an event function (--type event)"),
    ] {
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").into_bytes();
        let instance = Scripted::new(vec![Act::Answer(answer)]);
        let detected = detect(&target(&instance, &Silent)).expect("there is a suite");
        assert_eq!(detected.kind, kind);
        assert_eq!(detected.note, format!("POST /event-invoke {came}"));
    }
}

#[test]
fn progress_is_told() {
    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);
    impl Progress for Told {
        fn stage(&self, _image: &str, stage: Stage) {
            self.0.lock().expect("no panic").push(format!("{stage:?}"));
        }
        fn check(&self, image: &str, check: &Check) {
            self.0.lock().expect("no panic").push(format!("{image} {}", check.id));
        }
    }
    let (instance, told) = (Scripted::new(vec![Act::Answer(OK.to_vec())]), Told::default());
    let suite = builtin(FunctionType::Http).expect("there is one");
    let runs = super::suite(suite, &target(&instance, &told), &|case| case.id == "H002").cases;
    assert_eq!(runs.len(), 1);
    let told = told.0.into_inner().expect("no panic");
    assert_eq!(
        told,
        ["Invoking { done: 0, of: 1 }", "fixture:hello H002", "Invoking { done: 1, of: 1 }"]
    );
}
