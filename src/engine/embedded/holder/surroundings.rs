//! What every container finds in its root beside the image's files: mount points, the files
//! of the network in `/etc`, and the working directory.
//!
//! All of it is made inside of the image's root whatever its links say, and remembered, so
//! that it does not count as written by the instance.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Component, Path};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, mkdirat, openat, openat2, readlink, statat,
    unlinkat,
};
use rustix::io::Errno;

use super::super::wire::{Order, Refusal};
use super::fault::{Doing, Fault};
use super::stage::{ADDRESS, HOSTNAME, IMAGE};

/// Pages of the writable layer that [`furnish`] uses up: one for each file.
pub(super) const PAGES: u64 = 3;

/// What was made.
#[derive(Debug, Default)]
pub(super) struct Made {
    /// Paths from the image's root, with a leading slash.
    pub(super) paths: BTreeSet<String>,
    /// Why the working directory cannot be one.
    pub(super) refused: Option<Refusal>,
}

/// Makes what is missing.
pub(super) fn furnish(order: &Order) -> Result<Made, Fault> {
    let root = openat(CWD, IMAGE, DIRECTORY, Mode::empty()).doing("open the image's root")?;
    let mut made = Made::default();
    for name in ["proc", "dev", "sys"] {
        mount_point(&root, name, &mut made).doing(&format!("make /{name}"))?;
    }
    if within(&root, "tmp").is_err() {
        mount_point(&root, "tmp", &mut made).doing("make /tmp")?;
    }
    network_files(&root, &mut made).doing("write the files of the network in /etc")?;
    if let Err(error) = directories(&root, &order.working_dir, &mut made) {
        match error.raw_os_error() {
            // These come from what the image has in that place.
            Some(errno) if IN_THE_WAY.contains(&Errno::from_raw_os_error(errno)) => {
                made.refused = Some(Refusal { path: order.working_dir.clone(), errno });
            }
            _ => return Err(Fault::new("make the working directory", error)),
        }
    }
    Ok(made)
}

const IN_THE_WAY: [Errno; 4] = [Errno::NOTDIR, Errno::EXIST, Errno::LOOP, Errno::NAMETOOLONG];
const DIRECTORY: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Opens a directory, with every link kept inside of the root.
fn within(root: &OwnedFd, path: &str) -> io::Result<OwnedFd> {
    Ok(openat2(root, path, DIRECTORY, Mode::empty(), ResolveFlags::IN_ROOT)?)
}

/// Makes sure that an entry of the root is a directory and no link.
fn mount_point(root: &OwnedFd, name: &str, made: &mut Made) -> io::Result<()> {
    match statat(root, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => return Ok(()),
        Ok(_) => unlinkat(root, name, AtFlags::empty())?,
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error.into()),
    }
    mkdirat(root, name, Mode::from_raw_mode(0o755))?;
    made.paths.insert(format!("/{name}"));
    Ok(())
}

/// The names of a path. `..` is taken by the letter, as container engines do.
pub(super) fn names(path: &str) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => names.extend(name.to_str()),
            Component::ParentDir => drop(names.pop()),
            _ => {}
        }
    }
    names
}

/// Makes a directory and those above it.
fn directories(root: &OwnedFd, path: &str, made: &mut Made) -> io::Result<()> {
    let names = names(path);
    let mut parent = within(root, ".")?;
    for end in 1..=names.len() {
        let (name, whole) = (names[end - 1], names[..end].join("/"));
        parent = match within(root, &whole) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                mkdirat(&parent, name, Mode::from_raw_mode(0o755))?;
                made.paths.insert(format!("{}/{name}", place(&parent)?));
                within(root, &whole)?
            }
            other => other?,
        };
    }
    Ok(())
}

/// The path of an open directory from the image's root; empty for the root itself.
fn place(directory: &OwnedFd) -> io::Result<String> {
    use std::os::fd::AsRawFd;
    let path = readlink(format!("/proc/self/fd/{}", directory.as_raw_fd()), Vec::new())?;
    let path = path.to_string_lossy();
    Ok(path.strip_prefix(IMAGE).unwrap_or(&path).to_owned())
}

/// Container engines give every container these files, whatever the image has in their place.
fn network_files(root: &OwnedFd, made: &mut Made) -> io::Result<()> {
    let etc = match within(root, "etc") {
        Ok(etc) => etc,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            mount_point(root, "etc", made)?;
            within(root, "etc")?
        }
        // Something that is no directory: then the image has no use for the files either.
        Err(_) => return Ok(()),
    };
    let hosts = format!(
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n{ADDRESS}\t{HOSTNAME}\n"
    );
    let files = [
        ("hosts", hosts.as_str()),
        ("hostname", concat!("scf-conform", "\n")),
        ("resolv.conf", "# this network has no name server\noptions timeout:1 attempts:1\n"),
    ];
    let place = place(&etc)?;
    for (name, content) in files {
        match unlinkat(&etc, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(Errno::ISDIR) => continue,
            Err(error) => return Err(error.into()),
        }
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = openat(&etc, name, flags, Mode::from_raw_mode(0o644))?;
        std::fs::File::from(file).write_all(content.as_bytes())?;
        made.paths.insert(format!("{place}/{name}"));
    }
    Ok(())
}
