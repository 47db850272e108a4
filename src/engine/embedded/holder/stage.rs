//! The small world that an instance is built in: own namespaces, and a root file system that
//! holds nothing of the host's but the kernel's own views.
//!
//! The host's tree is left behind altogether. So no path of a hostile image can lead there,
//! and libcontainer finds no cgroup file systems, whose limits are set by `limits` alone.
#![expect(clippy::disallowed_methods, reason = "namespaces are set up through files in /proc")]

use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Mode, OFlags, open};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    unmount,
};
use rustix::process::{getegid, geteuid, pivot_root};

use super::super::wire::Order;
use super::Privilege;
use super::fault::{Doing, Fault};
use super::group::Group;
use super::limits;
use super::surroundings::{self, Made};
use crate::sys;

/// The instance's own address beside 127.0.0.1.
pub(in super::super) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 200, 0, 2);
/// The instance's host name.
pub(super) const HOSTNAME: &str = "scf-conform";

/// Where things are in the small root.
pub(super) const IMAGE: &str = "/image";
/// The upper layer.
pub(super) const UPPER: &str = "/rw/upper";
/// The file system that holds it.
const RW: &str = "/rw";
/// What the instance sees as `/tmp`.
pub(super) const TMP: &str = "/tmpfs";
/// libcontainer's bundle and state.
pub(super) const BUNDLE: &str = "/bundle";
/// A view of `/sys` that belongs to the instance's network.
pub(super) const SYSFS: &str = "/stage/sys";

/// The instance's control groups, by number.
pub(super) const GROUPS: &str = "/stage/cgroup";

/// What is known of the world before anything is booted.
#[derive(Debug)]
pub(super) struct Foundation {
    pub(super) privilege: Privilege,
    /// `/proc/net/tcp`, and `tcp6` where the kernel has it.
    pub(super) tables: Vec<OwnedFd>,
    /// Whether [`SYSFS`] is there.
    pub(super) sysfs: bool,
    /// What there is below [`GROUPS`], by its place in `/sys/fs/cgroup`.
    pub(super) shown: Vec<String>,
    /// The control group that this process is on its way into.
    pub(super) group: Option<Group>,
}

/// A root file system that is ready to be entered.
#[derive(Debug)]
pub(super) struct Stage {
    /// The file systems that the instance writes to: writable layer and `/tmp`.
    pub(super) writable: OwnedFd,
    pub(super) tmp: OwnedFd,
    /// Bytes of the writable layer that are ours.
    pub(super) reserved: u64,
    /// What the engine made in the image's root, and is no write of the instance.
    pub(super) made: Made,
}

/// Leaves the host's namespaces. Needs no order yet.
pub(super) fn enter(privilege: Privilege) -> Result<Foundation, Fault> {
    let (uid, gid) = (geteuid(), getegid());
    match privilege {
        Privilege::Root => {
            rustix::thread::set_thread_groups(&[]).doing("leave the caller's groups")?;
        }
        Privilege::User => {
            sys::unshare(sys::Namespaces::User).doing("make a user namespace")?;
            let map = "map the user into the namespace";
            fs::write("/proc/self/setgroups", "deny").doing(map)?;
            fs::write("/proc/self/uid_map", format!("0 {uid} 1")).doing(map)?;
            fs::write("/proc/self/gid_map", format!("0 {gid} 1")).doing(map)?;
        }
    }
    shrink_connections();
    sys::unshare(sys::Namespaces::Surroundings).doing("make mount and network namespaces")?;
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .doing("make the mounts private")?;
    sys::raise_loopback(ADDRESS).doing("bring up the network of the instance")?;
    // As container engines do it: no port is reserved to root.
    let _ = fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
    rustix::system::sethostname(HOSTNAME.as_bytes()).doing("set the host name")?;
    let mut tables = vec![File::open("/proc/self/net/tcp").doing("open /proc/net/tcp")?.into()];
    tables.extend(File::open("/proc/self/net/tcp6").map(OwnedFd::from));
    // Before the host's control groups go out of sight.
    let group = limits::group(privilege);
    let sysfs = lay()?;
    // Without them, the instance sees no limits.
    let show = |group: &Group| group.show("/sys/stage/cgroup").ok();
    let shown = group.as_ref().filter(|_| sysfs).and_then(show).unwrap_or_default();
    Ok(Foundation { privilege, tables, sysfs, shown, group })
}

/// Has the next network namespace keep its connections in a small table of its own, where
/// the kernel can (from 6.1 on). To read `/proc/net/tcp` is to walk the whole table: the
/// machine's own takes 8 ms with 262,144 entries, this one 0.2 ms.
fn shrink_connections() {
    const ENTRIES: &str = "/proc/sys/net/ipv4/tcp_child_ehash_entries";
    if fs::exists(ENTRIES).unwrap_or(false) && sys::unshare(sys::Namespaces::Network).is_ok() {
        let _ = fs::write(ENTRIES, "256");
    }
}

/// Mounts the small root where it hides nothing that is still needed.
fn lay() -> Result<bool, Fault> {
    let what = "lay a root file system";
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("scf-conform", "/sys", "tmpfs", flags, c"mode=755,size=16m").doing(what)?;
    for directory in ["proc", "dev", "sys", "sys/fs", "sys/fs/cgroup", "lower", "image", "rw"] {
        fs::create_dir(format!("/sys/{directory}")).doing(what)?;
    }
    for directory in ["tmpfs", "bundle", "stage", "stage/sys", "stage/cgroup"] {
        fs::create_dir(format!("/sys/{directory}")).doing(what)?;
    }
    mount_bind_recursive("/proc", "/sys/proc").doing(what)?;
    mount_bind_recursive("/dev", "/sys/dev").doing(what)?;
    let read_only = flags | MountFlags::NOEXEC | MountFlags::RDONLY;
    Ok(mount("sysfs", "/sys/stage/sys", "sysfs", read_only, None).is_ok())
}

/// Brings in the image's root, leaves the host's, and puts the writable layers on top.
pub(super) fn build(order: &Order, privilege: Privilege) -> Result<Stage, Fault> {
    let lower = OsStr::from_bytes(&order.root);
    mount_bind_recursive(lower, "/sys/lower").doing("bind the unpacked image")?;
    let what = "leave the host's root";
    rustix::process::chdir("/sys").doing(what)?;
    pivot_root(".", ".").doing(what)?;
    unmount(".", UnmountFlags::DETACH).doing(what)?;
    rustix::process::chdir("/").doing(what)?;

    let page = rustix::param::page_size() as u64;
    let reserved = surroundings::PAGES * page;
    let flags = MountFlags::NODEV;
    let room = format!("mode=755,size={},nr_inodes=1000000", order.writable + reserved);
    tmpfs(RW, flags, room).doing("mount the writable layer")?;
    let room = format!("mode=1777,size={},nr_inodes=1000000", order.tmp);
    tmpfs(TMP, flags | MountFlags::NOSUID, room).doing("mount /tmp")?;
    overlay(privilege, flags)?;
    let made = surroundings::furnish(order)?;
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(Stage {
        writable: open(RW, directory, Mode::empty()).doing("open the writable layer")?,
        tmp: open(TMP, directory, Mode::empty()).doing("open /tmp")?,
        reserved,
        made,
    })
}

fn tmpfs(target: &str, flags: MountFlags, options: String) -> io::Result<()> {
    let options = CString::new(options).map_err(io::Error::other)?;
    Ok(mount("tmpfs", target, "tmpfs", flags, options.as_c_str())?)
}

fn overlay(privilege: Privilege, flags: MountFlags) -> Result<(), Fault> {
    use std::os::unix::fs::{MetadataExt, chown};
    let what = "mount the overlay";
    for directory in [UPPER, "/rw/work"] {
        fs::create_dir(directory).doing(what)?;
    }
    // The root directory of the merged tree is the upper one.
    let root = fs::metadata("/lower").doing(what)?;
    chown(UPPER, Some(root.uid()), Some(root.gid())).doing(what)?;
    fs::set_permissions(UPPER, root.permissions()).doing(what)?;
    let options = match privilege {
        Privilege::Root => c"lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work",
        Privilege::User => c"lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work,userxattr",
    };
    mount("overlay", IMAGE, "overlay", flags, options).doing(what)
}
