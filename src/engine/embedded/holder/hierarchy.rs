//! Where the machine's control groups are mounted, and in which of them this process is.

use std::io;
use std::path::{Path, PathBuf};

/// One mounted hierarchy that has controllers of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hierarchy {
    pub(super) version: Version,
    pub(super) mount_point: PathBuf,
    /// The group of this process, where it can be reached below the mount point.
    pub(super) own: PathBuf,
    /// Of [`CONTROLLERS`], those that it has.
    pub(super) controllers: Vec<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// What limits and counts.
pub(super) const CONTROLLERS: [&str; 5] = ["memory", "pids", "cpu", "cpuacct", "freezer"];

/// The hierarchies to use: those of version 1 where memory is one of them, else version 2.
pub(super) fn find(mountinfo: &str, cgroup: &str) -> Vec<Hierarchy> {
    let all: Vec<Hierarchy> = mountinfo.lines().filter_map(|line| parse(line, cgroup)).collect();
    let version = |version| all.iter().filter(move |found| found.version == version).cloned();
    let first: Vec<Hierarchy> = version(Version::V1).collect();
    if first.iter().any(|found| found.controllers.contains(&"memory")) {
        first
    } else {
        version(Version::V2).take(1).collect()
    }
}

/// One line of `/proc/self/mountinfo`.
fn parse(line: &str, cgroup: &str) -> Option<Hierarchy> {
    let (mount, filesystem) = line.split_once(" - ")?;
    let mut filesystem = filesystem.split(' ');
    let version = match filesystem.next()? {
        "cgroup" => Version::V1,
        "cgroup2" => Version::V2,
        _ => return None,
    };
    let options = filesystem.next_back()?;
    let controllers: Vec<&'static str> = match version {
        Version::V1 => CONTROLLERS
            .into_iter()
            .filter(|known| options.split(',').any(|option| option == *known))
            .collect(),
        Version::V2 => vec!["memory", "pids", "cpu"],
    };
    let name = *controllers.first()?;
    let mut fields = mount.split(' ').skip(3);
    let root = fields.next()?;
    let mount_point = PathBuf::from(fields.next()?);
    let own = cgroup.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        let ours = match version {
            Version::V1 => controllers.split(',').any(|known| known == name),
            Version::V2 => controllers.is_empty(),
        };
        ours.then_some(path)
    })?;
    let below = Path::new(own).strip_prefix(root).unwrap_or(Path::new(""));
    Some(Hierarchy { version, own: mount_point.join(below), mount_point, controllers })
}

/// [`find`] for this process.
#[expect(clippy::disallowed_methods, reason = "the kernel tells it in files")]
pub(super) fn here() -> io::Result<Vec<Hierarchy>> {
    let mountinfo = std::fs::read_to_string("/proc/self/mountinfo")?;
    let cgroup = std::fs::read_to_string("/proc/self/cgroup")?;
    Ok(find(&mountinfo, &cgroup))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mountinfo: &str, cgroup: &str, expected: &[(&str, &str, &[&str])]) {
        let found = find(mountinfo, cgroup);
        let found: Vec<(String, String, &[&str])> = found
            .iter()
            .map(|found| {
                let text = |path: &Path| path.display().to_string();
                (text(&found.mount_point), text(&found.own), found.controllers.as_slice())
            })
            .collect();
        let expected: Vec<(String, String, &[&str])> = expected
            .iter()
            .map(|(at, own, list)| ((*at).to_owned(), (*own).to_owned(), *list))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn version_one_wins_where_it_has_memory() {
        check(
            "30 29 0:26 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
             31 29 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n\
             32 29 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n\
             33 29 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            "4:memory:/a/b\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/\n",
            &[
                ("/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/a/b", &["memory"]),
                ("/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/", &["cpu", "cpuacct"]),
            ],
        );
    }

    #[test]
    fn version_two_stands_alone() {
        check(
            "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n",
            "0::/user.slice/x.scope\n",
            &[("/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/x.scope", &["memory", "pids", "cpu"])],
        );
        check("22 1 0:20 / /proc rw - proc proc rw\n", "0::/\n", &[]);
    }
}
