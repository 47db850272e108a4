//! How cases are asked: often, at once, again, with what was captured, and what is hidden.

use std::fmt::Write as _;

use super::scripted::Act;
use super::tests::{OK, run_all, statuses};
use crate::suite::{Origin, Suite, parse};

fn suite(cases: &str) -> Suite {
    let text = format!("suite: s\ntype: http\n{cases}");
    parse("s.yaml", &text, Origin::User).unwrap_or_else(|problems| panic!("{problems}"))
}

fn answer(status: u16, headers: &str, body: &str) -> Act {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n");
    Act::Answer((head + body).into_bytes())
}

/// Runs cases on a scripted server: statuses, messages, and the first lines of the requests.
fn told(cases: &str, acts: Vec<Act>) -> String {
    let (run, requests) = run_all(acts, &suite(cases));
    let mut told = format!("{}\n", statuses(&run.cases));
    for case in &run.cases {
        let _ = writeln!(told, "{}: {}", case.check.title, case.check.message);
    }
    for request in requests {
        let text = String::from_utf8_lossy(&request).into_owned();
        let _ = writeln!(told, "{}", text.lines().next().unwrap_or_default());
    }
    told
}

#[test]
fn what_is_captured_goes_on() {
    let found = told(
        r#"
setup:
- {name: in, http: POST /login, expect: {status: 200}, capture: {token: {header: X-Token, secret: true}}}
cases:
- {name: a, http: POST /orders, capture: {id: $.id, tag: {matches: "tag=([a-z]+)"}}}
- {name: b, http: "GET /orders/${id}?tag=${tag}", expect: {body: {path: {$.id: "${id}"}, contains: "${token}"}}}
- {name: c, http: "GET /orders/${id}", capture: {gone: $.gone}}
- {name: d, http: "GET /${gone}"}
"#,
        vec![
            answer(200, "X-Token: t0ken\r\n", "{}"),
            answer(200, "", r#"{"id": 7, "x": "tag=abc"}"#),
            answer(200, "", r#"{"id": 7, "x": "not it"}"#),
        ],
    );
    expect_test::expect![[r#"
        ..FFs
        in: status 200
        a: status 200
        b: body is `{"id": 7, "x": "not it"}`, wanted: contains `***`
        c: `gone` is not captured: nothing is at $.gone
        d: `gone` is not there: the case that captures it was not asked, or failed
        POST /login HTTP/1.1
        POST /orders HTTP/1.1
        GET /orders/7?tag=abc HTTP/1.1
        GET /orders/7 HTTP/1.1
    "#]]
    .assert_eq(&found);
}

#[test]
fn it_is_asked_as_often_as_it_says() {
    let busy = || answer(503, "", "");
    let found = told(
        r#"
cases:
- {name: again, http: GET /a, expect: {status: 200}, retry: {times: 3, every: 1ms}}
- {name: often, http: "GET /b/${n}", expect: {status: 200}, repeat: 3}
- {name: not, http: GET /c, skip: not today}
- {name: fails, http: GET /d, expect: {status: 200}, repeat: 3}
"#,
        vec![
            busy(),
            busy(),
            answer(200, "", ""),
            answer(200, "", ""),
            answer(200, "", ""),
            answer(200, "", ""),
            busy(),
        ],
    );
    expect_test::expect![[r#"
        ..sF
        again: status 200 (attempt 3)
        often: 3 of 3 answered: status 200
        not: not today
        fails: invocation 1 of 3: status 503, wanted 200
        GET /a HTTP/1.1
        GET /a HTTP/1.1
        GET /a HTTP/1.1
        GET /b/1 HTTP/1.1
        GET /b/2 HTTP/1.1
        GET /b/3 HTTP/1.1
        GET /d HTTP/1.1
    "#]]
    .assert_eq(&found);
}

#[test]
fn what_makes_ready_and_fails_ends_the_suite() {
    let found = told(
        "setup:\n- {name: in, http: POST /login, expect: {status: 200}}\ncases:\n- {name: a, http: GET /}\n",
        vec![answer(403, "", "")],
    );
    assert_eq!(
        found,
        "Fs\nin: status 403, wanted 200\na: in, which makes ready, has failed\nPOST /login HTTP/1.1\n"
    );
}

#[test]
fn a_client_may_hang_up_or_be_slow() {
    // The scripted server takes whole requests only: half of one is a connection that ends.
    let text =
        "cases:\n- {name: slow, http: {method: POST, path: /, body: {size: 64}}, client: slow}\n";
    let (run, requests) = run_all(vec![Act::Answer(OK.to_vec())], &suite(text));
    assert_eq!(statuses(&run.cases), ".");
    assert!(requests[0].ends_with(&[b'x'; 64]));
    let timing = run.cases[0].exchange.as_ref().expect("it was sent").timing;
    assert!(timing.total > std::time::Duration::from_millis(300), "{timing:?}");
}

#[test]
fn many_are_asked_at_once() {
    let text = "cases:\n- {name: many, http: 'GET /${n}', concurrency: 5, expect: {status: 200}}\n";
    let (run, requests) = run_all(vec![Act::Answer(OK.to_vec())], &suite(text));
    assert_eq!(run.cases[0].check.message, "5 of 5 answered: status 200");
    assert_eq!(run.cases[0].invocations, 5);
    let mut lines: Vec<String> = requests
        .iter()
        .map(|request| String::from_utf8_lossy(&request[..6]).into_owned())
        .collect();
    lines.sort();
    assert_eq!(lines, ["GET /1", "GET /2", "GET /3", "GET /4", "GET /5"]);
}

#[test]
fn an_instance_of_its_own_that_cannot_be_had_is_told() {
    let found = told("cases:\n- {name: a, http: GET /, cold: true}\n", vec![answer(200, "", "")]);
    assert_eq!(found, "?\na: there is one instance only\n");
}
