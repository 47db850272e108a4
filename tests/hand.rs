//! The built program by hand: `invoke`, `doctor`, several boots, jobs.
#![expect(clippy::disallowed_methods, reason = "starts the program, looks at what it wrote")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};
use serde_json::Value;

/// The program in a directory of its own, with nothing in its environment that it heeds.
fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scf-conform"));
    command.current_dir(dir).env("XDG_CACHE_HOME", dir.join("cache"));
    for (name, _) in std::env::vars() {
        if name.starts_with("SCF_CONFORM_") || name.contains("COLOR") || name == "DOCKER_HOST" {
            command.env_remove(name);
        }
    }
    command
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

fn run(arguments: &[&str], input: &str) -> Ran {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("event.json"), "{\"from\": \"a file\"}").expect("written");
    let mut child = program(dir.path())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    // It may be gone before it has read all.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// The text with what differs between runs taken out: ids and measured numbers.
fn redacted(text: &str) -> String {
    let number = r"\d+(?:\.\d+)?";
    [
        (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}".to_owned(), "ID"),
        (format!("{number}ms"), "Nms"),
        ("Date: [^\r\n]*".to_owned(), "Date: D"),
        // A literal of this file cannot hold it.
        ("\r\n".to_owned(), "\n"),
        (format!("MemUsage:( ?)(?:{number}MB|unknown)"), "MemUsage:${1}N"),
    ]
    .into_iter()
    .fold(text.to_owned(), |text, (pattern, with)| {
        let pattern = regex::Regex::new(&pattern).expect("a pattern");
        pattern.replace_all(&text, with).into_owned()
    })
}

fn check(arguments: &[&str], input: &str, code: i32, out: &Expect, err: &Expect) {
    let ran = run(arguments, input);
    out.assert_eq(&redacted(&ran.out));
    err.assert_eq(&redacted(&ran.err));
    assert_eq!(ran.code, Some(code), "{arguments:?}");
}

#[test]
fn an_answer_goes_to_stdout_and_the_log_to_stderr() {
    check(
        &["invoke", "--args", "--say up", "fixture:hello"],
        "",
        0,
        &expect![[r#"
        {"method":"POST","target":"/event-invoke","body_bytes":44,"request_id":"ID"}
    "#]],
        &expect![[r#"
        START RequestId:ID
        Init Report RequestId: ID Coldstart: Nms (PullCode: Nms InitRuntime: Nms InitFunction: Nms) Memory: 384MB MemUsage: N (PullCode is an estimate)
        up
        END RequestId:ID
        Report RequestId:ID Duration:Nms Memory:384MB MemUsage:N
    "#]],
    );
    check(
        &["invoke", "-i", "--http", "PUT /a?b=c", "--data", "@event.json", "fixture:http-hello"],
        "",
        0,
        &expect![[r#"
            HTTP/1.1 200
            Content-Type: application/json
            Date: D
            Content-Length: 103
            Connection: close

            {"method":"PUT","target":"/a?b=c","body_bytes":18,"request_id":"ID"}
        "#]],
        &expect![[r#"
            START RequestId:ID
            Init Report RequestId: ID Coldstart: Nms (PullCode: Nms InitRuntime: Nms InitFunction: Nms) Memory: 384MB MemUsage: N (PullCode is an estimate)
            END RequestId:ID
            Report RequestId:ID Duration:Nms Memory:384MB MemUsage:N
        "#]],
    );
}

#[test]
fn a_failure_is_told_as_the_platform_tells_it() {
    check(
        &["invoke", "--timeout", "1", "--event", "timer", "fixture:hangs"],
        "",
        1,
        &expect![],
        &expect![[r#"
            START RequestId:ID
            Init Report RequestId: ID Coldstart: Nms (PullCode: Nms InitRuntime: Nms InitFunction: Nms) Memory: 384MB MemUsage: N (PullCode is an estimate)
            ERROR RequestId:ID Result:{"errorCode":-1,"errorMessage":"Invoking task timed out after 1 seconds","requestId":"ID","statusCode":433}
            error: not answered; the platform says 433 TimeLimitReached
            END RequestId:ID
            Report RequestId:ID Duration:Nms Memory:384MB MemUsage:N
        "#]],
    );
    check(
        &["invoke", "fixture:b001-loopback"],
        "",
        1,
        &expect![],
        &expect![[r#"
            error: listens on 127.0.0.1:9000 only, where the platform cannot reach it
              help: listen on 0.0.0.0:9000
            note: the platform says 446 PortBindingFailed
        "#]],
    );
    check(
        &["invoke", "--type", "job", "fixture:j002-exits-with-3"],
        "",
        1,
        &expect![[r#"
        an event of 44 bytes
    "#]],
        &expect![[r#"
        START RequestId:ID
        cannot work with this event
        ERROR RequestId:ID Result:{"errorCode":-1,"errorMessage":"the process exited with code 3","requestId":"ID","statusCode":439}
        error: the process exited with code 3
        END RequestId:ID
        Report RequestId:ID Duration:Nms Memory:384MB MemUsage:N
    "#]],
    );
}

#[test]
fn what_cannot_be_invoked_is_told_before_anything_is_run() {
    check(
        &["invoke", "--event", "timr", "fixture:hello"],
        "",
        2,
        &expect![],
        &expect![[r#"
        error: there is no trigger `timr`
          help: did you mean `timer`?
    "#]],
    );
    check(
        &["invoke", "--data", "-", "fixture:hello"],
        "{1}",
        2,
        &expect![],
        &expect![[r#"
        error: the event is no JSON: key must be a string at line 1 column 2
          help: the platform refuses it, too: 400 InvalidParameterValue
    "#]],
    );
    check(
        &["invoke", "--data", "@none", "fixture:hello"],
        "",
        2,
        &expect![],
        &expect![[r#"
        error: read `none`: No such file or directory (os error 2)
    "#]],
    );
    check(
        &["invoke", "--http", "GET a", "fixture:hello"],
        "",
        2,
        &expect![],
        &expect![[r#"
        error: the path `a` does not begin with `/`
    "#]],
    );
    assert_eq!(run(&["invoke", "oci:no/such/dir"], "").code, Some(3));
}

#[test]
fn a_watched_function_takes_one_invocation_a_line() {
    let ran = run(
        &["invoke", "--watch", "fixture:hello"],
        "{\"a\": 1}\n\ntimer\nGET /there\nnonsense here\n{\"b\": 22}\n",
    );
    let sizes: Vec<&str> = ran
        .out
        .lines()
        .filter_map(|line| line.split("\"body_bytes\":").nth(1)?.split(',').next())
        .collect();
    assert_eq!(sizes, ["8", "100", "0", "9"], "{}", ran.out);
    assert_eq!(ran.err.matches("Init Report").count(), 1, "{}", ran.err);
    assert!(ran.err.contains("error: the event is no JSON"), "{}", ran.err);
    assert_eq!(ran.code, Some(1));

    let ran = run(&["invoke", "--watch", "fixture:b002-exits-after-first"], "{}\n{}\n{}\n");
    assert!(ran.err.contains("the process exited with code"), "{}", ran.err);
}

#[test]
fn a_job_writes_to_stdout() {
    check(
        &["invoke", "--type", "job", "--event", "timer", "fixture:job-hello"],
        "",
        0,
        &expect![[r#"
            an event of 100 bytes
        "#]],
        &expect![[r#"
            START RequestId:ID
            END RequestId:ID
            Report RequestId:ID Duration:Nms Memory:384MB MemUsage:N
        "#]],
    );
    let ran = run(&["invoke", "--type", "job", "--watch", "fixture:job-hello"], "{}\ntimer\n");
    assert_eq!((ran.code, &*ran.out), (Some(0), "an event of 2 bytes\nan event of 100 bytes\n"));
}

fn document(arguments: &[&str]) -> Value {
    let ran = run(arguments, "");
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}", ran.err))
}

#[test]
fn every_boot_is_in_the_report() {
    let boots = ["check", "-f", "json", "--boots", "6", "--only", "B001"];
    let document =
        document(&[&boots[..], &["--args", "--say up --delay-ms 30", "fixture:hello"]].concat());
    let boot = &document["images"][0]["boot"];
    let number = |pointer: &str| boot.pointer(pointer).and_then(Value::as_f64).expect(pointer);
    assert_eq!(boot["boots"]["n"], 6);
    assert_eq!(boot["boots"]["each"].as_array().map(Vec::len), Some(6));
    assert_eq!(boot["boots"]["first_response"]["n"], 6);
    let phases = ["listen", "first_accept", "first_response"];
    let times = phases.map(|phase| number(&format!("/phases_ms/{phase}")));
    assert!(times.is_sorted(), "{times:?}");
    assert!(number("/phases_ms/first_log") > 0.0);
    // The server waits after its line, and listens then: the clock never says less.
    assert!(number("/boots/min") >= 30.0);
    assert!(
        number("/boots/min") <= number("/boots/p50")
            && number("/boots/p50") <= number("/boots/max")
    );
    let cold = |name: &str| number(&format!("/cold_start/{name}_ms"));
    let sum = cold("pull_code") + cold("init_runtime") + cold("init_function");
    assert!((cold("total") - sum).abs() < 0.01);

    let ran = run(&["check", "--boots", "6", "--only", "B001", "fixture:hello"], "");
    for told in ["boots         6  min ", "headroom ", "listens after", "first answer  min "] {
        assert!(ran.out.contains(told), "{told}: {}", ran.out);
    }
}

#[test]
fn a_boot_that_fails_is_judged_whichever_it_is() {
    let ran = run(&["check", "--boots", "9", "--only", "B001", "fixture:b001-exits"], "");
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("boot 1 of 9; no more were made"), "{}", ran.out);
}

#[test]
fn the_least_memory_is_found() {
    let sweep = ["check", "-f", "json", "--sweep-memory", "--only", "B001"];
    let document = document(&[&sweep[..], &["--args", "--alloc 300", "fixture:hello"]].concat());
    let sweep = &document["images"][0]["memory_sweep"];
    assert_eq!(sweep["least_memory_mb"], 384, "{sweep:#}");
    let tiers = sweep["tiers"].as_array().expect("tiers");
    assert_eq!(tiers.len(), 25);
    assert_eq!(tiers[0]["conforms"], Value::Null);
    assert_eq!(tiers[2]["conforms"], false);
    assert!(tiers[3..].iter().all(|tier| tier["conforms"] == true));
}

#[test]
fn doctor_says_what_boots() {
    let ran = run(&["doctor"], "");
    let document = document(&["doctor", "--format", "json"]);
    let engines = document["engines"].as_array().expect("a list");
    assert_eq!(ran.code, Some(if engines.is_empty() { 3 } else { 0 }));
    let lines = document["lines"].as_array().expect("a list");
    assert_eq!(ran.out.lines().filter(|line| line.starts_with(['o', 'n'])).count(), lines.len());
    for line in lines {
        assert!(
            line["state"] == "ok" || line["change"].is_string() || line["state"] == "note",
            "{line}"
        );
    }
    assert!(ran.out.lines().last().is_some_and(|line| line.starts_with("doctor: ")));
}
