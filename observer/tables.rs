//! TCP sockets in LISTEN of this network, asked through netlink: `/proc/net/tcp` walks a table
//! of all connections, which takes long where it is large.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;

use crate::kernel;

const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;
const IPPROTO_TCP: u8 = 6;
/// The bit of LISTEN in a set of states.
const LISTEN: u32 = 1 << 10;
/// Kinds of messages.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// A request that is answered with a list.
const DUMP: u16 = 0x301;
const HEADER: usize = 16;
const REQUEST: usize = 56;

pub struct Tables(Option<File>);

impl Tables {
    pub fn open() -> Tables {
        // SAFETY: the descriptor is new, and nobody else's.
        let socket = kernel::diagnosis().map(|made| unsafe { File::from_raw_fd(made) });
        let mut tables = Tables(socket.ok());
        // A kernel without it says so here; then the files are read.
        if tables.ask(&mut String::new()).is_err() {
            tables.0 = None;
        }
        tables
    }

    /// The sockets as `/proc/net/tcp` and `tcp6` show them.
    pub fn read(&mut self) -> io::Result<String> {
        let mut text = String::new();
        if self.0.is_some() {
            self.ask(&mut text)?;
            return Ok(text);
        }
        for name in ["tcp", "tcp6"] {
            match fs::read_to_string(format!("/proc/self/net/{name}")) {
                Ok(table) => {
                    // Only those in LISTEN: the others change all the time.
                    let listening = |line: &&str| line.split_whitespace().nth(3) == Some("0A");
                    table.lines().filter(listening).for_each(|line| {
                        let _ = writeln!(text, "{line}");
                    });
                }
                Err(error) if name == "tcp6" && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(text)
    }

    fn ask(&mut self, text: &mut String) -> io::Result<()> {
        let Some(socket) = &mut self.0 else { return Err(io::ErrorKind::NotFound.into()) };
        for family in [AF_INET, AF_INET6] {
            socket.write_all(&request(family))?;
            let mut buffer = vec![0; 32 * 1024];
            loop {
                let length = socket.read(&mut buffer)?;
                if messages(&buffer[..length], text)? {
                    break;
                }
            }
        }
        Ok(())
    }
}

fn request(family: u8) -> [u8; HEADER + REQUEST] {
    let mut bytes = [0; HEADER + REQUEST];
    bytes[0..4].copy_from_slice(&((HEADER + REQUEST) as u32).to_ne_bytes());
    bytes[4..6].copy_from_slice(&SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes[6..8].copy_from_slice(&DUMP.to_ne_bytes());
    bytes[HEADER] = family;
    bytes[HEADER + 1] = IPPROTO_TCP;
    bytes[HEADER + 4..HEADER + 8].copy_from_slice(&LISTEN.to_ne_bytes());
    bytes
}

/// Appends the sockets of the messages of one answer. `true` at the end of the list.
fn messages(mut bytes: &[u8], text: &mut String) -> io::Result<bool> {
    while bytes.len() >= HEADER {
        let length = u32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
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
fn line(body: &[u8], text: &mut String) {
    let words = match body.first() {
        Some(&AF_INET) => 1,
        Some(&AF_INET6) => 4,
        _ => return,
    };
    let Some(address) = body.get(8..8 + words * 4) else { return };
    let (port, state) = (u16::from_be_bytes([body[4], body[5]]), body[1]);
    text.push_str("   0: ");
    for word in address.chunks_exact(4) {
        // Network order, printed as one number of the machine's own, as the kernel does.
        let word = u32::from_ne_bytes([word[0], word[1], word[2], word[3]]);
        let _ = write!(text, "{word:08X}");
    }
    let _ = writeln!(text, ":{port:04X} {}:0000 {state:02X}", "00000000".repeat(words));
}
