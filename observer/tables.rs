//! TCP sockets in LISTEN of this network, asked through netlink: `/proc/net/tcp` walks a table
//! of all connections, which takes long where it is large.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::FromRawFd;

use crate::kernel;
use crate::listening::{IPV4, IPV6, messages, request};

pub struct Tables(Option<File>);

impl Tables {
    pub fn open() -> Tables {
        // SAFETY: the descriptor is new, and nobody else's.
        let socket = kernel::diagnosis().map(|made| unsafe { File::from_raw_fd(made) });
        let mut tables = Tables(socket.ok());
        // A kernel without it says so here; then the files are read.
        if tables.ask(&mut Vec::new()).is_err() {
            tables.0 = None;
        }
        tables
    }

    /// The sockets as `/proc/net/tcp` and `tcp6` show them.
    pub fn read(&mut self) -> io::Result<String> {
        if self.0.is_some() {
            let mut text = Vec::new();
            self.ask(&mut text)?;
            return String::from_utf8(text).map_err(io::Error::other);
        }
        let mut text = String::new();
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

    fn ask(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        let Some(socket) = &mut self.0 else { return Err(io::ErrorKind::NotFound.into()) };
        for family in [IPV4, IPV6] {
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
