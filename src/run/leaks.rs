//! Looks for the canary credentials in what came back.

use crate::contract::Credentials;
use crate::evidence::{Exchange, Leak, LeakPlace, Outcome};
use crate::suite::decoded;

/// Each credential that is in the answer to a case, in its head or its body.
pub(super) fn leaks(exchange: &Exchange, case: &str, credentials: &Credentials) -> Vec<Leak> {
    let sent = &exchange.sent.headers;
    let found = credentials.headers().into_iter().filter(|(header, value)| {
        !value.is_empty()
            && sent.iter().any(|(name, _)| name.eq_ignore_ascii_case(header))
            && came_back(&exchange.outcome, value.as_bytes())
    });
    found
        .map(|(header, _)| Leak {
            header: header.to_owned(),
            place: LeakPlace::Response { case: case.to_owned() },
        })
        .collect()
}

fn came_back(outcome: &Outcome, value: &[u8]) -> bool {
    match outcome {
        Outcome::Answered(answer) => {
            answer
                .headers
                .iter()
                .any(|(name, held)| contains(held, value) || contains(name.as_bytes(), value))
                || contains(&decoded(answer), value)
        }
        Outcome::TimedOut { received, .. }
        | Outcome::Cut { received }
        | Outcome::NotHttp { received, .. } => contains(received, value),
        Outcome::Refused | Outcome::TooLarge { .. } | Outcome::NotAsked { .. } => false,
    }
}

/// Whether a value is in some bytes. JSON and HTML may write a sign of it otherwise, so
/// canaries are made of letters and digits.
fn contains(bytes: &[u8], value: &[u8]) -> bool {
    let Some((&first, rest)) = value.split_first() else { return false };
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == first) {
        from += at + 1;
        if bytes[from..].starts_with(rest) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::evidence::{Answer, Sent, Timing};

    fn check(headers: &[(&str, &[u8])], body: &[u8], expected: &[&str]) {
        let credentials = Credentials {
            secret_id: "AKIDone".to_owned(),
            secret_key: "keytwo".to_owned(),
            session_token: "tokenthree".to_owned(),
        };
        let sent =
            credentials.headers().map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let exchange = Exchange {
            sent: Sent {
                method: "GET".to_owned(),
                target: "/".to_owned(),
                headers: sent.to_vec(),
                body_bytes: 0,
            },
            outcome: Outcome::Answered(Answer {
                status: 200,
                headers: headers.iter().map(|(n, v)| ((*n).to_owned(), v.to_vec())).collect(),
                body: body.to_vec(),
                faults: Vec::new(),
            }),
            timing: Timing::default(),
        };
        let found = leaks(&exchange, "E001", &credentials);
        let found: Vec<&str> = found.iter().map(|leak| leak.header.as_str()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn canaries_are_found_where_they_are() {
        check(&[], b"hello", &[]);
        check(&[], b"akidone keytw", &[]);
        check(
            &[("X-Echo", b"a tokenthree b")],
            b"kekeytwo",
            &["X-Scf-Secret-Key", "X-Scf-Session-Token"],
        );
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"{\"id\": \"AKIDone\"}").expect("it is memory");
        let body = gzip.finish().expect("it is memory");
        check(&[("content-encoding", b"GZIP")], &body, &["X-Scf-Secret-Id"]);
        check(&[], &body, &[]);
        check(&[("content-encoding", b"gzip")], b"no gzip, AKIDone", &["X-Scf-Secret-Id"]);
    }
}
