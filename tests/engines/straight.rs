//! What is pushed from files and registries, without an engine, and what is not.
#![expect(clippy::disallowed_methods, reason = "writes files")]

use std::path::Path;

use libtest_mimic::Failed;
use scf_conform::image::Blobs as _;
use scf_conform::oci::Digest;
use scf_conform::source;

use crate::image;
use crate::push::{Ran, equal, is, log_in, push_with};
use crate::registry::Registries;

fn push(dir: &Path, words: &[&str]) -> Result<Ran, Failed> {
    push_with("unix:///absent", dir, words)
}

/// The digest in the last line.
fn said(ran: &Ran, dest: &str) -> Result<String, Failed> {
    let last = ran.out.lines().last().unwrap_or_default();
    let digest = last.strip_prefix(&format!("pushed: {dest}@")).ok_or_else(|| ran.out.clone())?;
    Ok(digest.to_owned())
}

pub(crate) fn same_digest(to: &Registries) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let path = |name: &str| dir.path().join(name);
    image::layouts("hello", &path("layout"), &path("layout.tar"))?;
    std::fs::write(path("made.tar"), image::docker_archive("hello", "app:v1")?)?;
    let host = &to.open.host;
    let manifest = Digest::of(&source::fixture("hello")?.root()?.bytes).to_string();
    let first = format!("docker://{host}/straight/oci:v1");
    let mut archived = None;
    for (repository, from) in [
        ("straight/oci", "oci:layout"),
        ("straight/oci-archive", "oci-archive:layout.tar"),
        ("straight/fixture", "fixture:hello"),
        // What is in a registry by now.
        ("straight/registry", &first),
        ("straight/docker-archive", "docker-archive:made.tar"),
        ("straight/docker-archive-again", "made.tar"),
    ] {
        let dest = format!("{host}/{repository}:v1");
        let ran = push(dir.path(), &[from, &dest])?;
        is(0, &ran)?;
        let digest = said(&ran, &dest)?;
        equal(&to.open.digest(repository, "v1")?.as_ref(), &Some(&digest))?;
        if from.contains("made.tar") {
            // An archive of plain layers has no manifest: whoever pushes makes it, with layers
            // that are compressed, and always in the same way.
            equal(archived.get_or_insert(digest.clone()), &digest)?;
        } else {
            equal(&digest, &manifest)?;
        }
        // As it is in the registry it conforms, too.
        let checked = push(dir.path(), &[&format!("docker://{dest}"), &dest])?;
        is(0, &checked)?;
        equal(&said(&checked, &dest)?, &digest)?;
    }
    Ok(())
}

pub(crate) fn failing(to: &Registries) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let dest = format!("{}/straight/bad:v1", to.closed.host);
    let ran = push(dir.path(), &["fixture:b001-loopback", &dest])?;
    is(1, &ran)?;
    equal(&to.closed.digest("straight/bad", "v1")?, &None)?;
    equal(&to.closed.blobs(), &0)
}

pub(crate) fn refusing(to: &Registries) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    for host in [&*to.closed.host, "127.0.0.1:1"] {
        let dest = format!("{host}/straight/hello:v1");
        let ran = push(dir.path(), &["fixture:hello", &dest])?;
        is(3, &ran)?;
        let told = format!("error: push to `{dest}`: ");
        if !ran.err.starts_with(&told) || !ran.err.contains("help: run it again") {
            return Err(ran.err.into());
        }
    }
    Ok(())
}

pub(crate) fn with_credentials(to: &Registries) -> Result<(), Failed> {
    let dir = tempfile::tempdir()?;
    let host = &to.locked.host;
    let dest = format!("{host}/straight/hello:v1");
    let ran = push(dir.path(), &["fixture:hello", &dest])?;
    is(3, &ran)?;
    if !ran.err.contains(&format!("help: docker login {host}")) {
        return Err(ran.err.into());
    }
    log_in(dir.path(), host)?;
    is(0, &push(dir.path(), &["fixture:hello", &dest])?)?;
    equal(&to.locked.digest("straight/hello", "v1")?.is_some(), &true)
}
