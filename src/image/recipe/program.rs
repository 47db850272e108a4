//! The server that fixture images run, as the build script compiled it.

use super::Machine;
use super::content::Content;
use super::elf;

/// A static program, or a dynamic one where this machine could not link statically.
static SERVER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/function"));

/// What a dynamic server needs beside it, by absolute path; empty for a static one.
pub(super) static LIBRARIES: &[(&str, &[u8])] =
    include!(concat!(env!("OUT_DIR"), "/function_libraries.rs"));

/// The server, or what looks like it on another machine.
pub(super) fn server(machine: Machine) -> Content {
    match machine {
        Machine::X86_64 => Content::from(SERVER),
        other => Content::from(elf::with_machine(SERVER, other)),
    }
}
