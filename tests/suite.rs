//! Suites as a user writes and runs them: commands, variables, secrets, and the instance.
#![expect(clippy::disallowed_methods, reason = "starts the program, writes its files")]

mod program;
use program::{Ran, program, ran, run};

/// Checks a fixture with a suite of its own and nothing else.
fn checked(suite: &str, image: &str, options: &[&str]) -> Ran {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("s.yaml"), suite).expect("a file");
    let mut command = program(dir.path());
    command.args(["check", "--no-builtin", "--suite", "s.yaml", "--only", "U*", "-v", image]);
    ran(command.args(options))
}

#[test]
fn the_log_and_the_instance_are_looked_at() {
    let suite = r#"
suite: mine
type: http
cases:
  - name: it says which request it was
    http: GET /
    expect:
      log: {contains: "X-Scf-Request-Id: ${request-id}", without: password}
      instance: {alive: true, memory: {below: 100 MB}, writes: none, tmp: {most: 0}}
  - name: it does not say this
    http: GET /
    severity: warning
    expect: {log: {without: User-Agent}}
"#;
    let ran = checked(suite, "fixture:s002-logs-other-headers", &["--type", "http"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("U001  it says which request it was"), "{}", ran.out);
    let broken = "a log line is `User-Agent: scf-conform`, wanted: without `User-Agent`";
    assert!(ran.out.contains(broken), "{}", ran.out);
}

#[test]
fn a_case_may_have_an_instance_of_its_own() {
    let suite = r"
suite: mine
type: event
cases:
  - {name: the first is answered, event: timer, expect: {status: 200}}
  - {name: the second is not, event: timer, expect: {status: 500}}
  - {name: but again the first of another, event: timer, cold: true, expect: {status: 200}}
  - {name: and the third is not, event: timer, expect: {status: 500}}
";
    let ran = checked(suite, "fixture:event-second-fails", &["--type", "event"]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("4 passed"), "{}", ran.out);
}

#[test]
fn a_secret_is_in_no_output() {
    let suite = r#"
suite: mine
type: http
vars:
  token: {env: TOKEN_OF_THE_TEST, secret: true}
  user: nobody
setup:
  - name: ${user} logs in with ${token}
    http: {path: /login, query: {t: "${token}"}}
    expect: {status: 200, body: {path: {$.target: "/login?t=hunter%2F22"}}}
    capture:
      target: {json: $.target, secret: true}
cases:
  - name: what was captured is hidden, too
    http: GET /
    expect: {body: {contains: "${target}"}}
"#;
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("s.yaml"), suite).expect("a file");
    let mut command = program(dir.path());
    command.args(["check", "--no-builtin", "--suite", "s.yaml", "-v", "--type", "http"]);
    command.args(["--var", "user=somebody", "--report", "json=r.json"]);
    command.args(["--report", "junit=r.xml", "fixture:s002-logs-other-headers"]);
    let ran = ran(command.env("TOKEN_OF_THE_TEST", "hunter/22"));
    assert_eq!(ran.code, Some(1), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("somebody logs in with ***"), "{}", ran.out);
    let mut outputs = vec![ran.out, ran.err];
    for report in ["r.json", "r.xml"] {
        outputs.push(std::fs::read_to_string(dir.path().join(report)).expect("a report"));
    }
    for output in outputs {
        assert!(!output.contains("hunter"), "{output}");
    }
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_run() {
    let suite = "suite: mine\ntype: http\nvars: {shop: , size: 2}\ncases:\n- {name: x, htpp: GET /, expect: {status: 2x}}\n";
    let ran = checked(suite, "fixture:no-such-fixture", &[]);
    assert_eq!(ran.code, Some(2));
    for part in [
        "the variable `shop` has no value",
        "s.yaml:3:8",
        "`htpp` is no key of a case",
        "did you mean `http`?",
        "`2x` is no status",
        "s.yaml:5:43",
    ] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
    let good = "suite: mine\ntype: http\nvars: {shop: a}\ncases: [{name: x, http: GET /}]\n";
    let unknown = checked(good, "fixture:no-such-fixture", &["--var", "shpo=b"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.err.contains("no suite has a variable `shpo`"), "{}", unknown.err);
    assert!(unknown.err.contains("did you mean `shop`?"), "{}", unknown.err);
}

#[test]
fn as_many_at_once_as_the_function_takes() {
    let check = |options: &[&str]| {
        let dir = tempfile::tempdir().expect("a directory");
        let mut command = program(dir.path());
        command.args(["check", "--type", "http", "--only", "H029", "-v", "fixture:http-hello"]);
        ran(command.args(options))
    };
    let many = check(&["--concurrency", "10"]);
    assert_eq!(many.code, Some(0), "{}{}", many.out, many.err);
    assert!(many.out.contains("10 of 10 answered: status 200"), "{}", many.out);
    let usual = check(&[]);
    assert!(usual.out.contains("takes one request at a time"), "{}", usual.out);
    let too_many = check(&["--concurrency", "101"]);
    assert_eq!(too_many.code, Some(2));
    assert!(
        too_many.err.contains("101 requests at once are outside of 1 to 100"),
        "{}",
        too_many.err
    );
}

#[test]
fn suites_are_listed_shown_and_linted() {
    let list = run(&["suite", "list"]);
    assert_eq!(list.code, Some(0));
    assert!(list.out.contains("event") && list.out.contains("job"), "{}", list.out);
    let show = run(&["suite", "show", "http"]);
    assert!(show.out.contains("H001  a GET of the root is answered"), "{}", show.out);
    assert_eq!(run(&["suite", "show", "htpp"]).code, Some(2));
    let schema = run(&["suite", "schema"]);
    let value: serde_json::Value = serde_json::from_str(&schema.out).expect("JSON");
    assert_eq!(value, scf_conform::suite::schema());

    let dir = tempfile::tempdir().expect("a directory");
    let file =
        |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file");
    file(
        "good.yaml",
        "suite: a\ntype: http\nvars: {shop: }\ncases: [{name: \"${shop}\", http: GET /}]\n",
    );
    file("bad.yaml", "suite: a\ntype: http\ncases: []\n");
    let good = ran(program(dir.path()).args(["suite", "lint", "good.yaml"]));
    assert_eq!((good.code, good.out.as_str()), (Some(0), "good.yaml: 1 case, nothing is wrong\n"));
    let both =
        ran(program(dir.path()).args(["suite", "lint", "good.yaml", "bad.yaml", "none.yaml"]));
    assert_eq!(both.code, Some(2));
    assert!(both.err.contains("bad.yaml:3:8") && both.err.contains("none.yaml"), "{}", both.err);
}

#[test]
fn a_first_suite_is_recorded_and_holds() {
    let dir = tempfile::tempdir().expect("a directory");
    let new = |options: &[&str], image: &str| {
        let mut command = program(dir.path());
        let ran = ran(command.args(["suite", "new"]).args(options).arg(image));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        std::fs::write(dir.path().join("first.yaml"), &ran.out).expect("a file");
        ran.out
    };
    let holds = |image: &str| {
        let mut command = program(dir.path());
        command.args(["check", "--no-builtin", "--suite", "first.yaml", "--only", "U*", image]);
        let ran = ran(&mut command);
        assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    };
    let events = new(&[], "fixture:hello");
    assert!(events.contains("event: apigw\n") && !events.contains("request_id"), "{events}");
    holds("fixture:hello");
    let pages = new(&["--http", "GET /a?b=c"], "fixture:http-hello");
    assert!(pages.contains(r#""target":"/a?b=c""#), "{pages}");
    let found_out = new(&[], "fixture:type-auto-http");
    assert!(found_out.contains("http: \"GET /\"\n"), "{found_out}");
    holds("fixture:type-auto-http");
    let none = run(&["suite", "new", "fixture:b001-loopback", "--init-timeout", "1"]);
    assert_eq!(none.code, Some(1), "{}", none.err);
}

#[test]
fn a_suite_says_what_the_image_is_checked_as() {
    let suite = "suite: mine\ntype: http\ncases:\n  - {name: the root is there, http: GET /, expect: {status: 200}}\n";
    // It would be taken for an event function, and the case would not be asked.
    let asked = checked(suite, "fixture:http-hello", &[]);
    assert_eq!(asked.code, Some(0), "{}{}", asked.out, asked.err);
    assert!(asked.out.contains("1 passed"), "{}", asked.out);
    assert!(asked.err.contains("checked as http functions"), "{}", asked.err);
    let refused = checked(suite, "fixture:http-hello", &["--type", "event"]);
    assert_eq!(refused.code, Some(2), "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("suite `mine` is for http functions"), "{}", refused.err);
}

#[test]
fn files_without_end_are_refused() {
    for arguments in [
        ["suite", "lint", "/dev/zero", "", ""],
        ["check", "-c", "/dev/zero", "fixture:hello", ""],
        ["check", "--static", "--ca", "/dev/zero", "docker://127.0.0.1:1/x"],
        ["invoke", "--http", "POST /", "--data=@/dev/zero", "fixture:hello"],
    ] {
        let arguments: Vec<&str> = arguments.into_iter().filter(|word| !word.is_empty()).collect();
        let ran = run(&arguments);
        assert!(matches!(ran.code, Some(2 | 3)), "{arguments:?}: {:?} {}", ran.code, ran.err);
        assert!(ran.err.contains("it has more than"), "{arguments:?}: {}", ran.err);
    }
}

#[test]
fn includes_that_double_at_each_level_are_refused_in_time() {
    let dir = tempfile::tempdir().expect("a directory");
    for level in 0..15 {
        let next = level + 1;
        let text = format!(
            "suite: c{level}\ntype: http\ninclude: [c{next}.yaml, c{next}.yaml]\ncases: [{{name: c, http: GET /}}]\n"
        );
        std::fs::write(dir.path().join(format!("c{level}.yaml")), text).expect("a file");
    }
    let last = "suite: last\ntype: http\ncases: [{name: c, http: GET /}]\n";
    std::fs::write(dir.path().join("c15.yaml"), last).expect("a file");
    let ran = ran(program(dir.path()).args(["suite", "lint", "c0.yaml"]));
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("more than 1000 suites are included in all"), "{}", ran.err);
    assert!(ran.err.lines().count() < 100, "{}", ran.err.lines().count());
}

#[test]
fn a_secret_is_in_no_complaint_about_it() {
    let ran = run(&["check", "--secret", "hunter2hunter2", "fixture:hello"]);
    assert_eq!(ran.code, Some(2));
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    assert!(ran.err.contains("`--secret ***` is no variable: write NAME=VALUE"), "{}", ran.err);
}
