//! Sockets in LISTEN, read from the text of `/proc/net/tcp` and `/proc/net/tcp6`.
//!
//! Nothing is needed in the image, and no connection is made that a proxy could take.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::evidence::Listener;

/// The state `LISTEN` in those tables.
const LISTEN: &str = "0A";

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
    let mut found: Vec<Listener> =
        table.split(|byte| *byte == b'\n').filter_map(listener).collect();
    found.sort_unstable();
    found.dedup();
    found
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

/// The socket of one line, if it is in LISTEN: `sl local_address rem_address st …`.
fn listener(line: &[u8]) -> Option<Listener> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace().skip(1);
    let local = words.next()?;
    if words.nth(1)? != LISTEN {
        return None;
    }
    let (address, port) = local.split_once(':')?;
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
    Some(Listener { address: SocketAddr::new(ip, port) })
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
    fn damage_is_passed_over() {
        for end in 0..TABLE.len() {
            let _ = listeners(&TABLE.as_bytes()[..end]);
        }
        assert!(listeners(b"0: 00:zz 0 0A\n1: \xff 0 0A").is_empty());
    }
}
