//! `head:` looks at how large the answer's header fields are together.

use super::{Findings, Judge, Kind, Seen};
use crate::suite::amount;
use crate::suite::cursor::Cursor;
use crate::suite::shape::{Key, SIZE, Shape, Table};
use crate::units;

pub(super) const KIND: Kind = Kind {
    key: "head",
    about: "all header fields together, names and values: at most so much",
    example: "{most: 4 KB}",
    shape: Shape::Map(&HEAD),
    parse,
};

const HEAD: Table = Table {
    of: "`head:`",
    name: "head",
    keys: &[Key::new("most", "so many bytes or fewer", Shape::Form(&SIZE))],
    needs: &["most"],
    one_of: &[],
};

#[derive(Debug)]
struct Most(u64);

fn parse(cursor: &Cursor<'_>) -> Option<Box<dyn Judge>> {
    let most = cursor.fields(&HEAD)?.take("most")?;
    Some(Box::new(Most(amount::size(&most, u64::MAX)?)))
}

impl Judge for Most {
    fn judge(&self, seen: &Seen<'_>, judgements: &mut Findings) {
        let headers = &seen.answer.headers;
        let size: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        let told = format!("{} header fields of {size} bytes", headers.len());
        if size as u64 <= self.0 {
            judgements.kept(told);
        } else {
            judgements.broken(format!("{told}, wanted {}", self.summary()));
        }
    }

    fn summary(&self) -> String {
        format!("at most {} of header fields", units::size(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{answer, judged};
    use super::KIND;

    #[test]
    fn heads() {
        let answer = answer(200, &[("ab", "cd"), ("e", "f")], b"");
        assert_eq!(judged(&KIND, "{most: 6}", &answer), "kept");
        assert_eq!(
            judged(&KIND, "{most: 5}", &answer),
            "2 header fields of 6 bytes, wanted at most 5 B of header fields"
        );
        assert_eq!(judged(&KIND, "{}", &answer), "problem: `head:` needs `most:`");
    }
}
