//! The server of the fixture images speaks HTTP/1.1 as it should: else what it proves is void.
#![expect(clippy::disallowed_methods, reason = "starts the server as a program of its own")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(words: &[&str]) -> Server {
        let mut child = Command::new(Path::new(env!("OUT_DIR")).join("function"))
            .args(["--print-listen", "--listen", "127.0.0.1:0"])
            .args(words)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("is piped");
        BufReader::new(output).read_line(&mut line).expect("it tells its address");
        let address = line.split_whitespace().nth(2).expect("listening N ADDR").to_owned();
        Server { child, address }
    }

    /// What comes back until the server closes.
    fn ask(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("is set");
        stream.write_all(request).expect("is sent");
        let mut answer = Vec::new();
        // A reset is an end as good as another: what had come counts.
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is what some of the tests ask of it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn statuses(answer: &str) -> Vec<&str> {
    answer
        .lines()
        .filter_map(|line| line.strip_prefix("HTTP/1.1 "))
        .map(|rest| &rest[..3])
        .collect()
}

#[test]
fn requests_are_answered_as_http_says() {
    let server = Server::start(&["--http"]);
    let check = |request: &str, expected: &[&str]| {
        let answer = server.ask(request.as_bytes());
        assert_eq!(statuses(&answer), expected, "{request}\n{answer}");
        answer
    };
    check("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &["200"]);
    check("GET / HTTP/1.0\r\n\r\n", &["200"]);
    check("GET / HTTP/1.1\r\nConnection: close\r\n\r\n", &["400"]);
    check("GET /\r\n\r\n", &["400"]);
    check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", &["400"]);
    check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n", &["400"]);
    check(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        &["400"],
    );
    check("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", &["413"]);
    // Two requests in one packet, the first with a body.
    check(
        "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}\
         GET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        &["200", "200"],
    );
    let answer = check(
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\
         Connection: close\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n",
        &["100", "200"],
    );
    assert!(answer.contains("\"body_bytes\":6"), "{answer}");
    let answer = check("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", &["200"]);
    assert!(answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn the_largest_body_of_the_platform_is_read() {
    let server = Server::start(&[]);
    let body = vec![0xff; 6 << 20];
    let head = "POST /event-invoke HTTP/1.1\r\nHost: a\r\nConnection: close\r\n";
    let mut request = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    request.extend(body);
    let answer = server.ask(&request);
    assert!(answer.contains(&format!("\"body_bytes\":{}", 6 << 20)), "{answer}");
}

#[test]
fn only_the_event_path_is_known_unless_told_otherwise() {
    let server = Server::start(&[]);
    for (line, status) in
        [("POST /event-invoke", "200"), ("GET /event-invoke", "404"), ("POST /", "404")]
    {
        let request = format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        assert_eq!(statuses(&server.ask(request.as_bytes())), [status], "{line}");
    }
}

#[test]
fn it_misbehaves_as_it_is_told() {
    let get =
        b"GET /a HTTP/1.1\r\nHost: a\r\nX-Scf-Secret-Key: canary\r\nConnection: close\r\n\r\n";
    let answer = |words: &[&str]| Server::start(words).ask(get);
    assert_eq!(answer(&["--when", "always", "cut"]), "");
    assert_eq!(statuses(&answer(&["--when", "method:GET", "status:500"])), ["500"]);
    assert_eq!(statuses(&answer(&["--when", "method:PUT", "status:500"])), ["404"]);
    assert_eq!(statuses(&answer(&["--when", "request:GET /a", "exit:3"])), [""; 0]);
    assert!(answer(&["--when", "always", "garbage"]).starts_with("SSH-2.0"));
    assert!(answer(&["--when", "always", "extra"]).ends_with("more than was said"));
    assert!(answer(&["--leak", "response"]).contains("canary"));
    assert!(!answer(&["--echo-context"]).contains("canary"));
}

/// What an HTTP library of the kind that clients are made of has to say of it.
#[test]
fn an_independent_client_is_content() {
    let server = Server::start(&["--http"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        // It has to be chosen, though nothing here goes through TLS.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let url = |path: &str| format!("http://{}{path}", server.address);
        for _ in 0..3 {
            let body = vec![0xff; 300_000];
            let answer =
                client.put(url("/a/b?c=d&c=e")).body(body).send().await.expect("an answer");
            assert_eq!(answer.status(), 200);
            let text = answer.text().await.expect("a whole body");
            assert!(text.contains("/a/b?c=d&c=e") && text.contains("300000"), "{text}");
        }
        let head = client.head(url("/")).send().await.expect("an answer");
        assert_eq!(head.bytes().await.expect("an end").len(), 0);
    });
}
