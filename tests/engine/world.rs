//! A root file system with the test server in it, and what the tests ask an instance for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use scf_conform::engine::Instance;
use scf_conform::engine::embedded::Embedded;
use scf_conform::evidence::Ending;
use scf_conform::image::User;
use scf_conform::plan::{Canary, DEFAULT_PATH, Plan, RootMode};
use tempfile::TempDir;

pub(crate) const MIB: u64 = 1 << 20;

/// The server's program, built where cargo keeps what tests make, so that an ordinary user
/// can run the tests that root has built.
pub(crate) fn server() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/engine/server.rs");
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let path = directory.join("engine-server");
        let changed = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
        if changed(&path) > changed(Path::new(source)) {
            return path;
        }
        // Several test processes may get here at once. Each builds in a directory of its own:
        // the compiler names its intermediate files after the output, not after itself.
        let fresh = tempfile::tempdir_in(directory).expect("a directory to build in");
        let program = fresh.path().join("engine-server");
        let built = Command::new("rustc")
            .args(["--edition=2021", "-O", "-C", "target-feature=+crt-static", "-o"])
            .args([&program, Path::new(source)])
            .status()
            .expect("rustc runs");
        assert!(built.success(), "the server is built");
        fs::rename(&program, &path).expect("the server is put in its place");
        path
    })
}

/// A root file system with the server in it, and an engine.
pub(crate) struct World {
    pub(crate) directory: TempDir,
}

impl World {
    pub(crate) fn new() -> World {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let root = directory.path().join("root");
        for name in ["bin", "etc", "var/lib", "tmp"] {
            fs::create_dir_all(root.join(name)).expect("a directory");
        }
        fs::copy(server(), root.join("bin/server")).expect("the server is copied");
        fs::write(root.join("etc/conf"), "original\n").expect("a file");
        World { directory }
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    pub(crate) fn boot(&self, plan: &Plan) -> Box<dyn Instance> {
        let executable = PathBuf::from(env!("CARGO_BIN_EXE_scf-conform"));
        let engine = Embedded::new(self.directory.path().into()).with_executable(executable);
        let instance = engine.boot_root(&self.root(), plan).expect("the engine boots");
        // The tests look for themselves, and without an end.
        instance.watched();
        instance
    }
}

pub(crate) fn plan(arguments: &[&str]) -> Plan {
    let argv = ["server"].iter().chain(arguments).map(|text| (*text).to_owned()).collect();
    Plan {
        argv,
        env: vec![("PATH".to_owned(), DEFAULT_PATH.to_owned())],
        working_dir: "/".to_owned(),
        user: User::default(),
        memory: 256 * MIB,
        cpu_millis: 1000,
        processes: 1024,
        descriptors: 1024,
        tmp: 512 * MIB,
        writable: 512 * MIB,
        root: RootMode::Writable,
        port: 9000,
        canaries: vec![Canary { header: "X-Secret".to_owned(), value: "canary-7391".to_owned() }],
    }
}

/// Waits for something, with a deadline and without a clock of its own: the machine is asked
/// again and again.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

pub(crate) fn listens(instance: &dyn Instance, port: u16) -> bool {
    let mut text = Vec::new();
    instance.sockets(&mut text).expect("the tables are read");
    let text = String::from_utf8_lossy(&text).into_owned();
    let socket = format!(":{port:04X} ");
    text.lines().any(|line| line.contains(&socket) && line.contains(" 0A "))
}

pub(crate) fn ended(instance: &dyn Instance) -> Ending {
    until("the end", || instance.ended())
}

pub(crate) fn texts(instance: &dyn Instance) -> Vec<String> {
    instance.logs().lines.into_iter().map(|line| line.text).collect()
}
