//! The Docker engine as a booter: every fixture that is booted, with the same expectations as
//! of any other engine; the clock; and what is left behind, of whom.
//!
//! Where no engine answers, all trials are reported as ignored, with the reason.
#![expect(clippy::disallowed_methods, reason = "talks to the engine's own program, and measures")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use rustix::time::{ClockId, clock_gettime};
use scf_conform::boot::{ends_before, watch};
use scf_conform::check::Status;
use scf_conform::contract::Function;
use scf_conform::endpoint::Surroundings;
use scf_conform::engine::docker::{Booted, Docker, LABEL, Started};
use scf_conform::engine::{Engine, Instance as _};
use scf_conform::evidence::{Delivery, Ending};
use scf_conform::image::recipe::FIXTURES;
use scf_conform::image::{Blobs, Depth, Image, load};
use scf_conform::oci::Reference;
use scf_conform::plan::{Plan, RootMode};
use scf_conform::registry::Access;
use scf_conform::selftest::{self, Fixture};
use scf_conform::source::{self, Local};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let scratch = match tempfile::tempdir() {
        Ok(directory) => directory,
        Err(error) => panic!("make a temporary directory: {error}"),
    };
    let host = std::env::var("DOCKER_HOST").ok();
    let opened = if arguments.list { Err("not asked".to_owned()) } else { open(host.as_deref()) };
    let mut trials = Vec::new();
    for (name, text) in FIXTURES {
        let (opened, scratch) = (opened.clone(), scratch.path().to_owned());
        let Ok(fixture) = Fixture::parse(name, text) else { continue };
        if !fixture.settings.is_static {
            trials.push(Trial::ignorable_test(format!("fixture::{name}"), move || match opened {
                Err(why) => absent(why),
                Ok(engine) => agrees(&fixture, engine, &scratch).map(|()| Completion::Completed),
            }));
        }
    }
    let mut trial = |name: &str, run: fn(&World) -> Result<(), Failed>| {
        let (opened, scratch) = (opened.clone(), scratch.path().to_owned());
        trials.push(Trial::ignorable_test(name.to_owned(), move || match opened {
            Err(why) => absent(why),
            Ok(engine) => run(&World { engine, scratch }).map(|()| Completion::Completed),
        }));
    };
    trial("clock_is_exact", clock_is_exact);
    trial("late_server_is_never_reported_early", late_is_late);
    trial("an_instance_is_frozen_and_terminated", frozen_and_terminated);
    trial("a_flood_is_drained", flood_is_drained);
    trial("the_engine_gives_what_other_sources_give", same_through_the_engine);
    trial("engines_are_compared", engines_are_compared);
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

fn open(host: Option<&str>) -> Result<Arc<Docker>, String> {
    let docker_host = host.map(str::to_owned);
    let surroundings = Surroundings { docker_host, ..Surroundings::default() };
    Docker::open(&surroundings).map(Arc::new).map_err(|error| error.to_string())
}

fn agrees(fixture: &Fixture, engine: Arc<dyn Engine>, scratch: &Path) -> Result<(), Failed> {
    let row = selftest::compare(fixture, &selftest::check(fixture, engine, scratch));
    if row.holds() { Ok(()) } else { Err(row.deviations.join("\n").into()) }
}

/// An engine, and a place for files.
struct World {
    engine: Arc<Docker>,
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
    fn start(&self, engine: &Docker) -> Result<Box<Booted>, Failed> {
        match engine.start(&self.image, self.blobs.as_ref(), &self.plan)? {
            Started::Running(container) => Ok(container),
            Started::Refused(_) => Err("it is refused".into()),
        }
    }
}

/// The error of the time-to-listen against a server that prints, by the same clock, when its
/// `listen` returned.
fn clock_is_exact(world: &World) -> Result<(), Failed> {
    let booting = world.hello("--print-listen")?;
    let mut errors = Vec::new();
    for _ in 0..20 {
        let instance = booting.start(&world.engine)?;
        let watched = watch(instance.as_ref(), &booting.function, &|| false)?;
        let after = watched.phases.listen.ok_or("it does not listen")?;
        let seen = instance.timeline().executed + after;
        let truth = until("the line", || {
            let logs = instance.logs();
            let line = logs.lines.iter().find_map(|line| line.text.strip_prefix("listening "));
            line.and_then(|line| line.split(' ').next()?.parse().ok()).map(moment)
        });
        if truth < instance.timeline().executed {
            return Err("the exec was seen after the LISTEN".into());
        }
        errors.push(seen.max(truth) - seen.min(truth));
        instance.stop()?;
    }
    errors.sort_unstable();
    // How exact it is, `benches/clock.rs` measures. A clock that watched anything but the sockets would
    // be off by the whole start of a container, most of the time.
    let median = errors[errors.len() / 2];
    if median < Duration::from_millis(100) { Ok(()) } else { Err(format!("{errors:?}").into()) }
}

/// The moment at which the monotonic clock showed a number of nanoseconds.
fn moment(nanoseconds: u64) -> Instant {
    let now = clock_gettime(ClockId::Monotonic);
    let now = Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0));
    let ago = now.saturating_sub(Duration::from_nanos(nanoseconds));
    Instant::now().checked_sub(ago).expect("after the boot")
}

fn late_is_late(world: &World) -> Result<(), Failed> {
    let booting = world.hello("--delay-ms 3000")?;
    for _ in 0..2 {
        let instance = booting.start(&world.engine)?;
        let watched = watch(instance.as_ref(), &booting.function, &|| false)?;
        let listen = watched.phases.listen.ok_or("it does not listen")?;
        if listen < Duration::from_secs(3) || listen > Duration::from_millis(3500) {
            return Err(format!("{listen:?}").into());
        }
        instance.stop()?;
    }
    Ok(())
}

fn same_through_the_engine(world: &World) -> Result<(), Failed> {
    let engine: Arc<dyn Engine> = Arc::clone(&world.engine) as Arc<dyn Engine>;
    let docker_host = std::env::var("DOCKER_HOST").ok();
    let surroundings = Surroundings { docker_host, ..Surroundings::default() };
    // Some of those that `tests/corpus.rs` sends: each takes some boots here.
    let names = ["hello", "f003-tmp-closed", "m007-no-command"].map(str::to_owned);
    for fixture in selftest::fixtures(&names)? {
        let docker = Some((world.engine.as_ref(), &surroundings));
        let sent = selftest::send(&fixture, &engine, &world.scratch, docker)?;
        if !sent.deviations.is_empty() || !sent.through.contains(&"docker-daemon") {
            return Err(format!("{sent:?}").into());
        }
    }
    Ok(())
}

fn frozen_and_terminated(world: &World) -> Result<(), Failed> {
    let instance = world.hello("")?.start(&world.engine)?;
    until("LISTEN", || listens(&instance));
    instance.freeze()?;
    let before = instance.usage().cpu;
    // The kernel takes the connection; nobody answers it.
    let _waiting = instance.connect(9000, Duration::from_secs(5))?;
    instance.thaw()?;
    if before.is_none() {
        return Err("the time used is not known".into());
    }
    let delivery = instance.terminate()?;
    let ending =
        ends_before(instance.as_ref(), Instant::now() + Duration::from_secs(10), &|| false);
    if (delivery, ending) != (Delivery::Delivered, Some(Ending::Exited(0))) {
        return Err(format!("{delivery:?} {ending:?}").into());
    }
    let stubborn = world.hello("--term ignore")?.start(&world.engine)?;
    until("LISTEN", || listens(&stubborn));
    let delivery = stubborn.terminate()?;
    let ending =
        ends_before(stubborn.as_ref(), Instant::now() + Duration::from_millis(300), &|| false);
    match (delivery, ending) {
        (Delivery::Dropped, None) => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}

fn flood_is_drained(world: &World) -> Result<(), Failed> {
    let instance = world.hello("--flood 100 --say through")?.start(&world.engine)?;
    let logs = until("the last line", || {
        let logs = instance.logs();
        logs.lines.iter().any(|line| line.text == "through").then_some(logs)
    });
    let kept: usize = logs.lines.iter().map(|line| line.text.len()).sum();
    match (logs.bytes > 100 << 20, kept < 128 * 1024) {
        (true, true) => Ok(()),
        _ => Err(format!("{} bytes came, {kept} are kept", logs.bytes).into()),
    }
}

fn listens(instance: &Booted) -> Option<()> {
    let mut text = Vec::new();
    instance.sockets(&mut text).ok()?;
    String::from_utf8_lossy(&text).contains(":2328 ").then_some(())
}

/// An image that looks for what this engine alone gives it.
fn engines_are_compared(world: &World) -> Result<(), Failed> {
    let check = |arguments: &str| -> Result<(Option<i32>, serde_json::Value), Failed> {
        let output = Command::new(env!("CARGO_BIN_EXE_scf-conform"))
            .args(["check", "fixture:hello", "--engine", "docker,embedded", "--type", "event"])
            .args(["--format", "json", "--args", arguments])
            .env("SCF_CONFORM_CACHE_DIR", &world.scratch)
            .output()?;
        Ok((output.status.code(), serde_json::from_slice(&output.stdout)?))
    };
    let found = |report: &serde_json::Value| {
        let checks = report["images"][0]["checks"].as_array().cloned().unwrap_or_default();
        checks.into_iter().find(|check| check["id"] == "B009").unwrap_or_default()
    };
    let (code, report) = check("--say hello")?;
    let agreed = found(&report);
    if code != Some(0) || agreed["status"] != Status::Pass.to_string() {
        return Err(format!("{code:?} {agreed}").into());
    }
    let (code, report) = check("--need /.dockerenv")?;
    let differs = found(&report);
    let evidence = differs["evidence"].to_string();
    let line = "B001: docker pass, embedded fail (exited)";
    if code != Some(3) || differs["status"] != "error" || !evidence.contains(line) {
        return Err(format!("{code:?} {differs}").into());
    }
    if report["images"][0]["engine"] != "docker,embedded" {
        return Err(report["images"][0]["engine"].to_string().into());
    }
    Ok(())
}

/// What a killed run left is removed by the next; what others have is left alone.
fn killed_run(world: &World) -> Result<(), Failed> {
    // Keeps the image in the engine, whatever is removed with the killed run.
    let keeper = world.hello("")?.start(&world.engine)?;
    // Nobody else's command line has this word in it.
    let marker = (1_000_000 + std::process::id()).to_string();
    let mut program = Command::new(env!("CARGO_BIN_EXE_scf-conform"))
        .args(["check", "fixture:hello", "--engine", "docker", "--init-timeout", "300"])
        .args(["--args", &format!("--delay-ms {marker}")])
        .env("SCF_CONFORM_CACHE_DIR", &world.scratch)
        .stdout(Stdio::null())
        .spawn()?;
    let left = until("the container", || {
        let running = docker(&["ps", "--no-trunc", "--format", "{{.ID}} {{.Command}}"]).ok()?;
        let line = running.lines().find(|line| line.contains(&marker))?;
        line.split(' ').next().map(str::to_owned)
    });
    program.kill()?;
    program.wait()?;
    let image = docker(&["inspect", "--format", "{{.Image}}", &left])?;
    let stranger = Stranger::new(image.trim(), None)?;
    // From another machine, where its process may well be alive.
    let label = format!("{LABEL}=1.1.elsewhere");
    let remote = Stranger::new(image.trim(), Some(&label))?;
    let _next = world.hello("")?.start(&*open(std::env::var("DOCKER_HOST").ok().as_deref())?)?;
    let known = docker(&["ps", "--all", "--no-trunc", "--quiet"])?;
    if known.contains(&left) {
        return Err("the container is still there".into());
    }
    for stranger in [&stranger, &remote] {
        let state = docker(&["inspect", "--format", "{{.State.Status}}", &stranger.0])?;
        if state.trim() != "running" {
            return Err(format!("the other's container is {state}").into());
        }
    }
    drop((stranger, remote, keeper));
    Ok(())
}

/// Somebody else's container.
struct Stranger(String);

impl Stranger {
    fn new(image: &str, label: Option<&str>) -> Result<Stranger, Failed> {
        let label = label.map_or_else(Vec::new, |label| vec!["--label", label]);
        let arguments = [&["run", "--detach"], label.as_slice(), &[image]].concat();
        Ok(Stranger(docker(&arguments)?.trim().to_owned()))
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", "--volumes", &self.0]);
    }
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
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
