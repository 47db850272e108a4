//! The matrix as text: a line a rule, then whatever was not as expected.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::{Fixture, Matrix, Row};

/// Names of near misses on a line; `hello` keeps nearly everything, so the rest is counted.
const NAMES: usize = 4;

impl Matrix {
    /// The matrix for a terminal or a log: rule by rule which image broke it and which kept
    /// it, deviations with what was expected and found, what is `unproved`, and a last line
    /// that greps.
    #[must_use]
    pub fn text(&self, unproved: &[String]) -> String {
        let mut text = String::new();
        let deviating: Vec<&Row> = self.rows.iter().filter(|row| !row.holds()).collect();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, unproved, &deviating);
        let word = if unproved.is_empty() && self.holds() { "ok" } else { "FAIL" };
        let _ = writeln!(
            text,
            "selftest: {word}  {} images: {} as expected, {} not; {} rules and cases unproved; booted \
             with {}",
            self.rows.len(),
            self.rows.len() - deviating.len(),
            deviating.len(),
            unproved.len(),
            self.engines.join(", "),
        );
        text
    }

    fn write(&self, out: &mut String, unproved: &[String], deviating: &[&Row]) -> fmt::Result {
        let names = |rows: Vec<&Row>| {
            let mut names: Vec<String> = rows.iter().take(NAMES).map(|row| mark(row)).collect();
            if rows.len() > NAMES {
                names.push(format!("and {} more", rows.len() - NAMES));
            }
            if names.is_empty() { "-".to_owned() } else { names.join(", ") }
        };
        let mut lines: BTreeMap<String, (String, String)> = BTreeMap::new();
        for id in self.ids() {
            let broken = names(self.breaking(&id).collect());
            let kept = names(self.keeping(&id).collect());
            lines.insert(id, (broken, kept));
        }
        let width = lines.values().map(|(broken, _)| broken.len()).max().unwrap_or_default();
        writeln!(out, "{:<6}{:<width$}  kept by", "rule", "broken by")?;
        for (id, (broken, kept)) in lines {
            writeln!(out, "{id:<6}{broken:<width$}  {kept}")?;
        }
        writeln!(out)?;
        for row in deviating {
            writeln!(out, "{}", row.name)?;
            for deviation in &row.deviations {
                writeln!(out, "    {deviation}")?;
            }
        }
        for line in unproved {
            writeln!(out, "{line}")?;
        }
        if !(deviating.is_empty() && unproved.is_empty()) {
            writeln!(out)?;
        }
        self.write_sent(out)
    }

    fn write_sent(&self, out: &mut String) -> fmt::Result {
        let Some(first) = self.sent.first() else { return Ok(()) };
        let names: Vec<&str> = self.sent.iter().map(|sent| sent.name.as_str()).collect();
        let same = if self.sent.iter().all(|sent| sent.deviations.is_empty()) {
            "the same was found"
        } else {
            "NOT the same was found"
        };
        writeln!(out, "{same} through {}: {}", first.through.join(", "), names.join(", "))?;
        for sent in &self.sent {
            for deviation in &sent.deviations {
                writeln!(out, "    {}: {deviation}", sent.name)?;
            }
        }
        writeln!(out)
    }
}

fn mark(row: &Row) -> String {
    if row.holds() { row.name.clone() } else { format!("{} (!)", row.name) }
}

/// The fixtures with what each is about, for `--list`.
#[must_use]
pub fn list(fixtures: &[Fixture]) -> String {
    let width = fixtures.iter().map(|fixture| fixture.name.len()).max().unwrap_or_default();
    let mut text = String::new();
    for fixture in fixtures {
        let breaks = fixture.proves.breaks.as_deref().unwrap_or("-");
        let _ = writeln!(text, "{:<width$}  {breaks:<4}  {}", fixture.name, fixture.about);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use expect_test::expect;

    use super::*;
    use crate::report::Verdict;
    use crate::selftest::Sent;

    #[test]
    fn the_matrix_is_read_at_a_glance() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        let row = |name: &str, breaks: Option<&str>, deviations: &[&str]| Row {
            name: name.to_owned(),
            breaks: breaks.map(str::to_owned),
            verdict: (Verdict::Conforms, Verdict::Conforms),
            passed: ids(&["B001", "M001"]),
            failed: BTreeSet::new(),
            keeps: ids(if breaks.is_none() { &["B001"] } else { &[] }),
            deviations: deviations.iter().map(|&line| line.to_owned()).collect(),
        };
        let rows = vec![
            row("hello", None, &[]),
            row("loopback-bind", Some("B001"), &["B001: expected fail, found pass: on 0.0.0.0"]),
        ];
        let sent = vec![Sent {
            name: "hello".to_owned(),
            through: vec!["oci", "docker"],
            deviations: vec!["through docker: M001 fail, not pass: seen".to_owned()],
        }];
        expect![[r"
            rule  broken by          kept by
            B001  loopback-bind (!)  hello
            M001  -                  -

            loopback-bind
                B001: expected fail, found pass: on 0.0.0.0
            M001: `manifest-schema-1` is no fixture that breaks it

            NOT the same was found through oci, docker: hello
                hello: through docker: M001 fail, not pass: seen

            selftest: FAIL  2 images: 1 as expected, 1 not; 1 rules and cases unproved; booted with embedded
        "]]
        .assert_eq(
            &Matrix { rows, sent, engines: vec!["embedded".to_owned()] }
                .text(&["M001: `manifest-schema-1` is no fixture that breaks it".to_owned()]),
        );
    }
}
