//! `wire:` looks at what HTTP libraries let pass and a strict reader does not.

use super::{Findings, Judge, Kind, Seen};
use crate::evidence::{Answer, WireFault};
use crate::suite::cursor::{Cursor, words};
use crate::suite::shape::Shape;

pub(super) const KIND: Kind = Kind {
    key: "wire",
    about: "the bytes of the answer: clean means that a strict reader has no objection",
    example: "clean",
    shape: Shape::Word("a state of the wire", || words(STATES)),
    parse,
};

const STATES: &[(&str, ())] = &[("clean", ())];

#[derive(Debug)]
struct Clean;

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    cursor.word("state of the wire", STATES)?;
    Some(Box::new(Clean))
}

impl Judge for Clean {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        let faults = &seen.answer.faults;
        let coded = broken_coding(seen.answer);
        if let Some(why) = &coded {
            judgements.broken(why.as_str());
        }
        if faults.is_empty() && coded.is_none() {
            judgements.kept("the answer is clean HTTP/1.1");
        }
        for fault in faults {
            judgements.broken(told(fault));
        }
    }

    fn summary(&self) -> String {
        "clean HTTP/1.1".to_owned()
    }
}

/// Why the body is not what its content coding says; `None` where it is, or has none.
fn broken_coding(answer: &Answer) -> Option<String> {
    let gzip = |value: &[u8]| value.eq_ignore_ascii_case(b"gzip");
    if answer.body.is_empty() || !answer.header("content-encoding").any(gzip) {
        return None;
    }
    let mut decoder = flate2::bufread::MultiGzDecoder::new(answer.body.as_slice());
    let error = std::io::copy(&mut decoder, &mut std::io::sink()).err()?;
    Some(format!("the answer says that its body is gzip, and it is not: {error}"))
}

/// A fault as a line of a report.
pub(in crate::suite) fn told(fault: &WireFault) -> String {
    match fault {
        WireFault::BareLineFeed => {
            "lines of the answer's head end in LF alone, wanted CR LF".to_owned()
        }
        WireFault::LengthAndChunked => {
            "the answer has Content-Length and Transfer-Encoding, wanted one".to_owned()
        }
        WireFault::BytesAfterBody(1) => "1 byte follows the answer, wanted none".to_owned(),
        WireFault::BytesAfterBody(count) => {
            format!("{count} bytes follow the answer, wanted none")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, judged};
    use super::*;

    #[test]
    fn faults_are_told() {
        let mut answer = answer(200, &[], b"");
        assert_eq!(judged(&KIND, "clean", &answer), "kept");
        answer.faults.push(WireFault::BytesAfterBody(3));
        assert_eq!(judged(&KIND, "clean", &answer), "3 bytes follow the answer, wanted none");
        let coded = super::super::tests::answer(200, &[("Content-Encoding", "gzip")], b"plain");
        assert!(
            judged(&KIND, "clean", &coded).starts_with("the answer says that its body is gzip")
        );
        assert_eq!(judged(&KIND, "claen", &answer), "problem: `claen` is no state of the wire");
    }
}
