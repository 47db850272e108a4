//! What is sent as `Authorization`: user and password, or the token that they are good for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, Url};
use serde_json::Value;

use super::answer::body;
use super::ask::Unanswered;
use super::challenge::Challenge;
use super::client::Action;
use super::login::Login;
use super::wait::patiently;
use super::{Registry, RegistryError};

/// The largest answer of a token service that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// The header's value; `None` where the user has nothing to show.
pub(super) async fn header(
    registry: &Registry,
    wanted: &Challenge,
    action: Action,
    what: &str,
) -> Result<Option<String>, Unanswered> {
    let login = registry.login().map_err(|why| {
        let (what, host) = (what.to_owned(), registry.host.clone());
        Unanswered::Final(RegistryError::Credentials { what, host, why })
    })?;
    match (wanted, login) {
        (Challenge::Basic, Login::Basic { user, password }) => Ok(Some(basic(&user, &password))),
        (Challenge::Basic, _) => Ok(None),
        (Challenge::Bearer { realm, service, .. }, login) => {
            let scope = format!("repository:{}:{}", registry.repository, action.words());
            let ask = Ask { realm, service: service.as_deref(), scope: &scope, login: &login };
            token(registry, &ask, what).await.map(|token| Some(format!("Bearer {token}")))
        }
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

struct Ask<'a> {
    realm: &'a str,
    service: Option<&'a str>,
    scope: &'a str,
    login: &'a Login,
}

/// Gets a token: by GET, or by POST where docker keeps a token to get others with.
async fn token(registry: &Registry, ask: &Ask<'_>, what: &str) -> Result<String, Unanswered> {
    let realm = place(registry, ask, what)?;
    let mut pairs = vec![("scope", ask.scope)];
    pairs.extend(ask.service.map(|service| ("service", service)));
    let request = if let Login::Identity(token) = ask.login {
        pairs.extend([
            ("grant_type", "refresh_token"),
            ("client_id", env!("CARGO_PKG_NAME")),
            ("refresh_token", token),
        ]);
        let form = encoded(&realm, &pairs);
        registry
            .client
            .request(Method::POST, realm)
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form)
    } else {
        let mut url = realm;
        url.query_pairs_mut().extend_pairs(&pairs);
        let request = registry.client.request(Method::GET, url);
        match ask.login {
            Login::Basic { user, password } => {
                request.header(reqwest::header::AUTHORIZATION, basic(user, password))
            }
            _ => request,
        }
    };
    let unreachable = |why: String| RegistryError::Unreachable {
        what: what.to_owned(),
        why: format!("get a token from {}: {why}", ask.realm),
    };
    let response = match patiently(&registry.access, request.send()).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            return Err(Unanswered::Final(unreachable(super::answer::deepest(&error))));
        }
        Err(vain) => return Err(Unanswered::Final(registry.vain(what, vain))),
    };
    let status = response.status();
    if status.is_client_error() && status.as_u16() != 429 {
        return Err(Unanswered::Final(RegistryError::Refused {
            what: what.to_owned(),
            host: registry.host.clone(),
            who: ask.login.who(),
            status: status.as_u16(),
        }));
    }
    if !status.is_success() {
        return Err(Unanswered::Broken(unreachable(format!("it answers {}", status.as_u16()))));
    }
    let bytes = body(&registry.access, response, LARGEST).await;
    let read = bytes.ok().and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let found = read
        .as_ref()
        .and_then(|value| ["token", "access_token"].iter().find_map(|key| value[*key].as_str()));
    match found.filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic())) {
        Some(token) if !token.is_empty() => Ok(token.to_owned()),
        _ => Err(Unanswered::Final(unreachable("there is no token in its answer".to_owned()))),
    }
}

/// Where the token service is. Credentials go there through TLS only, unless the registry
/// itself is asked without.
fn place(registry: &Registry, ask: &Ask<'_>, what: &str) -> Result<Url, Unanswered> {
    let refused = |why: &'static str| {
        Unanswered::Final(RegistryError::Redirect {
            what: what.to_owned(),
            host: registry.host.clone(),
            to: ask.realm.split('?').next().unwrap_or_default().to_owned(),
            why,
        })
    };
    let url = Url::parse(ask.realm).map_err(|_| refused("it is no address"))?;
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => return Err(refused("it names no host")),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if registry.access.may_be_plain(&host) => Ok(url),
        _ => Err(refused("credentials are sent through TLS only")),
    }
}

/// Pairs as a form has them.
fn encoded(realm: &Url, pairs: &[(&str, &str)]) -> String {
    let mut url = realm.clone();
    url.set_query(None);
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}
