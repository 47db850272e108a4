//! B009: whoever boots the image, the verdicts are the same.

use std::collections::BTreeMap;

use super::{Findings, Judged, Look, Proof, Rule};
use crate::check::{Check, Severity, Status};
use crate::contract::Function;

pub(super) const RULE: Rule = Rule {
    id: "B009",
    severity: Severity::Error,
    title: "every engine gives the same verdicts",
    clause: "engines",
    why: "What one engine finds and another does not is either a fault of an engine, or an image \
          that looks at its surroundings: it may do so on the platform as well, and which of the \
          two it is cannot be told from here.",
    fix: "compare the logs of both: check the image with one engine after the other",
    // The same image, told by its arguments to look for what one engine alone gives it.
    proof: Proof { breaks: "hello", keeps: "hello" },
    look: Look::Engines(look),
};

fn look(judged: &[Judged<'_>], _: &Function, found: &mut Findings) {
    let Some((first, others)) = judged.split_first() else { return };
    let names: Vec<&str> = judged.iter().map(|one| one.engine).collect();
    let names = names.join(" and ");
    let mut different = Vec::new();
    for other in others {
        if let Some(trouble) = other.trouble {
            different.push(format!("{} could not check it: {trouble}", other.engine));
        } else {
            different.extend(differences(first, other));
        }
    }
    if different.is_empty() {
        found.pass(format!("{names} agree on {} checks", first.checks.len()));
        return;
    }
    found.could_not_check(match different.len() {
        1 => format!("{names} differ in 1 verdict"),
        count => format!("{names} differ in {count} verdicts"),
    });
    for line in different {
        found.evidence(line);
    }
}

/// One line a check of which the two say different things, in the order of its first mention.
fn differences(one: &Judged<'_>, other: &Judged<'_>) -> Vec<String> {
    let by_id = |judged: &Judged<'_>| -> BTreeMap<String, String> {
        judged.checks.iter().map(|check| (check.id.clone(), word(check))).collect()
    };
    let (ones, others) = (by_id(one), by_id(other));
    let ids = one.checks.iter().map(|check| &check.id);
    let only_there =
        other.checks.iter().map(|check| &check.id).filter(|id| !ones.contains_key(*id));
    let said = |of: &BTreeMap<String, String>, id: &String| {
        of.get(id).cloned().unwrap_or_else(|| "nothing".to_owned())
    };
    ids.chain(only_there)
        .map(|id| (id, said(&ones, id), said(&others, id)))
        .filter(|(_, here, there)| here != there)
        .map(|(id, here, there)| format!("{id}: {} {here}, {} {there}", one.engine, other.engine))
        .collect()
}

/// What was said of a check: its status, and the cause of a failure.
fn word(check: &Check) -> String {
    match (check.status, check.cause) {
        (Status::Fail, Some(cause)) => format!("{} ({cause})", check.status),
        _ => check.status.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Cause;

    fn checks(written: &[(&str, Status, Option<Cause>)]) -> Vec<Check> {
        let check = |(id, status, cause): &(&str, Status, Option<Cause>)| {
            let function = Function::default();
            let mut check = crate::rules::skipped(&RULE, &function, "");
            (check.id, check.status, check.cause) = ((*id).to_owned(), *status, *cause);
            check
        };
        written.iter().map(check).collect()
    }

    fn judge(one: &[Check], other: &[Check], trouble: Option<&str>) -> Check {
        let judged = [
            Judged { engine: "embedded", checks: one, trouble: None },
            Judged { engine: "docker", checks: other, trouble },
        ];
        crate::rules::look_at_engines(&judged, &Function::default())
    }

    #[test]
    fn differences_are_told_check_by_check() {
        let passes = ("B002", Status::Pass, None);
        let one = checks(&[("B001", Status::Pass, None), passes, ("E001", Status::Pass, None)]);
        let other = checks(&[
            ("B001", Status::Fail, Some(Cause::WrongPort)),
            passes,
            ("H001", Status::Fail, None),
        ]);
        let found = judge(&one, &other, None);
        assert_eq!(found.status, Status::CouldNotCheck);
        assert_eq!(found.message, "embedded and docker differ in 3 verdicts");
        let lines = [
            "B001: embedded pass, docker fail (wrong-port)",
            "E001: embedded pass, docker nothing",
            "H001: embedded nothing, docker fail",
        ];
        assert_eq!(found.evidence, lines);
    }

    #[test]
    fn agreement_passes_and_trouble_does_not() {
        let one = checks(&[("B001", Status::Fail, Some(Cause::Exited))]);
        let found = judge(&one, &one, None);
        assert_eq!(found.status, Status::Pass);
        assert_eq!(found.message, "embedded and docker agree on 1 checks");
        let found = judge(&one, &[], Some("it is gone"));
        assert_eq!(found.status, Status::CouldNotCheck);
        assert_eq!(found.evidence, ["docker could not check it: it is gone"]);
    }
}
