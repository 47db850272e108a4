//! `duration:` looks at the time from the connection to the whole answer.

use std::time::Duration;

use super::{Findings, Judge, Kind, Look, Seen};
use crate::suite::amount;
use crate::suite::cursor::Cursor;
use crate::suite::flow::within;
use crate::suite::shape::{DURATION, Key, Shape, Table};
use crate::units;

pub(super) const KIND: Kind = Kind {
    key: "duration",
    about: "the time until the answer was whole: below so much, or so often that of one alone",
    example: "{below: 1s}",
    shape: Shape::Map(&DURATION_BELOW),
    parse,
};

const DURATION_BELOW: Table = Table {
    of: "`duration:`",
    name: "duration",
    keys: &[
        Key::new("below", "a duration: 250ms, 1.5s", Shape::Form(&DURATION)),
        Key::new(
            "times-alone",
            "with `concurrency:`, at most so often the time of one that is asked alone before",
            TIMES,
        ),
    ],
    needs: &[],
    one_of: &["below", "times-alone"],
};

/// What `times-alone:` takes.
const TIMES: Shape = Shape::Whole(1, 1000);

/// What a machine's own hesitation may add to any answer.
const HESITATION: Duration = Duration::from_millis(100);

#[derive(Debug)]
struct Below(Duration);

/// At most so often the time of one that is asked alone.
#[derive(Debug)]
struct TimesAlone(u32);

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    let fields = cursor.fields(&DURATION_BELOW)?;
    if let Some(times) = fields.take("times-alone") {
        return Some(Box::new(TimesAlone(within(&times, &TIMES)?)));
    }
    Some(Box::new(Below(amount::duration(&fields.take("below")?)?)))
}

impl Judge for TimesAlone {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        let took = seen.exchange.timing.total;
        // One that is not asked with others is the one alone.
        let alone = seen.after.alone.unwrap_or(took);
        let text = format!(
            "answered in {}, and in {} alone",
            units::duration(took),
            units::duration(alone)
        );
        if took <= (alone * self.0).max(alone + HESITATION) {
            judgements.kept(text);
        } else {
            judgements.broken(format!("{text}, wanted {}", self.summary()));
        }
    }

    fn summary(&self) -> String {
        format!("at most {} times that of one alone", self.0)
    }

    fn looks(&self) -> Look {
        Look::Alone
    }
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
            ("{times-alone: 2}", "kept"),
            ("{times-alone: 0}", "problem: 0 is outside of 1 to 1000"),
            ("{below: 1}", "problem: expected a duration, found a number"),
            ("{bellow: 1s}", "problem: `bellow` is no key of `duration:`"),
        ] {
            assert_eq!(judged(&KIND, value, &answer(200, &[], b"")), expected, "{value}");
        }
    }
}
