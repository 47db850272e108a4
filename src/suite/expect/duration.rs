//! `duration:` looks at the time from the connection to the whole answer.

use std::time::Duration;

use super::{Findings, Judge, Kind, Seen};
use crate::suite::amount;
use crate::suite::cursor::Cursor;
use crate::suite::shape::{DURATION, Key, Shape, Table};
use crate::units;

pub(super) const KIND: Kind = Kind {
    key: "duration",
    about: "the time until the answer was whole: below so much",
    example: "{below: 1s}",
    shape: Shape::Map(&DURATION_BELOW),
    parse,
};

const DURATION_BELOW: Table = Table {
    of: "`duration:`",
    name: "duration",
    keys: &[Key::new("below", "a duration: 250ms, 1.5s", Shape::Form(&DURATION))],
    needs: &["below"],
    one_of: &[],
};

#[derive(Debug)]
struct Below(Duration);

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    let below = cursor.fields(&DURATION_BELOW)?.take("below")?;
    Some(Box::new(Below(amount::duration(&below)?)))
}

impl Judge for Below {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        let took = seen.exchange.timing.total;
        let text = units::duration(took);
        if took < self.0 {
            judgements.kept(format!("answered in {text}"));
        } else {
            judgements.broken(format!("answered in {text}, wanted {}", self.summary()));
        }
    }

    fn summary(&self) -> String {
        format!("below {}", units::duration(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, judged};
    use super::KIND;

    #[test]
    fn durations() {
        for (value, expected) in [
            ("{below: 1s}", "kept"),
            ("{below: 250ms}", "answered in 250 ms, wanted below 250 ms"),
            ("{below: 1}", "problem: expected a duration, found a number"),
            ("{bellow: 1s}", "problem: `bellow` is no key of `duration:`"),
        ] {
            assert_eq!(judged(&KIND, value, &answer(200, &[], b"")), expected, "{value}");
        }
    }
}
