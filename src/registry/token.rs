//! Authorization: what a registry wants with each request, and where it is got.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, StatusCode, Url};
use serde_json::Value;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::challenge::Challenge;
use super::client::{Action, Registry, Shared};
use super::login::{self, Login};
use super::wait::Budget;
use super::{Fault, answer, redirect};

/// The largest answer of a service for tokens, in bytes.
const LARGEST: u64 = 1 << 20;

impl Registry {
    /// The header that answers a challenge. `told` is the reason that came with it.
    pub(super) async fn authorization(
        &self,
        action: Action,
        challenge: Challenge,
        told: &str,
    ) -> Result<HeaderValue, Fault> {
        let login = self.login()?;
        match (challenge, login) {
            (Challenge::Basic, Login::Basic { user, password }) => basic(&user, &password),
            // A registry that wants a password has no use for anybody else.
            (Challenge::Basic, _) => {
                let host = redirect::host(&self.shared.base);
                Err(self.refusal(host, StatusCode::UNAUTHORIZED.as_u16(), told.to_owned()))
            }
            (Challenge::Bearer { realm, service, scope }, login) => {
                let realm = self.realm(&realm)?;
                let scopes = self.scopes(action, scope);
                let mut budget = Budget::default();
                loop {
                    let request = request(&realm, service.as_deref(), &scopes, &login)?;
                    match self.token(request).await {
                        Ok(token) => return header(&format!("Bearer {token}")),
                        Err(fault) => budget.spend(&self.shared.access, fault).await?,
                    }
                }
            }
        }
    }

    fn login(&self) -> Result<Login, Fault> {
        let Shared { access, host, repository, .. } = &*self.shared;
        login::login(access, host, repository)
            .map_err(|why| Fault::Credentials { host: host.clone(), why })
    }

    /// Somebody is refused.
    pub(super) fn refusal(&self, host: String, status: u16, told: String) -> Fault {
        let who = self.login().map_or_else(|_| login::ANONYMOUS.to_owned(), |login| login.who());
        Fault::Refused { host, registry: self.shared.host.clone(), who, status, told }
    }

    /// Where tokens are got. It may be another host, which is told the password: so it has to
    /// be reached as safely as the registry.
    fn realm(&self, realm: &str) -> Result<Url, Fault> {
        let Shared { access, base, host, .. } = &*self.shared;
        let wrong = |why| Fault::Redirect {
            host: host.clone(),
            to: answer::one_line(realm.split('?').next().unwrap_or_default()),
            why,
        };
        let url = base.join(realm).map_err(|_| wrong("that is no address"))?;
        match url.scheme() {
            "https" => Ok(url),
            "http" if access.may_be_plain(&redirect::host(&url)) => Ok(url),
            "http" => Err(wrong("that gives tokens without TLS")),
            _ => Err(wrong("that is neither http nor https")),
        }
    }

    /// What the token is to allow: what is done here, and whatever else the registry wants.
    fn scopes(&self, action: Action, wanted: Option<String>) -> Vec<String> {
        let beginning = format!("repository:{}:", self.shared.repository);
        let actions = match action {
            Action::Pull => "pull",
            Action::Push => "pull,push",
        };
        let more = wanted.filter(|scope| !scope.starts_with(&beginning));
        std::iter::once(format!("{beginning}{actions}")).chain(more).collect()
    }

    async fn token(&self, request: Request) -> Result<String, Fault> {
        let host = redirect::host(request.url());
        let response = self.once(request).await?;
        let status = response.status();
        if matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST
        ) {
            let body = self.body(response, LARGEST).await.unwrap_or_default();
            return Err(self.refusal(host, status.as_u16(), answer::told(&body)));
        }
        if !status.is_success() {
            return Err(self.status(response).await);
        }
        let body = self.body(response, LARGEST).await?;
        let document: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name: &str| document[name].as_str().filter(|text| !text.is_empty());
        text("token")
            .or_else(|| text("access_token"))
            .map(str::to_owned)
            .ok_or_else(|| Fault::NoRegistry { host, why: "its answer holds no token".to_owned() })
    }
}

/// The request for a token: a GET with the password, or a POST with the token that stands for
/// it.
fn request(
    realm: &Url,
    service: Option<&str>,
    scopes: &[String],
    login: &Login,
) -> Result<Request, Fault> {
    let mut url = realm.clone();
    let mut form = Url::parse("http://form/").map_err(|error| Fault::Source(error.to_string()))?;
    let target = if matches!(login, Login::Identity(_)) { &mut form } else { &mut url };
    let mut pairs = target.query_pairs_mut();
    if let Some(service) = service {
        pairs.append_pair("service", service);
    }
    if let Login::Identity(token) = login {
        let client = env!("CARGO_PKG_NAME");
        pairs.append_pair("grant_type", "refresh_token").append_pair("client_id", client);
        pairs.append_pair("scope", &scopes.join(" ")).append_pair("refresh_token", token);
    } else {
        for scope in scopes {
            pairs.append_pair("scope", scope);
        }
    }
    if let Login::Basic { user, .. } = login {
        pairs.append_pair("account", user);
    }
    drop(pairs);
    let mut request = match login {
        Login::Identity(_) => Request::new(Method::POST, url),
        Login::Basic { .. } | Login::Anonymous => Request::new(Method::GET, url),
    };
    match login {
        Login::Identity(_) => {
            let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(CONTENT_TYPE, kind);
            *request.body_mut() = Some(form.query().unwrap_or_default().to_owned().into());
        }
        Login::Basic { user, password } => {
            request.headers_mut().insert(AUTHORIZATION, basic(user, password)?);
        }
        Login::Anonymous => {}
    }
    Ok(request)
}

fn basic(user: &str, password: &str) -> Result<HeaderValue, Fault> {
    header(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// A header that no log may show.
fn header(text: &str) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Fault::Source("send a token that is no text".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
