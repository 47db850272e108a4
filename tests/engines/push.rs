//! What is pushed through an engine, and what is not.
#![expect(clippy::disallowed_methods, reason = "starts the program")]

use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;

use crate::engine::Engine;
use crate::image;
use crate::registry::{PASSWORD, Registries, USER};

pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Pushes, with no credentials but those in the directory.
fn push(engine: &Engine, dir: &Path, words: &[&str]) -> Result<Ran, Failed> {
    push_with(&engine.host, dir, words)
}

pub(crate) fn push_with(host: &str, dir: &Path, words: &[&str]) -> Result<Ran, Failed> {
    let output = Command::new(env!("CARGO_BIN_EXE_scf-conform"))
        .arg("push")
        .args(words)
        .current_dir(dir)
        .env("XDG_CACHE_HOME", dir.join("cache"))
        .env("DOCKER_HOST", host)
        .env("DOCKER_CONFIG", dir)
        .output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
}

pub(crate) fn is(wanted: i32, ran: &Ran) -> Result<(), Failed> {
    if ran.code == Some(wanted) {
        return Ok(());
    }
    Err(format!("exit code {:?}, wanted {wanted}\n{}\n{}", ran.code, ran.out, ran.err).into())
}

pub(crate) fn equal<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Result<(), Failed> {
    if found == wanted { Ok(()) } else { Err(format!("{found:?}, wanted {wanted:?}").into()) }
}

/// The engine knows an image by its own name and not by the destination.
fn is_not_named(engine: &Engine, name: &str, dest: &str) -> Result<(), Failed> {
    // Other trials have the same image under names of theirs.
    let names = engine.run(&["image", "inspect", "-f", "{{.RepoTags}}", name], b"")?;
    if names.contains(name) && !names.contains(dest) { Ok(()) } else { Err(names.into()) }
}

pub(crate) fn conforming(engine: &Engine, to: &Registries) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let name = Engine::new_name();
    let loaded = engine.load(&name, &image::docker_archive("hello", &name)?)?;
    let repository = name.split(':').next().unwrap_or_default().to_owned();
    let dest = format!("{}/team/{repository}:v1", to.open.host);
    // Twice: what is there already is no hindrance.
    for _ in 0..2 {
        let ran = push(engine, dir.path(), &[&name, &dest])?;
        is(0, &ran)?;
        let digest = to.open.digest(&format!("team/{repository}"), "v1")?.ok_or("no such tag")?;
        equal(&ran.out.lines().last(), &Some(format!("pushed: {dest}@{digest}").as_str()))?;
        is_not_named(engine, &loaded.name, &dest)?;
    }
    // Under the image's own name.
    engine.run(&["tag", &name, &dest], b"")?;
    let ran = push(engine, dir.path(), &[&dest]);
    engine.run(&["rmi", &dest], b"")?;
    is(0, &ran?)
}

/// A name in the engine that means another image is given back.
pub(crate) fn name_given_back(engine: &Engine, to: &Registries) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let name = Engine::new_name();
    let _loaded = engine.load(&name, &image::docker_archive("hello", &name)?)?;
    let other = engine.import(&[0; 1024], "CMD [\"/other\"]")?;
    let dest = format!("{}/given/back:v1", to.open.host);
    engine.run(&["tag", &other.name, &dest], b"")?;
    let id = |name: &str| engine.run(&["image", "inspect", "-f", "{{.Id}}", name], b"");
    let ran = push(engine, dir.path(), &[&name, &dest]);
    let means = id(&dest);
    engine.run(&["rmi", &dest], b"")?;
    let ran = ran?;
    // The engine notes the digest of what it pushed, and keeps the image for that.
    if let Some(pushed) = ran.out.lines().last().and_then(|line| line.strip_prefix("pushed: ")) {
        let _ = engine.run(&["rmi", &pushed.replace(":v1@", "@")], b"");
    }
    is(0, &ran)?;
    equal(&means?, &id(&other.name)?)
}

pub(crate) fn failing(engine: &Engine, to: &Registries) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let name = Engine::new_name();
    let _loaded = engine.load(&name, &image::docker_archive("b001-loopback", &name)?)?;
    // Nobody else pushes to this one.
    let dest = format!("{}/team/bad:v1", to.closed.host);
    let ran = push(engine, dir.path(), &[&name, &dest])?;
    is(1, &ran)?;
    equal(&ran.err.lines().last(), &Some("note: not pushed: the image does not conform"))?;
    equal(&to.closed.digest("team/bad", "v1")?, &None)?;
    equal(&to.closed.blobs(), &0)
}

pub(crate) fn refusing(engine: &Engine, to: &Registries) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let name = Engine::new_name();
    let loaded = engine.load(&name, &image::docker_archive("hello", &name)?)?;
    let down = "127.0.0.1:1".to_owned();
    for host in [&to.closed.host, &down] {
        let dest = format!("{host}/team/hello:v1");
        let ran = push(engine, dir.path(), &[&name, &dest])?;
        is(3, &ran)?;
        let told = format!("error: push to `{dest}` through the engine: ");
        if !ran.err.contains(&told) || !ran.err.contains("help: run it again") {
            return Err(ran.err.into());
        }
        is_not_named(engine, &loaded.name, &dest)?;
    }
    Ok(())
}

/// Writes what `docker login` writes.
pub(crate) fn log_in(dir: &Path, host: &str) -> Result<(), Failed> {
    let auths = serde_json::json!({"auths": {host: {"username": USER, "password": PASSWORD,
        "auth": "Y2k6fn5+Pz8/Pj4+"}}});
    Ok(std::fs::write(dir.join("config.json"), auths.to_string())?)
}

pub(crate) fn with_credentials(engine: &Engine, to: &Registries) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let name = Engine::new_name();
    let _loaded = engine.load(&name, &image::docker_archive("hello", &name)?)?;
    let host = &to.locked.host;
    let repository = name.split(':').next().unwrap_or_default();
    let dest = format!("{host}/{repository}:v1");
    let ran = push(engine, dir.path(), &[&name, &dest])?;
    is(3, &ran)?;
    if !ran.err.contains(&format!("help: docker login {host}")) {
        return Err(ran.err.into());
    }
    equal(&to.locked.digest(repository, "v1")?, &None)?;
    log_in(dir.path(), host)?;
    is(0, &push(engine, dir.path(), &[&name, &dest])?)?;
    equal(&to.locked.digest(repository, "v1")?.is_some(), &true)
}
