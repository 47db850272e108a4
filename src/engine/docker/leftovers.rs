//! Who made a container or an image, written on it: so that what a killed run left is found
//! and removed by the next, and nobody else's is ever touched.
#![expect(clippy::disallowed_methods, reason = "reads from /proc which processes are alive")]

use std::collections::HashMap;
use std::fs;

use bollard::models::ContainerSummaryStateEnum;
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, RemoveVolumeOptionsBuilder,
};

use super::client::Client;

/// The label with the run: `PID.START.BOOT`.
pub const LABEL: &str = "scf-conform.run";
/// The label with the machine: a process is known only there.
const MACHINE: &str = "scf-conform.machine";
/// The repository of images that were loaded for a run; the tag begins with machine and run.
pub(super) const REPOSITORY: &str = "scf-conform/run";

/// One run of a program on one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    machine: String,
    run: String,
}

impl Owner {
    /// This process.
    pub(super) fn here() -> Owner {
        let pid = std::process::id();
        let start = started(pid).unwrap_or_default();
        Owner { machine: machine(), run: format!("{pid}.{start}.{}", boot()) }
    }

    pub(super) fn labels(&self) -> HashMap<String, String> {
        HashMap::from([
            (LABEL.to_owned(), self.run.clone()),
            (MACHINE.to_owned(), self.machine.clone()),
        ])
    }

    /// The tag of an image that is loaded for this run.
    pub(super) fn tag(&self, rest: &str) -> String {
        format!("{}_{}_{rest}", self.machine, self.run)
    }

    fn of_tag(tag: &str) -> Option<Owner> {
        let mut parts = tag.rsplitn(3, '_').skip(1);
        let run = parts.next()?.to_owned();
        Some(Owner { machine: parts.next()?.to_owned(), run })
    }

    fn of_labels(labels: &HashMap<String, String>) -> Option<Owner> {
        let label = |name: &str| labels.get(name).cloned();
        Some(Owner { machine: label(MACHINE)?, run: label(LABEL)? })
    }

    /// Whether it was on this machine, and is no more.
    fn is_dead(&self) -> bool {
        let mut parts = self.run.split('.');
        let (pid, start, boot) = (parts.next(), parts.next(), parts.next());
        let Some((pid, start, boot)) =
            pid.and_then(|pid| pid.parse().ok()).zip(start).zip(boot).map(|((p, s), b)| (p, s, b))
        else {
            return false;
        };
        self.machine == machine()
            && (boot != self::boot() || started(pid).is_none_or(|known| known != start))
    }
}

/// Removes what runs of this machine left that are no more. Best effort: what is in nobody's
/// way is no reason not to boot.
pub(super) fn remove(client: &Client) {
    let filter = HashMap::from([("label", vec![LABEL])]);
    let options = ListContainersOptionsBuilder::default().all(true).filters(&filter).build();
    let listed = client.ask(|docker| async move { docker.list_containers(Some(options)).await });
    for container in listed.unwrap_or_default() {
        let owner = container.labels.as_ref().and_then(Owner::of_labels);
        let removing = container.state == Some(ContainerSummaryStateEnum::REMOVING);
        if let Some(id) = container.id
            && !removing
            && owner.is_some_and(|owner| owner.is_dead())
        {
            let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
            let _ = client
                .ask(|docker| async move { docker.remove_container(&id, Some(options)).await });
        }
    }
    let options = ListVolumesOptionsBuilder::default().filters(&filter).build();
    let listed = client.ask(|docker| async move { docker.list_volumes(Some(options)).await });
    for volume in listed.ok().and_then(|listed| listed.volumes).unwrap_or_default() {
        if Owner::of_labels(&volume.labels).is_some_and(|owner| owner.is_dead()) {
            let options = RemoveVolumeOptionsBuilder::default().build();
            let _ = client.ask(|docker| async move {
                docker.remove_volume(&volume.name, Some(options)).await
            });
        }
    }
    let filter = HashMap::from([("reference", vec![REPOSITORY])]);
    let options = ListImagesOptionsBuilder::default().filters(&filter).build();
    let listed = client.ask(|docker| async move { docker.list_images(Some(options)).await });
    for name in listed.unwrap_or_default().into_iter().flat_map(|image| image.repo_tags) {
        let tag = name.strip_prefix(REPOSITORY).and_then(|rest| rest.strip_prefix(':'));
        if tag.and_then(Owner::of_tag).is_some_and(|owner| owner.is_dead()) {
            let options = RemoveImageOptionsBuilder::default().build();
            let _ = client
                .ask(|docker| async move { docker.remove_image(&name, Some(options), None).await });
        }
    }
}

/// When a process started, in the kernel's ticks; `None` where there is none.
fn started(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name is in brackets, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19).map(str::to_owned)
}

/// The start of this kernel.
fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    plain(id.split('-').next().unwrap_or_default())
}

/// The host's name, and which of its worlds of processes this is.
fn machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let world = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let world: String = world.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    let name: String = plain(&name).chars().take(40).collect();
    format!("{name}-{world}")
}

/// What may stand in a tag.
fn plain(text: &str) -> String {
    text.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_are_told_from_the_dead() {
        let own = Owner::here();
        assert!(!own.is_dead());
        assert_eq!(Owner::of_tag(&own.tag("0123456789ab")), Some(own.clone()));
        assert_eq!(Owner::of_labels(&own.labels()), Some(own.clone()));
        let with = |run: &str| Owner { run: run.to_owned(), ..own.clone() };
        assert!(with(&format!("{}.1.{}", std::process::id(), boot())).is_dead());
        assert!(with(&own.run.replace(&boot(), "before")).is_dead());
        assert!(!with("unheard").is_dead());
        let elsewhere = Owner { machine: "elsewhere-1".to_owned(), run: "1.1.x".to_owned() };
        assert!(!elsewhere.is_dead());
    }
}
