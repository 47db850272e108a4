//! The kernel's diagnosis of sockets, as bytes: what asks for those in LISTEN, and what the answers
//! mean. The observer has this file, too: it may use nothing but the standard library.

use std::fmt::Write as _;
use std::io;

/// Families of addresses.
pub(super) const IPV4: u8 = 2;
pub(super) const IPV6: u8 = 10;
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

/// Asks for the sockets of one family.
pub(super) fn request(family: u8) -> [u8; HEADER + REQUEST] {
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
pub(super) fn messages(mut bytes: &[u8], text: &mut Vec<u8>) -> io::Result<bool> {
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
        Some(&IPV4) => 1,
        Some(&IPV6) => 4,
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
