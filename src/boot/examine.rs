//! Looks at an instance once, when something has gone wrong with it.

use super::autopsy::{Scene, autopsy};
use super::listen::{connecting, datagrams, listeners};
use super::watch::Watched;
use crate::engine::Instance;
use crate::evidence::{Boot, BootEnd, Crowd, Reach, Snapshot};

/// What became of a start; where it failed, the instance is looked at, and the cause is named.
#[must_use]
pub fn seen(instance: &dyn Instance, watched: Watched, scene: &Scene<'_>) -> Boot {
    let well = watched.end == BootEnd::Listening && watched.reach == Reach::Reached;
    let refused = matches!(watched.end, BootEnd::Refused(_));
    let snapshot = if well || refused { Snapshot::default() } else { examine(instance) };
    let mut boot = Boot {
        end: watched.end,
        phases: watched.phases,
        listeners: watched.listeners,
        reach: watched.reach,
        logs: instance.logs(),
        argv: scene.plan.argv.clone(),
        snapshot,
        diagnosis: None,
    };
    boot.diagnosis = autopsy(&boot, scene);
    boot
}

/// Whether anything is in LISTEN on a port, on whatever address. Where that cannot be seen, it is
/// taken to be so.
#[must_use]
pub fn listens(instance: &dyn Instance, port: u16) -> bool {
    let mut table = Vec::new();
    instance.sockets(&mut table).is_err()
        || listeners(&table).iter().any(|listener| listener.address.port() == port)
}

/// How many processes and descriptors an instance has.
#[must_use]
pub fn crowd(instance: &dyn Instance) -> Crowd {
    let traces = instance.traces();
    Crowd {
        forks_refused: traces.forks_refused,
        threads: traces.processes.iter().map(|process| process.threads).sum(),
        descriptors: traces.processes.iter().filter_map(|process| process.descriptors).max(),
    }
}

/// What an instance is doing now. What cannot be found out is left out: it would only have been
/// evidence.
#[must_use]
pub fn examine(instance: &dyn Instance) -> Snapshot {
    let traces = instance.traces();
    let writes = instance.writes().unwrap_or_default();
    let (udp, asking) = datagrams(&traces.udp);
    Snapshot {
        processes: traces.processes,
        udp,
        connecting: connecting(&traces.tcp),
        asking,
        forks_refused: traces.forks_refused,
        writable_used: writes.writable_used,
        tmp_used: writes.tmp_used,
        usage: instance.usage(),
    }
}
