//! Waits for a LISTEN, for the process's end, or for the limit.
#![expect(clippy::disallowed_methods, reason = "the boot clock is here")]

use std::io;
use std::time::{Duration, Instant};

use super::ends::ends_before;
use super::listen::{Bound, bound, listeners};
use crate::contract::Function;
use crate::engine::Instance;
use crate::evidence::{BootEnd, Listener, Phases, Reach};
use crate::sys::Attention;

/// Between two looks at first: the error of the clock is below it, and so is what it costs.
const FINE: Duration = Duration::from_micros(200);
/// Between two looks later on, when what is measured is long.
const COARSE: Duration = Duration::from_millis(1);
/// How long the clock looks finely.
const FINE_FOR: Duration = Duration::from_millis(500);
/// A process that listens on other ports is given this long, idle, to come to the platform's.
const SETTLED: Duration = Duration::from_secs(10);
/// One that has the platform's port on loopback only, this long: it has what it wanted.
const SETTLED_ON_LOOPBACK: Duration = Duration::from_secs(1);
/// The share of the time below which a process counts as idle: one in this many.
const IDLE: u32 = 50;
/// How long a first connection may take.
const CONNECT: Duration = Duration::from_secs(1);

/// How long it may take until it is known that a process has ended whose port is closed again.
const END_IS_KNOWN: Duration = Duration::from_millis(100);

/// What the clock saw.
#[derive(Debug, Clone)]
pub struct Watched {
    /// How the start went.
    pub end: BootEnd,
    /// Phases as far as they were passed.
    pub phases: Phases,
    /// Sockets in LISTEN at the end.
    pub listeners: Vec<Listener>,
    /// Whether the port answers from outside.
    pub reach: Reach,
}

/// Watches a start. `cancelled` is asked at every look.
///
/// # Errors
///
/// Where the container's sockets cannot be read.
pub fn watch(
    instance: &dyn Instance,
    function: &Function,
    cancelled: &dyn Fn() -> bool,
) -> io::Result<Watched> {
    let timeline = instance.timeline();
    let mut watched = Watched {
        end: BootEnd::TimedOut { limit: function.init_timeout },
        phases: Phases {
            create: timeline.created.duration_since(timeline.begun),
            exec: timeline.executed.duration_since(timeline.created),
            ..Phases::default()
        },
        listeners: Vec::new(),
        reach: Reach::Untried,
    };
    if let Some(refused) = instance.refused() {
        instance.watched();
        watched.end = BootEnd::Refused(refused);
        return Ok(watched);
    }
    let port = function.contract.port;
    let seen = look(instance, function, cancelled, timeline.executed, &mut watched);
    instance.watched();
    let seen = seen?;
    watched.phases.first_log = instance.first_log().map(|at| at.duration_since(timeline.executed));
    if let Some(at) = seen {
        watched.phases.listen = Some(at.duration_since(timeline.executed));
        watched.reach = match instance.connect(port, CONNECT) {
            Ok(_) => {
                watched.phases.first_accept =
                    Some(Instant::now().duration_since(timeline.executed));
                Reach::Reached
            }
            Err(_) => Reach::Refused,
        };
        if watched.reach == Reach::Refused
            && let Some(ending) = ends_before(instance, Instant::now() + END_IS_KNOWN, cancelled)
        {
            watched.end = BootEnd::Ended(ending);
        }
    }
    Ok(watched)
}

/// Looks until the start is decided. `Some` is the moment at which the LISTEN was seen.
fn look(
    instance: &dyn Instance,
    function: &Function,
    cancelled: &dyn Fn() -> bool,
    executed: Instant,
    watched: &mut Watched,
) -> io::Result<Option<Instant>> {
    let port = function.contract.port;
    let deadline = executed + function.init_timeout;
    // A look that comes late is an error of the clock, and on a busy machine each would.
    let _attention = Attention::of_this_thread();
    let mut table = Vec::new();
    let mut settling: Option<Settling> = None;
    loop {
        // Whether it runs is asked first: what it listened on when it ended is of no use.
        let ended = instance.ended();
        table.clear();
        instance.sockets(&mut table)?;
        let now = Instant::now();
        let found = listeners(&table);
        let how = bound(&found, port);
        let changed = found != watched.listeners;
        watched.listeners = found;
        if let Some(ending) = ended {
            watched.end = BootEnd::Ended(ending);
            return Ok(None);
        }
        if matches!(how, Bound::Everywhere | Bound::Somewhere) {
            watched.end = BootEnd::Listening;
            // Where it takes time to be told, when it was counts.
            return Ok(Some(instance.sockets_since().unwrap_or(now)));
        }
        if now >= deadline || cancelled() {
            return Ok(None);
        }
        // Where it listens, but not as the platform wants it, and does nothing more, the rest
        // of the limit would be waited for in vain.
        if watched.listeners.is_empty() {
            settling = None;
        } else if changed || settling.is_none() {
            settling = Some(Settling { since: now, cpu: instance.usage().cpu });
        } else if settling.as_ref().is_some_and(|settling| settling.is_over(how, now, instance)) {
            return Ok(None);
        }
        let pause = if now.duration_since(executed) < FINE_FOR { FINE } else { COARSE };
        std::thread::park_timeout(pause.min(deadline.duration_since(now)));
    }
}

/// Since when the process listens in the wrong place, and what it had used by then.
struct Settling {
    since: Instant,
    cpu: Option<Duration>,
}

impl Settling {
    fn is_over(&self, how: Bound, now: Instant, instance: &dyn Instance) -> bool {
        let settled = if how == Bound::Loopback { SETTLED_ON_LOOPBACK } else { SETTLED };
        now.duration_since(self.since) >= settled
            && match (self.cpu, instance.usage().cpu) {
                (Some(before), Some(after)) => after.saturating_sub(before) < settled / IDLE,
                _ => false,
            }
    }
}
