//! The engines that are there: Docker's as it runs, Podman's started with a home of its own.
#![expect(clippy::disallowed_methods, reason = "starts engines and their programs")]

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use scf_conform::endpoint::Surroundings;
use tempfile::TempDir;

use crate::registry::{self, Registries};

/// How long a service may take to listen.
const START: Duration = Duration::from_secs(30);

/// An engine that answers.
pub(crate) struct Engine {
    /// What `DOCKER_HOST` has to say.
    pub(crate) host: String,
    /// Its own program, with what makes it use this engine.
    words: Vec<String>,
    variables: Vec<(&'static str, String)>,
    /// Taken out when it is ended.
    service: Mutex<Option<Service>>,
}

struct Service {
    child: Child,
    /// Holds its images; removed with it.
    home: TempDir,
}

/// An image in an engine, removed in the end.
pub(crate) struct Loaded<'a> {
    pub(crate) name: String,
    engine: &'a Engine,
}

static DOCKER: OnceLock<Result<Engine, String>> = OnceLock::new();
static PODMAN: OnceLock<Result<Engine, String>> = OnceLock::new();

/// The Docker engine, or why there is none.
pub(crate) fn docker() -> Result<&'static Engine, String> {
    DOCKER.get_or_init(find_docker).as_ref().map_err(Clone::clone)
}

/// A Podman service of these tests' own, or why there is none.
pub(crate) fn podman() -> Result<&'static Engine, String> {
    PODMAN.get_or_init(start_podman).as_ref().map_err(Clone::clone)
}

/// Ends what was started.
pub(crate) fn stop() {
    for engine in [&DOCKER, &PODMAN].into_iter().filter_map(OnceLock::get).flatten() {
        let service = engine.service.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut service) = service else { continue };
        // One that has ended already is as good.
        let _ = service.child.kill();
        let _ = service.child.wait();
    }
}

fn find_docker() -> Result<Engine, String> {
    let mut docker = Command::new("docker");
    let asked = docker.args(["version", "--format", "{{.Server.Version}}"]).output();
    match asked {
        Ok(output) if output.status.success() => {}
        Ok(_) => return Err("no docker engine answers".to_owned()),
        Err(error) => return Err(format!("docker cannot be started: {error}")),
    }
    let host = std::env::var("DOCKER_HOST");
    Ok(Engine {
        host: host.unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned()),
        words: vec!["docker".to_owned()],
        variables: Vec::new(),
        service: Mutex::default(),
    })
}

fn start_podman() -> Result<Engine, String> {
    let asked = Command::new("podman").arg("--version").output();
    if let Err(error) = asked {
        return Err(format!("podman cannot be started: {error}"));
    }
    start_service().map_err(|error| format!("start podman's service: {error}"))
}

fn start_service() -> io::Result<Engine> {
    let home = tempfile::tempdir()?;
    let path = |name: &str| home.path().join(name).display().to_string();
    // crun refuses on hosts with hybrid control groups, and the default limit of descriptors
    // may be above what the host allows.
    let conf =
        "[engine]\nruntime = \"runc\"\n[containers]\ndefault_ulimits = [\"nofile=1024:1024\"]\n";
    std::fs::write(path("containers.conf"), conf)?;
    let mut words = vec!["podman".to_owned(), "--storage-driver=vfs".to_owned()];
    for (flag, dir) in [("root", "root"), ("runroot", "run"), ("tmpdir", "tmp")] {
        words.push(format!("--{flag}={}", path(dir)));
    }
    // It wants to be told of registries without TLS, loopback or not.
    let hosts = match registry::registries() {
        Ok(Registries { open, locked, closed }) => {
            vec![&*open.host, &locked.host, &closed.host, "127.0.0.1:1"]
        }
        Err(_) => Vec::new(),
    };
    let insecure: Vec<String> = hosts
        .iter()
        .map(|host| format!("[[registry]]\nlocation = \"{host}\"\ninsecure = true\n"))
        .collect();
    std::fs::write(path("registries.conf"), insecure.concat())?;
    let variables = vec![
        ("CONTAINERS_CONF", path("containers.conf")),
        ("CONTAINERS_REGISTRIES_CONF", path("registries.conf")),
    ];
    let socket = home.path().join("podman.sock");
    let host = format!("unix://{}", socket.display());
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watch, home.path(), inotify::WatchFlags::CREATE)?;
    let log = std::fs::File::create(path("log"))?;
    let mut command = Command::new(&words[0]);
    // Ends by itself where these tests cannot end it any more.
    command.args(&words[1..]).args(["system", "service", "--time=120", &host]);
    command.envs(variables.iter().cloned()).stdin(Stdio::null());
    let child = command.stdout(Stdio::null()).stderr(log).spawn()?;
    let mut service = Service { child, home };
    let until = Instant::now() + START;
    while UnixStream::connect(&socket).is_err() {
        let wait = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        // Something happens in the directory when the socket is made, and soon it is one.
        if poll(&mut [PollFd::new(&watch, PollFlags::IN)], Some(&wait))? > 0 {
            rustix::io::read(&watch, &mut [0; 4096])?;
        }
        if service.child.try_wait()?.is_some() || Instant::now() > until {
            let _ = service.child.kill();
            let log = service.home.path().join("log");
            return Err(io::Error::other(std::fs::read_to_string(log)?));
        }
    }
    Ok(Engine { host, words, variables, service: Mutex::new(Some(service)) })
}

impl Engine {
    /// What a program is told that shall use this engine.
    pub(crate) fn surroundings(&self) -> Surroundings {
        Surroundings { docker_host: Some(self.host.clone()), ..Surroundings::default() }
    }

    /// Runs the engine's own program.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Result<String, Failed> {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).args(arguments).envs(self.variables.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // One that does not read its input says why in the end.
        let _ = child.stdin.take().ok_or("no pipe")?.write_all(input);
        let output = child.wait_with_output()?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{arguments:?}: {why}").into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A name for an image that nobody else has.
    pub(crate) fn new_name() -> String {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("scf-conform-test-{}-{next}:v1", std::process::id())
    }

    /// Puts a docker archive into the engine, whose image has this name in it.
    pub(crate) fn load(&self, name: &str, archive: &[u8]) -> Result<Loaded<'_>, Failed> {
        self.run(&["load"], archive)?;
        Ok(Loaded { name: name.to_owned(), engine: self })
    }

    /// Makes an image of one layer.
    pub(crate) fn import(&self, layer: &[u8], change: &str) -> Result<Loaded<'_>, Failed> {
        let name = Self::new_name();
        self.run(&["import", "--change", change, "-", &name], layer)?;
        Ok(Loaded { name, engine: self })
    }

    /// Writes an image as the engine does.
    pub(crate) fn save(&self, name: &str, to: &Path) -> Result<(), Failed> {
        self.run(&["save", "-o", &to.display().to_string(), name], b"").map(drop)
    }
}

impl Drop for Loaded<'_> {
    fn drop(&mut self) {
        // What is not removed is in nobody's way: its name is this process's own.
        let _ = self.engine.run(&["rmi", &self.name], b"");
    }
}
