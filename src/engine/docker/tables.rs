//! TCP sockets in LISTEN of a container's network, asked from the kernel through netlink.
//!
//! `/proc/net/tcp` walks the machine's whole table of connections, which takes 8 to 18 ms
//! with its usual 262,144 entries; this walks the listening ones alone, in 0.1 ms.
#![expect(clippy::disallowed_methods, reason = "the container's network is below /proc/PID")]

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
    sockopt,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
/// The bit of LISTEN in a set of states.
const LISTEN: u32 = 1 << 10;
/// Kinds of messages.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// A request that is answered with a list: `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// The header of every message.
const HEADER: usize = 16;
/// A request without its header.
const REQUEST: usize = 56;

/// The sockets of one container's network. They can be asked for as long as this lives,
/// whether the container does or not.
#[derive(Debug)]
pub(super) struct Tables {
    socket: Mutex<OwnedFd>,
}

impl Tables {
    /// Opens those of a process's network.
    pub(super) fn of(pid: i32) -> io::Result<Tables> {
        let network = File::open(format!("/proc/{pid}/ns/net"))?;
        // A socket belongs to the network of its maker: the thread that makes it goes there.
        let made = std::thread::spawn(move || -> io::Result<OwnedFd> {
            move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
            let flags = SocketFlags::CLOEXEC;
            let protocol = Some(netlink::SOCK_DIAG);
            let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, flags, protocol)?;
            let limit = std::time::Duration::from_secs(5);
            sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(limit))?;
            Ok(socket)
        });
        let socket = made.join().map_err(|_| io::Error::other("the thread panicked"))??;
        let tables = Tables { socket: Mutex::new(socket) };
        // A kernel without it says so here, not in the midst of a boot.
        tables.append(&mut Vec::new())?;
        Ok(tables)
    }

    /// Appends the sockets as `/proc/net/tcp` and `tcp6` would show them.
    pub(super) fn append(&self, text: &mut Vec<u8>) -> io::Result<()> {
        let socket = self.socket.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for family in [AF_INET, AF_INET6] {
            let asked = send(&*socket, &request(family), SendFlags::empty())?;
            if asked != HEADER + REQUEST {
                return Err(io::ErrorKind::WriteZero.into());
            }
            let mut buffer = vec![0; 32 * 1024];
            loop {
                let (length, _) = recv(&*socket, buffer.as_mut_slice(), RecvFlags::empty())?;
                if messages(&buffer[..length], text)? {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Reads the same from the files: for whoever has no other way.
pub(super) fn read(pid: i32, text: &mut Vec<u8>) -> io::Result<()> {
    for name in ["tcp", "tcp6"] {
        match File::open(format!("/proc/{pid}/net/{name}")) {
            Ok(mut file) => drop(file.read_to_end(text)?),
            Err(error) if name == "tcp6" && error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn request(family: u8) -> [u8; HEADER + REQUEST] {
    let mut bytes = [0; HEADER + REQUEST];
    let length = u32::try_from(HEADER + REQUEST).unwrap_or_default();
    bytes[0..4].copy_from_slice(&length.to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    bytes[HEADER] = family;
    bytes[HEADER + 1] = IPPROTO_TCP;
    bytes[HEADER + 4..HEADER + 8].copy_from_slice(&LISTEN.to_ne_bytes());
    bytes
}

/// Appends the sockets of the messages of one answer. `true` at the end of the list.
fn messages(mut bytes: &[u8], text: &mut Vec<u8>) -> io::Result<bool> {
    while bytes.len() >= HEADER {
        let length = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length < HEADER || length > bytes.len() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let body = &bytes[HEADER..length];
        match u16::from_ne_bytes([bytes[4], bytes[5]]) {
            NLMSG_DONE => return Ok(true),
            NLMSG_ERROR => {
                let errno = body.first_chunk().map_or(0, |errno| i32::from_ne_bytes(*errno));
                return Err(io::Error::from_raw_os_error(-errno));
            }
            SOCK_DIAG_BY_FAMILY => line(body, text),
            _ => {}
        }
        bytes = &bytes[length.next_multiple_of(4).min(bytes.len())..];
    }
    Ok(false)
}

/// One socket: family, state, two more bytes, its own port and the other's, its own address.
fn line(body: &[u8], text: &mut Vec<u8>) {
    let words = match body.first() {
        Some(&AF_INET) => 1,
        Some(&AF_INET6) => 4,
        _ => return,
    };
    let Some(address) = body.get(8..8 + words * 4) else { return };
    let (port, state) = (u16::from_be_bytes([body[4], body[5]]), body[1]);
    let mut shown = String::from("   0: ");
    for word in address.chunks_exact(4) {
        // Network order, printed as one number of the machine's own, as the kernel does.
        let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
        let _ = write!(shown, "{word:08X}");
    }
    let _ = writeln!(shown, ":{port:04X} {}:0000 {state:02X}", "00000000".repeat(words));
    text.extend_from_slice(shown.as_bytes());
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn own_listeners_are_found() {
        let four = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = four.local_addr().expect("an address").port();
        let Ok(tables) = Tables::of(std::process::id().cast_signed()) else {
            return; // Only root may enter a network.
        };
        let mut text = Vec::new();
        tables.append(&mut text).expect("the kernel answers");
        let text = String::from_utf8(text).expect("text");
        let expected = format!("   0: 0100007F:{port:04X} 00000000:0000 0A\n");
        assert!(text.contains(&expected), "{text}");
    }
}
