//! Sockets in LISTEN, read from the text of `/proc/net/tcp` and `/proc/net/tcp6`.
//!
//! Nothing is needed in the image, and no connection is made that a proxy could take.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::evidence::Listener;

/// The state `LISTEN` in those tables.
const LISTEN: &str = "0A";
/// The states `SYN_SENT`, `ESTABLISHED`, and that of a UDP socket which was not connected.
const SYN_SENT: &str = "02";
const ESTABLISHED: &str = "01";
const UNCONNECTED: &str = "07";
/// Where name servers are asked.
const NAME_SERVICE: u16 = 53;

/// How far a port is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// On all addresses.
    Everywhere,
    /// On some address that is not loopback.
    Somewhere,
    /// On loopback only.
    Loopback,
    /// Not at all.
    Nowhere,
}

/// All sockets in LISTEN, sorted, each once.
#[must_use]
pub fn listeners(table: &[u8]) -> Vec<Listener> {
    let listening = sockets(table).filter(|socket| socket.state == LISTEN);
    let mut found: Vec<_> =
        listening.filter_map(|socket| Some(Listener { address: address(socket.local)? })).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Where connections are under way to that nobody has answered, sorted, each once.
pub(super) fn connecting(table: &[u8]) -> Vec<SocketAddr> {
    let under_way = sockets(table).filter(|socket| socket.state == SYN_SENT);
    addresses(under_way.filter_map(|socket| address(socket.remote)))
}

/// Of a table of UDP sockets: those that wait for whoever sends, and the name servers that
/// others were connected to.
pub(super) fn datagrams(table: &[u8]) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    let waiting = sockets(table).filter(|socket| socket.state == UNCONNECTED);
    let asking = sockets(table).filter(|socket| socket.state == ESTABLISHED);
    let asked = asking.filter_map(|socket| address(socket.remote));
    (
        addresses(waiting.filter_map(|socket| address(socket.local))),
        addresses(asked.filter(|remote| remote.port() == NAME_SERVICE)),
    )
}

fn addresses(found: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let sorted: std::collections::BTreeSet<SocketAddr> = found.collect();
    sorted.into_iter().collect()
}

/// How far a port is bound, by the sockets that are in LISTEN.
#[must_use]
pub(super) fn bound(listeners: &[Listener], port: u16) -> Bound {
    let addresses =
        || listeners.iter().filter(|l| l.address.port() == port).map(|l| l.address.ip());
    if addresses().any(|ip| ip.is_unspecified()) {
        Bound::Everywhere
    } else if addresses().any(|ip| !is_loopback(ip)) {
        Bound::Somewhere
    } else if addresses().next().is_some() {
        Bound::Loopback
    } else {
        Bound::Nowhere
    }
}

/// Whether an address is reached from inside the container only. `::ffff:127.0.0.1` is, too.
pub(super) fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// One line of a table.
struct Socket<'a> {
    local: &'a str,
    remote: &'a str,
    state: &'a str,
}

fn sockets(table: &[u8]) -> impl Iterator<Item = Socket<'_>> {
    table.split(|byte| *byte == b'\n').filter_map(socket)
}

/// The socket of one line: `sl local_address rem_address st …`.
fn socket(line: &[u8]) -> Option<Socket<'_>> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, remote, state) = (words.next()?, words.next()?, words.next()?);
    Some(Socket { local, remote, state })
}

fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let ip = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(address)?)),
        32 => {
            let mut bytes = [0; 16];
            for (at, chunk) in bytes.chunks_exact_mut(4).enumerate() {
                chunk.copy_from_slice(&word(address.get(at * 8..at * 8 + 8)?)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Four bytes in network order; the kernel prints them as one number of its own order.
fn word(text: &str) -> Option<[u8; 4]> {
    u32::from_str_radix(text, 16).ok().map(u32::to_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:2328 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 26 1
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 27 1
   2: 0100007F:1F91 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 28 1
  sl  local_address                         remote_address                        st tx_queue
   0: 00000000000000000000000000000000:2329 00000000000000000000000000000000:0000 0A 00000000
   1: 00000000000000000000000001000000:232A 00000000000000000000000000000000:0000 0A 00000000
   2: 0000000000000000FFFF00000100007F:232B 00000000000000000000000000000000:0000 0A 00000000
";

    #[test]
    fn both_tables_are_read() {
        let found = listeners(TABLE.as_bytes());
        let texts: Vec<String> = found.iter().map(|l| l.address.to_string()).collect();
        let expected = [
            "0.0.0.0:9000",
            "127.0.0.1:8080",
            "[::]:9001",
            "[::1]:9002",
            "[::ffff:127.0.0.1]:9003",
        ];
        assert_eq!(texts, expected);
        let how = |port| bound(&found, port);
        assert_eq!(how(9000), Bound::Everywhere);
        assert_eq!(how(9001), Bound::Everywhere);
        assert_eq!(how(9002), Bound::Loopback);
        assert_eq!(how(9003), Bound::Loopback);
        assert_eq!(how(8080), Bound::Loopback);
        assert_eq!(how(8081), Bound::Nowhere);
    }

    #[test]
    fn what_is_waited_for_is_found() {
        let table = "\
   1: 0100007F:1F91 0100007F:1538 02 00000000:00000000 01:00000019 00000002     0        0 28 1
   2: 0100007F:1F92 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 28 1
";
        assert_eq!(connecting(table.as_bytes()), ["127.0.0.1:5432".parse().expect("an address")]);
        let table = "\
  12: 00000000:2328 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 30 2
  13: 0100007F:9C40 08080808:0035 01 00000000:00000000 00:00000000 00000000     0        0 31 2
  14: 0100007F:9C41 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 32 2
";
        let (waiting, asked) = datagrams(table.as_bytes());
        assert_eq!(waiting, ["0.0.0.0:9000".parse().expect("an address")]);
        assert_eq!(asked, ["8.8.8.8:53".parse().expect("an address")]);
    }

    #[test]
    fn damage_is_passed_over() {
        for end in 0..TABLE.len() {
            let _ = listeners(&TABLE.as_bytes()[..end]);
        }
        assert!(listeners(b"0: 00:zz 0 0A\n1: \xff 0 0A").is_empty());
    }
}
