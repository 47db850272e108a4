//! F005: no file that the function uses is closed to other users.

use super::{Findings, Look, Proof, Rule};
use crate::check::{Check, Severity, Status};
use crate::contract::Function;
use crate::evidence::Trial;
use crate::image::{Access, Denied, Image, Kind, Lookup, User};
use crate::plan::{Plan, RootMode};

pub(super) const RULE: Rule = Rule {
    id: "F005",
    severity: Severity::Warning,
    title: "no file that the function uses is closed to other users",
    clause: "other-users-files",
    why: "The platform does not say as which user it runs the image, and advises against files \
          that only their owner may read or execute. With an id that owns nothing in the image, \
          such files cannot be used.",
    fix: "RUN chmod -R a+rX <directory>, or COPY --chmod=755",
    proof: Proof { breaks: "f005-command-closed", keeps: "f005-code-open" },
    look: Look::Image(look),
};

/// An id that owns nothing in any image: the one that stands for nobody in user namespaces.
const STRANGER: u32 = 65_533;
/// Log lines of a stranger's start that are shown.
const LINES: usize = 3;
/// Files that are named; the rest are counted.
const NAMED: usize = 5;
/// Working directories that hold the whole system, or nothing of the function's own.
const NOT_THE_FUNCTIONS: [&str; 12] = [
    "/", "/bin", "/dev", "/etc", "/home", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr", "/var",
];

fn look(image: &Image, function: &Function, found: &mut Findings) {
    let Ok(plan) = Plan::new(image, function, RootMode::Writable, Vec::new()) else {
        return found.skip("there is no command that could be looked at (M007, F001)");
    };
    let stranger = stranger();
    let mut closed = Closed { image, stranger: &stranger, found: Vec::new() };
    for (at, needed) in plan.start(image).files.iter().enumerate() {
        closed.look(&needed.path, Access::Read);
        if at == 0 {
            closed.look(&needed.path, Access::Execute);
        }
    }
    for word in plan.argv.iter().skip(1).filter(|word| word.contains('/') || word.contains('.')) {
        if let Lookup::Found { path, .. } = image.tree.lookup(word, &plan.working_dir) {
            closed.look(&path, Access::Read);
        }
    }
    closed.working_dir(&plan.working_dir);
    let closed = closed.found;
    let Some(first) = closed.first() else {
        found.pass("");
        return;
    };
    let message = match closed.len() {
        1 => format!("{first} is closed to other users"),
        count => format!("{first} and {} more are closed to other users", count - 1),
    };
    found.fail(message);
    for line in closed.iter().take(NAMED) {
        found.evidence(line.clone());
    }
    if closed.len() > NAMED {
        found.evidence(format!("and {} more", closed.len() - NAMED));
    }
    let component = first.split(' ').next().unwrap_or_default();
    found.fix(format!("RUN chmod -R a+rX {component}    # or COPY --chmod=755"));
}

/// Somebody who owns nothing in any image.
#[must_use]
pub fn stranger() -> User {
    User { uid: STRANGER, gid: STRANGER, ..User::default() }
}

/// Whether a check says that files are closed to strangers: then a start as one tells more.
#[must_use]
pub fn is_closed_to_strangers(check: &Check) -> bool {
    check.id == RULE.id && check.status == Status::Fail
}

/// Confirms such a check by a start as a stranger. Where that goes well, the files are closed
/// still, but nothing that was seen needs them.
pub fn prove_closed(check: &mut Check, trial: &Trial) {
    if !is_closed_to_strangers(check) {
        return;
    }
    let seen = if trial.keeps_up() {
        check.severity = Severity::Info;
        "it starts and answers without".to_owned()
    } else {
        match (&trial.boot.diagnosis, &trial.first) {
            (Some(diagnosis), _) => format!("it does not start: {}", diagnosis.message),
            (None, Some(first)) => format!("{} fails: {}", first.check.id, first.check.message),
            (None, None) => "it is not asked".to_owned(),
        }
    };
    check.message = format!("{}; as user {STRANGER} {seen}", check.message);
    let lines = trial.logs.last(LINES).map(|line| format!("log: {}", line.text));
    check.evidence.extend(lines);
}

struct Closed<'a> {
    image: &'a Image,
    stranger: &'a User,
    /// `path (mode 0600, owner 0:0)`, each component once.
    found: Vec<String>,
}

impl Closed<'_> {
    fn look(&mut self, path: &str, access: Access) {
        let denied = self.image.tree.access(path, "/", self.stranger, access);
        if let Err(Denied::Refused { component, mode, uid, gid, .. }) = denied {
            let line = format!("{component} (mode {mode:04o}, owner {uid}:{gid})");
            if !self.found.contains(&line) {
                self.found.push(line);
            }
        }
    }

    /// Looks at all that lies below the working directory: a function's own code, as a rule.
    fn working_dir(&mut self, directory: &str) {
        let Lookup::Found { node, path } = self.image.tree.lookup(directory, "/") else { return };
        if NOT_THE_FUNCTIONS.contains(&path.as_str()) {
            return;
        }
        let mut below = vec![(node, path)];
        while let Some((node, path)) = below.pop() {
            let before = self.found.len();
            let is_directory = matches!(self.image.tree.node(node).kind, Kind::Directory);
            match self.image.tree.node(node).kind {
                Kind::Symlink { .. } | Kind::Special => continue,
                _ => self.look(&path, Access::Read),
            }
            if is_directory && self.found.len() == before {
                self.look(&path, Access::Execute);
            }
            // What lies below a closed directory is closed with it.
            if is_directory && self.found.len() == before {
                let children = self.image.tree.children(node);
                below.extend(children.map(|(name, child)| (child, format!("{path}/{name}"))));
            }
        }
        self.found.sort();
    }
}
