//! What stands around the options of a command: the environment of the process.

use std::collections::BTreeMap;
use std::path::PathBuf;

use scf_conform::endpoint::Surroundings;

/// What every command may look at besides its own arguments.
pub(super) struct Environment {
    /// `--color`, which every command has.
    pub(super) color: Option<String>,
    /// The variables. Names and values that are no text cannot be an option's.
    pub(super) variables: BTreeMap<String, String>,
}

impl Environment {
    /// Reads the variables; `others` are set in their place.
    pub(super) fn read(color: Option<String>, others: Vec<(String, String)>) -> Environment {
        let mut variables: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        variables.extend(others);
        Environment { color, variables }
    }
}

/// What docker's client reads of the environment to find an engine.
pub(super) fn surroundings(environment: &BTreeMap<String, String>) -> Surroundings {
    let text = |name: &str| environment.get(name).filter(|text| !text.is_empty()).cloned();
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
pub(super) fn default_cache_dir(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    // The specification of these variables says that a relative path is to be ignored.
    let absolute =
        |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base =
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join(env!("CARGO_PKG_NAME")))
}
