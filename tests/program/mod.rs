//! The built program, started by tests.

use std::path::Path;
use std::process::Command;

/// The program in a directory of its own, with nothing in its environment that it heeds.
pub(crate) fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scf-conform"));
    command.current_dir(dir).env("XDG_CACHE_HOME", dir.join("cache"));
    for (name, _) in std::env::vars() {
        if name.starts_with("SCF_CONFORM_") || name.contains("COLOR") {
            command.env_remove(name);
        }
    }
    command
}

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let output = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) fn run(arguments: &[&str]) -> Ran {
    let dir = tempfile::tempdir().expect("a directory");
    ran(program(dir.path()).args(arguments))
}
