//! What the standard library has no name for: the clock, waiting, file systems, other users.

use std::ffi::CString;
use std::io;
use std::time::Duration;

const CLOCK_MONOTONIC: i32 = 1;
const CLOCK_BOOTTIME: i32 = 7;
const AF_NETLINK: i32 = 16;
const SOCK_DGRAM_CLOEXEC: i32 = 0x8_0002;
const NETLINK_SOCK_DIAG: i32 = 4;
const POLLIN: i16 = 1;
const SIGKILL: i32 = 9;
const SYS_SETGROUPS: i64 = 116;
const SYS_SETRESUID: i64 = 117;
const SYS_SETRESGID: i64 = 119;

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

#[repr(C)]
struct PollFd {
    descriptor: i32,
    events: i16,
    returned: i16,
}

#[repr(C)]
#[derive(Default)]
struct StatVfs {
    block: u64,
    fragment: u64,
    blocks: u64,
    free: u64,
    rest: [u64; 16],
}

unsafe extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    fn ppoll(fds: *mut PollFd, count: u64, limit: *const Timespec, mask: *const u8) -> i32;
    fn statvfs(path: *const std::ffi::c_char, into: *mut StatVfs) -> i32;
    fn setpriority(which: i32, who: u32, nice: i32) -> i32;
    fn kill(pid: i32, signal: i32) -> i32;
    fn socket(family: i32, kind: i32, protocol: i32) -> i32;
    fn syscall(number: i64, ...) -> i64;
}

/// Nanoseconds of the monotonic clock.
pub fn now() -> u64 {
    read(CLOCK_MONOTONIC)
}

/// Nanoseconds of the one that goes on while the machine is suspended.
pub fn since_boot() -> u64 {
    read(CLOCK_BOOTTIME)
}

fn read(clock: i32) -> u64 {
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: `time` is a timespec that lives through the call.
    unsafe { clock_gettime(clock, &mut time) };
    time.seconds as u64 * 1_000_000_000 + time.nanoseconds as u64
}

/// Whether there is something to read on stdin within the limit, which may be none.
pub fn input(limit: Option<Duration>) -> bool {
    let limit = limit.map(|limit| Timespec {
        seconds: limit.as_secs() as i64,
        nanoseconds: i64::from(limit.subsec_nanos()),
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mut one = PollFd { descriptor: 0, events: POLLIN, returned: 0 };
    // SAFETY: one pollfd, and a timespec or null, live through the call.
    unsafe { ppoll(&mut one, 1, limit, std::ptr::null()) > 0 }
}

/// Bytes in use of the file system at a path.
pub fn occupied(path: &str) -> u64 {
    let Ok(path) = CString::new(path) else { return 0 };
    let mut found = StatVfs::default();
    // SAFETY: the path ends with a zero, and the struct is not smaller than the C library's.
    let done = unsafe { statvfs(path.as_ptr(), &mut found) };
    if done == 0 { (found.blocks - found.free) * found.fragment } else { 0 }
}

/// Comes before others, or not. Where it may not, the looks are as exact as they can be.
pub fn hurry(nice: i32) {
    // SAFETY: no memory is passed.
    unsafe { setpriority(0, 0, nice) };
}

/// Ends a process.
pub fn end(pid: i32) {
    // SAFETY: no memory is passed.
    unsafe { kill(pid, SIGKILL) };
}

/// A socket that is asked for sockets.
pub fn diagnosis() -> io::Result<i32> {
    // SAFETY: no memory is passed.
    let made = unsafe { socket(AF_NETLINK, SOCK_DGRAM_CLOEXEC, NETLINK_SOCK_DIAG) };
    if made < 0 { Err(io::Error::last_os_error()) } else { Ok(made) }
}

/// Makes the calling thread, and no other, somebody else's.
pub fn become_user(uid: u32, gid: u32, groups: &[u32]) -> io::Result<()> {
    // SAFETY: the kernel reads so many groups.
    let groups = unsafe { syscall(SYS_SETGROUPS, groups.len(), groups.as_ptr()) };
    // SAFETY: no memory is passed.
    let group = unsafe { syscall(SYS_SETRESGID, gid, gid, gid) };
    if groups != 0 || group != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: no memory is passed.
    let user = unsafe { syscall(SYS_SETRESUID, uid, uid, uid) };
    if user != 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
