//! What an instance may use, and what it sees of it.

use scf_conform::evidence::{Ending, Stream};
use scf_conform::plan::{Plan, RootMode};

use crate::world::{MIB, World, ended, plan, texts};

#[test]
fn the_limit_of_what_is_written_is_exact() {
    let world = World::new();
    let bytes = 20 * MIB;
    let plan = Plan {
        writable: bytes,
        tmp: bytes,
        memory: 64 * MIB,
        ..plan(&["fill", "/data", "99999999", "fill", "/tmp/data", "99999999"])
    };
    let instance = world.boot(&plan);
    assert_eq!(ended(&*instance), Ending::Exited(0));
    let filled = format!("filled {bytes}");
    assert_eq!(texts(&*instance), [filled.as_str(), filled.as_str()]);
    let writes = instance.writes().expect("the layer is read");
    assert_eq!((writes.writable_used, writes.tmp_used), (bytes, bytes));
}

#[test]
fn what_is_written_is_no_memory() {
    let world = World::new();
    let arguments =
        ["fill", "/data", "200000000", "fill", "/tmp/data", "100000000", "print", "through"];
    // As on the platform, little memory comes with little of the processor.
    let plan = Plan { memory: 128 * MIB, cpu_millis: 100, ..plan(&arguments) };
    let instance = world.boot(&plan);
    assert_eq!(ended(&*instance), Ending::Exited(0));
    assert_eq!(texts(&*instance).last().map(String::as_str), Some("through"));
    let usage = instance.usage();
    assert!(usage.memory_peak.unwrap_or(0) < 32 * MIB, "{usage:?}");
}

#[test]
fn memory_is_limited() {
    let world = World::new();
    let instance = world.boot(&Plan { memory: 64 * MIB, ..plan(&["allocate", "4000"]) });
    assert_eq!(ended(&*instance), Ending::Signalled { signal: 9, out_of_memory: true });
    let usage = instance.usage();
    assert!(usage.out_of_memory.is_some_and(|count| count > 0), "{usage:?}");
    assert!(usage.memory_peak.is_some_and(|peak| peak >= 64 * MIB), "{usage:?}");
}

#[test]
fn processes_and_descriptors_are_limited() {
    let world = World::new();
    let plan = Plan { processes: 50, ..plan(&["threads", "read", "/proc/self/limits"]) };
    let instance = world.boot(&plan);
    ended(&*instance);
    let texts = texts(&*instance);
    let threads: u32 =
        texts[0].strip_prefix("threads ").and_then(|count| count.parse().ok()).expect("a count");
    assert!((40..50).contains(&threads), "{threads} threads");
    let files = texts.iter().find(|line| line.starts_with("Max open files")).expect("a limit");
    assert!(files.contains(" 1024 "), "{files}");
}

#[test]
fn a_flood_is_drained() {
    let world = World::new();
    let instance = world.boot(&plan(&["flood", "100", "print", "canary-7391"]));
    assert_eq!(ended(&*instance), Ending::Exited(0));
    let logs = instance.logs();
    assert!(logs.bytes > 99_000_000 && logs.dropped > 1_000_000);
    let kept: usize = logs.lines.iter().map(|line| line.text.len()).sum();
    assert!(kept < 128 * 1024 && logs.lines.len() < 2500, "{kept} bytes are kept");
    assert_eq!(instance.leaked(), [(0, Stream::Stdout)]);
}

#[test]
fn an_instance_sees_its_limits() {
    if !rustix::process::geteuid().is_root() {
        return; // An ordinary user has no control groups.
    }
    let world = World::new();
    let instance = world.boot(&plan(&[
        "read",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "read",
        "/sys/fs/cgroup/memory.max",
        "make",
        "/sys/fs/cgroup/memory/below",
    ]));
    ended(&*instance);
    let texts = texts(&*instance);
    assert!(texts.contains(&(256 * MIB).to_string()), "{texts:?}");
    assert!(texts.iter().any(|line| line.contains("Read-only") || line.contains("denied")));
}

#[test]
fn a_root_can_be_read_only() {
    let world = World::new();
    let plan = Plan {
        root: RootMode::ReadOnly,
        ..plan(&["make", "/data", "make", "/tmp/data", "print", "through"])
    };
    let instance = world.boot(&plan);
    assert_eq!(ended(&*instance), Ending::Exited(0));
    assert_eq!(texts(&*instance), ["Read-only file system (os error 30)", "through"]);
}

#[test]
fn root_believes_that_it_changed_its_identity() {
    let world = World::new();
    let instance =
        world.boot(&plan(&["make", "/data", "own", "/data", "become", "33", "print", "through"]));
    ended(&*instance);
    assert_eq!(texts(&*instance), ["own true", "as another", "become true", "through"]);
}
