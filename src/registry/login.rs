//! Who somebody is to a registry, from the files in which docker and podman keep it.
#![expect(clippy::disallowed_methods, reason = "reads the files of credentials")]

use std::fs;
use std::io;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::{Access, helper};

/// What an anonymous client is called in messages.
pub(super) const ANONYMOUS: &str = "an anonymous client";
/// Names that Docker Hub goes by; the first is the one that docker keeps its credentials under.
const DOCKER_HUB: [&str; 4] =
    ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"];
/// The user that stands beside a token instead of a password.
const TOKEN_USER: &str = "<token>";

/// Who somebody is to a registry.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    Anonymous,
    Basic {
        user: String,
        password: String,
    },
    /// A token that others are got for.
    Identity(String),
}

impl Login {
    /// Who that is, for a message; never a secret.
    pub(super) fn who(&self) -> String {
        match self {
            Login::Anonymous => ANONYMOUS.to_owned(),
            Login::Basic { user, .. } => format!("the user {user}"),
            Login::Identity(_) => "the token that docker keeps".to_owned(),
        }
    }
}

/// Finds the login for a repository. An error is why there may be one that could not be had.
pub(super) fn login(access: &Access, host: &str, repository: &str) -> Result<Login, String> {
    let names = names(host, repository);
    for path in &access.logins {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(format!("read `{}`: {error}", path.display())),
        };
        let place = path.display().to_string();
        let config: Value = serde_json::from_str(&text)
            .map_err(|error| format!("`{place}` is no JSON: {error}"))?;
        if let Some(login) = of_config(&config, &names, &place, access)? {
            return Ok(login);
        }
    }
    Ok(Login::Anonymous)
}

/// The names that credentials for a repository may be kept under, the most special first.
fn names(host: &str, repository: &str) -> Vec<String> {
    let mut names = Vec::new();
    // Podman keeps some for a namespace or a repository.
    let mut path = repository;
    while !path.is_empty() {
        names.push(format!("{host}/{path}"));
        path = path.rsplit_once('/').map_or("", |(shorter, _)| shorter);
    }
    if DOCKER_HUB.contains(&host) {
        names.extend(DOCKER_HUB.map(str::to_owned));
    } else {
        names.push(host.to_owned());
    }
    names
}

/// Looks in the order of docker: a helper for this registry, what the file says, a helper for
/// all registries.
fn of_config(
    config: &Value,
    names: &[String],
    place: &str,
    access: &Access,
) -> Result<Option<Login>, String> {
    let helpers = &config["credHelpers"];
    if let Some((name, helper)) =
        names.iter().find_map(|name| helpers[name].as_str().map(|helper| (name, helper)))
        && !helper.is_empty()
    {
        return asked(helper, name, place, access);
    }
    let auths = config["auths"].as_object();
    let kept = |name: &String| {
        let plain = |key: &str| bare(key) == bare(name);
        auths?.iter().find(|(key, _)| *key == name || plain(key)).map(|(_, entry)| entry)
    };
    for entry in names.iter().filter_map(kept) {
        if let Some(login) = of_entry(entry, place)? {
            return Ok(Some(login));
        }
    }
    match config["credsStore"].as_str() {
        Some(helper) if !helper.is_empty() => {
            // It keeps hosts only, and Docker Hub by the first of its names.
            let name = names.iter().find(|name| name.starts_with("https://")).or(names.last());
            name.map_or(Ok(None), |name| asked(helper, name, place, access))
        }
        _ => Ok(None),
    }
}

/// A name as it is compared: without scheme, and without the path behind one.
fn bare(name: &str) -> &str {
    let rest = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://"));
    rest.map_or(name, |rest| rest.split('/').next().unwrap_or_default())
}

fn of_entry(entry: &Value, place: &str) -> Result<Option<Login>, String> {
    let text = |name: &str| entry[name].as_str().filter(|text| !text.is_empty());
    if let Some(token) = text("identitytoken") {
        return Ok(Some(Login::Identity(token.to_owned())));
    }
    if let Some(auth) = text("auth") {
        let wrong = || format!("an `auth` in `{place}` is no base64 of USER:PASSWORD");
        // With and without the `=` at its end.
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
        let decoded = engine.decode(auth).map_err(|_| wrong())?;
        let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
        let (user, password) = decoded.split_once(':').ok_or_else(wrong)?;
        // What old clients wrote ends in zeros.
        return Ok(of_pair(user, password.trim_end_matches('\0')));
    }
    match (text("username"), text("password")) {
        (Some(user), Some(password)) => Ok(of_pair(user, password)),
        _ => Ok(None),
    }
}

fn of_pair(user: &str, password: &str) -> Option<Login> {
    match user {
        "" => None,
        TOKEN_USER => Some(Login::Identity(password.to_owned())),
        _ => Some(Login::Basic { user: user.to_owned(), password: password.to_owned() }),
    }
}

fn asked(helper: &str, name: &str, place: &str, access: &Access) -> Result<Option<Login>, String> {
    let answer = helper::ask(helper, name, access)
        .map_err(|why| format!("docker-credential-{helper}, named in `{place}`, {why}"))?;
    Ok(answer.and_then(|(user, secret)| of_pair(&user, &secret)))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn check(config: &str, host: &str) -> Result<Login, String> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("config.json");
        std::fs::write(&path, config).expect("a file");
        let logins: Vec<PathBuf> = vec![dir.path().join("absent"), path];
        let access = Access { logins, ..Access::default() };
        login(&access, host, "team/app")
            .map_err(|why| why.replace(&dir.path().display().to_string(), "DIR"))
    }

    #[track_caller]
    fn is(config: &str, host: &str, expected: &str) {
        let told = match check(config, host) {
            Ok(Login::Anonymous) => "nobody".to_owned(),
            Ok(Login::Basic { user, password }) => format!("{user} {password}"),
            Ok(Login::Identity(token)) => format!("token {token}"),
            Err(error) => error,
        };
        assert_eq!(told, expected, "{host} in {config}");
    }

    #[test]
    fn a_login_is_found_as_docker_keeps_it() {
        // ci:secret
        let auths =
            |name: &str| format!(r#"{{"auths": {{"{name}": {{"auth": "Y2k6c2VjcmV0"}}}}}}"#);
        for name in ["mine:5000", "https://mine:5000", "http://mine:5000/v2/", "mine:5000/team"] {
            is(&auths(name), "mine:5000", "ci secret");
        }
        for name in ["mine", "mine:5001", "mine:5000/other", "https://mine:5000.example.com"] {
            is(&auths(name), "mine:5000", "nobody");
        }
        for name in DOCKER_HUB.into_iter().chain(["https://docker.io/v1/"]) {
            is(&auths(name), "docker.io", "ci secret");
        }
        is(r#"{"auths": {"mine": {"auth": "eDp4", "identitytoken": "abc"}}}"#, "mine", "token abc");
        is(r#"{"auths": {"mine": {"auth": "PHRva2VuPjp4"}}}"#, "mine", "token x");
        is(r#"{"auths": {"mine": {"username": "a", "password": "b"}}}"#, "mine", "a b");
        is(r#"{"auths": {"mine": {}}}"#, "mine", "nobody");
        is(r#"{"auths": {"mine": {"auth": ""}}, "credsStore": ""}"#, "mine", "nobody");
        is("{}", "mine", "nobody");
    }

    #[test]
    fn what_is_wrong_with_it_is_one_line() {
        is(
            "{nope",
            "mine",
            "`DIR/config.json` is no JSON: key must be a string at line 1 column 2",
        );
        let auth = |auth: &str| format!(r#"{{"auths": {{"mine": {{"auth": "{auth}"}}}}}}"#);
        for wrong in ["%", "Y2k=", "//8="] {
            is(
                &auth(wrong),
                "mine",
                "an `auth` in `DIR/config.json` is no base64 of USER:PASSWORD",
            );
        }
        is(
            r#"{"credHelpers": {"mine": "absent-one"}}"#,
            "mine",
            "docker-credential-absent-one, named in `DIR/config.json`, cannot be started: No such \
             file or directory (os error 2)",
        );
    }
}
