//! What the variables of an environment say of where things are. They come in as arguments: whoever
//! reads the environment is a program.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::endpoint::Surroundings;

/// What docker's client reads of the environment to find an engine.
#[must_use]
pub fn surroundings(variables: &BTreeMap<String, String>) -> Surroundings {
    let text = |name: &str| variables.get(name).filter(|text| !text.is_empty()).cloned();
    let path = |name: &str| text(name).map(PathBuf::from);
    Surroundings {
        docker_host: text("DOCKER_HOST"),
        docker_context: text("DOCKER_CONTEXT"),
        docker_config: path("DOCKER_CONFIG")
            .or_else(|| path("HOME").map(|home| home.join(".docker"))),
        docker_tls: text("DOCKER_TLS_VERIFY").is_some(),
        docker_cert_path: path("DOCKER_CERT_PATH"),
        xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
    }
}

/// Where the cache is when nobody says where.
#[must_use]
pub fn default_cache_dir(variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    // The specification of these variables says that a relative path is to be ignored.
    let absolute =
        |name: &str| variables.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base =
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join(env!("CARGO_PKG_NAME")))
}

/// Where docker and podman keep credentials, the likeliest first.
#[must_use]
pub fn logins(variables: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let path = |name: &str| variables.get(name).filter(|text| !text.is_empty()).map(PathBuf::from);
    if let Some(named) = path("REGISTRY_AUTH_FILE") {
        return vec![named];
    }
    let docker = surroundings(variables).docker_config.map(|dir| dir.join("config.json"));
    let podman = path("XDG_RUNTIME_DIR").map(|dir| dir.join("containers/auth.json"));
    docker.into_iter().chain(podman).collect()
}
