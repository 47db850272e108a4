//! B003: the image also starts on a read-only root file system.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Cause, Severity};
use crate::contract::Function;
use crate::evidence::{Attempt, LogLine, Run, Trial};
use crate::units;

pub(super) const RULE: Rule = Rule {
    id: "B003",
    severity: Severity::Warning,
    title: "also starts on a read-only root file system",
    clause: "read-only-root",
    why: "The document of the image functions gives the container a writable layer; newer ones say \
          that the root file system is read-only, and name it first among the reasons for 405 \
          ContainerStateExited. An image that writes elsewhere at its start runs until the \
          platform does as it says. With --strict that counts as an error.",
    fix: "write below /tmp: set TMPDIR, HOME or the program's own cache, pid and log directories there",
    proof: Proof { breaks: "b003-needs-writable-root", keeps: "b003-goes-on-without-writing" },
    look: Look::Run(look),
};

/// Log lines that are shown as evidence.
const LINES: usize = 5;
/// Paths written on a writable root that are shown where the log names none.
const PATHS: usize = 5;

fn look(run: &Run, function: &Function, found: &mut Findings) {
    let trial = match &run.read_only {
        Attempt::Untried { why } => return found.skip(why.clone()),
        Attempt::Made(trial) => trial,
    };
    if trial.keeps_up() {
        let after = trial.boot.phases.listen.map(units::duration).unwrap_or_default();
        found.pass(format!("listens after {after}"));
        return;
    }
    if run.ended.is_some() {
        return found.skip("the process ends on a writable root, too (B002)");
    }
    let refused = trial.logs.lines.iter().find_map(|line| refused_path(&line.text));
    let what = match (&trial.boot.diagnosis, &trial.first) {
        (Some(diagnosis), _) => format!("does not start: {}", diagnosis.message),
        (None, Some(first)) => {
            format!("starts, and fails {}: {}", first.check.id, first.check.message)
        }
        (None, None) => "starts, and is not asked".to_owned(),
    };
    let message = match refused.filter(|path| !what.contains(path)) {
        Some(path) => format!("with a read-only root it {what}; `{path}` could not be written"),
        None => format!("with a read-only root it {what}"),
    };
    found.fail(message).cause(Cause::ReadOnlyRoot);
    if let Some(diagnosis) = trial.boot.diagnosis.as_ref()
        && diagnosis.cause == Cause::ReadOnlyRoot
    {
        found.fix(diagnosis.fix.clone());
    }
    if function.strict {
        found.weighs(Severity::Error);
    }
    for line in told(trial) {
        found.evidence(format!("log: {}", line.text));
    }
    if refused.is_none() {
        for write in run.writes.iter().take(PATHS) {
            found.evidence(format!("on a writable root it writes {}", write.path));
        }
    }
}

/// The lines that speak of it, or else the last ones.
fn told(trial: &Trial) -> Vec<&LogLine> {
    let speak = |line: &&LogLine| is_refusal(&line.text);
    let lines: Vec<&LogLine> = trial.logs.lines.iter().filter(speak).take(LINES).collect();
    if lines.is_empty() { trial.logs.last(LINES).collect() } else { lines }
}

/// Whether a line tells that a file system is read-only, in whatever language.
fn is_refusal(line: &str) -> bool {
    let lower = line.to_lowercase();
    ["read-only file system", "erofs", "errno 30", "os error 30"]
        .iter()
        .any(|mark| lower.contains(mark))
}

/// The path that a line says could not be written. The first in quotes, else the one next to
/// the words.
fn refused_path(line: &str) -> Option<&str> {
    if !is_refusal(line) {
        return None;
    }
    let quoted = ['\'', '"', '`'].into_iter().find_map(|quote| {
        let parts = line.split(quote).skip(1).step_by(2);
        parts.into_iter().find(|part| part.starts_with('/') && part.len() > 1)
    });
    quoted.or_else(|| {
        let end = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | ',' | ';' | '[' | ']');
        let mut words =
            line.split(end).map(|word| word.trim_end_matches([':', '.', '\'', '"', '`']));
        // A program names itself first, and what it wanted after that.
        words.rfind(|word| word.starts_with('/') && word.len() > 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_read_from_what_programs_say() {
        let check = |line: &str, path: Option<&str>| assert_eq!(refused_path(line), path, "{line}");
        check("sh: can't create /var/run/app.pid: Read-only file system", Some("/var/run/app.pid"));
        check("/bin/sh: 1: cannot create /var/x: Read-only file system", Some("/var/x"));
        check("OSError: [Errno 30] Read-only file system: '/srv/cache'", Some("/srv/cache"));
        check("Error: EROFS: read-only file system, open '/app/.cache/x'", Some("/app/.cache/x"));
        check("open /app/data.db: read-only file system", Some("/app/data.db"));
        check(
            "nginx: [emerg] mkdir() \"/var/cache/nginx/client_temp\" failed (30: Read-only file system)",
            Some("/var/cache/nginx/client_temp"),
        );
        check(
            "java.io.FileNotFoundException: /logs/a.log (Read-only file system)",
            Some("/logs/a.log"),
        );
        check("write /a/b: Read-only file system (os error 30)", Some("/a/b"));
        check("Read-only file system", None);
        check("cannot open /etc/x: Permission denied", None);
    }
}
