//! Reads a manifest or index, by tag or digest.

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};

use super::answer::{Unread, body, unwanted};
use super::ask::Ask;
use super::client::Action;
use super::{Registry, RegistryError};
use crate::oci::{Digest, media_type};

/// The largest manifest that is read, in bytes: what registries take.
const LARGEST: u64 = 4 << 20;
/// The digest that the registry knows the manifest by.
const DIGEST: &str = "docker-content-digest";

/// A manifest or index, as its bytes.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Never written again from a parsed form.
    pub bytes: Vec<u8>,
    /// As the registry says.
    pub media_type: Option<String>,
    /// Of the bytes.
    pub digest: Digest,
}

impl Registry {
    /// The manifest that a tag or a digest names.
    ///
    /// # Errors
    ///
    /// Where the registry does not give it, or gives another one.
    pub fn manifest(&self, reference: &str) -> Result<Manifest, RegistryError> {
        self.runtime.block_on(self.read_manifest(reference))
    }

    async fn read_manifest(&self, reference: &str) -> Result<Manifest, RegistryError> {
        let joint = if reference.contains(':') { '@' } else { ':' };
        let what = format!("read the manifest of {}{joint}{reference}", self.shown());
        let url = self.url(&format!("manifests/{reference}"));
        let mut ask = Ask::new(Method::GET, url, Action::Pull, &what);
        let accepted = media_type::MANIFESTS.join(", ");
        if let Ok(accepted) = HeaderValue::from_str(&accepted) {
            ask.headers.push((ACCEPT, accepted));
        }
        let response = self.ask(&ask).await?;
        if !response.status().is_success() {
            return Err(unwanted(self, &what, response).await);
        }
        let header = |name: &str| {
            let value = response.headers().get(name)?.to_str().ok()?;
            Some(value.split(';').next().unwrap_or_default().trim().to_owned())
        };
        let media_type = header(CONTENT_TYPE.as_str());
        let named = header(DIGEST).and_then(|text| text.parse::<Digest>().ok());
        let bytes = body(&self.access, response, LARGEST).await.map_err(|unread| match unread {
            Unread::TooLong => RegistryError::Length {
                what: what.clone(),
                host: self.host.clone(),
                why: format!("more than {LARGEST} bytes"),
            },
            Unread::Broken(why) => RegistryError::Unreachable {
                what: what.clone(),
                why: format!("{}: {why}", self.host),
            },
            Unread::Vain(vain) => self.vain(&what, vain),
        })?;
        let digest = Digest::of(&bytes);
        let wanted = reference.parse::<Digest>().ok().or(named);
        // A signed manifest of schema 1 is known by the digest of a part of it.
        let signed = media_type.as_deref() == Some(media_type::DOCKER_SCHEMA_1_SIGNED);
        match wanted {
            Some(expected) if expected != digest && !signed => {
                Err(RegistryError::Differs { what, host: self.host.clone(), is: digest, expected })
            }
            _ => Ok(Manifest { bytes, media_type, digest }),
        }
    }
}
