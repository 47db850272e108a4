//! Every check there is, rules and built-in cases alike, with all that is ever said of it: what
//! `rules` lists, `explain` tells and `docs/rules.md` holds.

use std::fmt::Write as _;

use crate::check::{Cause, Severity};
use crate::contract::{Clause, Contract, FunctionType, Known};
use crate::nearest::nearest;
use crate::rules::{Look, RULES, Rule};
use crate::suite::{Case, builtin};

/// One check.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Stable id.
    pub id: &'static str,
    /// What is wanted, as a sentence without a full stop.
    pub title: &'static str,
    /// How much a failure weighs.
    pub severity: Severity,
    /// When it is looked at, in a few words.
    pub when: &'static str,
    /// What happens on the platform to an image that breaks it. Of a case its clause says that.
    pub why: Option<&'static str>,
    /// What to change, in general.
    pub fix: Option<&'static str>,
    /// The sentence of the contract that it stands on.
    pub clause: Option<&'static Clause>,
    /// The fixture that breaks it and the near miss that keeps it.
    pub proof: Option<(&'static str, &'static str)>,
}

/// All checks: the rules, then the cases of the built-in suites.
#[must_use]
pub fn entries() -> Vec<Entry> {
    let kinds = [FunctionType::Event, FunctionType::Http, FunctionType::Job];
    let cases = kinds.into_iter().filter_map(|kind| {
        let when = match kind {
            FunctionType::Event => "an invocation of an event function",
            FunctionType::Http => "a request to an HTTP function",
            FunctionType::Job => "a job's run",
        };
        builtin(kind).map(|suite| (when, &suite.cases))
    });
    let cases = cases.flat_map(|(when, cases)| cases.iter().map(move |case| of_case(case, when)));
    RULES.iter().map(|rule| of_rule(rule)).chain(cases).collect()
}

/// The check with an id, in any case; or the id that was probably meant.
///
/// # Errors
///
/// The nearest id, where there is one, of a check that is not there.
pub fn find(id: &str) -> Result<Entry, Option<&'static str>> {
    let entries = entries();
    let wanted = id.to_ascii_uppercase();
    let meant = nearest(&wanted, entries.iter().map(|entry| entry.id));
    entries.into_iter().find(|entry| entry.id == wanted).ok_or(meant)
}

fn of_rule(rule: &'static Rule) -> Entry {
    Entry {
        id: rule.id,
        title: rule.title,
        severity: rule.severity,
        when: match rule.look {
            Look::Manifest(_) => "manifest and config, nothing is started",
            Look::Image(_) => "the layers, nothing is started",
            Look::Boot(_) => "the start",
            Look::Run(_) => "the instance, from its start to its end",
            Look::Job(_) => "a job's run",
            Look::Engines(_) => "with several engines",
        },
        why: Some(rule.why),
        fix: Some(rule.fix),
        clause: Contract::scf().clause(rule.clause),
        // What takes two engines has no fixture.
        proof: (!matches!(rule.look, Look::Engines(_)))
            .then_some((rule.proof.breaks, rule.proof.keeps)),
    }
}

fn of_case(case: &'static Case, when: &'static str) -> Entry {
    Entry {
        id: &case.id,
        title: &case.name,
        severity: case.severity,
        when,
        why: None,
        fix: case.fix.as_deref(),
        clause: case.clause.as_deref().and_then(|clause| Contract::scf().clause(clause)),
        proof: case.proof.as_ref().map(|proof| (proof.breaks.as_str(), proof.keeps.as_str())),
    }
}

impl Entry {
    /// All of it, a named part a line, for a terminal of so many columns.
    #[must_use]
    pub fn text(&self, width: usize) -> String {
        let mut text = format!("{} {} [{}]\n", self.id, self.title, self.severity);
        for (name, part) in self.parts(|name| format!("fixture:{name}")) {
            text.push('\n');
            for (number, line) in wrapped(&part, width.saturating_sub(12).max(24)).enumerate() {
                let name = if number == 0 { name } else { "" };
                // Writing to a string cannot fail.
                let _ = writeln!(text, "  {name:<10}{line}");
            }
        }
        text
    }

    fn markdown(&self) -> String {
        let mut text = format!("### {} {}\n\n", self.id, self.title);
        let _ = writeln!(text, "A failure is: {}.", self.severity);
        for (name, part) in
            self.parts(|name| format!("[`fixture:{name}`](../fixtures/images/{name}.yaml)"))
        {
            let _ = writeln!(text, "\n**{name}** {part}");
        }
        text.push('\n');
        text
    }

    /// What there is to say, by its name.
    fn parts(&self, fixture: impl Fn(&str) -> String) -> Vec<(&'static str, String)> {
        let mut parts = vec![("looks at", format!("{}.", self.when))];
        parts.extend(self.why.map(|why| ("why", why.to_owned())));
        parts.extend(self.fix.map(|fix| ("fix", fix.to_owned())));
        parts.extend(self.clause.map(|clause| {
            let known = match clause.known {
                Known::Documented => "documented",
                Known::Seen => "seen on the platform",
                Known::Inferred => "follows from what is known",
            };
            ("contract", format!("{} ({}; {known})", clause.sentence, clause.document))
        }));
        parts.extend(self.proof.map(|(breaks, keeps)| {
            (
                "proof",
                format!("{} breaks it; {} keeps it, a near miss.", fixture(breaks), fixture(keeps)),
            )
        }));
        parts
    }
}

/// The page `docs/rules.md`.
#[must_use]
pub fn page() -> String {
    let mut text = "# What is checked\n\n\
        Written from the program by `UPDATE_EXPECT=1 cargo test --test docs`; `scf-conform explain ID` \
        tells the same.\n\n"
        .to_owned();
    let entries = entries();
    let _ = write!(text, "| id | what is wanted | a failure is |\n|---|---|---|\n");
    for Entry { id, title, severity, .. } in &entries {
        let _ = writeln!(text, "| {id} | {title} | {severity} |");
    }
    text.push('\n');
    for entry in &entries {
        text.push_str(&entry.markdown());
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The page `docs/causes.md`.
#[must_use]
pub fn causes() -> String {
    let mut text = "# Causes\n\n\
        Written from the program by `UPDATE_EXPECT=1 cargo test --test docs`.\n\n\
        A check that fails names its cause by one of these words, wherever the program knows it: in \
        the report as `cause`, beside the evidence and what to change. The words stay; new ones come \
        at the end.\n\n| cause | what happened |\n|---|---|\n"
        .to_owned();
    for cause in Cause::ALL {
        let _ = writeln!(text, "| `{cause}` | {} |", cause.about());
    }
    text
}

/// A text in lines of at most so many characters.
fn wrapped(text: &str, width: usize) -> impl Iterator<Item = String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        let length = line.chars().count() + 1 + word.chars().count();
        if line.is_empty() {
            line.push_str(word);
        } else if length <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_stands_on_a_sentence_and_says_what_to_do() {
        for entry in entries() {
            assert!(entry.clause.is_some(), "{} has no clause", entry.id);
            assert!(entry.fix.is_some(), "{} has no fix", entry.id);
        }
    }

    #[test]
    fn an_id_is_found_or_the_nearest_is_named() {
        assert_eq!(find("b001").expect("is there").id, "B001");
        assert_eq!(find("B0001").expect_err("is not there"), Some("B001"));
        assert_eq!(find("zebra").expect_err("is not there"), None);
    }

    #[test]
    fn lines_are_as_long_as_they_may_be() {
        let text = find("B001").expect("is there").text(60);
        assert!(text.lines().skip(1).all(|line| line.chars().count() <= 60), "{text}");
        assert_eq!(wrapped("a bb ccc", 4).collect::<Vec<_>>(), ["a bb", "ccc"]);
    }
}
