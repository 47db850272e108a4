//! What becomes of reading from a registry that misbehaves: an error of one line, soon, and
//! nothing broken in the cache.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use libtest_mimic::Failed;
use scf_conform::image::Depth;
use scf_conform::registry::Access;

use crate::scripted::{Asked, Scripted, part, whole};
use crate::world::{equal, hasty, kept, pieces, program, read, read_to, says, text};

type Done = Result<(), Failed>;

/// A registry with nothing wrong but how it answers for the one layer, whose bytes are given.
fn with_layer(
    answer: impl Fn(&[u8], &Asked, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> Result<Scripted, Failed> {
    let pieces = pieces("hello")?;
    let (layer, bytes) = pieces.layer.clone();
    Ok(Scripted::with(pieces, move |asked, stream| {
        if !asked.path.ends_with(&layer.hex()) {
            return Ok(false);
        }
        answer(&bytes, asked, stream)?;
        Ok(true)
    })?)
}

/// Sends as many bytes as there should be, one of them another.
fn send_wrong(bytes: &[u8], _: &Asked, stream: &mut TcpStream) -> io::Result<()> {
    let mut wrong = bytes.to_vec();
    wrong[100] ^= 1;
    part(stream, &wrong, 0, wrong.len())
}

pub(crate) fn well_behaved() -> Done {
    let (cache, pieces) = (tempfile::tempdir()?, pieces("hello")?);
    let layer = pieces.layer.0;
    let registry = Scripted::with(pieces, |_, _| Ok(false))?;
    for _ in 0..2 {
        let image = read(&registry.reference(), &hasty(), cache.path())?;
        equal(image.is_whole(), true)?;
    }
    equal(kept(cache.path()), vec![layer.hex()])?;
    let layers = registry.asked().iter().filter(|asked| asked.path.ends_with(&layer.hex())).count();
    equal(layers, 1)
}

pub(crate) fn cut_with_ranges() -> Done {
    let (cache, pieces) = (tempfile::tempdir()?, pieces("hello")?);
    let (layer, bytes) = pieces.layer.clone();
    let registry = Scripted::with(pieces, move |asked, stream| {
        if !asked.path.ends_with(&layer.hex()) || asked.before > 2 {
            return Ok(false);
        }
        let from = asked.from();
        part(stream, &bytes, from, from + bytes.len() / 5)?;
        Ok(true)
    })?;
    equal(read(&registry.reference(), &hasty(), cache.path())?.is_whole(), true)?;
    let asked = registry.asked();
    let from: Vec<_> = asked.iter().map(Asked::from).filter(|at| *at > 0).collect();
    equal(from.len(), 3)
}

pub(crate) fn cut_without_ranges() -> Done {
    let cache = tempfile::tempdir()?;
    let registry = with_layer(move |bytes, asked, stream| {
        // Always from the beginning, whatever is asked for; a little further each time.
        let to = bytes.len() * (asked.before + 1).min(4) / 4;
        part(stream, bytes, 0, to)?;
        Ok(())
    })?;
    equal(read(&registry.reference(), &hasty(), cache.path())?.is_whole(), true)
}

pub(crate) fn cut_for_ever() -> Done {
    let cache = tempfile::tempdir()?;
    let registry = with_layer(move |bytes, _, stream| {
        part(stream, bytes, 0, 1000)?;
        Ok(())
    })?;
    let found = read(&registry.reference(), &hasty(), cache.path());
    says(found, &["read blob sha256:", "after 1000 of", &registry.host])?;
    equal(kept(cache.path()), Vec::new())
}

pub(crate) fn busy() -> Done {
    let (cache, pieces) = (tempfile::tempdir()?, pieces("hello")?);
    let registry = Scripted::with(pieces, |asked, stream| {
        if asked.before > 1 {
            return Ok(false);
        }
        whole(stream, "429 Too Many Requests", "Retry-After: 0\r\n", b"{}")?;
        Ok(true)
    })?;
    equal(read(&registry.reference(), &hasty(), cache.path())?.is_whole(), true)
}

pub(crate) fn busy_for_long() -> Done {
    let (cache, pieces) = (tempfile::tempdir()?, pieces("hello")?);
    let registry = Scripted::with(pieces, |_, stream| {
        whole(stream, "429 Too Many Requests", "Retry-After: 3600\r\n", b"{}")?;
        Ok(true)
    })?;
    let found = read(&registry.reference(), &hasty(), cache.path());
    says(found, &["read the manifest of", "answers 429", "left alone for 3600 s"])
}

pub(crate) fn fails_twice() -> Done {
    let (cache, pieces) = (tempfile::tempdir()?, pieces("hello")?);
    let registry = Scripted::with(pieces, |asked, stream| {
        if asked.before > 1 {
            return Ok(false);
        }
        whole(stream, "500 Internal Server Error", "", b"oops")?;
        Ok(true)
    })?;
    equal(read(&registry.reference(), &hasty(), cache.path())?.is_whole(), true)
}

pub(crate) fn fails_for_ever() -> Done {
    let cache = tempfile::tempdir()?;
    let registry = with_layer(move |_, _, stream| {
        let body = br#"{"errors": [{"code": "UNKNOWN", "message": "the disk is full"}]}"#;
        whole(stream, "503 Service Unavailable", "", body)?;
        Ok(())
    })?;
    let found = read(&registry.reference(), &hasty(), cache.path());
    says(found, &["answers 503: UNKNOWN, the disk is full"])?;
    equal(kept(cache.path()), Vec::new())
}

pub(crate) fn wrong_layer() -> Done {
    let cache = tempfile::tempdir()?;
    let layer = pieces("hello")?.layer.0;
    let registry = with_layer(send_wrong)?;
    let found = read(&registry.reference(), &hasty(), cache.path());
    says(found, &["sends has digest sha256:", &layer.to_string()])?;
    equal(kept(cache.path()), Vec::new())
}

pub(crate) fn wrong_config() -> Done {
    let (cache, pieces) = (tempfile::tempdir()?, pieces("hello")?);
    let config = pieces.config.0;
    let registry = Scripted::with(pieces, move |asked, stream| {
        if !asked.path.ends_with(&config.hex()) {
            return Ok(false);
        }
        whole(stream, "200 OK", "", b"{}")?;
        Ok(true)
    })?;
    says(
        read(&registry.reference(), &hasty(), cache.path()),
        &["sends has digest sha256:", &config.to_string()],
    )
}

pub(crate) fn wrong_manifest() -> Done {
    let (cache, pieces) = (tempfile::tempdir()?, pieces("hello")?);
    let digest = format!("sha256:{}", "0".repeat(64));
    let registry = Scripted::with(pieces, |_, _| Ok(false))?;
    let reference = format!("docker://{}/team/app@{digest}", registry.host);
    says(read(&reference, &hasty(), cache.path()), &["read the manifest of", &digest])
}

pub(crate) fn redirect() -> Done {
    let (cache, mine, theirs) = (tempfile::tempdir()?, pieces("hello")?, pieces("hello")?);
    let elsewhere = Scripted::with(theirs, |_, _| Ok(false))?;
    let (layer, to) = (mine.layer.0, elsewhere.host.clone());
    let registry = Scripted::with(mine, move |asked, stream| {
        if asked.header("authorization") != Some("Basic Y2k6c2VjcmV0") {
            whole(stream, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", b"")?;
            return Ok(true);
        }
        if !asked.path.ends_with(&layer.hex()) {
            return Ok(false);
        }
        let location = format!("Location: http://{to}{}\r\n", asked.path);
        whole(stream, "301 Moved Permanently", &location, b"")?;
        Ok(true)
    })?;
    let access = logged_in(&registry.host, cache.path())?;
    equal(read(&registry.reference(), &access, cache.path())?.is_whole(), true)?;
    let there = elsewhere.asked();
    equal(there.is_empty(), false)?;
    equal(there.iter().any(|asked| asked.header("authorization").is_some()), false)
}

pub(crate) fn circle() -> Done {
    let (cache, pieces) = (tempfile::tempdir()?, pieces("hello")?);
    let registry = Scripted::with(pieces, |asked, stream| {
        let location = format!("Location: {}\r\n", asked.path);
        whole(stream, "302 Found", &location, b"")?;
        Ok(true)
    })?;
    says(read(&registry.reference(), &hasty(), cache.path()), &["one redirect too many"])
}

pub(crate) fn endless() -> Done {
    let cache = tempfile::tempdir()?;
    let registry = with_layer(move |_, _, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        let zeros = vec![0; 1 << 16];
        loop {
            stream.write_all(&zeros)?;
        }
    })?;
    says(
        read(&registry.reference(), &hasty(), cache.path()),
        &["more than the", "descriptor says"],
    )?;
    equal(kept(cache.path()), Vec::new())
}

pub(crate) fn endless_manifest() -> Done {
    let cache = tempfile::tempdir()?;
    let registry = Scripted::new(|_, stream| {
        write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
        let zeros = vec![b' '; 1 << 16];
        loop {
            stream.write_all(&zeros)?;
        }
    })?;
    says(
        read(&registry.reference(), &hasty(), cache.path()),
        &["read the manifest", "more than 4194304"],
    )
}

pub(crate) fn silent() -> Done {
    let cache = tempfile::tempdir()?;
    let registry = with_layer(move |bytes, asked, stream| {
        part(stream, bytes, asked.from(), asked.from() + 500)?;
        // Until the other side hangs up.
        stream.read_to_end(&mut Vec::new())?;
        Ok(())
    })?;
    let access = Access { patience: Duration::from_millis(300), ..hasty() };
    says(read(&registry.reference(), &access, cache.path()), &["has not sent a byte for 300 ms"])?;
    equal(kept(cache.path()), Vec::new())
}

pub(crate) fn garbage() -> Done {
    let cache = tempfile::tempdir()?;
    let registry = Scripted::new(|_, stream| stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n"))?;
    says(
        read(&registry.reference(), &hasty(), cache.path()),
        &["read the manifest", &registry.host],
    )?;
    let html = Scripted::new(|_, stream| whole(stream, "200 OK", "", b"<html>hello</html>"))?;
    says(read(&html.reference(), &hasty(), cache.path()), &["the manifest", "no JSON"])
}

/// Access with the login `ci`, `secret`.
fn logged_in(host: &str, dir: &std::path::Path) -> Result<Access, Failed> {
    let path = dir.join("config.json");
    write(&path, &format!(r#"{{"auths": {{"{host}": {{"auth": "Y2k6c2VjcmV0"}}}}}}"#))?;
    Ok(Access { logins: vec![path], ..hasty() })
}

#[expect(clippy::disallowed_methods, reason = "writes what docker login writes")]
fn write(path: &std::path::Path, text: &str) -> std::io::Result<()> {
    std::fs::write(path, text)
}

/// A registry that wants a token, and the service that gives it for the right password.
fn with_tokens() -> Result<Scripted, Failed> {
    let pieces = pieces("hello")?;
    Ok(Scripted::with(pieces, |asked, stream| {
        if let Some(query) = asked.path.strip_prefix("/token?") {
            let right = asked.header("authorization") == Some("Basic Y2k6c2VjcmV0")
                && query.contains("scope=repository%3Ateam%2Fapp%3Apull")
                && query.contains("service=the+registry");
            let (status, body) = if right {
                ("200 OK", r#"{"token": "abc.def", "expires_in": 300}"#)
            } else {
                ("401 Unauthorized", "{}")
            };
            whole(stream, status, "", body.as_bytes())?;
            return Ok(true);
        }
        if asked.header("authorization") == Some("Bearer abc.def") {
            return Ok(false);
        }
        let host = asked.header("host").unwrap_or_default();
        let wants = format!(
            "WWW-Authenticate: Bearer realm=\"http://{host}/token\",service=\"the registry\"\r\n"
        );
        whole(stream, "401 Unauthorized", &wants, b"{}")?;
        Ok(true)
    })?)
}

pub(crate) fn token() -> Done {
    let cache = tempfile::tempdir()?;
    let registry = with_tokens()?;
    let access = logged_in(&registry.host, cache.path())?;
    equal(read(&registry.reference(), &access, cache.path())?.is_whole(), true)
}

pub(crate) fn wrong_credentials() -> Done {
    let cache = tempfile::tempdir()?;
    let registry = with_tokens()?;
    let anonymous = read(&registry.reference(), &hasty(), cache.path());
    says(anonymous, &[&registry.host, "refuses an anonymous client (401)"])?;
    let path = cache.path().join("config.json");
    write(&path, &format!(r#"{{"auths": {{"{}": {{"auth": "Y2k6d3Jvbmc="}}}}}}"#, registry.host))?;
    let access = Access { logins: vec![path], ..hasty() };
    let wrong = read(&registry.reference(), &access, cache.path());
    says(wrong, &["refuses the user ci (401)"])
}

pub(crate) fn stopped() -> Done {
    let cache = tempfile::tempdir()?;
    let stop = Arc::new(AtomicBool::new(false));
    let (asked_for, heard) = (Arc::clone(&stop), Arc::clone(&stop));
    let registry = with_layer(move |_, _, stream| {
        asked_for.store(true, Ordering::Release);
        stream.read_to_end(&mut Vec::new())?;
        Ok(())
    })?;
    let stopped = Arc::new(move || heard.load(Ordering::Acquire));
    let access = Access { stopped, ..hasty() };
    says(read(&registry.reference(), &access, cache.path()), &["stopped"])
}

pub(crate) fn nobody() -> Done {
    let cache = tempfile::tempdir()?;
    let registry = Scripted::new(|_, _| Ok(()))?;
    let reference = registry.reference();
    drop(registry);
    says(read(&reference, &hasty(), cache.path()), &["read the manifest", "Connection refused"])
}

pub(crate) fn manifest_only() -> Done {
    let (cache, pieces) = (tempfile::tempdir()?, pieces("hello")?);
    let layer = pieces.layer.0;
    let registry = Scripted::with(pieces, |_, _| Ok(false))?;
    let layers =
        || registry.asked().iter().filter(|asked| asked.path.ends_with(&layer.hex())).count();
    read_to(Depth::Config, &registry.reference(), &hasty(), cache.path())?;
    equal(layers(), 0)?;
    let only = ["check", "--static", "--only", "M001,M002,M003,M005,M006,M007,M009,R*"];
    let reference = registry.reference();
    let ran = program(cache.path(), &[&only[..], &[&reference]].concat())?;
    equal(ran.status.code(), Some(0))?;
    equal(layers(), 0)?;
    let ran = program(cache.path(), &["check", "--static", &reference])?;
    equal(ran.status.code(), Some(0))?;
    equal(layers(), 1)
}

pub(crate) fn exit_code() -> Done {
    let home = tempfile::tempdir()?;
    let registry = with_layer(send_wrong)?;
    let ran = program(home.path(), &["check", &registry.reference()])?;
    equal(ran.status.code(), Some(3))?;
    says::<()>(
        Err(text(&ran.stderr).lines().next().unwrap_or_default().to_owned()),
        &["error: ", "has digest"],
    )
}
