//! Registries, started for the tests that push: an open one, one that wants credentials, and
//! one that takes nothing.
#![expect(clippy::disallowed_methods, reason = "starts the registries' program")]

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use libtest_mimic::Failed;
use tempfile::TempDir;

/// The user of the one that wants credentials, and a password whose Base64 is another in the
/// alphabet for URLs.
pub(crate) const USER: &str = "ci";
pub(crate) const PASSWORD: &str = "~~~???>>>";
const HTPASSWD: &str = "ci:$2b$05$abcdefghijklmnopqrstuufX1dqr/hduLLuYEDPImHG4TdLeCq/0G\n";

/// All that these tests need.
pub(crate) struct Registries {
    pub(crate) open: Registry,
    pub(crate) locked: Registry,
    pub(crate) closed: Registry,
}

/// A registry that listens.
pub(crate) struct Registry {
    /// Host and port.
    pub(crate) host: String,
    running: Mutex<Option<(Child, TempDir)>>,
    home: PathBuf,
}

static REGISTRIES: OnceLock<Result<Registries, String>> = OnceLock::new();

/// The registries, or why there are none.
pub(crate) fn registries() -> Result<&'static Registries, String> {
    let started = REGISTRIES.get_or_init(|| {
        let auth = "auth: {htpasswd: {realm: test, path: HOME/htpasswd}}\n";
        let readonly = "  maintenance: {readonly: {enabled: true}}\n";
        Ok(Registries {
            open: start("", "")?,
            locked: start("", auth)?,
            closed: start(readonly, "")?,
        })
    });
    started.as_ref().map_err(Clone::clone)
}

/// Ends what was started.
pub(crate) fn stop() {
    let Some(Ok(Registries { open, locked, closed })) = REGISTRIES.get() else { return };
    for registry in [open, locked, closed] {
        registry.stop();
    }
}

fn start(storage: &str, more: &str) -> Result<Registry, String> {
    start_one(storage, more).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "docker-registry is not installed".to_owned(),
        _ => format!("start docker-registry: {error}"),
    })
}

fn start_one(storage: &str, more: &str) -> io::Result<Registry> {
    let home = tempfile::tempdir()?;
    let path = home.path().to_owned();
    let config = format!(
        "version: 0.1\nstorage:\n  filesystem: {{rootdirectory: HOME/data}}\n{storage}\
         http: {{addr: '127.0.0.1:0', secret: test}}\n{more}"
    );
    fs::write(path.join("config.yml"), config.replace("HOME", &path.display().to_string()))?;
    fs::write(path.join("htpasswd"), HTPASSWD)?;
    let mut child = Command::new("docker-registry")
        .arg("serve")
        .arg(path.join("config.yml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut log = BufReader::new(child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?);
    // It says at which port it listens.
    let mut said = String::new();
    let host = loop {
        let mut line = String::new();
        if log.read_line(&mut line)? == 0 {
            let _ = child.wait();
            return Err(io::Error::other(said));
        }
        if let Some((_, rest)) = line.split_once("listening on ") {
            break rest.split(['"', ',', ' ']).next().unwrap_or_default().to_owned();
        }
        said.push_str(&line);
    };
    // Somebody has to read on, or it stops when the pipe is full.
    thread::spawn(move || io::copy(&mut log, &mut io::sink()));
    Ok(Registry { host, running: Mutex::new(Some((child, home))), home: path })
}

impl Registry {
    /// Ends it; what it has is gone.
    pub(crate) fn stop(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((mut child, _home)) = running {
            // One that has ended already is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Blobs whose bytes are there, of whatever repository.
    pub(crate) fn blobs(&self) -> usize {
        let blobs = self.home.join("data/docker/registry/v2/blobs/sha256");
        let inside = |dir: &PathBuf| -> Vec<PathBuf> {
            fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
        };
        inside(&blobs).iter().flat_map(inside).count()
    }

    /// The digest under which it gives a manifest; `None` where it has none of that tag.
    pub(crate) fn digest(&self, repository: &str, tag: &str) -> Result<Option<String>, Failed> {
        let mut stream = TcpStream::connect(&self.host)?;
        write!(
            stream,
            "HEAD /v2/{repository}/manifests/{tag} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\
             Authorization: Basic Y2k6fn5+Pz8/Pj4+\r\n\
             Accept: application/vnd.docker.distribution.manifest.v2+json, \
             application/vnd.oci.image.manifest.v1+json\r\n\r\n",
            self.host
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let digest = answer.lines().find_map(|line| line.strip_prefix("Docker-Content-Digest: "));
        Ok(digest.map(|digest| digest.trim().to_owned()))
    }
}
