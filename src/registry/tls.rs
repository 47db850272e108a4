//! TLS as it is done here: rustls with ring, the system's roots and the user's.
#![expect(clippy::disallowed_methods, reason = "reads the user's file of certificates")]

use std::path::Path;
use std::sync::Arc;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, NoProxy, Proxy};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::{Access, Fault};

/// Which authorities vouch for others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Roots {
    /// The system's and the user's.
    Trusted,
    /// None: nothing but plain HTTP is spoken. A machine without certificates can still do it.
    None,
}

/// How TLS is done; shared by all clients.
pub(super) fn config(access: &Access, roots: Roots) -> Result<ClientConfig, Fault> {
    let mut store = RootCertStore::empty();
    if roots == Roots::Trusted {
        // What the system has and nobody can read is passed over, as everywhere.
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(file) = &access.ca {
            add(&mut store, file)?;
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| setting_up(&error.to_string()))?;
    Ok(config.with_root_certificates(store).with_no_client_auth())
}

/// Adds the certificates of a file.
fn add(store: &mut RootCertStore, file: &Path) -> Result<(), Fault> {
    let place = file.display().to_string();
    let failed = |why: String| Fault::Source(format!("read the certificates of `{place}`: {why}"));
    let bytes = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let mut count = 0;
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        store.add(certificate).map_err(|error| failed(error.to_string()))?;
        count += 1;
    }
    match count {
        0 => Err(failed("there is no certificate in it; PEM is what is read".to_owned())),
        _ => Ok(()),
    }
}

/// A client that does nothing by itself: no redirect, no repetition, nothing from the
/// environment.
pub(super) fn client(access: &Access, config: ClientConfig) -> Result<Client, Fault> {
    let failed = |error: reqwest::Error| setting_up(&error.to_string());
    let mut builder = ClientBuilder::new()
        .tls_backend_preconfigured(config)
        .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy();
    let proxies = &access.proxies;
    // This machine is never beyond a proxy.
    let none_for =
        format!("localhost,127.0.0.0/8,::1,{}", proxies.none_for.as_deref().unwrap_or_default());
    let none_for = NoProxy::from_string(&none_for);
    let address = |proxy: &Option<String>| proxy.clone().filter(|address| !address.is_empty());
    if let Some(address) = address(&proxies.http) {
        builder = builder.proxy(Proxy::http(address).map_err(failed)?.no_proxy(none_for.clone()));
    }
    if let Some(address) = address(&proxies.https) {
        builder = builder.proxy(Proxy::https(address).map_err(failed)?.no_proxy(none_for));
    }
    builder.build().map_err(failed)
}

fn setting_up(why: &str) -> Fault {
    Fault::Source(format!("set up TLS: {why}"))
}
