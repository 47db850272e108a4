//! Lets programs believe that they changed their identity where only one exists.

#![expect(unsafe_code, reason = "a seccomp filter is installed by prctl(2) with a pointer")]

use std::io;

use libc::{BPF_ABS, BPF_JEQ, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter, sock_fprog};

/// The calls that answer 0 and do nothing.
const PRETENDED: [libc::c_long; 13] = [
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setgroups,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_fchown,
    libc::SYS_fchownat,
];

/// `AUDIT_ARCH_X86_64`: the calls' numbers are those of this machine only.
const X86_64: u32 = 0xc000_003e;

/// From here on, in this process and all that come from it, changes of user, group and owner
/// are answered with success and do nothing. Everything else is as before.
///
/// # Errors
///
/// Where this process has no `CAP_SYS_ADMIN` in its user namespace.
pub fn pretend_identity_changes() -> io::Result<()> {
    let filter = program();
    let program = sock_fprog {
        len: u16::try_from(filter.len()).map_err(io::Error::other)?,
        filter: filter.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the `len` instructions that `program` points to, and `filter`
    // outlives the call.
    let answer =
        unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Offsets in `struct seccomp_data`.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

fn program() -> Vec<sock_filter> {
    let load = |offset| step(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
    let answer = |value| step(BPF_RET | BPF_K, value, 0, 0);
    let count = u8::try_from(PRETENDED.len()).unwrap_or(u8::MAX);
    let mut filter = vec![
        load(ARCHITECTURE),
        step(BPF_JMP | BPF_JEQ | BPF_K, X86_64, 0, count + 1),
        load(NUMBER),
    ];
    for (left, call) in (0..count).rev().zip(PRETENDED) {
        let number = u32::try_from(call).unwrap_or(u32::MAX);
        filter.push(step(BPF_JMP | BPF_JEQ | BPF_K, number, left + 1, 0));
    }
    filter.push(answer(libc::SECCOMP_RET_ALLOW));
    filter.push(answer(libc::SECCOMP_RET_ERRNO)); // error number 0 is success
    filter
}

fn step(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code: u16::try_from(code).unwrap_or(u16::MAX), jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the filter answers to a call, by a machine that knows its four instructions.
    fn run(architecture: u32, number: libc::c_long) -> u32 {
        let filter = program();
        let (mut at, mut loaded) = (0, 0);
        loop {
            let step = filter[at];
            let class = u32::from(step.code) & 7;
            at += 1;
            if class == BPF_LD {
                loaded = match step.k {
                    NUMBER => u32::try_from(number).unwrap(),
                    ARCHITECTURE => architecture,
                    other => panic!("loads from {other}"),
                };
            } else if class == BPF_JMP {
                at += usize::from(if loaded == step.k { step.jt } else { step.jf });
            } else {
                return step.k;
            }
        }
    }

    #[test]
    fn identity_changes_succeed_and_all_else_is_left_alone() {
        for call in PRETENDED {
            assert_eq!(run(X86_64, call), libc::SECCOMP_RET_ERRNO, "call {call}");
        }
        for call in [libc::SYS_read, libc::SYS_capset, libc::SYS_getuid, libc::SYS_execve] {
            assert_eq!(run(X86_64, call), libc::SECCOMP_RET_ALLOW, "call {call}");
        }
        assert_eq!(run(0x4000_0003, libc::SYS_setuid), libc::SECCOMP_RET_ALLOW);
    }
}
