//! Debian's `docker-registry`, with TLS and passwords, started here and ended in the end.
#![expect(clippy::disallowed_methods, reason = "starts a registry, and writes its files")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use libtest_mimic::Failed;
use oci_spec::distribution::Reference as Name;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use scf_conform::image::Blobs as _;
use scf_conform::oci::Digest;
use scf_conform::push::straight::{Pushed, push};
use scf_conform::registry::{Access, Registry};
use tempfile::TempDir;

use crate::world::{built, equal, hasty, kept, program, read, says, text};

type Done = Result<(), Failed>;

/// `ci:secret`, as htpasswd writes it.
const PASSWORDS: &str = "ci:$2y$04$5Tyit6YpP8osmM6lSZQfm.z3Ok2oh.QgywymOJsC4cnqK6mYfKl2W\n";
/// What stands before the address in the registry's own log.
const LISTENS: &str = "listening on ";

/// A running registry.
pub(crate) struct Real {
    host: String,
    home: PathBuf,
    running: Mutex<Option<(Child, TempDir)>>,
    names: AtomicUsize,
}

static REGISTRY: OnceLock<Result<Real, String>> = OnceLock::new();

/// The registry, or why there is none.
pub(crate) fn registry() -> Result<&'static Real, String> {
    let start = || start().map_err(|error| format!("docker-registry does not start: {error}"));
    REGISTRY.get_or_init(start).as_ref().map_err(Clone::clone)
}

/// Ends it.
pub(crate) fn stop() {
    let Some(Ok(real)) = REGISTRY.get() else { return };
    let running = real.running.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((mut child, _)) = running {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn start() -> Result<Real, Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let home = dir.path().to_owned();
    certificates(&home)?;
    fs::write(home.join("passwords"), PASSWORDS)?;
    let place = home.display();
    fs::write(
        home.join("registry.yml"),
        format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {place}/data}}}}\n\
             auth: {{htpasswd: {{realm: tests, path: {place}/passwords}}}}\n\
             http:\n  addr: 127.0.0.1:0\n  tls: {{certificate: {place}/cert.pem, key: {place}/key.pem}}\n"
        ),
    )?;
    let mut child = Command::new("docker-registry")
        .arg("serve")
        .arg(home.join("registry.yml"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let log = child.stderr.take().ok_or("it has no log")?;
    let mut log = BufReader::new(log);
    let mut said = String::new();
    let host = loop {
        let mut line = String::new();
        if log.read_line(&mut line)? == 0 {
            return Err(format!("it ends and says: {said}").into());
        }
        if let Some((_, rest)) = line.split_once(LISTENS) {
            let end = rest.find([',', '"', ' ', '\n']).unwrap_or(rest.len());
            break rest[..end].to_owned();
        }
        said = line;
    };
    // What nobody reads would stop it in the end.
    std::thread::spawn(move || log.read_to_end(&mut Vec::new()));
    let auths = format!(r#"{{"auths": {{"{host}": {{"auth": "Y2k6c2VjcmV0"}}}}}}"#);
    fs::create_dir(home.join(".docker"))?;
    fs::write(home.join(".docker/config.json"), auths)?;
    let running = Mutex::new(Some((child, dir)));
    Ok(Real { host, home, running, names: AtomicUsize::new(0) })
}

/// An authority of the tests' own, and what it has signed.
fn certificates(home: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    fs::write(home.join("ca.pem"), authority.self_signed(&key)?.pem())?;
    let issuer = Issuer::new(authority, key);
    let own = KeyPair::generate()?;
    let signed = CertificateParams::new(vec!["127.0.0.1".to_owned()])?.signed_by(&own, &issuer)?;
    fs::write(home.join("cert.pem"), signed.pem())?;
    fs::write(home.join("key.pem"), own.serialize_pem())?;
    Ok(())
}

impl Real {
    fn access(&self) -> Access {
        Access {
            logins: vec![self.home.join(".docker/config.json")],
            ca: Some(self.home.join("ca.pem")),
            ..hasty()
        }
    }

    /// A repository that no other test has.
    fn name(&self) -> Result<Name, Failed> {
        let at = self.names.fetch_add(1, Ordering::Relaxed);
        Ok(format!("{}/tests/image-{at}:v1", self.host).parse()?)
    }

    fn push(&self, fixture: &str, name: &Name) -> Result<(Digest, Vec<Pushed>), Failed> {
        let mut told = Vec::new();
        let blobs = built(fixture)?;
        let digest = push(&blobs, name, &self.access(), &mut |part| told.push(part))?;
        Ok((digest, told))
    }
}

pub(crate) fn there_and_back(real: &Real) -> Done {
    let (cache, name) = (tempfile::tempdir()?, real.name()?);
    let (digest, _) = real.push("hello", &name)?;
    equal(digest, Digest::of(&built("hello")?.root()?.bytes))?;
    let image = read(&format!("docker://{name}"), &real.access(), cache.path())?;
    equal((image.manifest.digest, image.is_whole()), (digest, true))?;
    let by_digest = format!("docker://{}/{}@{digest}", name.registry(), name.repository());
    equal(read(&by_digest, &real.access(), cache.path())?.manifest.digest, digest)
}

pub(crate) fn index(real: &Real) -> Done {
    let (cache, name) = (tempfile::tempdir()?, real.name()?);
    let (digest, _) = real.push("m003-attestation", &name)?;
    let image = read(&format!("docker://{name}"), &real.access(), cache.path())?;
    let index = image.index.as_ref().ok_or("it is no index")?;
    equal(index.digest, digest)?;
    equal(index.entries.iter().any(|entry| entry.attestation), true)?;
    equal(image.is_whole(), true)
}

pub(crate) fn twice(real: &Real) -> Done {
    let name = real.name()?;
    let blobs =
        |told: &[Pushed]| told.iter().filter(|part| matches!(part, Pushed::Blob { .. })).count();
    let (_, told) = real.push("hello", &name)?;
    equal(blobs(&told), 2)?;
    let (_, told) = real.push("hello", &name)?;
    equal(blobs(&told), 0)
}

pub(crate) fn refused(real: &Real) -> Done {
    let (cache, name) = (tempfile::tempdir()?, real.name()?);
    let access = Access { logins: Vec::new(), ..real.access() };
    let reference = format!("docker://{name}");
    says(read(&reference, &access, cache.path()), &["refuses an anonymous client (401)"])?;
    let pushed = push(&built("hello")?, &name, &access, &mut |_| {});
    says(pushed.map_err(|error| error.to_string()), &["refuses an anonymous client (401)"])
}

pub(crate) fn untrusted(real: &Real) -> Done {
    let (cache, name) = (tempfile::tempdir()?, real.name()?);
    let access = Access { ca: None, ..real.access() };
    let reference = format!("docker://{name}");
    says(read(&reference, &access, cache.path()), &["read the manifest", "certificate"])
}

pub(crate) fn absent(real: &Real) -> Done {
    let (cache, name) = (tempfile::tempdir()?, real.name()?);
    let reference = format!("docker://{name}");
    says(read(&reference, &real.access(), cache.path()), &["read the manifest of", "has none"])?;
    equal(kept(cache.path()), Vec::new())
}

pub(crate) fn zstd(real: &Real) -> Done {
    let (cache, name) = (tempfile::tempdir()?, real.name()?);
    real.push("m008-zstd", &name)?;
    let image = read(&format!("docker://{name}"), &real.access(), cache.path())?;
    equal(image.is_whole(), true)
}

pub(crate) fn program_pushes(real: &Real) -> Done {
    let (name, ca) = (real.name()?.to_string(), real.home.join("ca.pem").display().to_string());
    let arguments = ["push", "--static", "--ca", &ca, "fixture:hello", &name];
    for _ in 0..2 {
        let ran = program(&real.home, &arguments)?;
        let digest = Digest::of(&built("hello")?.root()?.bytes);
        let last = text(&ran.stdout).lines().last().unwrap_or_default().to_owned();
        equal(last, format!("pushed: {name}@{digest}"))?;
        equal(ran.status.code(), Some(0))?;
    }
    Ok(())
}

pub(crate) fn program_refuses(real: &Real) -> Done {
    let (cache, name) = (tempfile::tempdir()?, real.name()?);
    let (text_name, ca) = (name.to_string(), real.home.join("ca.pem").display().to_string());
    let arguments = ["push", "--static", "--ca", &ca, "fixture:m007-no-command", &text_name];
    let ran = program(&real.home, &arguments)?;
    equal(ran.status.code(), Some(1))?;
    says(read(&format!("docker://{name}"), &real.access(), cache.path()), &["has none"])?;
    let registry = Registry::of(&name, &real.access())?;
    let layer = crate::world::pieces("hello")?.layer.0;
    equal(registry.has_blob(&layer)?, false)
}
