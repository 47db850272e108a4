//! Brings up the loopback interface of a fresh network namespace.

#![expect(unsafe_code, reason = "interfaces are configured by ioctl(2)")]

use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};

/// Sets `lo` up, and gives it one address beside 127.0.0.1.
///
/// # Errors
///
/// Where the namespace is not ours to configure.
pub fn raise_loopback(address: Ipv4Addr) -> io::Result<()> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    set_up(&socket)?;
    set_address(&socket, libc::SIOCSIFADDR, address)?;
    set_address(&socket, libc::SIOCSIFNETMASK, Ipv4Addr::BROADCAST)
}

/// A request about an interface, with nothing but its name in it.
fn named(name: &[u8]) -> libc::ifreq {
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_flags: 0 },
    };
    for (to, from) in request.ifr_name.iter_mut().zip(name) {
        *to = from.cast_signed();
    }
    request
}

fn set_up(socket: &OwnedFd) -> io::Result<()> {
    let mut request = named(b"lo");
    // The two flags are bits 0 and 6.
    request.ifr_ifru.ifru_flags = 0x41;
    // SAFETY: SIOCSIFFLAGS reads an `ifreq`, which `request` is, and writes nothing.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    checked(answer)
}

fn set_address(socket: &OwnedFd, what: libc::Ioctl, address: Ipv4Addr) -> io::Result<()> {
    let mut request = named(b"lo:0");
    let [a, b, c, d] = address.octets().map(u8::cast_signed);
    request.ifr_ifru.ifru_addr = libc::sockaddr {
        sa_family: 2, // AF_INET
        sa_data: [0, 0, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0],
    };
    // SAFETY: both requests read an `ifreq` with an address, which `request` is.
    let answer = unsafe { libc::ioctl(socket.as_raw_fd(), what, &raw const request) };
    checked(answer)
}

fn checked(answer: libc::c_int) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
