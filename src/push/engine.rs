//! Pushes through the local engine, which has the image: it compresses the layers, and knows
//! which of them a registry has.

use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::models::{ImageInspect, PushImageInfo};
use bollard::query_parameters::{
    PushImageOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use futures_util::StreamExt as _;
use oci_spec::distribution::Reference as Name;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::endpoint::{self, EndpointError, Surroundings, told};
use crate::oci::Digest;
use crate::registry::Login;

/// Seconds until an engine begins to answer.
const ANSWER: u64 = 60;
/// Until more is heard of a push: a large layer is compressed without a word.
const MORE: Duration = Duration::from_secs(300);
/// How often is asked whether to go on.
const ASK: Duration = Duration::from_millis(100);
const AUTHORIZATION: &str = "x-registry-auth";

/// Why nothing was pushed, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// No engine can be asked.
    #[error("push through the local engine: {0}")]
    NoEngine(#[from] EndpointError),
    /// By now the name means another image than the one that was checked.
    #[error(
        "push `{name}`: the engine has another image of that name by now ({is}) than was checked ({checked})"
    )]
    Moved {
        /// The image's name in the engine.
        name: String,
        /// What it means now.
        is: String,
        /// What was checked.
        checked: String,
    },
    /// A step failed.
    #[error("{step}: {why}")]
    Step {
        /// The step and its object.
        step: String,
        /// What the engine says.
        why: String,
    },
    /// The registry wants credentials, or others.
    #[error("push to `{to}` through the engine: {why}")]
    Denied {
        /// The destination.
        to: String,
        /// What the engine says.
        why: String,
        /// The registry to log in to.
        registry: String,
    },
    /// Nobody wants it any more.
    #[error("push to `{0}`: stopped")]
    Stopped(String),
}

impl PushError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            PushError::Moved { .. } => {
                Some("run it again, so that what is pushed is checked".to_owned())
            }
            PushError::Step { .. } => {
                Some("run it again: what the registry has already is not sent twice".to_owned())
            }
            PushError::Denied { registry, .. } => Some(format!("docker login {registry}")),
            PushError::NoEngine(_) | PushError::Stopped(_) => None,
        }
    }
}

/// What is to be pushed.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// The image's name or id in the engine.
    pub name: &'a str,
    /// The image's id when it was checked.
    pub checked: Digest,
    /// The destination: a name with a tag.
    pub to: &'a Name,
}

/// Whether the engine has an image of that name, and with which id.
///
/// # Errors
///
/// Where no engine can be asked, or it does not answer.
pub fn id_of(name: &str, surroundings: &Surroundings) -> Result<Option<Digest>, PushError> {
    block_on(async {
        let docker = endpoint::find(surroundings)?.connect(ANSWER).await?;
        Ok(inspect(&docker, name).await?.and_then(|image| id(&image)))
    })
}

/// Pushes an image of the engine, and gives the digest of its manifest in the registry. The
/// engine's names are afterwards what they were before.
///
/// # Errors
///
/// Where it could not be pushed. To push again is always safe.
pub fn push(
    order: &Order<'_>,
    surroundings: &Surroundings,
    login: &Login,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Digest, PushError> {
    block_on(async {
        let docker = endpoint::find(surroundings)?.connect(ANSWER).await?;
        let image = inspect(&docker, order.name).await?;
        let is = image.as_ref().and_then(id);
        if is != Some(order.checked) {
            return Err(PushError::Moved {
                name: order.name.to_owned(),
                is: is.map_or_else(|| "none".to_owned(), |is| is.short()),
                checked: order.checked.short(),
            });
        }
        let named = Named::new(&docker, order, image.as_ref()).await?;
        let pushed = send(&docker, order, login, go_on).await;
        let restored = named.restore().await;
        let pushed = pushed?;
        restored?;
        Ok(pushed)
    })
}

fn block_on<T>(future: impl Future<Output = Result<T, PushError>>) -> Result<T, PushError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| PushError::Step {
        step: "start the client of the engine".to_owned(),
        why: error.to_string(),
    })?;
    runtime.block_on(future)
}

async fn inspect(docker: &Docker, name: &str) -> Result<Option<ImageInspect>, PushError> {
    match docker.inspect_image(name).await {
        Ok(image) => Ok(Some(image)),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => Err(failed(format!("ask the engine for `{name}`"), &error)),
    }
}

fn id(image: &ImageInspect) -> Option<Digest> {
    let text = image.id.as_deref()?;
    let whole = if text.contains(':') { text.to_owned() } else { format!("sha256:{text}") };
    whole.parse().ok()
}

fn failed(step: String, error: &Error) -> PushError {
    PushError::Step { step, why: told(error) }
}

/// Repository and tag of a name.
fn parts(name: &Name) -> (String, String) {
    let repository = format!("{}/{}", name.registry(), name.repository());
    (repository, name.tag().unwrap_or("latest").to_owned())
}

/// The destination as a name of the image in the engine, which pushes by names.
struct Named<'a> {
    docker: &'a Docker,
    to: String,
    afterwards: Afterwards,
}

/// What becomes of the name after the push.
enum Afterwards {
    /// It was there before.
    Keep,
    Remove,
    /// It was the name of another image.
    GiveBack(String),
}

impl Named<'_> {
    async fn new<'a>(
        docker: &'a Docker,
        order: &Order<'_>,
        image: Option<&ImageInspect>,
    ) -> Result<Named<'a>, PushError> {
        let (repository, tag) = parts(order.to);
        let to = format!("{repository}:{tag}");
        let before = inspect(docker, &to).await?;
        let has_names = image.and_then(|image| image.repo_tags.as_ref());
        let afterwards = match before.and_then(|before| id(&before)) {
            Some(before) if before == order.checked => {
                return Ok(Named { docker, to, afterwards: Afterwards::Keep });
            }
            Some(before) => Afterwards::GiveBack(before.to_string()),
            // The only name of an image cannot be taken away without the image.
            None if has_names.is_none_or(Vec::is_empty) => Afterwards::Keep,
            None => Afterwards::Remove,
        };
        let named = Named { docker, to, afterwards };
        named.tag(&order.checked.to_string(), &repository, &tag).await?;
        Ok(named)
    }

    async fn tag(&self, id: &str, repository: &str, tag: &str) -> Result<(), PushError> {
        let options = TagImageOptionsBuilder::new().repo(repository).tag(tag).build();
        let tagged = self.docker.tag_image(id, Some(options)).await;
        tagged.map_err(|error| failed(format!("tag it as `{}` in the engine", self.to), &error))
    }

    /// Makes the name in the engine what it was.
    async fn restore(self) -> Result<(), PushError> {
        match &self.afterwards {
            Afterwards::Keep => Ok(()),
            Afterwards::GiveBack(id) => {
                let (repository, tag) = self.to.rsplit_once(':').unwrap_or((&self.to, "latest"));
                self.tag(id, repository, tag).await
            }
            Afterwards::Remove => {
                let options = RemoveImageOptionsBuilder::new().noprune(true).build();
                match self.docker.remove_image(&self.to, Some(options), None).await {
                    Ok(_) | Err(Error::DockerResponseServerError { status_code: 404, .. }) => {
                        Ok(())
                    }
                    Err(error) => {
                        let step = format!("remove the tag `{}` from the engine", self.to);
                        Err(failed(step, &error))
                    }
                }
            }
        }
    }
}

async fn send(
    docker: &Docker,
    order: &Order<'_>,
    login: &Login,
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Digest, PushError> {
    let (repository, tag) = parts(order.to);
    let to = order.to.to_string();
    let step = || format!("push to `{to}` through the engine");
    let docker = with_url_safe_credentials(docker.clone());
    let options = PushImageOptionsBuilder::new().tag(&tag).build();
    let stream = docker.push_image(&repository, Some(options), for_engine(login, order.to));
    let mut stream = pin!(stream);
    let mut ask = interval(ASK);
    ask.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut digest = None;
    loop {
        let mut next = pin!(timeout(MORE, stream.next()));
        let said = loop {
            tokio::select! {
                _ = ask.tick() => if go_on() == ControlFlow::Break(()) {
                    return Err(PushError::Stopped(to));
                },
                said = &mut next => break said,
            }
        };
        let said = said.map_err(|_| PushError::Step {
            step: step(),
            why: format!("nothing was heard for {} seconds", MORE.as_secs()),
        })?;
        match said {
            None => break,
            Some(Ok(info)) => digest = said_digest(&info).or(digest),
            Some(Err(error)) => {
                let why = told(&error);
                if is_about_credentials(&why) {
                    let registry = order.to.registry().to_owned();
                    return Err(PushError::Denied { to, why, registry });
                }
                return Err(PushError::Step { step: step(), why });
            }
        }
    }
    match digest {
        Some(digest) => Ok(digest),
        None => recorded(&docker, &repository, order).await,
    }
}

/// The digest in the engine's last words: `v1: digest: sha256:… size: 739`.
fn said_digest(info: &PushImageInfo) -> Option<Digest> {
    let (_, rest) = info.status.as_deref()?.split_once("digest: ")?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The digest that the engine notes of an image for a repository when it has pushed it there.
async fn recorded(
    docker: &Docker,
    repository: &str,
    order: &Order<'_>,
) -> Result<Digest, PushError> {
    let image = inspect(docker, &order.checked.to_string()).await?;
    let digests = image.and_then(|image| image.repo_digests).unwrap_or_default();
    let digest = digests.iter().rev().find_map(|text| {
        let (name, digest) = text.split_once('@')?;
        (name == repository).then(|| digest.parse().ok())?
    });
    digest.ok_or_else(|| PushError::Step {
        step: format!("push to `{}` through the engine", order.to),
        why: "it does not say with which digest".to_owned(),
    })
}

fn is_about_credentials(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    ["no basic auth", "unauthorized", "denied", "authentication required", "access forbidden"]
        .iter()
        .any(|word| why.contains(word))
}

/// Engines read this header in the alphabet for URLs, and take one in the other for nothing.
fn with_url_safe_credentials(docker: Docker) -> Docker {
    docker.with_request_modifier(|mut request| {
        let value = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let safe = value.map(|value| value.replace('+', "-").replace('/', "_"));
        if let Some(Ok(safe)) = safe.map(|safe| safe.parse()) {
            request.headers_mut().insert(AUTHORIZATION, safe);
        }
        request
    })
}

/// A login as the engine takes it.
fn for_engine(login: &Login, to: &Name) -> Option<DockerCredentials> {
    let serveraddress = Some(to.resolve_registry().to_owned());
    match login {
        Login::Anonymous => None,
        Login::Basic { user, password } => Some(DockerCredentials {
            username: Some(user.clone()),
            password: Some(password.clone()),
            serveraddress,
            ..DockerCredentials::default()
        }),
        Login::Identity(token) => Some(DockerCredentials {
            identitytoken: Some(token.clone()),
            serveraddress,
            ..DockerCredentials::default()
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_hold_the_digest() {
        let said = |status: &str| {
            said_digest(&PushImageInfo { status: Some(status.to_owned()), ..Default::default() })
        };
        let digest = Digest::of(b"x");
        assert_eq!(said(&format!("v1: digest: {digest} size: 739")), Some(digest));
        assert_eq!(said("Pushed"), None);
    }

    #[test]
    fn a_destination_has_a_repository_and_a_tag() {
        let parts = |text: &str| parts(&text.parse().expect("a name"));
        let owned = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(parts("localhost:5000/a/b:v1"), owned("localhost:5000/a/b", "v1"));
        assert_eq!(parts("h.example/a"), owned("h.example/a", "latest"));
    }
}
