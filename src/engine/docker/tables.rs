//! TCP sockets in LISTEN of a container's network, asked from the kernel through netlink.
//!
//! `/proc/net/tcp` walks the machine's whole table of connections, which takes 8 to 18 ms
//! with its usual 262,144 entries; this walks the listening ones alone, in 0.1 ms.
#![expect(clippy::disallowed_methods, reason = "the container's network is below /proc/PID")]

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
    sockopt,
};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::listening::{IPV4, IPV6, messages, request};

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
        for family in [IPV4, IPV6] {
            let request = request(family);
            if send(&*socket, &request, SendFlags::empty())? != request.len() {
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
