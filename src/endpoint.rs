//! Where the local engine listens: found as the docker client finds it, and connected to.
//!
//! Both who reads images from an engine and who boots them there begin here.
#![expect(clippy::disallowed_methods, reason = "reads docker's contexts, tries sockets")]

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use bollard::{API_DEFAULT_VERSION, Docker};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Where Docker listens unless it is told otherwise.
const USUAL: &str = "/var/run/docker.sock";
/// Podman's service for the whole machine.
const PODMAN: &str = "/run/podman/podman.sock";
/// The context that stands for the usual place.
const DEFAULT_CONTEXT: &str = "default";

/// What the user's surroundings say of engines, as the docker client reads them. Nothing of it
/// has to be there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `DOCKER_HOST`.
    pub docker_host: Option<String>,
    /// `DOCKER_CONTEXT`.
    pub docker_context: Option<String>,
    /// The directory of docker's configuration: `DOCKER_CONFIG`, or `~/.docker`.
    pub docker_config: Option<PathBuf>,
    /// Whether `DOCKER_TLS_VERIFY` asks for TLS.
    pub docker_tls: bool,
    /// `DOCKER_CERT_PATH`; the directory of docker's configuration where it is not set.
    pub docker_cert_path: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`, below which rootless engines listen.
    pub xdg_runtime_dir: Option<PathBuf>,
}

/// Where an engine listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// `unix://`, `tcp://` or `http://`, and the place.
    pub uri: String,
    /// The directory of `ca.pem`, `cert.pem` and `key.pem`, where TLS is spoken.
    pub certificates: Option<PathBuf>,
}

/// Why no engine can be asked.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Nobody listens where engines do.
    #[error("no engine listens at {0}")]
    Nobody(String),
    /// Somebody may listen there, and not for this user.
    #[error("connect to {place}: {source}")]
    Closed {
        /// The socket.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// An endpoint that is not spoken to from here.
    #[error("the engine at {uri} ({origin}) cannot be asked: {why}")]
    Unsupported {
        /// As written.
        uri: String,
        /// Where it was written.
        origin: String,
        /// Why not, and what to do.
        why: &'static str,
    },
    /// The chosen context does not lead anywhere.
    #[error("read docker's context `{name}` ({origin}): {why}")]
    Context {
        /// Its name.
        name: String,
        /// Where it was chosen.
        origin: String,
        /// What is wrong with it.
        why: String,
    },
    /// The connection could not be made ready.
    #[error("connect to {uri}: {why}")]
    Connect {
        /// Where to.
        uri: String,
        /// What is wrong.
        why: String,
    },
}

/// Finds the engine: `DOCKER_HOST`, the context that is current, or the first of the usual
/// sockets at which somebody listens.
///
/// # Errors
///
/// Where there is none, or the one that was chosen cannot be used.
pub fn find(surroundings: &Surroundings) -> Result<Endpoint, EndpointError> {
    let set = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    if let Some(host) = set(&surroundings.docker_host) {
        let tls = surroundings.docker_tls && !host.starts_with("unix://");
        let certificates = tls.then(|| {
            let paths = [&surroundings.docker_cert_path, &surroundings.docker_config];
            paths.into_iter().flatten().next().cloned().unwrap_or_default()
        });
        return usable(host, certificates, "DOCKER_HOST");
    }
    let named = set(&surroundings.docker_context).map(|name| (name, "DOCKER_CONTEXT".to_owned()));
    let current = || {
        let file = surroundings.docker_config.as_ref()?.join("config.json");
        let name = json(&file).ok()?["currentContext"].as_str()?.to_owned();
        Some((name, format!("currentContext of {}", file.display())))
    };
    match named.or_else(current) {
        Some((name, origin)) if !matches!(name.as_str(), "" | DEFAULT_CONTEXT) => {
            context(&name, &origin, surroundings.docker_config.as_deref())
        }
        _ => usual(surroundings.xdg_runtime_dir.as_deref()),
    }
}

/// An endpoint that somebody named.
fn usable(
    uri: String,
    certificates: Option<PathBuf>,
    origin: &str,
) -> Result<Endpoint, EndpointError> {
    let unsupported =
        |uri: String, why| Err(EndpointError::Unsupported { uri, origin: origin.to_owned(), why });
    match uri.split_once("://") {
        Some(("unix", place)) => match listens(Path::new(place)) {
            Ok(()) => Ok(Endpoint { uri, certificates: None }),
            Err(error) => Err(refused(place, error)),
        },
        Some(("tcp" | "http", _)) => Ok(Endpoint { uri, certificates }),
        Some(("ssh", _)) => unsupported(
            uri,
            "ssh:// is not spoken here; `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST` \
             brings its socket here, for DOCKER_HOST=unix:///tmp/docker.sock",
        ),
        _ => unsupported(uri, "write unix://, tcp:// or http://, and the place"),
    }
}

fn context(name: &str, origin: &str, config: Option<&Path>) -> Result<Endpoint, EndpointError> {
    let wrong = |why: String| EndpointError::Context {
        name: name.to_owned(),
        origin: origin.to_owned(),
        why,
    };
    let contexts = config.ok_or_else(|| wrong("HOME is not set".to_owned()))?.join("contexts");
    let id = hex::encode(Sha256::digest(name.as_bytes()));
    let file = contexts.join("meta").join(&id).join("meta.json");
    let meta = json(&file).map_err(|error| {
        wrong(match error.kind() {
            io::ErrorKind::NotFound => {
                "there is none of that name; `docker context ls` names them".to_owned()
            }
            _ => format!("{}: {error}", file.display()),
        })
    })?;
    let host = meta["Endpoints"]["docker"]["Host"]
        .as_str()
        .ok_or_else(|| wrong(format!("{} names no docker endpoint", file.display())))?;
    let certificates = contexts.join("tls").join(&id).join("docker");
    usable(
        host.to_owned(),
        certificates.is_dir().then_some(certificates),
        &format!("docker's context {name}"),
    )
}

/// The first of the usual sockets at which somebody listens.
fn usual(runtime: Option<&Path>) -> Result<Endpoint, EndpointError> {
    let below = |name: &str| runtime.map(|dir| dir.join(name));
    let places = [
        Some(PathBuf::from(USUAL)),
        below("docker.sock"),
        below("podman/podman.sock"),
        Some(PathBuf::from(PODMAN)),
    ];
    let mut closed = None;
    let mut tried = Vec::new();
    for place in places.into_iter().flatten() {
        match listens(&place) {
            Ok(()) => {
                let uri = format!("unix://{}", place.display());
                return Ok(Endpoint { uri, certificates: None });
            }
            // One that is there and closed to this user is worth more words than the absent.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                closed.get_or_insert_with(|| refused(&place.display().to_string(), error));
            }
            Err(_) => {}
        }
        tried.push(place.display().to_string());
    }
    Err(closed.unwrap_or_else(|| EndpointError::Nobody(tried.join(", "))))
}

/// Whether somebody takes connections at a socket.
fn listens(place: &Path) -> io::Result<()> {
    UnixStream::connect(place).map(drop)
}

fn refused(place: &str, error: io::Error) -> EndpointError {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            EndpointError::Closed { place: place.to_owned(), source: error }
        }
        _ => EndpointError::Nobody(place.to_owned()),
    }
}

fn json(file: &Path) -> io::Result<Value> {
    serde_json::from_slice(&std::fs::read(file)?).map_err(io::Error::from)
}

impl Endpoint {
    /// Connects, and settles on an API version that both sides speak. `seconds` is how long an
    /// engine may take until it begins to answer a request.
    ///
    /// # Errors
    ///
    /// Where nobody answers.
    pub async fn connect(&self, seconds: u64) -> Result<Docker, EndpointError> {
        let Endpoint { uri, certificates } = self;
        let docker = match (uri.starts_with("unix://"), certificates) {
            (true, _) => Docker::connect_with_unix(uri, seconds, API_DEFAULT_VERSION),
            (false, None) => Docker::connect_with_http(uri, seconds, API_DEFAULT_VERSION),
            (false, Some(dir)) => {
                let file = |name: &str| dir.join(name);
                Docker::connect_with_ssl(
                    uri,
                    &file("key.pem"),
                    &file("cert.pem"),
                    &file("ca.pem"),
                    seconds,
                    API_DEFAULT_VERSION,
                )
            }
        };
        let failed = |error| EndpointError::Connect { uri: uri.clone(), why: told(&error) };
        docker.map_err(failed)?.negotiate_version().await.map_err(failed)
    }

    /// The version of what answers there.
    ///
    /// # Errors
    ///
    /// Where nobody answers.
    pub fn version(&self, seconds: u64) -> Result<String, EndpointError> {
        let failed = |why| EndpointError::Connect { uri: self.uri.clone(), why };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        let version = runtime.block_on(async {
            let docker = self.connect(seconds).await?;
            docker.version().await.map_err(|error| failed(told(&error)))
        })?;
        Ok(version.version.unwrap_or_else(|| "unknown".to_owned()))
    }
}

/// What an engine or the connection to it says of a failure, on one line, with the causes that
/// its own text leaves out.
#[must_use]
pub fn told(error: &bollard::errors::Error) -> String {
    use bollard::errors::Error;
    let text = match error {
        Error::DockerResponseServerError { status_code, message } => {
            format!("it answers {status_code}: {}", message.trim())
        }
        Error::DockerStreamError { error } => error.trim().to_owned(),
        _ => {
            let mut text = error.to_string();
            let mut cause = std::error::Error::source(error);
            while let Some(deeper) = cause {
                let more = deeper.to_string();
                if !text.contains(&more) {
                    text = format!("{text}: {more}");
                }
                cause = deeper.source();
            }
            text
        }
    };
    text.replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[track_caller]
    fn fails(surroundings: &Surroundings, expected: &str) {
        let error = find(surroundings).expect_err("no endpoint").to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{error}, want {expected}");
    }

    /// A directory of docker's configuration with one context.
    fn with_context(name: &str, meta: &str) -> (tempfile::TempDir, Surroundings) {
        let dir = tempfile::tempdir().expect("a directory");
        let id = hex::encode(Sha256::digest(name.as_bytes()));
        let meta_dir = dir.path().join("contexts/meta").join(id);
        fs::create_dir_all(&meta_dir).expect("made");
        fs::write(meta_dir.join("meta.json"), meta).expect("written");
        let docker_config = Some(dir.path().to_owned());
        (dir, Surroundings { docker_config, ..Surroundings::default() })
    }

    #[test]
    fn docker_host_goes_before_all() {
        let from = |host: &str| Surroundings {
            docker_host: Some(host.to_owned()),
            docker_context: Some("absent".to_owned()),
            ..Surroundings::default()
        };
        let found = find(&from("tcp://127.0.0.1:2375")).expect("is one");
        assert_eq!((found.uri.as_str(), found.certificates), ("tcp://127.0.0.1:2375", None));
        fails(&from("unix:///absent"), "no engine listens at /absent");
        fails(&from("ssh://host"), "ssh:// is not spoken here; `ssh -nNT -L");
        fails(&from("host:2375"), "write unix://, tcp:// or http://");
        let tls = Surroundings { docker_tls: true, ..from("tcp://h:1") };
        let tls = Surroundings { docker_cert_path: Some("/certs".into()), ..tls };
        assert_eq!(find(&tls).expect("is one").certificates, Some("/certs".into()));
    }

    #[test]
    fn a_context_is_followed() {
        let meta = r#"{"Name": "far", "Endpoints": {"docker": {"Host": "tcp://far:1"}}}"#;
        let (dir, mut surroundings) = with_context("far", meta);
        fs::write(dir.path().join("config.json"), r#"{"currentContext": "far"}"#).expect("written");
        assert_eq!(find(&surroundings).expect("is one").uri, "tcp://far:1");
        surroundings.docker_context = Some("near".to_owned());
        fails(&surroundings, "context `near` (DOCKER_CONTEXT): there is none of that name");
        // The one that stands for no context.
        surroundings.docker_context = Some("default".to_owned());
        assert!(find(&surroundings).map_or(true, |found| found.uri.starts_with("unix://")));
        let (_dir, mut surroundings) = with_context("odd", r#"{"Endpoints": {}}"#);
        surroundings.docker_context = Some("odd".to_owned());
        fails(&surroundings, "names no docker endpoint");
    }

    #[test]
    fn the_first_socket_that_answers_is_taken() {
        let dir = tempfile::tempdir().expect("a directory");
        // A socket that a killed engine left.
        drop(UnixListener::bind(dir.path().join("docker.sock")).expect("bound"));
        fs::create_dir(dir.path().join("podman")).expect("made");
        let place = dir.path().join("podman/podman.sock");
        let _listener = UnixListener::bind(&place).expect("bound");
        let found = usual(Some(dir.path())).expect("is one").uri;
        let expected = format!("unix://{}", place.display());
        assert!(found == expected || found == format!("unix://{USUAL}"), "{found}");
    }
}
