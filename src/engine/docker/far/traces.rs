//! What an observer tells of processes and sockets: the kernel's texts, in JSON.

use std::io;

use serde::Deserialize;

use crate::engine::processes::{self, Texts};
use crate::engine::{Traces, delivery};
use crate::evidence::Delivery;

/// As the observer tells it.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Told {
    /// The first one first.
    pub(super) processes: Vec<Texts>,
    tcp: String,
    udp: String,
    forks_refused: Option<u64>,
}

impl Told {
    pub(super) fn read(text: &str) -> io::Result<Told> {
        Ok(serde_json::from_str(text)?)
    }

    pub(super) fn understood(self) -> Traces {
        Traces {
            sigterm: processes::sigterm(&self.processes),
            processes: processes::understood(&self.processes),
            tcp: self.tcp.into_bytes(),
            udp: self.udp.into_bytes(),
            forks_refused: self.forks_refused,
        }
    }

    /// What becomes of a SIGTERM for the first process.
    pub(super) fn delivery_of_sigterm(&self) -> Delivery {
        self.processes
            .first()
            .map_or(Delivery::Delivered, |first| delivery::delivery(first.status()))
    }
}

/// The observer's own hand.
#[cfg(test)]
#[path = "../../../../observer/json.rs"]
mod json;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_observer_writes_is_read() {
        let texts: [&[u8]; 3] = [b"7 (a\"\\\n) S 1", b"a\0b\t\x7f\x1b", "ü\u{85}💡".as_bytes()];
        let mut written = String::new();
        json::list(&mut written, texts, json::text);
        assert!(!written.contains('\n'), "{written}");
        let read: Vec<String> = serde_json::from_str(&written).expect("it is JSON");
        let expected = texts.map(String::from_utf8_lossy);
        assert_eq!(read, expected);
        let mut written = String::new();
        json::list(&mut written, [Some(7), None], json::number);
        assert_eq!(written, "[7,null]");
    }

    #[test]
    fn what_is_told_is_understood() {
        let told = |caught: &str| {
            let text = format!(
                r#"{{"processes":[{{"stat":"712 (sh) S 1 7 7 0 -1 0 0 0 0 0 0 0","status":
                "NSpid:\t712\t1\nSigBlk:\t0000000000000000\nSigCgt:\t{caught}\n","command_line":
                "sh\u0000-c","wchan":"","syscall":"34 0x0","descriptors":null,"threads":[],"runs":
                false}}],"tcp":"a\nb\n","udp":"","forks_refused":3}}"#
            );
            Told::read(&text).expect("as it is told")
        };
        assert_eq!(told("0000000000000000").delivery_of_sigterm(), Delivery::Dropped);
        assert_eq!(told("0000000000004000").delivery_of_sigterm(), Delivery::Delivered);
        let traces = told("0000000000000000").understood();
        assert_eq!((traces.tcp.as_slice(), traces.forks_refused), (&b"a\nb\n"[..], Some(3)));
        let [process] = traces.processes.as_slice() else { panic!("{traces:?}") };
        assert_eq!((process.pid, process.command_line.as_str()), (1, "sh -c"));
        assert!(Told::read("{}").is_err());
    }
}
