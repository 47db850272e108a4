//! A registry as one image's name leads to it.

use std::io;
use std::sync::{Mutex, OnceLock, PoisonError};

use oci_spec::distribution::Reference as Name;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};
use tokio::runtime::{Builder, Runtime};

use super::RegistryError;
use super::access::{Access, Scheme, is_loopback};
use super::login::{Login, login};
use super::wait::patiently;
use crate::oci::Digest;
use crate::user_file::{self, LARGEST_TEXT};

/// The host of Docker Hub's registry, which is none that names have in them.
const DOCKER_HUB: &str = "registry-1.docker.io";
/// Threads of the event loop: downloads verify while they go on.
const THREADS: usize = 2;

/// What is to be done with a repository, which is what a token is got for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Pull,
    Push,
}

impl Action {
    pub(super) fn words(self) -> &'static str {
        match self {
            Action::Pull => "pull",
            Action::Push => "pull,push",
        }
    }
}

/// A repository of a registry.
pub struct Registry {
    /// As it stands in names and messages.
    pub(super) host: String,
    pub(super) repository: String,
    /// `https://HOST/v2/REPOSITORY/`.
    pub(super) base: Url,
    pub(super) access: Access,
    pub(super) client: Client,
    pub(super) runtime: Runtime,
    login: OnceLock<Result<Login, String>>,
    /// What is sent as `Authorization`, and what that allows.
    grant: Mutex<Option<(Action, String)>>,
}

impl Registry {
    /// The registry and repository of a name. Nothing is asked yet, but whether TLS is spoken
    /// where it need not be.
    ///
    /// # Errors
    ///
    /// Where the certificates cannot be read, or this machine allows no sockets.
    pub fn of(name: &Name, access: &Access) -> Result<Registry, RegistryError> {
        let host = name.registry().to_owned();
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .enable_io()
            .enable_time()
            .build()
            .map_err(|source| RegistryError::File {
                what: format!("reach the registry {host}"),
                source,
            })?;
        let asked = if host == "docker.io" { DOCKER_HUB } else { host.as_str() };
        let scheme = runtime.block_on(scheme(asked, access))?;
        let what = || format!("reach the registry {host}");
        let base = format!("{}://{asked}/v2/{}/", scheme.word(), name.repository());
        let base = Url::parse(&base).map_err(|error| RegistryError::Unreachable {
            what: what(),
            why: format!("`{base}` is no address: {error}"),
        })?;
        let client = client(asked, scheme, access)?;
        Ok(Registry {
            repository: name.repository().to_owned(),
            base,
            access: access.clone(),
            client,
            runtime,
            login: OnceLock::new(),
            grant: Mutex::new(None),
            host,
        })
    }

    /// `HOST/REPOSITORY`, for messages.
    #[must_use]
    pub fn shown(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The error that another blob than the wanted one is.
    #[must_use]
    pub fn differs(&self, what: &str, is: Digest, expected: Digest) -> RegistryError {
        let what = format!("{what} of {}", self.shown());
        RegistryError::Differs { what, host: self.host.clone(), is, expected }
    }

    /// An address below the repository's.
    pub(super) fn url(&self, path: &str) -> Url {
        // Paths are made of digests and checked tags, and always fit.
        self.base.join(path).unwrap_or_else(|_| self.base.clone())
    }

    /// Who the user is to this registry; looked up once, since a helper may ask questions.
    pub(super) fn login(&self) -> Result<Login, String> {
        self.login.get_or_init(|| login(&self.access.logins, &self.host)).clone()
    }

    pub(super) fn grant(&self, action: Action) -> Option<String> {
        let grant = self.grant.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |held: Action| held == action || held == Action::Push;
        grant.as_ref().filter(|(held, _)| fits(*held)).map(|(_, header)| header.clone())
    }

    pub(super) fn set_grant(&self, action: Action, header: String) {
        *self.grant.lock().unwrap_or_else(PoisonError::into_inner) = Some((action, header));
    }
}

/// How a host is asked: through TLS, unless it may do without and does.
async fn scheme(host: &str, access: &Access) -> Result<Scheme, RegistryError> {
    if !access.may_be_plain(host) {
        return Ok(Scheme::Https);
    }
    // Where there are no certificates at all, nothing could be verified either.
    let client = match client(host, Scheme::Https, access) {
        Err(error @ RegistryError::File { .. }) => return Err(error),
        Err(_) => return Ok(Scheme::Http),
        Ok(client) => client,
    };
    let asked = client.head(format!("https://{host}/v2/")).send();
    Ok(match patiently(access, asked).await {
        Ok(Err(error)) if error.is_connect() && !is_about_certificates(&error) => Scheme::Http,
        _ => Scheme::Https,
    })
}

/// Whether TLS is spoken there, and only the certificate will not do.
fn is_about_certificates(error: &reqwest::Error) -> bool {
    super::answer::deepest(error).contains("certificate")
}

fn client(host: &str, scheme: Scheme, access: &Access) -> Result<Client, RegistryError> {
    let what = || format!("reach the registry {host}");
    let mut builder = Client::builder()
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        // Whoever follows decides what goes with it.
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(access.patience);
    if is_loopback(host) {
        builder = builder.no_proxy();
    }
    // Where another library has chosen before, its choice stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if scheme == Scheme::Http {
        // The system's certificates are not wanted, and not every machine has some.
        builder = builder.tls_certs_only([]);
    }
    if let Some(path) = &access.ca {
        let failed = |source| RegistryError::File {
            what: format!("read the certificates `{}`", path.display()),
            source,
        };
        let certificates = certificates(path).map_err(failed)?;
        if scheme == Scheme::Https {
            builder = builder.tls_certs_merge(certificates);
        }
    }
    builder.build().map_err(|error| RegistryError::Unreachable {
        what: what(),
        why: super::answer::deepest(&error),
    })
}

fn certificates(path: &std::path::Path) -> io::Result<Vec<Certificate>> {
    let bytes = user_file::read(path, LARGEST_TEXT)?;
    let certificates = Certificate::from_pem_bundle(&bytes).map_err(io::Error::other)?;
    if certificates.is_empty() {
        return Err(io::Error::other("there is no PEM certificate in it"));
    }
    Ok(certificates)
}
