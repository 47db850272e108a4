//! Which of the kernel's settings keep us from booting, and what to do about each.
#![expect(clippy::disallowed_methods, reason = "the kernel's settings are files")]

use std::fs;
use std::io;

use super::super::EngineError;
use super::holder::Privilege;

/// A setting of the kernel that forbids user namespaces.
struct Setting {
    file: &'static str,
    forbids: fn(&str) -> bool,
    hint: &'static str,
}

const SETTINGS: [Setting; 3] = [
    Setting {
        file: "kernel/unprivileged_userns_clone",
        forbids: |value| value == "0",
        hint: "sudo sysctl kernel.unprivileged_userns_clone=1, or run as root",
    },
    Setting {
        file: "user/max_user_namespaces",
        forbids: |value| value == "0",
        hint: "sudo sysctl user.max_user_namespaces=15000, or run as root",
    },
    Setting {
        file: "kernel/apparmor_restrict_unprivileged_userns",
        forbids: |value| value == "1",
        hint: "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root",
    },
];

/// What to do where no setting is to blame.
const OTHERWISE: &str = "run as root, outside of a container, or with --engine docker";

/// Whether the machine has what a boot needs.
pub(super) fn available() -> Result<(), EngineError> {
    let filesystems = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    // A module that is not loaded yet is loaded by the first mount of root only.
    let overlay = filesystems.lines().any(|line| line.trim_start() == "nodev\toverlay")
        || fs::exists("/sys/module/overlay").unwrap_or(false);
    match Privilege::here() {
        Privilege::Root => Ok(()),
        Privilege::User if !overlay && !filesystems.is_empty() => Err(EngineError::Unavailable {
            what: "mount an overlay".to_owned(),
            why: "the kernel has no overlay file system loaded".to_owned(),
            hint: "sudo modprobe overlay, or run as root".to_owned(),
        }),
        Privilege::User => match forbidding() {
            Some((setting, value)) => Err(unavailable("make a user namespace", setting, &value)),
            None => Ok(()),
        },
    }
}

/// What a failure of the holder means.
pub(super) fn explain(what: String, source: io::Error) -> EngineError {
    let isolation = ["namespace", "overlay", "host's root"].iter().any(|word| what.contains(word));
    let denied = matches!(
        source.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::StorageFull | io::ErrorKind::Unsupported
    );
    if !isolation || !denied {
        return EngineError::Failed { what, source };
    }
    match forbidding() {
        Some((setting, value)) => unavailable(&what, setting, &value),
        None => {
            EngineError::Unavailable { what, why: source.to_string(), hint: OTHERWISE.to_owned() }
        }
    }
}

fn unavailable(what: &str, setting: &Setting, value: &str) -> EngineError {
    EngineError::Unavailable {
        what: what.to_owned(),
        why: format!("{} is {value}", setting.file.replace('/', ".")),
        hint: setting.hint.to_owned(),
    }
}

fn forbidding() -> Option<(&'static Setting, String)> {
    SETTINGS.iter().find_map(|setting| {
        let value = fs::read_to_string(format!("/proc/sys/{}", setting.file)).ok()?;
        let value = value.trim();
        (setting.forbids)(value).then(|| (setting, value.to_owned()))
    })
}
