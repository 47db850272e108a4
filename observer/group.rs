//! The control groups of the container that is looked at: what it used, and its limit of memory.

use std::fs;
use std::path::{Path, PathBuf};

/// Where the machine's control groups are mounted in the observer's container.
const ROOT: &str = "/group";
/// How far what is written to `/tmp` may run ahead of the next look.
const SLACK: u64 = 48 << 20;

pub struct Group {
    /// Directories in which a controller's files may be.
    places: Vec<(String, PathBuf)>,
    /// The limit without `/tmp`, and as it is now.
    memory: u64,
    current: u64,
    peak: u64,
}

/// What was used; what is not known is left out.
#[derive(Default, PartialEq, Clone)]
pub struct Used {
    pub cpu: Option<u64>,
    pub peak: Option<u64>,
    pub out_of_memory: Option<u64>,
}

impl Group {
    /// From the text of a process's `/proc/PID/cgroup`.
    pub fn of(text: &str, memory: u64) -> Group {
        let mut places = Vec::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, ':').skip(1);
            let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
            let path = path.trim_start_matches('/');
            if controllers.is_empty() {
                // Version 2, alone or beside version 1.
                places.push((String::new(), Path::new(ROOT).join(path)));
                places.push((String::new(), Path::new(ROOT).join("unified").join(path)));
            }
            for controller in controllers.split(',') {
                for directory in [controller, controllers] {
                    let place = Path::new(ROOT).join(directory).join(path);
                    places.push((controller.to_owned(), place));
                }
            }
        }
        Group { places, memory, current: memory, peak: 0 }
    }

    /// Lets the limit of memory follow what `/tmp` holds, which is a disk on the platform.
    pub fn follow(&mut self, written: u64) {
        let allowed = if written > 0 { self.memory + written + SLACK } else { self.memory };
        if allowed == self.current {
            return;
        }
        let old = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"];
        let files: Vec<&str> = match self.place("", "memory.max") {
            Some(_) => vec!["memory.max"],
            // With swap it is never less than without.
            None if allowed > self.current => old.into_iter().rev().collect(),
            None => old.to_vec(),
        };
        let mut done = false;
        for file in files {
            let place = self.place("memory", file).or_else(|| self.place("", file));
            let Some(place) = place else { continue };
            // Less than is in use cannot be set; the next look tries again.
            done = fs::write(place, allowed.to_string()).is_ok();
        }
        if done {
            self.current = allowed;
        }
    }

    /// What was used by now.
    pub fn used(&mut self) -> Used {
        let new = |file, word| self.number("", file, Some(word));
        let cpu = new("cpu.stat", "usage_usec").map(|time| time * 1000);
        let cpu = cpu.or_else(|| self.number("cpuacct", "cpuacct.usage", None));
        let out = new("memory.events", "oom_kill");
        let out = out.or_else(|| self.number("memory", "memory.oom_control", Some("oom_kill")));
        let resident = new("memory.stat", "anon");
        let resident =
            resident.or_else(|| self.number("memory", "memory.stat", Some("total_rss")));
        self.peak = self.peak.max(resident.unwrap_or(0));
        if out.is_some_and(|count| count > 0) {
            self.peak = self.peak.max(self.memory);
        }
        Used { cpu, peak: (self.peak > 0).then_some(self.peak), out_of_memory: out }
    }

    /// How often the limit of processes refused one.
    pub fn forks_refused(&self) -> Option<u64> {
        let of = |controller| self.number(controller, "pids.events", Some("max"));
        of("").or_else(|| of("pids"))
    }

    /// A number of a file, or of the line in it that begins with a word.
    fn number(&self, controller: &str, file: &str, word: Option<&str>) -> Option<u64> {
        let text = fs::read_to_string(self.place(controller, file)?).ok()?;
        match word {
            None => text.trim().parse().ok(),
            Some(word) => text.lines().find_map(|line| {
                let (name, value) = line.split_once(' ')?;
                (name == word).then(|| value.trim().parse().ok())?
            }),
        }
    }

    fn place(&self, controller: &str, file: &str) -> Option<PathBuf> {
        let mut places = self.places.iter().filter(|(of, _)| of == controller);
        places.find_map(|(_, place)| Some(place.join(file)).filter(|path| path.exists()))
    }
}
