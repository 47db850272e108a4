//! `upgrade:` looks at an answer that changes the protocol, where there is one.

use super::text::quoted;
use super::{Findings, Judge, Kind, Seen};
use crate::suite::cursor::{Cursor, words};
use crate::suite::shape::Shape;

pub(super) const KIND: Kind = Kind {
    key: "upgrade",
    about: "websocket: where the answer is 101, it is the opening of a WebSocket (RFC 6455)",
    example: "websocket",
    shape: Shape::Word("a protocol", || words(PROTOCOLS)),
    parse,
};

const PROTOCOLS: &[(&str, ())] = &[("websocket", ())];

/// The key of the example in RFC 6455, section 1.3, and what a server makes of it.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

#[derive(Debug)]
struct WebSocket;

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    cursor.word("protocol", PROTOCOLS)?;
    Some(Box::new(WebSocket))
}

impl Judge for WebSocket {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        if seen.answer.status != 101 {
            let status = seen.answer.status;
            judgements.kept(format!("no WebSocket is offered: status {status}"));
            return;
        }
        let value = |name: &'static str| seen.answer.header(name).next().unwrap_or_default();
        let has = |name: &'static str, word: &str| {
            let items = value(name).split(|byte| *byte == b',');
            items.into_iter().any(|item| item.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
        };
        for (name, word) in [("Upgrade", "websocket"), ("Connection", "upgrade")] {
            let told = format!("header {name} is {}, wanted `{word}`", quoted(value(name)));
            judgements.of(has(name, word), told);
        }
        let sent = &seen.exchange.sent.headers;
        let key = sent.iter().find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
        // The answer to another key would take SHA-1 to know.
        if key.is_some_and(|(_, key)| key == KEY) {
            let accept = value("Sec-WebSocket-Accept");
            let told =
                format!("header Sec-WebSocket-Accept is {}, wanted `{ACCEPT}`", quoted(accept));
            judgements.of(accept == ACCEPT.as_bytes(), told);
        }
    }

    fn summary(&self) -> String {
        "the opening of a WebSocket, where there is one".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, judged};
    use super::KIND;

    #[test]
    fn openings() {
        let upgrade = [("Upgrade", "WebSocket"), ("Connection", "keep-alive, Upgrade")];
        assert_eq!(judged(&KIND, "websocket", &answer(404, &[], b"")), "kept");
        assert_eq!(judged(&KIND, "websocket", &answer(101, &upgrade, b"")), "kept");
        assert_eq!(
            judged(&KIND, "websocket", &answer(101, &[("Upgrade", "h2c")], b"")),
            "header Upgrade is `h2c`, wanted `websocket`; header Connection is empty, wanted `upgrade`"
        );
        assert_eq!(judged(&KIND, "h2c", &answer(200, &[], b"")), "problem: `h2c` is no protocol");
    }
}
