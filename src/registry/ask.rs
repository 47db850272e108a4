//! One question to a registry: authenticated, redirected and repeated as need be.

use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Body, Method, Response, StatusCode, Url};

use super::answer::{deepest, is_passing, retry_after};
use super::challenge::challenge;
use super::client::Action;
use super::redirect::{MOST, is_same_host, target};
use super::wait::{REPETITIONS, Vain, before, patiently, pause};
use super::{Registry, RegistryError, token};
use crate::units;

/// A question that can be asked again.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) action: Action,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Empty for none.
    pub(super) body: Vec<u8>,
    /// The operation and its object, for messages.
    pub(super) what: &'a str,
}

/// Why a question got no answer.
pub(super) enum Unanswered {
    /// For a reason that may pass.
    Broken(RegistryError),
    /// For good.
    Final(RegistryError),
}

impl Unanswered {
    pub(super) fn error(self) -> RegistryError {
        match self {
            Unanswered::Broken(error) | Unanswered::Final(error) => error,
        }
    }
}

impl<'a> Ask<'a> {
    /// A question without headers and body.
    pub(super) fn new(method: Method, url: Url, action: Action, what: &'a str) -> Ask<'a> {
        Ask { method, url, action, headers: Vec::new(), body: Vec::new(), what }
    }

    fn is_reading(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }
}

impl Registry {
    /// Asks, and asks again where the registry is busy or the connection breaks. The answer is
    /// the last one, whatever its status.
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Result<Response, RegistryError> {
        let mut waited = Duration::ZERO;
        let mut repetition = 0;
        loop {
            let answer = self.once(ask).await;
            let wish = match &answer {
                Ok(response) if is_passing(response.status()) => {
                    Some(retry_after(response.headers()))
                }
                Err(Unanswered::Broken(_)) => Some(None),
                _ => None,
            };
            let wait = wish.map(|wish| before(&self.access, repetition, wish));
            match wait {
                Some(wait) if repetition < REPETITIONS && waited + wait <= self.access.busy => {
                    pause(&self.access, wait).await.map_err(|vain| self.vain(ask.what, vain))?;
                    waited += wait;
                    repetition += 1;
                }
                _ => return answer.map_err(Unanswered::error),
            }
        }
    }

    /// Asks once; a second time with credentials where they are wanted.
    async fn once(&self, ask: &Ask<'_>) -> Result<Response, Unanswered> {
        let response = self.follow(ask, None).await?;
        if response.status() != StatusCode::UNAUTHORIZED
            || !is_same_host(response.url(), &self.base)
        {
            return Ok(response);
        }
        match self.authenticate(&response, ask.action, ask.what).await? {
            Some(header) => {
                self.set_grant(ask.action, header);
                self.follow(ask, None).await
            }
            // Nothing more can be said than what was said.
            None => Ok(response),
        }
    }

    /// Sends a body that can be sent once only, after [`Registry::ask`] has found out how to
    /// authenticate.
    pub(super) async fn send(&self, ask: &Ask<'_>, body: Body) -> Result<Response, Unanswered> {
        self.follow(ask, Some(body)).await
    }

    async fn follow(
        &self,
        ask: &Ask<'_>,
        mut stream: Option<Body>,
    ) -> Result<Response, Unanswered> {
        let mut url = ask.url.clone();
        for _ in 0..=MOST {
            let mut request = self.client.request(ask.method.clone(), url.clone());
            // Whoever else is led to has no business with who the user is here.
            if is_same_host(&url, &self.base)
                && let Some(grant) = self.grant(ask.action)
            {
                request = request.header(AUTHORIZATION, grant);
            }
            for (name, value) in &ask.headers {
                request = request.header(name, value);
            }
            request = match stream.take() {
                Some(body) => request.body(body),
                None if ask.body.is_empty() => request,
                None => request.body(ask.body.clone()),
            };
            let response = match patiently(&self.access, request.send()).await {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => return Err(self.unsent(ask.what, &error)),
                Err(vain) => return Err(Unanswered::Final(self.vain(ask.what, vain))),
            };
            let location = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            match location {
                Some(location) if response.status().is_redirection() && ask.is_reading() => {
                    url = target(&url, location).map_err(|why| self.lost(ask, location, why))?;
                }
                _ => return Ok(response),
            }
        }
        Err(self.lost(ask, url.as_str(), "that is one redirect too many"))
    }

    fn lost(&self, ask: &Ask<'_>, to: &str, why: &'static str) -> Unanswered {
        // What stands behind the path may be a secret.
        let to = to.split('?').next().unwrap_or_default().to_owned();
        let (what, host) = (ask.what.to_owned(), self.host.clone());
        Unanswered::Final(RegistryError::Redirect { what, host, to, why })
    }

    fn unsent(&self, what: &str, error: &reqwest::Error) -> Unanswered {
        let error_text = deepest(error);
        let what = what.to_owned();
        let told = RegistryError::Unreachable { what, why: format!("{}: {error_text}", self.host) };
        if error.is_connect() { Unanswered::Final(told) } else { Unanswered::Broken(told) }
    }

    pub(super) fn vain(&self, what: &str, vain: Vain) -> RegistryError {
        match vain {
            Vain::Stopped => RegistryError::Stopped(what.to_owned()),
            Vain::Silent => RegistryError::Unreachable {
                what: what.to_owned(),
                why: format!(
                    "{} has not sent a byte for {}",
                    self.host,
                    units::duration(self.access.patience)
                ),
            },
        }
    }

    /// What to send as `Authorization`; `None` where the registry names no way.
    async fn authenticate(
        &self,
        response: &Response,
        action: Action,
        what: &str,
    ) -> Result<Option<String>, Unanswered> {
        let values = response.headers().get_all(WWW_AUTHENTICATE);
        let wanted = values.iter().find_map(|value| challenge(value.to_str().ok()?));
        let Some(wanted) = wanted else { return Ok(None) };
        token::header(self, &wanted, action, what).await
    }
}
