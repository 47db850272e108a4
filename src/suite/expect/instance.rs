//! `instance:` looks at the instance after the invocation.

use super::{Findings, Judge, Kind, Look, Seen};
use crate::suite::amount;
use crate::suite::cursor::{Cursor, words};
use crate::suite::judge::ending;
use crate::suite::shape::{Key, SIZE, Shape, Table};
use crate::units;

pub(super) const KIND: Kind = Kind {
    key: "instance",
    about: "the instance after the invocation: whether it lives, its memory, what it wrote",
    example: "{alive: true, memory: {below: 100 MB}, writes: none}",
    shape: Shape::Map(&INSTANCE),
    parse,
};

const INSTANCE: Table = Table {
    of: "`instance:`",
    name: "instance",
    keys: &[
        Key::new("alive", "true: its process runs; false: it has ended", Shape::Switch),
        Key::new("memory", "the peak of its memory so far", Shape::Map(&MEMORY)),
        Key::new(
            "writes",
            "none: nothing was written outside /tmp so far",
            Shape::Word("a state of what is written", || words(WRITES)),
        ),
        Key::new(
            "tmp",
            "what is in /tmp more than before the invocation: at most so much",
            Shape::Map(&TMP),
        ),
    ],
    needs: &[],
    one_of: &[],
};

const TMP: Table = Table {
    of: "`tmp:`",
    name: "tmp",
    keys: &[Key::new("most", "so many bytes or fewer", Shape::Form(&SIZE))],
    needs: &["most"],
    one_of: &[],
};

const MEMORY: Table = Table {
    of: "`memory:`",
    name: "memory",
    keys: &[Key::new("below", "less than so much", Shape::Form(&SIZE))],
    needs: &["below"],
    one_of: &[],
};

const WRITES: &[(&str, ())] = &[("none", ())];

#[derive(Debug)]
struct Instance {
    alive: Option<bool>,
    memory: Option<u64>,
    no_writes: bool,
    tmp: Option<u64>,
}

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    let fields = cursor.fields(&INSTANCE)?;
    let memory = fields.take("memory").and_then(|memory| memory.fields(&MEMORY)?.take("below"));
    let writes = fields.take("writes");
    let tmp = fields.take("tmp").and_then(|tmp| tmp.fields(&TMP)?.take("most"));
    Some(Box::new(Instance {
        tmp: tmp.and_then(|most| amount::size(&most, u64::MAX)),
        alive: fields.take("alive").and_then(|alive| alive.boolean()),
        memory: memory.and_then(|below| amount::size(&below, u64::MAX)),
        no_writes: writes
            .and_then(|writes| writes.word("state of what is written", WRITES))
            .is_some(),
    }))
}

impl Judge for Instance {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        let after = seen.after;
        if let Some(alive) = self.alive {
            let told = match after.ended {
                None => "the process runs".to_owned(),
                Some(ended) => format!("the process {}", ending(ended)),
            };
            judgements.of(after.ended.is_none() == alive, told);
        }
        if let Some(below) = self.memory {
            let wanted = units::size(below);
            match after.memory {
                Some(peak) if peak < below => {
                    judgements.kept(format!("memory peak {}", units::size(peak)));
                }
                Some(peak) => judgements
                    .broken(format!("memory peak {}, wanted below {wanted}", units::size(peak))),
                None => judgements.broken("this machine does not tell the memory's peak"),
            }
        }
        if let Some(most) = self.tmp {
            let used = after.tmp_added;
            let told = format!(
                "{} added in /tmp, wanted at most {}",
                units::size(used),
                units::size(most)
            );
            judgements.of(used <= most, told);
        }
        if self.no_writes {
            match after.writes.as_slice() {
                [] => judgements.kept("nothing written outside /tmp"),
                [first, rest @ ..] => {
                    let more = match rest.len() {
                        0 => String::new(),
                        more => format!(" and {more} more"),
                    };
                    judgements
                        .broken(format!("{}{more} written outside /tmp, wanted none", first.path));
                }
            }
        }
    }

    fn summary(&self) -> String {
        let mut told = Vec::new();
        if let Some(alive) = self.alive {
            told.push(if alive { "a process that runs" } else { "a process that ends" }.to_owned());
        }
        if let Some(below) = self.memory {
            told.push(format!("memory below {}", units::size(below)));
        }
        if let Some(most) = self.tmp {
            told.push(format!("at most {} added in /tmp", units::size(most)));
        }
        if self.no_writes {
            told.push("nothing written outside /tmp".to_owned());
        }
        told.join(", ")
    }

    fn looks(&self) -> Look {
        if self.no_writes || self.tmp.is_some() { Look::Writes } else { Look::Instance }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, judged_after};
    use super::KIND;
    use crate::evidence::{After, Ending, Write};

    #[test]
    fn instances() {
        let write = Write { path: "/var/x".to_owned(), bytes: Some(1), removed: false };
        let after = After {
            memory: Some(50 << 20),
            writes: vec![write],
            ended: Some(Ending::Exited(1)),
            ..After::default()
        };
        for (value, after, expected) in [
            ("{alive: true, writes: none}", &After::default(), "kept"),
            ("{alive: true}", &after, "the process exited with code 1"),
            ("{memory: {below: 60 MB}, alive: false}", &after, "kept"),
            ("{tmp: {most: 0}}", &After::default(), "kept"),
            ("{memory: {below: 40 MB}}", &after, "memory peak 50 MiB, wanted below 40 MiB"),
            ("{writes: none}", &after, "/var/x written outside /tmp, wanted none"),
            ("{writes: some}", &after, "problem: `some` is no state of what is written"),
            ("{memory: 40 MB}", &after, "problem: expected a map, found a text"),
        ] {
            let told = judged_after(&KIND, value, &answer(200, &[], b""), after);
            assert_eq!(told, expected, "{value}");
        }
    }
}
