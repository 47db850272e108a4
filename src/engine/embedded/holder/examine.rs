//! Tries what a boot needs, step by step, and says what came of each.

use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use super::super::wire::{Answer, Order, Step, send};
use super::Privilege;
use super::fault::Fault;
use super::group::Group;
use super::hierarchy::{CONTROLLERS, Version, here};
use super::stage::{self, Foundation};
use crate::sys;

/// Tries everything with a root file system of nothing, and answers.
pub(super) fn examine(
    control: &UnixStream,
    privilege: Privilege,
    foundation: Result<Foundation, Fault>,
    order: &Order,
) -> ExitCode {
    let mut steps = Vec::new();
    let foundation = match foundation {
        Ok(foundation) => foundation,
        Err(fault) => {
            steps.push(Step::failed("namespaces", fault));
            return answer(control, steps);
        }
    };
    let user = match privilege {
        Privilege::Root => "",
        Privilege::User => "user, ",
    };
    steps.push(Step::done("namespaces", format!("{user}mount, network, IPC and UTS: made")));
    steps.push(limits(privilege, foundation.group.as_ref()));
    match stage::build(order, privilege) {
        Ok(_) => steps.push(Step::done("overlay", "mounted over a tmpfs".to_owned())),
        Err(fault) => {
            steps.push(Step::failed("overlay", fault));
            return answer(control, steps);
        }
    }
    // The last step: from here on this process cannot change its identity.
    if privilege == Privilege::User {
        steps.push(match sys::pretend_identity_changes() {
            Ok(()) => Step::done("seccomp", "a filter was installed".to_owned()),
            Err(error) => Step::failed("seccomp", Fault::new("install a filter", error)),
        });
    }
    answer(control, steps)
}

fn limits(privilege: Privilege, group: Option<&Group>) -> Step {
    let hierarchies = here().unwrap_or_default();
    let version = match hierarchies.first().map(|first| first.version) {
        Some(Version::V1) if is_hybrid() => "version 1 beside 2",
        Some(Version::V1) => "version 1",
        Some(Version::V2) => "version 2",
        None => "none",
    };
    let known = CONTROLLERS.into_iter();
    let has = |name: &&str| hierarchies.iter().any(|found| found.controllers.contains(name));
    let controllers: Vec<&str> = known.filter(has).collect();
    let controllers = controllers.join(", ");
    match (privilege, group) {
        (_, Some(_)) => Step::done("limits", format!("control groups, {version}: {controllers}")),
        (Privilege::User, None) => Step {
            name: "limits".to_owned(),
            done: None,
            told: "memory and processor are watched, not limited: that takes root".to_owned(),
            errno: None,
        },
        (Privilege::Root, None) => {
            let why = Group::make().map_or_else(|error| error.to_string(), |_| String::new());
            let why = format!("no control group ({version}): {why}");
            Step { name: "limits".to_owned(), done: None, told: why, errno: None }
        }
    }
}

/// Whether both versions are mounted.
#[expect(clippy::disallowed_methods, reason = "the kernel tells it in a file")]
fn is_hybrid() -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    mounts.lines().any(|line| line.contains(" - cgroup2 "))
}

fn answer(control: &UnixStream, steps: Vec<Step>) -> ExitCode {
    let _ = send(control, &Answer::Examined(steps), &[]);
    ExitCode::SUCCESS
}

impl Step {
    fn done(name: &str, told: String) -> Step {
        Step { name: name.to_owned(), done: Some(true), told, errno: None }
    }

    fn failed(name: &str, fault: Fault) -> Step {
        let (what, source) = fault.into_parts();
        let errno = source.raw_os_error();
        let told = if errno.is_some() { what } else { format!("{what}: {source}") };
        Step { name: name.to_owned(), done: Some(false), told, errno }
    }
}
