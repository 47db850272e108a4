//! Docker's own credentials: what `docker login` has stored, or a helper gives.
#![expect(clippy::disallowed_methods, reason = "reads docker's configuration")]

use std::fs::File;
use std::io;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use oci_spec::distribution::Reference as Name;
use scf_conform::push::engine::Credentials;

use super::environment::{Environment, surroundings};

/// Docker Hub has a name of its own there.
const HUB: &str = "https://index.docker.io/v1/";

/// The credentials for the registry of a name; none where docker has none.
pub(super) fn of(name: &Name, environment: &Environment) -> Result<Credentials, String> {
    let Some(dir) = surroundings(&environment.variables).docker_config else {
        return Ok(Credentials::Anonymous);
    };
    let path = dir.join("config.json");
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Credentials::Anonymous);
        }
        Err(error) => return Err(format!("read `{}`: {error}", path.display())),
    };
    let server = if name.registry() == "docker.io" { HUB } else { name.registry() };
    match get_credential_from_reader(file, server) {
        Ok(DockerCredential::UsernamePassword(name, password)) => {
            Ok(Credentials::User { name, password })
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Credentials::IdentityToken(token)),
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::ConfigNotFound,
        ) => Ok(Credentials::Anonymous),
        Err(error) => Err(format!("read docker's credentials for {server}: {error}")),
    }
}
