//! Where the engine's API is.

use std::path::Path;

use bollard::{API_DEFAULT_VERSION, Docker};

/// Where engines listen unless they are told otherwise.
pub const USUAL: &str = "unix:///var/run/docker.sock";
/// Seconds until an engine begins to answer: a start on a busy machine takes its time.
const ANSWER: u64 = 120;

/// Connects to an endpoint: `unix://…`, `tcp://…` or `http://…`. Nothing is sent yet.
pub(super) fn connect(endpoint: &str) -> Result<Docker, String> {
    let (kind, place) = endpoint.split_once("://").unwrap_or(("", endpoint));
    let connected = match kind {
        "unix" if !Path::new(place).exists() => return Err("no engine listens there".to_owned()),
        "unix" => Docker::connect_with_unix(endpoint, ANSWER, API_DEFAULT_VERSION),
        "tcp" | "http" => Docker::connect_with_http(endpoint, ANSWER, API_DEFAULT_VERSION),
        _ => return Err("only unix://, tcp:// and http:// endpoints are read".to_owned()),
    };
    connected.map_err(|error| super::client::told(&error))
}

/// Whether the engine could be on this machine: one that is reached through a socket file.
pub(super) fn is_near(endpoint: &str) -> bool {
    endpoint.starts_with("unix://")
}
