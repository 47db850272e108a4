//! How instances start, listen, answer and end.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use scf_conform::engine::embedded::Embedded;
use scf_conform::evidence::{Ending, Stream};
use scf_conform::image::User;
use scf_conform::plan::{DEFAULT_PATH, Plan};

use crate::world::{World, ended, listens, plan, texts, until};

#[test]
fn a_server_listens_and_answers() {
    let world = World::new();
    let instance = world.boot(&plan(&["print", "hello", "listen", "0.0.0.0:9000"]));
    until("LISTEN", || listens(&*instance, 9000).then_some(()));
    let mut connection = instance.connect(9000, Duration::from_secs(5)).expect("a connection");
    connection.write_all(b"GET / HTTP/1.1\r\n\r\n").expect("a request");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    assert!(answer.ends_with("\r\n\r\nok"), "{answer}");
    assert_eq!(texts(&*instance)[0], "hello");
    assert_eq!(instance.ended(), None);
    let refused = instance.connect(9001, Duration::from_secs(5)).expect_err("nobody there");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(instance.stop().expect("it stops"), None);
}

#[test]
fn loopback_is_not_reachable_from_outside() {
    let world = World::new();
    let instance = world.boot(&plan(&["listen", "127.0.0.1:9000"]));
    until("LISTEN", || listens(&*instance, 9000).then_some(()));
    assert!(instance.connect(9000, Duration::from_secs(5)).is_err());
}

#[test]
fn a_missing_command_is_refused() {
    let world = World::new();
    fs::write(world.root().join("bin/script"), "#!/none\n").expect("a file");
    fs::write(world.root().join("bin/text"), "text\n").expect("a file");
    fs::write(world.root().join("bin/closed"), "text\n").expect("a file");
    for name in ["script", "text"] {
        use std::os::unix::fs::PermissionsExt;
        let path = world.root().join("bin").join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    for (command, path, errno) in [
        ("none", "none", 2),
        ("/bin/none", "/bin/none", 2),
        ("script", "/bin/script", 2),
        ("text", "/bin/text", 8),
        ("closed", "/bin/closed", 13),
        ("/etc", "/etc", 13),
    ] {
        let plan = Plan { argv: vec![command.to_owned()], ..plan(&[]) };
        let instance = world.boot(&plan);
        let refused = instance.refused().expect("a refusal");
        assert_eq!((refused.path.as_str(), refused.errno), (path, errno));
        assert_eq!(instance.stop().expect("it stops"), None);
    }
}

#[test]
fn ends_are_told() {
    let world = World::new();
    let instance = world.boot(&plan(&["error", "oops", "exit", "3"]));
    assert_eq!(ended(&*instance), Ending::Exited(3));
    let logs = instance.logs();
    assert_eq!((logs.lines[0].stream, logs.lines[0].text.as_str()), (Stream::Stderr, "oops"));
    assert_eq!(instance.stop().expect("it stops"), Some(Ending::Exited(3)));
    let instance = world.boot(&plan(&["abort"]));
    // A first process of its namespace is not ended by its own signals.
    assert!(matches!(ended(&*instance), Ending::Signalled { .. } | Ending::Exited(_)));
}

#[expect(clippy::print_stdout, reason = "for whoever asks for it")]
/// Prints how long the phases of a start take, for whoever asks with `--nocapture`.
#[test]
fn a_start_is_quick_and_its_times_are_in_order() {
    let world = World::new();
    for _ in 0..5 {
        let instance = world.boot(&plan(&["listen", "0.0.0.0:9000"]));
        until("LISTEN", || listens(&*instance, 9000).then_some(()));
        let listening = Instant::now();
        let timeline = instance.timeline();
        assert!(timeline.begun < timeline.created && timeline.created < timeline.executed);
        assert!(timeline.executed < listening);
        let asked = Instant::now();
        instance.connect(9000, Duration::from_secs(5)).expect("a connection");
        let connected = asked.elapsed();
        let asked = Instant::now();
        instance.sockets(&mut Vec::new()).expect("the tables are read");
        let read = asked.elapsed();
        let stopping = Instant::now();
        instance.stop().expect("it stops");
        println!(
            "create {:?}, exec {:?}, listen {:?}, connect {connected:?}, tables {read:?}, stop {:?}",
            timeline.created - timeline.begun,
            timeline.executed - timeline.created,
            listening - timeline.executed,
            stopping.elapsed(),
        );
    }
}

#[test]
fn the_surroundings_are_as_planned() {
    let world = World::new();
    std::os::unix::fs::symlink("/etc", world.root().join("dev")).expect("a link");
    let mut plan = plan(&[
        "uid",
        "here",
        "environment",
        "read",
        "/etc/hostname",
        "read",
        "/proc/sys/kernel/hostname",
        "read",
        "/dev/none",
    ]);
    plan.env.extend([("B".to_owned(), "2 = two".to_owned()), ("A".to_owned(), String::new())]);
    plan.working_dir = "/srv/made/../app".to_owned();
    plan.user = User { uid: 1234, gid: 4321, groups: Vec::new(), home: None };
    let instance = world.boot(&plan);
    assert_eq!(ended(&*instance), Ending::Exited(0));
    let path = format!("PATH={DEFAULT_PATH}");
    assert_eq!(
        texts(&*instance),
        [
            "uid 1234",
            "/srv/app",
            &path,
            "B=2 = two",
            "A=",
            "scf-conform",
            "scf-conform",
            "/dev/none: No such file or directory (os error 2)",
        ]
    );
    assert_eq!(instance.writes().expect("the layer is read").paths, []);
}

#[test]
fn a_working_directory_that_is_a_file_is_refused() {
    let world = World::new();
    let plan = Plan { working_dir: "/etc/conf".to_owned(), ..plan(&["listen", "0.0.0.0:9000"]) };
    let instance = world.boot(&plan);
    let refused = instance.refused().expect("a refusal");
    assert_eq!((refused.path.as_str(), refused.errno), ("/etc/conf", 20));
    assert_eq!(instance.ended(), None);
}

#[test]
fn many_boot_side_by_side() {
    let world = World::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let instance = world.boot(&plan(&["listen", "0.0.0.0:9000"]));
                until("LISTEN", || listens(&*instance, 9000).then_some(()));
                instance.connect(9000, Duration::from_secs(5)).expect("a connection");
                instance.stop().expect("it stops");
            });
        }
    });
}

#[test]
fn a_holder_can_be_started_in_advance() {
    let world = World::new();
    let executable = PathBuf::from(env!("CARGO_BIN_EXE_scf-conform"));
    let engine = Embedded::new(world.directory.path().into()).with_executable(executable);
    engine.prepare();
    engine.prepare();
    let instance = engine.boot_root(&world.root(), &plan(&["exit", "4"])).expect("it boots");
    assert_eq!(ended(&*instance), Ending::Exited(4));
    engine.prepare();
}

#[test]
fn a_hostile_root_leads_nowhere() {
    let world = World::new();
    let root = world.root();
    for name in ["tmp", "etc/conf", "etc"] {
        let path = root.join(name);
        if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) }.expect("removed");
    }
    let outside = world.directory.path().join("outside");
    fs::create_dir(&outside).expect("a directory");
    for name in ["proc", "dev", "sys", "tmp", "etc", "srv"] {
        std::os::unix::fs::symlink(&outside, root.join(name)).expect("a link");
    }
    let mut plan = plan(&["make", "/tmp/x", "read", "/proc/self/comm", "exit", "5"]);
    plan.working_dir = "/srv".to_owned();
    let instance = world.boot(&plan);
    // The link leads to nothing inside of the image's root, so it is in the way.
    assert_eq!(instance.refused().map(|refused| refused.errno), Some(17));
    plan.working_dir = "/".to_owned();
    let instance = world.boot(&plan);
    assert_eq!(ended(&*instance), Ending::Exited(5));
    assert_eq!(texts(&*instance), ["server"]);
    assert_eq!(fs::read_dir(&outside).expect("a directory").count(), 0);
}
