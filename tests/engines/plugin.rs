//! The program as a plugin of docker's own client.
#![expect(clippy::disallowed_methods, reason = "starts docker's client")]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use libtest_mimic::{Completion, Failed};

/// Calls docker with the plugin on its path.
pub(crate) fn answers() -> Result<Completion, Failed> {
    let dir = tempfile::tempdir()?;
    let plugins = dir.path().join("cli-plugins");
    fs::create_dir(&plugins)?;
    symlink(env!("CARGO_BIN_EXE_scf-conform"), plugins.join("docker-scfconform"))?;
    let docker = |words: &[&str]| -> std::io::Result<Output> {
        Command::new("docker")
            .args(words)
            .current_dir(dir.path())
            .env("DOCKER_CONFIG", dir.path())
            .env("XDG_CACHE_HOME", dir.path().join("cache"))
            .output()
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if let Err(error) = docker(&["--version"]) {
        let why = format!("docker's client cannot be started: {error}");
        return if crate::required() { Err(why.into()) } else { Ok(Completion::ignored_with(why)) };
    }
    let wanted = |words: &[&str], code: i32, part: &str| -> Result<(), Failed> {
        let output = docker(words)?;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        if output.status.code() == Some(code) && (out.contains(part) || err.contains(part)) {
            return Ok(());
        }
        Err(format!("{words:?}: {:?}, without `{part}`\n{out}\n{err}", output.status).into())
    };
    wanted(&["--help"], 0, "Check images against the contract of Tencent Cloud SCF")?;
    wanted(&["scfconform", "check", "fixture:hello"], 0, "conform: PASS")?;
    wanted(&["scfconform", "check", "fixture:b001-exits"], 1, "conform: FAIL")?;
    wanted(&["scfconform", "push", "app:v1"], 2, "`app:v1` names no registry")?;
    wanted(&["scfconform", "push", "--help"], 0, "Usage: docker scfconform push")?;
    let far = ["--context", "far", "scfconform", "check", "docker-daemon:app:v1"];
    wanted(&far, 3, "context `far` (DOCKER_CONTEXT): there is none of that name")?;
    Ok(Completion::Completed)
}
