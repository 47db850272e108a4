//! What an instance wrote, and whether it could.

use std::fs;

use scf_conform::evidence::{Stream, TmpProbe};
use scf_conform::image::User;
use scf_conform::plan::Plan;

use crate::world::{World, ended, listens, plan, until};

#[test]
fn writes_are_told() {
    let world = World::new();
    fs::write(world.root().join("etc/old"), "").expect("a file");
    let instance = world.boot(&plan(&[
        "text",
        "/etc/conf",
        "changed",
        "remove",
        "/etc/old",
        "directory",
        "/var/lib/new/deep",
        "fill",
        "/var/lib/new/deep/data",
        "100000",
        "make",
        "/tmp/ignored",
        "fill",
        "/tmp/data",
        "50000",
        "listen",
        "0.0.0.0:9000",
    ]));
    until("LISTEN", || listens(&*instance, 9000).then_some(()));
    let writes = instance.writes().expect("the layer is read");
    let paths: Vec<(&str, Option<u64>, bool)> = writes
        .paths
        .iter()
        .map(|write| (write.path.as_str(), write.bytes, write.removed))
        .collect();
    assert_eq!(
        paths,
        [
            ("/etc/conf", Some(7), false),
            ("/etc/old", None, true),
            ("/var/lib/new", None, false),
            ("/var/lib/new/deep", None, false),
            ("/var/lib/new/deep/data", Some(100_000), false),
        ]
    );
    assert!((100_000..110_000).contains(&writes.writable_used), "{}", writes.writable_used);
    assert!((50_000..60_000).contains(&writes.tmp_used), "{}", writes.tmp_used);
}

#[test]
fn canaries_are_found_in_files_and_streams() {
    let world = World::new();
    let instance = world.boot(&plan(&[
        "error",
        "the canary-7391 sings",
        "text",
        "/tmp/leak",
        "x canary-7391",
        "directory",
        "/var/log",
        "text",
        "/var/log/leak",
        "canary-7391",
        "text",
        "/tmp/none",
        "canary-739",
        "listen",
        "0.0.0.0:9000",
    ]));
    until("LISTEN", || listens(&*instance, 9000).then_some(()));
    let mut found = instance.search().expect("the files are read");
    found.sort();
    assert_eq!(found, [(0, "/tmp/leak".to_owned()), (0, "/var/log/leak".to_owned())]);
    assert_eq!(instance.leaked(), [(0, Stream::Stderr)]);
}

#[test]
fn tmp_is_probed_as_the_user() {
    let world = World::new();
    for (uid, probe) in [(0, TmpProbe::Writable), (1234, TmpProbe::Writable)] {
        let user = User { uid, gid: uid, groups: vec![7], home: None };
        let plan = Plan { user, ..plan(&["listen", "0.0.0.0:9000"]) };
        let instance = world.boot(&plan);
        assert_eq!(instance.probe_tmp().expect("it is tried"), probe);
    }
    let plan = Plan { tmp: 4096, ..plan(&["fill", "/tmp/full", "8192", "listen", "0.0.0.0:9000"]) };
    let instance = world.boot(&plan);
    until("LISTEN", || listens(&*instance, 9000).then_some(()));
    assert_eq!(instance.probe_tmp().expect("it is tried"), TmpProbe::Refused(28));
    let instance = world.boot(&self::plan(&["exit", "0"]));
    ended(&*instance);
    assert_eq!(instance.probe_tmp().expect("it is tried"), TmpProbe::Untried);
}
