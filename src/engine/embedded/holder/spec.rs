//! The order in the words of the OCI runtime specification.

use std::path::Path;

use serde_json::{Value, json};

use super::super::wire::Order;
use super::Privilege;
use super::stage::{Foundation, GROUPS, IMAGE, SYSFS, TMP};
use super::surroundings::names;

/// What container engines leave to root in a container. Without `CAP_MKNOD`: no device
/// controller stands behind it here.
const CAPABILITIES: [&str; 13] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// The content of a bundle's `config.json`. Network, IPC, host name and limits are those of
/// the process that starts the container.
pub(super) fn spec(order: &Order, foundation: &Foundation) -> Value {
    let privilege = foundation.privilege;
    let mut rlimits = vec![json!({
        "type": "RLIMIT_NOFILE", "soft": order.descriptors, "hard": order.descriptors
    })];
    if privilege == Privilege::User {
        // Counted in the user namespace; for root it would count the host's processes.
        rlimits.push(json!({
            "type": "RLIMIT_NPROC", "soft": order.processes, "hard": order.processes
        }));
    }
    json!({
        "ociVersion": "1.0.2",
        "root": {"path": IMAGE, "readonly": order.read_only},
        "process": {
            "args": order.argv,
            "cwd": format!("/{}", names(&order.working_dir).join("/")),
            "user": user(order, privilege),
            "capabilities": capabilities(order, privilege),
            "rlimits": rlimits,
            "noNewPrivileges": false,
        },
        "mounts": mounts(foundation),
        "linux": {
            "namespaces": [{"type": "pid"}, {"type": "mount"}],
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
                "/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
                "/sys/devices/virtual/powercap", "/sys/firmware",
            ],
            "readonlyPaths": [
                "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
            ],
        },
    })
}

fn user(order: &Order, privilege: Privilege) -> Value {
    match privilege {
        Privilege::Root => {
            json!({"uid": order.uid, "gid": order.gid, "additionalGids": order.groups})
        }
        // Only one id is there until `command` makes it the image's user.
        Privilege::User => json!({"uid": 0, "gid": 0}),
    }
}

fn capabilities(order: &Order, privilege: Privilege) -> Value {
    let mut bounding = CAPABILITIES.to_vec();
    if privilege == Privilege::User {
        // For the filter that `command` installs; it goes before the image's command runs.
        bounding.push("CAP_SYS_ADMIN");
    }
    let held = match privilege {
        Privilege::Root if order.uid != 0 => Vec::new(),
        _ => bounding.clone(),
    };
    json!({
        "bounding": bounding, "effective": held, "permitted": held,
        "inheritable": [], "ambient": [],
    })
}

fn mounts(foundation: &Foundation) -> Vec<Value> {
    let mut terminals = vec!["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
    if foundation.privilege == Privilege::Root {
        terminals.push("gid=5");
    }
    let mut mounts = vec![
        json!({"destination": "/proc", "type": "proc", "source": "proc",
               "options": ["nosuid", "noexec", "nodev"]}),
        json!({"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
               "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]}),
        json!({"destination": "/dev/pts", "type": "devpts", "source": "devpts",
               "options": terminals}),
        json!({"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
               "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]}),
    ];
    if foundation.sysfs {
        mounts.push(json!({"destination": "/sys", "type": "bind", "source": SYSFS,
                           "options": ["rbind", "ro", "nosuid", "noexec", "nodev"]}));
    }
    mounts.extend(groups(&foundation.shown));
    mounts.push(json!({"destination": "/tmp", "type": "bind", "source": TMP,
                       "options": ["bind", "nosuid", "nodev"]}));
    mounts
}

/// The instance's own control groups, where programs look for their limits.
fn groups(shown: &[String]) -> Vec<Value> {
    const PLACE: &str = "/sys/fs/cgroup";
    let mut mounts = Vec::new();
    if shown.iter().any(|name| !name.is_empty()) {
        mounts.push(json!({"destination": PLACE, "type": "tmpfs", "source": "cgroup",
                           "options": ["nosuid", "noexec", "nodev", "mode=755", "size=64k"]}));
    }
    for (number, name) in shown.iter().enumerate() {
        mounts.push(json!({"destination": Path::new(PLACE).join(name), "type": "bind",
                           "source": format!("{GROUPS}/{number}"),
                           "options": ["rbind", "ro", "nosuid", "noexec", "nodev"]}));
    }
    mounts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(uid: u32) -> Order {
        Order {
            root: b"/lower".to_vec(),
            argv: vec!["server".to_owned()],
            env: Vec::new(),
            working_dir: "/".to_owned(),
            uid,
            gid: uid,
            groups: vec![7],
            memory: 64 << 20,
            cpu_millis: 50,
            processes: 1024,
            descriptors: 1024,
            tmp: 1 << 20,
            writable: 1 << 20,
            read_only: true,
            canaries: Vec::new(),
        }
    }

    #[test]
    fn it_is_a_runtime_specification() {
        for privilege in [Privilege::Root, Privilege::User] {
            for uid in [0, 1000] {
                let foundation = Foundation {
                    privilege,
                    tables: Vec::new(),
                    sysfs: true,
                    shown: vec!["memory".to_owned()],
                    group: None,
                };
                let value = spec(&order(uid), &foundation);
                let spec: oci_spec::runtime::Spec = serde_json::from_value(value).unwrap();
                assert_eq!(spec.root().as_ref().unwrap().readonly(), Some(true));
            }
        }
    }

    #[test]
    fn only_root_holds_capabilities() {
        let held = |uid, privilege| capabilities(&order(uid), privilege)["effective"].clone();
        assert_eq!(held(1000, Privilege::Root), json!([]));
        assert_eq!(held(0, Privilege::Root), json!(CAPABILITIES));
    }
}
