//! What the container's processes are doing, and all sockets of this network: the kernel's own
//! texts, to be understood by whoever asks. The same as is read where it can be read directly.

use std::fs;
use std::path::PathBuf;

use crate::json;

/// Processes that are looked at, threads of each, bytes of a command line, and of a table of
/// sockets: more tell nobody more.
const PROCESSES: usize = 256;
const THREADS: usize = 64;
const COMMAND_LINE: usize = 400;
const TABLE: usize = 1 << 20;

/// All of it, as one line of JSON; of the processes those that come from the first one.
pub fn tell(first: Option<i32>, forks_refused: Option<u64>) -> String {
    let mut out = String::from("{\"processes\":");
    let processes = first.map(family).unwrap_or_default().into_iter().filter_map(Process::read);
    json::list(&mut out, processes.take(PROCESSES), |out, process| process.tell(out));
    for name in ["tcp", "udp"] {
        out.push_str(&format!(",\"{name}\":"));
        json::text(&mut out, table(name).as_bytes());
    }
    out.push_str(",\"forks_refused\":");
    json::number(&mut out, forks_refused);
    out.push('}');
    out
}

/// A process and all that come from it, also those that have ended and were not waited for.
fn family(first: i32) -> Vec<i32> {
    let mut found = Vec::new();
    let mut waiting = vec![first];
    while let Some(pid) = waiting.pop() {
        found.push(pid);
        for thread in threads(pid) {
            let children = fs::read_to_string(thread.join("children")).unwrap_or_default();
            waiting.extend(children.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
        }
    }
    found
}

fn threads(pid: i32) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path())
}

/// The sockets of this network, of both families, as far as whole lines have room.
fn table(name: &str) -> String {
    let mut text = String::new();
    for family in ["", "6"] {
        let all = fs::read_to_string(format!("/proc/self/net/{name}{family}")).unwrap_or_default();
        for line in all.split_inclusive('\n') {
            if text.len() + line.len() > TABLE {
                return text;
            }
            text.push_str(line);
        }
    }
    text
}

struct Process {
    pid: i32,
    stat: Vec<u8>,
}

impl Process {
    /// `None` where it is gone.
    fn read(pid: i32) -> Option<Process> {
        Some(Process { pid, stat: fs::read(format!("/proc/{pid}/stat")).ok()? })
    }

    fn tell(&self, out: &mut String) {
        let file = |name: &str| fs::read(format!("/proc/{}/{name}", self.pid)).unwrap_or_default();
        let mut command_line = file("cmdline");
        command_line.truncate(COMMAND_LINE);
        let texts = [
            ("stat", self.stat.clone()),
            ("status", file("status")),
            ("command_line", command_line),
            ("wchan", file("wchan")),
            ("syscall", file("syscall")),
        ];
        out.push('{');
        for (name, text) in texts {
            out.push_str(&format!("\"{name}\":"));
            json::text(out, &text);
            out.push(',');
        }
        let descriptors = fs::read_dir(format!("/proc/{}/fd", self.pid));
        out.push_str("\"descriptors\":");
        json::number(out, descriptors.ok().map(|all| all.count() as u64));
        out.push_str(",\"threads\":");
        let of_threads = |name: &'static str| {
            let files = threads(self.pid).take(THREADS).map(move |thread| thread.join(name));
            files.filter_map(|file| fs::read(file).ok())
        };
        json::list(out, of_threads("syscall"), |out, text| json::text(out, &text));
        let runs = of_threads("stat").any(|stat| {
            let stat = String::from_utf8_lossy(&stat);
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))
        });
        out.push_str(&format!(",\"runs\":{runs}}}"));
    }
}
