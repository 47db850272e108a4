//! The container's first process: found by the container's id in its control group, and
//! followed through its exec to its end.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

/// Runtimes that give the process that is about to become the command their own name.
const RUNTIMES: [&str; 3] = ["crun", "youki", "runsc"];

/// Looks for a container's first process.
pub struct Search {
    container: String,
    /// Processes that were there before.
    known: BTreeSet<i32>,
}

pub struct First {
    pub pid: i32,
    /// The text of its control groups.
    pub groups: String,
    stat: File,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It is the container runtime's, about to become the command.
    Waiting,
    /// It is the command.
    Executed,
}

impl Search {
    pub fn new(container: &str) -> Search {
        Search { container: container.to_owned(), known: processes() }
    }

    pub fn look(&mut self) -> Option<First> {
        let now = processes();
        // The number of one that is gone may be given again.
        self.known.retain(|pid| now.contains(pid));
        now.difference(&self.known).find_map(|pid| {
            let first = First::open(*pid)?;
            (first.groups.contains(&self.container) && first.stage().is_some()).then_some(first)
        })
    }
}

impl First {
    fn open(pid: i32) -> Option<First> {
        let stat = File::open(format!("/proc/{pid}/stat")).ok()?;
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
        Some(First { pid, groups, stat })
    }

    /// `None` for a process that is not the first one in a container, or is gone.
    pub fn stage(&self) -> Option<Stage> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
        // Its number in each world of processes, the innermost last.
        if field("NSpid:")?.split_whitespace().skip(1).last() != Some("1") {
            return None;
        }
        let name = field("Name:")?.trim();
        let waits = name.starts_with("runc:[") || RUNTIMES.contains(&name);
        Some(if waits { Stage::Waiting } else { Stage::Executed })
    }

    /// Whether it has ended, waited for or not.
    pub fn has_ended(&self) -> bool {
        let mut text = [0; 512];
        let Ok(length) = self.stat.read_at(&mut text, 0) else { return true };
        let text = String::from_utf8_lossy(&text[..length]);
        // The program's name is in brackets, and may hold anything.
        let state = text.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        matches!(state, None | Some('Z' | 'X'))
    }
}

fn processes() -> BTreeSet<i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}
