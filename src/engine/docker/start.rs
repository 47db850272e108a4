//! From a plan to a container whose command was executed, or refused.
#![expect(clippy::disallowed_methods, reason = "the moments of a start are noted here")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::errors::Error;
use bollard::query_parameters::CreateContainerOptionsBuilder;

use super::client::doing;
use super::far::{self, Far, Way};
use super::image::Had;
use super::instance::{Booted, Container};
use super::life::Life;
use super::limits::{Watch, Watched};
use super::pump::Pump;
use super::refused::Refused;
use super::seen::{Look, Seen};
use super::{Docker, Started};
use super::{create, refusal};
use crate::engine::{EngineError, Timeline};
use crate::evidence::ExecRefused;
use crate::plan::Plan;

/// Between two looks at a container that is about to start.
const PAUSE: Duration = Duration::from_micros(200);
/// Where the engine says that it started, and it is not seen for this long, it never is.
const UNSEEN: Duration = Duration::from_secs(1);

/// The monotonic clock.
pub(super) fn clock() -> Instant {
    Instant::now()
}

/// Creates and starts a container.
pub(super) fn boot(
    engine: &Docker,
    image: Arc<Had>,
    plan: &Plan,
    begun: Instant,
) -> Result<Started, EngineError> {
    let client = &engine.client;
    let refused = |text: &str| {
        let command = plan.argv.first().map_or("", String::as_str);
        refusal::of_answer(text, command, &plan.working_dir)
    };
    let mut body = create::container(plan, &image.name, &engine.owner);
    let mut far = match engine.way() {
        Way::Near => None,
        Way::Far(route) => {
            let observer = engine.observer()?;
            Some(Far::begin(client, &engine.owner, &observer, plan, route)?)
        }
    };
    if let Some(far) = &far {
        far.join(&mut body, plan);
    }
    let options = CreateContainerOptionsBuilder::default().platform("").build();
    let created =
        client.ask(|docker| async move { docker.create_container(Some(options), body).await });
    let id = match created {
        Ok(created) => created.id,
        Err(Error::DockerResponseServerError { message, status_code }) => {
            let Some(refused) = refused(&message) else {
                let error = Error::DockerResponseServerError { status_code, message };
                return Err(doing("create the container")(error));
            };
            return Ok(never(begun, begun, refused));
        }
        Err(error) => return Err(doing("create the container")(error)),
    };
    let container = Container::new(client, id);
    let pump = Pump::attach(client, &container.id, &plan.canaries)
        .map_err(doing("attach to the container's output"))?;
    if let Some(far) = &mut far {
        far.watch(&container.id, plan)?;
    }
    let asked = clock();
    let life = Life::begin(client, &container.id);
    let timeline = Timeline { begun, created: asked, executed: asked };
    let mut booted = Booted {
        watch: None,
        container,
        timeline,
        life,
        pump,
        seen: None,
        far,
        plan: plan.clone(),
        _image: image,
    };
    let followed = match &booted.far {
        Some(far) => {
            let id = &booted.container.id;
            let target = far::Target { owner: &engine.owner, id, plan };
            Followed::from(far.follow(&target, &booted.life, asked), asked)
        }
        None => watch(&booted.container.id, &booted.life),
    };
    match followed {
        Followed::Seen(seen) => booted.watch(seen)?,
        Followed::Heard(created, executed) => {
            booted.timeline = Timeline { begun, created, executed };
        }
        Followed::Failed(text) => {
            let refused = refused(&text).ok_or_else(|| EngineError::Failed {
                what: "start the container".to_owned(),
                source: std::io::Error::other(text),
            })?;
            return Ok(never(begun, asked, refused));
        }
        Followed::Over(last) => {
            booted.timeline.executed = last;
            if let Some(refused) = booted.refused_in_its_name() {
                return Ok(never(begun, asked, refused));
            }
        }
        Followed::Unseen => {
            return Err(EngineError::Unavailable {
                what: "find the container's processes".to_owned(),
                why: "they are in no control group of this machine that is known".to_owned(),
                hint: "name the engine by its address, as in DOCKER_HOST=tcp://HOST:PORT, or use \
                       --engine embedded"
                    .to_owned(),
            });
        }
    }
    Ok(Started::Running(Box::new(booted)))
}

/// What was not executed, and is removed by now.
fn never(begun: Instant, created: Instant, refused: ExecRefused) -> Started {
    let timeline = Timeline { begun, created, executed: clock() };
    Started::Refused(Refused { timeline, refused })
}

/// What came of a start.
enum Followed {
    /// The command was executed.
    Seen(Seen),
    /// The same, told by the container's observer: when the container was ready, and the exec.
    Heard(Instant, Instant),
    /// The engine could not start it.
    Failed(String),
    /// It ended before its exec was seen; when it had not been executed yet.
    Over(Instant),
    /// It runs somewhere else.
    Unseen,
}

impl Followed {
    /// From what the observer told of a start that was asked for at a moment.
    fn from(start: far::Start, asked: Instant) -> Followed {
        match start {
            far::Start::Executed(created, executed) => Followed::Heard(created, executed),
            far::Start::Failed(text) => Followed::Failed(text),
            far::Start::Over => Followed::Over(asked),
        }
    }
}

/// Follows a start from a thread that comes before others: a look that comes late is an exec
/// that was seen late.
fn watch(id: &str, life: &Life) -> Followed {
    std::thread::scope(|scope| {
        let follower = scope.spawn(|| {
            // A thread's own. Where it may not, the looks are as exact as they can be.
            let _ = rustix::process::setpriority_process(None, -20);
            follow(id, life)
        });
        follower.join().unwrap_or_else(|_| Followed::Failed("the thread panicked".to_owned()))
    })
}

fn follow(id: &str, life: &Life) -> Followed {
    let mut look = Look::new(id);
    let mut last = clock();
    let mut started: Option<Instant> = None;
    loop {
        look = match look.look() {
            Ok(seen) => return Followed::Seen(seen),
            Err(look) => look,
        };
        let now = clock();
        let known = life.known();
        match &known.started {
            Some(Err(text)) => return Followed::Failed(text.clone()),
            Some(Ok(())) if known.end.is_some() => return Followed::Over(last),
            Some(Ok(())) => {
                let since = *started.get_or_insert(now);
                if look.since().is_none() && now.duration_since(since) > UNSEEN {
                    return Followed::Unseen;
                }
            }
            None => last = now,
        }
        drop(known);
        std::thread::park_timeout(PAUSE);
    }
}

impl Booted {
    fn watch(&mut self, seen: Seen) -> Result<(), EngineError> {
        let failed = |source| EngineError::Failed { what: "watch the limits".to_owned(), source };
        let container = &self.container;
        let group = seen.group.clone();
        let mut watched = Watched::new(&container.client, &container.id, &self.plan, group);
        watched.tmp =
            seen.tmp.as_ref().map(std::os::fd::OwnedFd::try_clone).transpose().map_err(failed)?;
        self.watch = Some(Watch::start(watched).map_err(failed)?);
        self.timeline.created = seen.since().min(seen.executed);
        self.timeline.executed = seen.executed;
        self.seen = Some(seen);
        Ok(())
    }

    /// The refusal that the runtime could tell nobody but the container's own log.
    fn refused_in_its_name(&self) -> Option<ExecRefused> {
        self.pump.wait_for_end();
        let logs = self.pump.logs(self.timeline.executed);
        let [line] = logs.lines.as_slice() else { return None };
        let mut refused = refusal::of_line(&line.text)?;
        if refused.path.is_empty() {
            refused.path = self.plan.argv.first().cloned().unwrap_or_default();
        }
        Some(refused)
    }
}
