//! How far the boot clock is from the truth: boots a server that notes, by the same clock,
//! when its `listen` returned, and compares.
//!
//! `cargo bench --bench clock [-- [docker] [BOOTS]]` prints the error's percentiles, of the
//! embedded engine or of Docker's, which is far where `DOCKER_HOST` says `tcp://`: there the
//! errors are those of the moments, on their way included, and times between two have none of it.
#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "measures and prints")]

use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use scf_conform::boot::watch;
use scf_conform::contract::Function;
use scf_conform::endpoint::Surroundings;
use scf_conform::engine::Engine;
use scf_conform::engine::docker::Docker;
use scf_conform::engine::embedded::Embedded;
use scf_conform::image::{Depth, load};
use scf_conform::oci::Reference;
use scf_conform::plan::{Plan, RootMode};
use scf_conform::source;

fn main() {
    let boots = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(50);
    let cache = tempfile::tempdir().expect("a directory");
    let engine: Box<dyn Engine> = if std::env::args().any(|word| word == "docker") {
        let docker_host = std::env::var("DOCKER_HOST").ok();
        let surroundings = Surroundings { docker_host, ..Surroundings::default() };
        Box::new(Docker::open(&surroundings).expect("the engine answers"))
    } else {
        let program = env!("CARGO_BIN_EXE_scf-conform").into();
        Box::new(Embedded::new(cache.path().to_owned()).with_executable(program))
    };
    let function = Function { args: Some("--print-listen".to_owned()), ..Function::default() };
    let reference = Reference::parse("fixture:hello", |_: &Path| false).expect("a reference");
    let blobs = source::fixture("hello").expect("it is built");
    let platform = &function.contract.platform;
    let image = load(&reference, &blobs, platform, Depth::Layers, &mut |_, _| {});
    let image = image.expect("it is read");
    let plan = Plan::new(&image, &function, RootMode::Writable, Vec::new()).expect("a plan");

    let (mut errors, mut late, mut early) = (Vec::new(), Vec::new(), Vec::new());
    let mut times = Vec::new();
    for _ in 0..boots {
        let instance = engine.boot(&image, &blobs, &plan).expect("it boots");
        let watched = watch(instance.as_ref(), &function, &|| false).expect("it is watched");
        let seen = instance.timeline().executed + watched.phases.listen.expect("it listens");
        let truth = loop {
            let logs = instance.logs();
            let line = logs.lines.iter().find_map(|line| line.text.strip_prefix("listening "));
            if let Some(nanoseconds) = line.and_then(|line| line.split(' ').next()?.parse().ok()) {
                break moment(nanoseconds);
            }
            std::thread::park_timeout(Duration::from_micros(100));
        };
        late.push(seen.saturating_duration_since(truth));
        early.push(truth.saturating_duration_since(seen));
        errors.push(late[late.len() - 1].max(early[early.len() - 1]));
        times.push(watched.phases.listen.expect("it listens"));
        instance.stop().expect("it stops");
    }
    line("error of the clock", &mut errors);
    // The server notes the time after its call: where it is interrupted between, the clock
    // seems to be early, and is right.
    line("- seen late by", &mut late);
    line("- seen early by", &mut early);
    line("time to listen", &mut times);
}

/// The moment at which the monotonic clock showed a number of nanoseconds. Of several tries the
/// one counts whose two readings lie closest together: others were interrupted in between.
fn moment(nanoseconds: u64) -> Instant {
    let read = || {
        let here = Instant::now();
        let now = clock_gettime(ClockId::Monotonic);
        (here.elapsed(), here, now)
    };
    let (_, here, now) = (0..10).map(|_| read()).min_by_key(|read| read.0).expect("ten");
    let seconds = Duration::from_secs(now.tv_sec.try_into().expect("after the boot"));
    let now = seconds + Duration::from_nanos(now.tv_nsec.try_into().expect("less than a second"));
    let ago = now.saturating_sub(Duration::from_nanos(nanoseconds));
    here.checked_sub(ago).expect("after the boot")
}

fn line(what: &str, values: &mut [Duration]) {
    values.sort_unstable();
    let at = |percent: usize| values[(values.len() - 1) * percent / 100];
    println!("{what:<20} p50 {:?}  p95 {:?}  max {:?}", at(50), at(95), at(100));
}
