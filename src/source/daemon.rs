//! `docker-daemon:REF`, and names that the local engine has: what it exports is read as what
//! `docker save` writes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, Docker};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::archive::{Archive, unnamed};
use super::{Local, SourceError, docker_archive};
use crate::image::Blobs;

/// Where engines listen unless they are told otherwise.
pub const USUAL: &str = "unix:///var/run/docker.sock";
/// Seconds until an engine begins to answer; it has nothing to compute before.
const ANSWER: u64 = 20;
/// Until more of an image comes: an engine writes it to its own disk first.
const MORE: Duration = Duration::from_secs(300);

/// Why the engine gives no image.
enum Failure {
    Engine(Error),
    Absent,
    Silent,
    File(io::Error),
}

/// Exports an image into a file without a name, and opens that.
pub(super) fn open(text: &str, name: &str, local: &Local) -> Result<Box<dyn Blobs>, SourceError> {
    let endpoint = local.docker_host.as_deref().filter(|host| !host.is_empty()).unwrap_or(USUAL);
    let failed = |why: String| SourceError::Engine {
        reference: text.to_owned(),
        endpoint: endpoint.to_owned(),
        why,
    };
    let known = |letter: char| letter.is_ascii_alphanumeric() || "._-/:@".contains(letter);
    if let Some(odd) = name.chars().find(|letter| !known(*letter)) {
        return Err(failed(format!("no image has `{}` in its name", odd.escape_default())));
    }
    let docker = connect(endpoint).map_err(failed)?;
    // A thread of its own is not needed: nothing else happens before the image is here.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let exported = runtime
        .map_err(Failure::File)
        .and_then(|runtime| runtime.block_on(export(docker, name, &local.scratch)));
    let file = exported.map_err(|failure| {
        failed(match failure {
            Failure::Engine(error) => told(&error),
            Failure::Absent => format!("it has no such image; `docker pull {name}` gets it"),
            Failure::Silent => format!("no more bytes for {} seconds", MORE.as_secs()),
            Failure::File(error) => format!("write a temporary file: {error}"),
        })
    })?;
    docker_archive::open(Archive::of(file, text.to_owned())?, None)
}

/// What answers at an endpoint, and in which version.
///
/// # Errors
///
/// Why nothing answers, one line.
pub fn engine_version(endpoint: &str) -> Result<String, String> {
    let docker = connect(endpoint)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("start an event loop: {error}"))?;
    let version =
        runtime.block_on(async { timeout(Duration::from_secs(ANSWER), docker.version()).await });
    let version = version.map_err(|_| format!("no answer for {ANSWER} seconds"))?;
    let version = version.map_err(|error| told(&error))?;
    let name = version.platform.map(|platform| platform.name).filter(|name| !name.is_empty());
    Ok(format!(
        "{} {}",
        name.unwrap_or_else(|| "version".to_owned()),
        version.version.unwrap_or_default()
    ))
}

fn connect(endpoint: &str) -> Result<Docker, String> {
    let (kind, place) = endpoint.split_once("://").unwrap_or(("", endpoint));
    let connected = match kind {
        "unix" if !Path::new(place).exists() => return Err("no engine listens there".to_owned()),
        "unix" => Docker::connect_with_unix(endpoint, ANSWER, API_DEFAULT_VERSION),
        "tcp" | "http" => Docker::connect_with_http(endpoint, ANSWER, API_DEFAULT_VERSION),
        _ => return Err("only unix://, tcp:// and http:// endpoints are read".to_owned()),
    };
    connected.map_err(|error| told(&error))
}

async fn export(docker: Docker, name: &str, scratch: &Path) -> Result<File, Failure> {
    let docker = docker.negotiate_version().await.map_err(Failure::Engine)?;
    // Asked first, since an engine may begin to export what it does not have.
    match docker.inspect_image(name).await {
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
            return Err(Failure::Absent);
        }
        // What is odd in the answer does not matter.
        Ok(_) | Err(Error::JsonDataError { .. } | Error::JsonSerdeError { .. }) => {}
        Err(error) => return Err(Failure::Engine(error)),
    }
    let mut file = unnamed(scratch).map_err(Failure::File)?;
    let mut stream = pin!(docker.export_image(name));
    while let Some(chunk) = timeout(MORE, stream.next()).await.map_err(|_| Failure::Silent)? {
        file.write_all(&chunk.map_err(Failure::Engine)?).map_err(Failure::File)?;
    }
    Ok(file)
}

/// An error with the causes that its own text leaves out, on one line.
fn told(error: &Error) -> String {
    if let Error::DockerResponseServerError { status_code, message } = error {
        return format!("it answers {status_code}: {}", message.trim().replace('\n', " "));
    }
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let more = deeper.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = deeper.source();
    }
    text.replace('\n', " ")
}
