//! Nothing outlives an instance, however it ends.

use std::fs;
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
fn nothing_is_left_after_the_program_was_killed() {
    let cache = tempfile::tempdir().expect("a directory");
    // Nobody else's command line has this word in it.
    let marker = (1_000_000 + std::process::id()).to_string();
    let mut program = Command::new(env!("CARGO_BIN_EXE_scf-conform"))
        .args(["check", "fixture:hello", "--init-timeout", "300"])
        .args(["--args", &format!("--delay-ms {marker}")])
        .env("SCF_CONFORM_CACHE_DIR", cache.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("the program runs");
    let pid = until("the command", || processes(&marker).first().copied());
    let before = groups(pid);
    let root = rustix::process::geteuid().is_root();
    assert!(!before.is_empty() || !root, "root has control groups");
    program.kill().expect("SIGKILL");
    program.wait().expect("its end");
    gone(&marker, &before);
}

#[test]
fn what_a_killed_holder_leaves_frozen_is_removed_by_the_next() {
    let world = World::new();
    let marker = "marker-frozen";
    let (instance, pid) = marked(&world, marker);
    let before = groups(pid);
    instance.freeze().expect("it is frozen");
    kill_holder(pid);
    drop(instance);
    drop(marked(&world, "marker-after-frozen"));
    gone(marker, &[]);
    drop(marked(&world, "marker-after-that"));
    gone(marker, &before);
}

/// Kills the process that holds an instance, by the number of the instance's first one.
fn kill_holder(pid: u32) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let holder = status.lines().find_map(|line| line.strip_prefix("PPid:\t")).expect("a parent");
    assert!(Command::new("kill").args(["-9", holder]).status().expect("kill runs").success());
}

#[test]
fn what_a_killed_holder_leaves_is_removed_by_the_next() {
    let world = World::new();
    let marker = "marker-unheld";
    let (instance, pid) = marked(&world, marker);
    let before = groups(pid);
    kill_holder(pid);
    until("the end of the processes", || processes(marker).is_empty().then_some(()));
    // It is no end of the command's own, and no wait for a LISTEN can go on.
    assert_eq!(instance.ended(), None);
    instance.sockets(&mut Vec::new()).expect_err("nobody holds the instance");
    assert!(instance.usage().memory_peak.is_none());
    assert!(instance.stop().is_err());
    drop(marked(&world, "marker-next"));
    gone(marker, &before);
}
