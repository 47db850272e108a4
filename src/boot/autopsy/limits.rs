//! Limits of the instance that were reached.

use super::{Found, Signs};
use crate::check::Cause;
use crate::units;

/// Bytes that may be left of a space that is full: less than a page, and what a file system
/// keeps for itself.
const LEFT: u64 = 64 << 10;
/// Shares of a limit, in percent, from which on a use is worth telling.
const WORTH_TELLING: u64 = 50;

/// A limit of which it is known that something was refused by it.
pub(super) fn reached(signs: &Signs<'_>) -> Option<Found> {
    memory(signs)
        .or_else(|| processes(signs))
        .or_else(|| descriptors(signs))
        .or_else(|| space(signs))
}

/// Something was killed since the memory was used up.
pub(super) fn memory(signs: &Signs<'_>) -> Option<Found> {
    let usage = &signs.snapshot.usage;
    let count = usage.out_of_memory.filter(|count| *count > 0)?;
    let found = out_of_memory(signs, "the memory limit was reached");
    Some(match count {
        1 => found,
        count => found.seen(format!("{count} processes were killed at the memory limit")),
    })
}

/// Out of memory, whoever says so.
pub(super) fn out_of_memory(signs: &Signs<'_>, what: &str) -> Found {
    let limit = units::size(signs.scene.plan.memory);
    let fix = "give the function more memory (--memory here, the same on the platform), or let it use less";
    Found::new(Cause::OutOfMemory, format!("{what} ({limit})"), fix)
}

fn processes(signs: &Signs<'_>) -> Option<Found> {
    let plan = signs.scene.plan;
    let running: u64 = signs.snapshot.processes.iter().map(|process| process.threads).sum();
    let refused = signs.snapshot.forks_refused.filter(|count| *count > 0);
    (refused.is_some() || running >= plan.processes).then(|| {
        let found = too_many_processes(signs);
        match refused {
            Some(count) => found.seen(format!("refused at the limit of processes: {count} times")),
            None => found.seen(format!("running: {running} processes and threads")),
        }
    })
}

/// No process or thread could be made.
pub(super) fn too_many_processes(signs: &Signs<'_>) -> Found {
    let limit = signs.scene.plan.processes;
    Found::new(
        Cause::TooManyProcesses,
        format!("no more processes or threads could be made (limit {limit})"),
        "start fewer workers and threads: their number often follows the machine's processors, and \
         can be set (WEB_CONCURRENCY, --workers, OMP_NUM_THREADS)",
    )
}

fn descriptors(signs: &Signs<'_>) -> Option<Found> {
    let limit = signs.scene.plan.descriptors;
    let at_limit = |count: u64| count + 1 >= limit;
    let full = signs.snapshot.processes.iter().find(|one| one.descriptors.is_some_and(at_limit))?;
    let count = full.descriptors.unwrap_or_default();
    Some(too_many_files(signs).seen(format!("{} (pid {}) has {count} open", full.name, full.pid)))
}

/// No file could be opened.
pub(super) fn too_many_files(signs: &Signs<'_>) -> Found {
    let limit = signs.scene.plan.descriptors;
    Found::new(
        Cause::TooManyFiles,
        format!("no more files or sockets could be opened (limit {limit})"),
        "close files and connections after use, or keep fewer in pools",
    )
}

/// One of the spaces that can be written to is full.
pub(super) fn space(signs: &Signs<'_>) -> Option<Found> {
    let plan = signs.scene.plan;
    let (writable, tmp) = (signs.snapshot.writable_used, signs.snapshot.tmp_used);
    let is_full = |used: u64, limit: u64| limit > 0 && used.saturating_add(LEFT) >= limit;
    let full = |place: &str, limit: u64, fix: &str| {
        Found::new(Cause::NoSpace, format!("{place} is full: {} are used", units::size(limit)), fix)
    };
    if is_full(tmp, plan.tmp) {
        return Some(full(
            "/tmp",
            plan.tmp,
            "write less to /tmp, and remove there what is no longer needed",
        ));
    }
    is_full(writable, plan.writable).then(|| {
        full(
            "the writable layer",
            plan.writable,
            "write less outside of /tmp: the platform may give that no space at all",
        )
    })
}

/// How much of the limits was used, a line for each that is worth telling.
pub(super) fn told(signs: &Signs<'_>) -> Vec<String> {
    let plan = signs.scene.plan;
    let snapshot = signs.snapshot;
    let share = |what: &str, used: u64, limit: u64| {
        let much = limit > 0 && used.saturating_mul(100) / limit >= WORTH_TELLING;
        much.then(|| format!("{what}: {} of {} used", units::size(used), units::size(limit)))
    };
    let memory = snapshot.usage.memory_peak.unwrap_or_default();
    [
        share("memory", memory, plan.memory),
        share("/tmp", snapshot.tmp_used, plan.tmp),
        share("writable layer", snapshot.writable_used, plan.writable),
    ]
    .into_iter()
    .flatten()
    .collect()
}
