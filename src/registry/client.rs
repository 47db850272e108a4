//! One registry, asked for one repository.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci_spec::distribution::Reference as Name;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Client, Method, Request, Response, StatusCode, Url};
use tokio::runtime::Runtime;

use super::challenge::challenge;
use super::tls::{self, Roots};
use super::wait::{Vain, patiently};
use super::{Access, Fault, RegistryError, answer, redirect};

/// The most that is read of a refusal.
const REFUSAL: u64 = 64 << 10;
/// Bytes that have to come while the patience lasts, unless the body ends: whoever trickles
/// is as good as silent.
const LEAST: u64 = 64 << 10;

/// One registry, asked for one repository.
///
/// Its calls block, and may be made by one thread at a time; [`Registry::another`] is for the
/// next thread.
pub struct Registry {
    pub(super) shared: Arc<Shared>,
    pub(super) runtime: Runtime,
    client: Client,
}

/// What all threads that ask share.
pub(super) struct Shared {
    pub(super) access: Access,
    /// The registry's host, as references write it.
    pub(super) host: String,
    pub(super) repository: String,
    /// Everything is below here.
    pub(super) base: Url,
    tls: rustls::ClientConfig,
    authorizations: Mutex<HashMap<Action, HeaderValue>>,
    answered: AtomicBool,
}

/// What is done to the repository, as far as permissions are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Action {
    Pull,
    Push,
}

/// A request that can be made again.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
    /// Whether the registry has something to do before it answers.
    pub(super) lasts: bool,
}

impl Ask {
    pub(super) fn new(method: Method, url: Url) -> Ask {
        Ask { method, url, headers: HeaderMap::new(), body: Vec::new(), lasts: false }
    }

    fn request(&self) -> Request {
        let mut request = Request::new(self.method.clone(), self.url.clone());
        *request.headers_mut() = self.headers.clone();
        if !self.body.is_empty() {
            *request.body_mut() = Some(self.body.clone().into());
        }
        request
    }
}

impl Registry {
    /// Gets ready to ask the registry of a name. Where it may be asked without TLS, it is
    /// found out whether it has to.
    ///
    /// # Errors
    ///
    /// Where it cannot be reached, or the certificates to trust cannot be read.
    pub fn open(name: &Name, access: &Access) -> Result<Registry, RegistryError> {
        let host = name.registry();
        let step = || format!("ask {host}");
        Registry::new(host, name.repository(), access).map_err(|fault| fault.of(step()))
    }

    fn new(host: &str, repository: &str, access: &Access) -> Result<Registry, Fault> {
        let asked = if host == redirect::DOCKER_HUB { redirect::DOCKER_HUB_API } else { host };
        let base = |scheme: &str| {
            Url::parse(&format!("{scheme}://{asked}/v2/"))
                .map_err(|error| unreachable(host, error.to_string()))
        };
        let secure = base("https")?;
        let made = |base: Url, roots: Roots| {
            let tls = tls::config(access, roots)?;
            let shared = Arc::new(Shared {
                access: access.clone(),
                host: host.to_owned(),
                repository: repository.to_owned(),
                base,
                tls,
                authorizations: Mutex::default(),
                answered: AtomicBool::new(false),
            });
            of(shared)
        };
        if !access.may_be_plain(asked) {
            return made(secure, Roots::Trusted);
        }
        // Asked without TLS first: whoever speaks TLS says at once that this is none, while
        // a plain server may wait for ever for the rest of what looks like half a line.
        let plain = made(base("http")?, Roots::None)?;
        let answer = plain.runtime.block_on(plain.probe());
        match answer {
            Ok(Spoken::Http) => return Ok(plain),
            Err(fault @ (Fault::Unreachable { .. } | Fault::Stopped)) => return Err(fault),
            Ok(Spoken::Tls) | Err(_) => {}
        }
        let secure = made(secure, Roots::Trusted)?;
        match secure.runtime.block_on(secure.probe()) {
            Ok(_) | Err(Fault::Untrusted { .. } | Fault::Stopped) => Ok(secure),
            // It speaks neither: what is wrong with it is told by whatever is asked first.
            Err(_) => Ok(plain),
        }
    }

    /// The same registry for one more thread.
    ///
    /// # Errors
    ///
    /// Where this machine has no room for it.
    pub fn another(&self) -> Result<Registry, Fault> {
        of(Arc::clone(&self.shared))
    }

    /// The registry's host, as references write it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.shared.host
    }

    /// Asks for nothing in particular, and nobody in particular does.
    async fn probe(&self) -> Result<Spoken, Fault> {
        let ask = Ask::new(Method::GET, self.shared.base.clone());
        let response = self.once(ask.request()).await?;
        let refused = response.status() == StatusCode::BAD_REQUEST;
        let body = self.body(response, REFUSAL).await.unwrap_or_default();
        let body = String::from_utf8_lossy(&body);
        let tls = refused && (body.contains("HTTPS server") || body.contains("HTTPS port"));
        Ok(if tls { Spoken::Tls } else { Spoken::Http })
    }

    /// An address below the repository's.
    pub(super) fn url(&self, rest: &str) -> Result<Url, Fault> {
        let Shared { base, repository, host, .. } = &*self.shared;
        base.join(&format!("{repository}/{rest}"))
            .map_err(|error| unreachable(host, error.to_string()))
    }

    /// Sends a request, follows where it leads, and authenticates where that is wanted.
    pub(super) async fn send(&self, action: Action, ask: &Ask) -> Result<Response, Fault> {
        let mut renewed = false;
        loop {
            let response = self.follow(action, ask).await?;
            let own = redirect::is_same_host(response.url(), &self.shared.base);
            if response.status() != StatusCode::UNAUTHORIZED || !own {
                return Ok(response);
            }
            let wanted = response.headers().get_all(WWW_AUTHENTICATE).iter();
            let wanted: Vec<_> = wanted.filter_map(|value| value.to_str().ok()).collect();
            let challenge = challenge(&wanted.join(", "));
            let (Some(challenge), false) = (challenge, renewed) else {
                return Err(self.refused(response).await);
            };
            let told = answer::told(&self.body(response, REFUSAL).await?);
            let authorization = self.authorization(action, challenge, &told).await?;
            self.shared.authorizations().insert(action, authorization);
            renewed = true;
        }
    }

    /// Sends a request, and follows where it leads. Credentials are for the registry alone.
    async fn follow(&self, action: Action, ask: &Ask) -> Result<Response, Fault> {
        let Shared { access, host, .. } = &*self.shared;
        let mut ask = ask.clone();
        for _ in 0..=redirect::MOST {
            let response = if ask.lasts {
                self.at_leisure(self.authorized(action, &ask)).await?
            } else {
                self.once(self.authorized(action, &ask)).await?
            };
            let safe = ask.method == Method::GET || ask.method == Method::HEAD;
            let location = response.headers().get(LOCATION).filter(|_| safe);
            let (true, Some(location)) = (response.status().is_redirection(), location) else {
                return Ok(response);
            };
            let location = String::from_utf8_lossy(location.as_bytes()).into_owned();
            ask.url = redirect::target(access, &ask.url, &location)
                .map_err(|why| Fault::Redirect { host: host.clone(), to: place(&location), why })?;
        }
        let why = "that is one redirect too many";
        Err(Fault::Redirect { host: host.clone(), to: place(ask.url.as_str()), why })
    }

    /// A request with what the registry wants with each; other hosts do not get it.
    pub(super) fn authorized(&self, action: Action, ask: &Ask) -> Request {
        let mut request = ask.request();
        if redirect::is_same_host(&ask.url, &self.shared.base)
            && let Some(value) = self.shared.authorizations().get(&action)
        {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        request
    }

    /// Sends a request once.
    pub(super) async fn once(&self, request: Request) -> Result<Response, Fault> {
        self.within(1, request).await
    }

    /// Sends a request once that the registry may need time for.
    async fn at_leisure(&self, request: Request) -> Result<Response, Fault> {
        const PATIENCES: u32 = 4;
        self.within(PATIENCES, request).await
    }

    async fn within(&self, patiences: u32, request: Request) -> Result<Response, Fault> {
        let host = redirect::host(request.url());
        let mut answer = Box::pin(self.execute(request));
        for _ in 1..patiences {
            match patiently(&self.shared.access, &mut answer).await {
                Ok(response) => return response,
                Err(Vain::Silent) => {}
                Err(Vain::Stopped) => return Err(Fault::Stopped),
            }
        }
        match patiently(&self.shared.access, answer).await {
            Ok(response) => response,
            Err(vain) => Err(self.vain(vain, &host, "before an answer")),
        }
    }

    /// Sends a request, however long that takes.
    pub(super) async fn execute(&self, request: Request) -> Result<Response, Fault> {
        let answered = &self.shared.answered;
        let host = redirect::host(request.url());
        match self.client.execute(request).await {
            Ok(response) => {
                answered.store(true, Ordering::Relaxed);
                Ok(response)
            }
            Err(error) => Err(failed(&host, &error, answered.load(Ordering::Relaxed))),
        }
    }

    /// A small body, whole.
    pub(super) async fn body(&self, response: Response, most: u64) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        self.stream(response, most, &mut |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        })
        .await?;
        Ok(bytes)
    }

    /// A body, piece by piece, and never more than `most` bytes of it.
    pub(super) async fn stream(
        &self,
        mut response: Response,
        most: u64,
        sink: &mut (dyn FnMut(&[u8]) -> io::Result<()> + Send),
    ) -> Result<(), Fault> {
        let host = redirect::host(response.url());
        let of = response.content_length();
        let mut at = 0;
        let after = |at: u64| match of {
            Some(of) => format!("after {at} of {of} bytes"),
            None => format!("after {at} bytes"),
        };
        loop {
            let before = at;
            let came = patiently(&self.shared.access, async {
                while at - before < LEAST {
                    let chunk = match response.chunk().await {
                        Ok(Some(chunk)) => chunk,
                        Ok(None) => return Ok(true),
                        Err(error) => {
                            let why = cause(&error);
                            return Err(Fault::Cut { host: host.clone(), after: after(at), why });
                        }
                    };
                    at += chunk.len() as u64;
                    if at > most {
                        let why = format!("more than the {most} bytes that it may");
                        return Err(Fault::Length { host: host.clone(), why });
                    }
                    sink(&chunk).map_err(|source| {
                        let what = "write into the cache".to_owned();
                        Fault::File { what, source }
                    })?;
                }
                Ok(false)
            });
            match came.await {
                Ok(Ok(false)) => {}
                Ok(Ok(true)) => return Ok(()),
                Ok(Err(fault)) => return Err(fault),
                Err(vain) => return Err(self.vain(vain, &host, &after(at))),
            }
        }
    }

    /// What an answer that is no success amounts to.
    pub(super) async fn status(&self, response: Response) -> Fault {
        if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return self.refused(response).await;
        }
        let host = redirect::host(response.url());
        let status = response.status().as_u16();
        let retry_after = answer::retry_after(response.headers());
        // A reason that cannot be read does not change what the status says.
        let body = self.body(response, REFUSAL).await.unwrap_or_default();
        Fault::Status { host, status, told: answer::told(&body), retry_after }
    }

    async fn refused(&self, response: Response) -> Fault {
        let status = response.status().as_u16();
        let host = redirect::host(response.url());
        let body = self.body(response, REFUSAL).await.unwrap_or_default();
        self.refusal(host, status, answer::told(&body))
    }

    pub(super) fn vain(&self, vain: Vain, host: &str, after: &str) -> Fault {
        match vain {
            Vain::Stopped => Fault::Stopped,
            Vain::Silent => Fault::Silent {
                host: host.to_owned(),
                after: after.to_owned(),
                patience: self.shared.access.times.patience,
            },
        }
    }
}

impl Shared {
    fn authorizations(&self) -> MutexGuard<'_, HashMap<Action, HeaderValue>> {
        // A map is never left half changed.
        self.authorizations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a server turned out to speak.
enum Spoken {
    Http,
    Tls,
}

fn of(shared: Arc<Shared>) -> Result<Registry, Fault> {
    let file = |source| Fault::File { what: "start the event loop".to_owned(), source };
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(file)?;
    let client = tls::client(&shared.access, shared.tls.clone())?;
    Ok(Registry { shared, runtime, client })
}

fn unreachable(host: &str, why: String) -> Fault {
    Fault::Unreachable { host: host.to_owned(), why }
}

/// An address without what may be secret in it: what is signed in its query.
fn place(address: &str) -> String {
    answer::one_line(address.split('?').next().unwrap_or_default())
}

/// Why there is no answer. To somebody who has answered before it may be a passing trouble.
fn failed(host: &str, error: &reqwest::Error, answered: bool) -> Fault {
    let host = host.to_owned();
    match found::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(why)) => {
            let why = answer::one_line(&why.to_string());
            return Fault::Untrusted { host, why };
        }
        Some(rustls::Error::InvalidMessage(_)) => return Fault::NoTls { host },
        _ => {}
    }
    let why = cause(error);
    if error.is_connect() && !answered {
        Fault::Unreachable { host, why }
    } else {
        Fault::Cut { host, after: "before an answer".to_owned(), why }
    }
}

/// The innermost cause: what is around it only says that a request failed.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    answer::one_line(&cause.to_string())
}

/// A cause of a kind, wherever in the chain it is; some lie inside of an IO error.
fn found<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let inside = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inside {
            Some(inside) => Some(inside as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
