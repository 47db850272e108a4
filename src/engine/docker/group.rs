//! The container's control groups, where this machine shows them.
#![expect(clippy::disallowed_methods, reason = "control groups are files")]

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ROOT: &str = "/sys/fs/cgroup";

/// Directories in which the container's group may be, the same for all controllers.
#[derive(Debug, Clone)]
pub(super) struct Group {
    places: Vec<PathBuf>,
}

impl Group {
    /// Of the container with this id, which need not run yet.
    pub(super) fn of(id: &str) -> Group {
        let names = [format!("docker/{id}"), format!("system.slice/docker-{id}.scope")];
        Group { places: names.into_iter().map(PathBuf::from).collect() }
    }

    /// The host's numbers of its processes; none where there is no group (yet).
    pub(super) fn processes(&self) -> Vec<i32> {
        let text =
            self.read("pids", "cgroup.procs").or_else(|| self.read("memory", "cgroup.procs"));
        text.unwrap_or_default().lines().filter_map(|line| line.trim().parse().ok()).collect()
    }

    /// The memory limit's file, by the version of control groups.
    fn limits() -> &'static [&'static str] {
        if Self::is_unified() {
            &["memory.max"]
        } else {
            &["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
        }
    }

    fn is_unified() -> bool {
        Path::new(ROOT).join("cgroup.controllers").exists()
    }

    /// Sets the limit of memory, swap included, from what it is to more or less.
    pub(super) fn allow(&self, bytes: u64, before: u64) -> io::Result<()> {
        let mut files = Self::limits().to_vec();
        // With swap it is never less than without.
        if bytes > before {
            files.reverse();
        }
        let mut last = Ok(());
        for file in files {
            let place = self.place("memory", file);
            let place = place.ok_or(io::ErrorKind::NotFound)?;
            match fs::write(place, bytes.to_string()) {
                // Not there without swap accounting.
                Err(_) if file.contains("memsw") => {}
                written => last = last.and(written),
            }
        }
        last
    }

    /// Memory that is neither cache nor file system.
    pub(super) fn resident(&self) -> Option<u64> {
        let name = if Self::is_unified() { "anon" } else { "total_rss" };
        self.number("memory", "memory.stat", Some(name))
    }

    /// CPU time used.
    pub(super) fn cpu(&self) -> Option<Duration> {
        if Self::is_unified() {
            self.number("cpu", "cpu.stat", Some("usage_usec")).map(Duration::from_micros)
        } else {
            self.number("cpuacct", "cpuacct.usage", None).map(Duration::from_nanos)
        }
    }

    /// How often memory ran out.
    pub(super) fn out_of_memory(&self) -> Option<u64> {
        let file = if Self::is_unified() { "memory.events" } else { "memory.oom_control" };
        self.number("memory", file, Some("oom_kill"))
    }

    /// How often the limit of processes refused one.
    pub(super) fn forks_refused(&self) -> Option<u64> {
        self.number("pids", "pids.events", Some("max"))
    }

    /// A number of a file, or of the line in it that begins with a word.
    fn number(&self, controller: &str, file: &str, word: Option<&str>) -> Option<u64> {
        let text = self.read(controller, file)?;
        match word {
            None => text.trim().parse().ok(),
            Some(word) => text.lines().find_map(|line| {
                let (name, value) = line.split_once(' ')?;
                (name == word).then(|| value.trim().parse().ok())?
            }),
        }
    }

    fn read(&self, controller: &str, file: &str) -> Option<String> {
        fs::read_to_string(self.place(controller, file)?).ok()
    }

    fn place(&self, controller: &str, file: &str) -> Option<PathBuf> {
        let tops = [Path::new(ROOT).join(controller), PathBuf::from(ROOT)];
        let places = tops.iter().flat_map(|top| self.places.iter().map(|place| top.join(place)));
        places.map(|place| place.join(file)).find(|path| path.exists())
    }
}
