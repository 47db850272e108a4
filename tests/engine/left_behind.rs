//! Nothing outlives an instance, however it ends.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

use scf_conform::engine::Instance;

use crate::world::{World, listens, plan, until};

/// The processes whose command line has this word in it.
fn processes(word: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).split('\0').any(|argument| argument == word)
    })
    .collect()
}

/// The directories of the control groups of ours that a process is in.
fn groups(pid: u32) -> Vec<PathBuf> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let ours = text.lines().filter(|line| line.contains("/scf-conform/"));
    ours.map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap(), parts.next().unwrap());
        Path::new("/sys/fs/cgroup").join(controllers).join(path.trim_start_matches('/'))
    })
    .collect()
}

/// Boots a server that can be told from all others, and finds its process.
fn marked(world: &World, marker: &str) -> (Box<dyn Instance>, u32) {
    let instance = world.boot(&plan(&["print", marker, "listen", "0.0.0.0:9000"]));
    until("LISTEN", || listens(&*instance, 9000).then_some(()));
    let pid = processes(marker)[0];
    let root = rustix::process::geteuid().is_root();
    assert!(!groups(pid).is_empty() || !root, "root has control groups");
    (instance, pid)
}

fn gone(marker: &str, groups: &[PathBuf]) {
    until("the end of the processes", || processes(marker).is_empty().then_some(()));
    until("the end of the groups", || groups.iter().all(|group| !group.exists()).then_some(()));
}

#[test]
fn nothing_is_left_after_stop_and_after_drop() {
    let world = World::new();
    let (instance, pid) = marked(&world, "marker-stopped");
    let before = groups(pid);
    instance.stop().expect("it stops");
    assert_eq!(processes("marker-stopped"), [0; 0]);
    assert!(before.iter().all(|group| !group.exists()), "{before:?}");

    let (instance, pid) = marked(&world, "marker-dropped");
    let before = groups(pid);
    drop(instance);
    assert_eq!(processes("marker-dropped"), [0; 0]);
    assert!(before.iter().all(|group| !group.exists()), "{before:?}");
}

#[test]
#[ignore = "the program that another test kills"]
#[expect(clippy::print_stdout, reason = "the other test reads it")]
fn boots_and_waits() {
    let world = World::new();
    let marker = std::env::var("ENGINE_MARKER").expect("a marker");
    let (_instance, pid) = marked(&world, &marker);
    println!("\nbooted {pid}");
    std::io::stdin().read_exact(&mut [0]).expect("it is killed before");
}

#[test]
fn nothing_is_left_after_the_program_was_killed() {
    use std::io::{BufRead, BufReader};
    let marker = "marker-orphaned";
    let mut program = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", "left_behind::boots_and_waits", "--ignored", "--nocapture"])
        .env("ENGINE_MARKER", marker)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the program runs");
    let output = BufReader::new(program.stdout.take().expect("a pipe"));
    let pid = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("booted ")?.parse().ok())
        .expect("it boots");
    let before = groups(pid);
    program.kill().expect("SIGKILL");
    program.wait().expect("its end");
    gone(marker, &before);
}

#[test]
fn what_a_killed_holder_leaves_is_removed_by_the_next() {
    let world = World::new();
    let marker = "marker-unheld";
    let (instance, pid) = marked(&world, marker);
    let before = groups(pid);
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let holder = status.lines().find_map(|line| line.strip_prefix("PPid:\t")).expect("a parent");
    assert!(Command::new("kill").args(["-9", holder]).status().expect("kill runs").success());
    until("the end of the processes", || processes(marker).is_empty().then_some(()));
    // It is no end of the command's own, and no wait for a LISTEN can go on.
    assert_eq!(instance.ended(), None);
    instance.sockets(&mut Vec::new()).expect_err("nobody holds the instance");
    assert!(instance.usage().memory_peak.is_none());
    assert!(instance.stop().is_err());
    drop(marked(&world, "marker-next"));
    gone(marker, &before);
}
