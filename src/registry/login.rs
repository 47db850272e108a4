//! Who somebody is to a registry, from the files in which docker and podman keep it.
#![expect(clippy::disallowed_methods, reason = "reads the files of credentials")]

use std::fs::File;
use std::io;
use std::path::PathBuf;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};

/// The name under which docker keeps what it knows of Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";
/// Names that registries of Docker Hub go by.
const DOCKER_HUB_HOSTS: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
/// The user that stands beside a token instead of a password.
const TOKEN_USER: &str = "<token>";

/// Who somebody is to a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Login {
    /// Nobody.
    Anonymous,
    /// A user.
    Basic {
        /// The user's name.
        user: String,
        /// The password, or a token that stands for it.
        password: String,
    },
    /// A token that others are got for.
    Identity(String),
}

impl Login {
    /// Who that is, for a message; never a secret.
    #[must_use]
    pub fn who(&self) -> String {
        match self {
            Login::Anonymous => "an anonymous client".to_owned(),
            Login::Basic { user, .. } => format!("the user {user}"),
            Login::Identity(_) => "the token that docker keeps".to_owned(),
        }
    }
}

/// Finds the login for a registry's host in the files of credentials.
///
/// # Errors
///
/// One line: why it could not be found, where there may be one.
pub fn login(files: &[PathBuf], host: &str) -> Result<Login, String> {
    let mut names = vec![host];
    if DOCKER_HUB_HOSTS.contains(&host) {
        names.insert(0, DOCKER_HUB);
    }
    for path in files {
        for name in &names {
            let file = match File::open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => return Err(format!("read `{}`: {error}", path.display())),
            };
            match get_credential_from_reader(io::BufReader::new(file), name) {
                Ok(found) => return Ok(read(found)),
                Err(CredentialRetrievalError::NoCredentialConfigured) => {}
                Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
                    if is_nothing_kept(&stdout) || is_nothing_kept(&stderr) => {}
                Err(error) => return Err(told(&error, &path.display().to_string())),
            }
        }
    }
    Ok(Login::Anonymous)
}

/// What every credential helper says where it has nothing for a host.
fn is_nothing_kept(text: &str) -> bool {
    text.contains("credentials not found")
}

fn read(found: DockerCredential) -> Login {
    match found {
        DockerCredential::IdentityToken(token) => Login::Identity(token),
        DockerCredential::UsernamePassword(user, token) if user == TOKEN_USER => {
            Login::Identity(token)
        }
        DockerCredential::UsernamePassword(user, _) if user.is_empty() => Login::Anonymous,
        DockerCredential::UsernamePassword(user, password) => Login::Basic { user, password },
    }
}

/// The library's texts have several lines, and show what a helper printed: a secret, perhaps.
fn told(error: &CredentialRetrievalError, path: &str) -> String {
    match error {
        CredentialRetrievalError::HelperFailure { helper, stderr, .. } => {
            let stderr = stderr.trim().replace('\n', " ");
            format!("the credential helper `{helper}` named in `{path}` fails: {stderr}")
        }
        CredentialRetrievalError::HelperCommunicationError => {
            format!("the credential helper named in `{path}` cannot be started")
        }
        CredentialRetrievalError::MalformedHelperResponse => {
            format!("the credential helper named in `{path}` answers nothing that can be read")
        }
        CredentialRetrievalError::CredentialDecodingError => {
            format!("`auth` in `{path}` is no base64 of USER:PASSWORD")
        }
        CredentialRetrievalError::CredentialMismatchError => {
            format!("`auth` in `{path}` says something else than `username` and `password`")
        }
        _ => format!("`{path}` cannot be read as JSON"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &str, host: &str) -> Result<Login, String> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("config.json");
        std::fs::write(&path, config).expect("a file");
        login(&[dir.path().join("absent"), path], host)
            .map_err(|why| why.replace(&dir.path().display().to_string(), "DIR"))
    }

    fn basic(user: &str, password: &str) -> Login {
        Login::Basic { user: user.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn a_login_is_found_as_docker_keeps_it() {
        // ci:secret
        let auths = r#"{"auths": {"mine:5000": {"auth": "Y2k6c2VjcmV0"}}}"#;
        assert!(check(auths, "mine:5000") == Ok(basic("ci", "secret")));
        assert!(check(auths, "mine") == Ok(Login::Anonymous));
        let hub = r#"{"auths": {"https://index.docker.io/v1/": {"auth": "Y2k6c2VjcmV0"}}}"#;
        assert!(check(hub, "docker.io") == Ok(basic("ci", "secret")));
        let token = r#"{"auths": {"mine": {"auth": "eDp4", "identitytoken": "abc"}}}"#;
        assert!(check(token, "mine") == Ok(Login::Identity("abc".to_owned())));
        assert!(check("{}", "mine") == Ok(Login::Anonymous));
        assert!(login(&[], "mine") == Ok(Login::Anonymous));
    }

    #[test]
    fn what_is_wrong_with_it_is_one_line() {
        let wrong = |config: &str| check(config, "mine").err().expect("an error");
        assert_eq!(wrong("{nope"), "`DIR/config.json` cannot be read as JSON");
        assert_eq!(
            wrong(r#"{"auths": {"mine": {"auth": "%"}}}"#),
            "`auth` in `DIR/config.json` is no base64 of USER:PASSWORD"
        );
        assert_eq!(
            wrong(r#"{"credsStore": "absent-helper"}"#),
            "the credential helper named in `DIR/config.json` cannot be started"
        );
    }
}
