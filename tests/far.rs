//! The Docker engine where its containers cannot be looked into: reached through a forwarder of
//! the test's own, as one on another machine is. The same expectations as of any other engine;
//! the clock; and what is left behind.
//!
//! A dozen fixtures; with `CONFORM_TEST_FAR=all` every one that is booted. Where no engine
//! answers, all trials are reported as ignored, with the reason.
#![expect(clippy::disallowed_methods, reason = "talks to the engine's own program, and measures")]

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use scf_conform::boot::watch;
use scf_conform::contract::Function;
use scf_conform::endpoint::{self, Surroundings};
use scf_conform::engine::docker::{Docker, LABEL};
use scf_conform::engine::{Engine, Instance};
use scf_conform::evidence::{Delivery, Reach, TmpProbe};
use scf_conform::image::recipe::FIXTURES;
use scf_conform::image::{Blobs, Depth, Image, load};
use scf_conform::oci::Reference;
use scf_conform::plan::{Plan, RootMode};
use scf_conform::registry::Access;
use scf_conform::selftest::{self, Fixture};
use scf_conform::source::{self, Local};

/// Those in which the far way differs most from the near one.
const CHOSEN: [&str; 20] = [
    "b001-exits",
    "b001-ipv6-any",
    "b001-left-alone",
    "b001-listens-late",
    "b001-loopback",
    "b001-no-shebang",
    "b001-out-of-memory",
    "b001-too-slow",
    "b001-udp-only",
    "b001-unix-socket",
    "b001-waits-on-name",
    "b001-wrong-port",
    "b002-exits-after-first",
    "b004-fills-tmp",
    "b005-fills-root",
    "f001-command-missing",
    "hello",
    "http-hello",
    "leaks-file",
    "leaks-tmp",
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let scratch = match tempfile::tempdir() {
        Ok(directory) => directory,
        Err(error) => panic!("make a temporary directory: {error}"),
    };
    let opened = if arguments.list { Err("not asked".to_owned()) } else { open() };
    let all = std::env::var("CONFORM_TEST_FAR").is_ok_and(|value| value == "all");
    let mut trials = Vec::new();
    for (name, text) in FIXTURES {
        let (opened, scratch) = (opened.clone(), scratch.path().to_owned());
        let Ok(fixture) = Fixture::parse(name, text) else { continue };
        if !fixture.settings.is_static && (all || CHOSEN.contains(name)) {
            trials.push(Trial::ignorable_test(format!("fixture::{name}"), move || match opened {
                Err(why) => absent(why),
                Ok((engine, _)) => agrees(&fixture, engine, &scratch),
            }));
        }
    }
    let mut trial = |name: &str, run: fn(&World) -> Result<(), Failed>| {
        let (opened, scratch) = (opened.clone(), scratch.path().to_owned());
        trials.push(Trial::ignorable_test(name.to_owned(), move || match opened {
            Err(why) => absent(why),
            Ok((engine, host)) => {
                run(&World { engine, host, scratch }).map(|()| Completion::Completed)
            }
        }));
    };
    trial("a_late_server_is_never_reported_early", late_is_late);
    trial("what_is_bound_to_loopback_is_not_reached", loopback);
    trial("a_dropped_sigterm_is_told", dropped);
    trial("an_engine_may_show_no_processes", guarded);
    trial("tmp_is_tried_as_the_image_s_user", tmp_of_user);
    trial("nothing_is_left_of_a_run", nothing_left);
    trial("a_killed_run_is_cleaned_up_after", killed_run);
    drop(opened);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Without the engine a trial is ignored, unless none may be.
fn absent(why: String) -> Result<Completion, Failed> {
    match std::env::var("CONFORM_TEST_REQUIRE_ALL").as_deref() {
        Ok("1") => Err(why.into()),
        _ => Ok(Completion::ignored_with(why)),
    }
}

fn agrees(
    fixture: &Fixture,
    engine: Arc<dyn Engine>,
    scratch: &Path,
) -> Result<Completion, Failed> {
    let row = selftest::compare(fixture, &selftest::check(fixture, engine, scratch));
    if row.holds() { Ok(Completion::Completed) } else { Err(row.deviations.join("\n").into()) }
}

/// The engine at the far end of a forwarder, and where that is.
fn open() -> Result<(Arc<Docker>, String), String> {
    let host = forwarder(Kind::Open)?;
    Ok((reach(&host)?, host))
}

fn reach(host: &str) -> Result<Arc<Docker>, String> {
    let docker_host = Some(host.to_owned());
    let surroundings = Surroundings { docker_host, ..Surroundings::default() };
    Docker::open(&surroundings).map(Arc::new).map_err(|error| error.to_string())
}

/// What the engine is like, as far as its forwarder can tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// It does what it is asked to.
    Open,
    /// It lets no container see the machine's processes, as one that maps users does.
    Guarded,
}

/// Forwards connections to the local engine's socket. Gives the address as `DOCKER_HOST`
/// has it.
fn forwarder(kind: Kind) -> Result<String, String> {
    let found = endpoint::find(&Surroundings {
        docker_host: std::env::var("DOCKER_HOST").ok(),
        ..Surroundings::default()
    });
    let uri = found.map_err(|error| error.to_string())?.uri;
    let Some(socket) = uri.strip_prefix("unix://").map(PathBuf::from) else {
        return Err(format!("the engine at {uri} has no socket here to forward to"));
    };
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            if let Ok(engine) = UnixStream::connect(&socket) {
                let _ = client.set_nodelay(true);
                let _ = forward(client, engine, kind);
            }
        }
    });
    Ok(format!("tcp://{address}"))
}

const FORBIDDEN: &str = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n\
    Content-Length: 23\r\nConnection: close\r\n\r\n{\"message\":\"forbidden\"}";

fn forward(client: TcpStream, engine: UnixStream, kind: Kind) -> io::Result<()> {
    let (mut from_client, mut to_engine) = (client.try_clone()?, engine.try_clone()?);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from_client.read(&mut buffer) {
            let piece = &buffer[..length];
            if kind == Kind::Guarded
                && String::from_utf8_lossy(piece).contains(r#""PidMode":"host""#)
            {
                let _ = from_client.write_all(FORBIDDEN.as_bytes());
                break;
            }
            if to_engine.write_all(piece).is_err() {
                break;
            }
        }
        let _ = to_engine.shutdown(Shutdown::Write);
    });
    let (mut from_engine, mut to_client) = (engine, client);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_engine, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
    Ok(())
}

/// An engine, the way to it, and a place for files.
struct World {
    engine: Arc<Docker>,
    host: String,
    scratch: PathBuf,
}

/// An image to boot, read once.
struct Booting {
    blobs: Box<dyn Blobs>,
    image: Image,
    function: Function,
    plan: Plan,
}

impl World {
    /// The image `fixture:hello` with arguments of its own.
    fn hello(&self, arguments: &str) -> Result<Booting, Failed> {
        let function = Function { args: Some(arguments.to_owned()), ..Function::default() };
        let reference = Reference::parse("fixture:hello", |_: &Path| false)?;
        let local = Local {
            scratch: self.scratch.clone(),
            surroundings: Surroundings::default(),
            registry: Access::default(),
        };
        let blobs = source::open(&reference, &local, &mut |_| ControlFlow::Continue(()))?;
        let platform = &function.contract.platform;
        let image = load(&reference, blobs.as_ref(), platform, Depth::Layers, &mut |_, _| {})?;
        let plan = Plan::new(&image, &function, RootMode::Writable, Vec::new())?;
        Ok(Booting { blobs, image, function, plan })
    }
}

impl Booting {
    fn boot(&self, engine: &Docker) -> Result<Box<dyn Instance>, Failed> {
        Ok(engine.boot(&self.image, self.blobs.as_ref(), &self.plan)?)
    }

    fn time_to_listen(&self, engine: &Docker) -> Result<Duration, Failed> {
        let instance = self.boot(engine)?;
        let watched = watch(instance.as_ref(), &self.function, &|| false)?;
        instance.stop()?;
        if watched.reach != Reach::Reached {
            return Err("it is not reached".into());
        }
        Ok(watched.phases.listen.ok_or("it does not listen")?)
    }
}

fn late_is_late(world: &World) -> Result<(), Failed> {
    let listen = world.hello("--delay-ms 3000")?.time_to_listen(&world.engine)?;
    // That it is not much more, an engine that is busy with others cannot promise.
    if listen < Duration::from_secs(3) { Err(format!("{listen:?}").into()) } else { Ok(()) }
}

/// Less is seen there, and what is told is no less than it was.
fn guarded(world: &World) -> Result<(), Failed> {
    let engine = reach(&forwarder(Kind::Guarded)?)?;
    let listen = world.hello("--delay-ms 1000")?.time_to_listen(&engine)?;
    if listen < Duration::from_secs(1) {
        return Err(format!("{listen:?}").into());
    }
    for name in [
        "b001-left-alone",
        "b001-loopback",
        "b001-out-of-memory",
        "b001-udp-only",
        "b001-unix-socket",
        "b004-much-in-tmp",
        "hello",
    ] {
        for fixture in selftest::fixtures(&[name.to_owned()])? {
            let engine: Arc<dyn Engine> = Arc::clone(&engine) as Arc<dyn Engine>;
            agrees(&fixture, engine, &world.scratch)?;
        }
    }
    Ok(())
}

/// Whether the kernel hands a SIGTERM on is told before it is sent, from beside and from within.
fn dropped(world: &World) -> Result<(), Failed> {
    let guarded = reach(&forwarder(Kind::Guarded)?)?;
    for engine in [&world.engine, &guarded] {
        let sent = |arguments: &str| -> Result<Delivery, Failed> {
            let instance = world.hello(arguments)?.boot(engine)?;
            until("LISTEN", || listens(instance.as_ref()));
            let delivery = instance.terminate()?;
            instance.stop()?;
            Ok(delivery)
        };
        match (sent("--term ignore")?, sent("--term never")?) {
            (Delivery::Dropped, Delivery::Delivered) => {}
            other => return Err(format!("{other:?}").into()),
        }
    }
    Ok(())
}

/// The published port takes every connection; that is not the server's doing.
fn loopback(world: &World) -> Result<(), Failed> {
    let instance = world.hello("--listen 127.0.0.1:9000")?.boot(&world.engine)?;
    until("LISTEN", || listens(instance.as_ref()));
    match instance.connect(9000, Duration::from_secs(5)) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

fn tmp_of_user(world: &World) -> Result<(), Failed> {
    const NO_SPACE: i32 = 28;
    let tried = |arguments: &str| -> Result<TmpProbe, Failed> {
        let mut booting = world.hello(arguments)?;
        booting.plan.user.uid = 65534;
        booting.plan.user.gid = 65534;
        let instance = booting.boot(&world.engine)?;
        until("LISTEN", || listens(instance.as_ref()));
        let tried = instance.probe_tmp()?;
        instance.stop()?;
        Ok(tried)
    };
    match (tried("")?, tried("--fill /tmp")?) {
        (TmpProbe::Writable, TmpProbe::Refused(NO_SPACE)) => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

fn listens(instance: &dyn Instance) -> Option<()> {
    let mut text = Vec::new();
    instance.sockets(&mut text).ok()?;
    String::from_utf8_lossy(&text).contains(":2328 ").then_some(())
}

/// Containers and volumes of ours that live with a process.
fn ours(process: u32) -> Result<Vec<String>, Failed> {
    let filter = format!("label={LABEL}");
    let format = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
    let containers =
        docker(&["ps", "--all", "--no-trunc", "--filter", &filter, "--format", &format])?;
    let format = format!("{{{{.Name}}}} {{{{.Label \"{LABEL}\"}}}}");
    let volumes = docker(&["volume", "ls", "--filter", &filter, "--format", &format])?;
    let images = docker(&["images", "--format", "{{.Tag}} {{.Tag}}", "scf-conform/run"])?;
    let all = [containers, volumes, images].concat();
    let mark = format!("{process}.");
    let of_it = |line: &&str| {
        let owner = line.split(' ').nth(1).unwrap_or_default();
        owner.starts_with(&mark)
            || owner.split('_').nth(1).is_some_and(|run| run.starts_with(&mark))
    };
    Ok(all.lines().filter(of_it).map(str::to_owned).collect())
}

fn program(world: &World, arguments: &[&str]) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_scf-conform"));
    program
        .args(["check", "fixture:hello", "--engine", "docker"])
        .args(arguments)
        .env("SCF_CONFORM_CACHE_DIR", &world.scratch)
        .env("DOCKER_HOST", &world.host)
        .stdout(Stdio::null());
    program
}

fn nothing_left(world: &World) -> Result<(), Failed> {
    let mut running = program(world, &["--type", "event"]).spawn()?;
    let process = running.id();
    let code = running.wait()?.code();
    let left = ours(process)?;
    if code == Some(0) && left.is_empty() {
        Ok(())
    } else {
        Err(format!("{code:?}, {left:?}").into())
    }
}

fn killed_run(world: &World) -> Result<(), Failed> {
    let arguments = ["--init-timeout", "300", "--args", "--delay-ms 200000"];
    let mut running = program(world, &arguments).spawn()?;
    let process = running.id();
    // Its observer, the instance, the volume and two images.
    until("the instance", || Some(()).filter(|()| ours(process).is_ok_and(|all| all.len() >= 5)));
    running.kill()?;
    running.wait()?;
    let next = reach(&world.host)?;
    world.hello("")?.boot(&next)?.stop()?;
    let left = ours(process)?;
    if left.is_empty() { Ok(()) } else { Err(format!("{left:?}").into()) }
}

fn docker(arguments: &[&str]) -> Result<String, Failed> {
    let output = Command::new("docker").args(arguments).output()?;
    if output.status.success() {
        Ok(String::from_utf8(output.stdout)?)
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }
}

/// Waits for something, with a deadline: it is asked again and again.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
