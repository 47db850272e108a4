//! Boots images with the Docker engine, on this machine or another.
//!
//! The same plan, and so the same verdicts, as with any other engine. What the engine does not
//! tell, or tells too late, is looked at directly where the container runs on this machine:
//! the moment of the exec, sockets in LISTEN, what is written to `/tmp`. Elsewhere, and for
//! whoever is not root, a container beside it looks: see `far`.

mod client;
mod create;
mod far;
mod group;
mod image;
mod instance;
mod leftovers;
mod life;
mod limits;
mod listening;
mod probe;
mod pump;
mod refusal;
mod refused;
mod seen;
mod start;
mod tables;
mod written;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Once, OnceLock, PoisonError};

use super::{Engine, EngineError, Instance};
use crate::endpoint::{self, EndpointError, Surroundings};
use crate::image::{Blobs, Image};
use crate::plan::Plan;
use client::Client;
use image::Had;
use leftovers::Owner;

pub use instance::Booted;
pub use leftovers::LABEL;
pub use refused::Refused;

/// What came of a start.
#[derive(Debug)]
pub enum Started {
    /// The command was executed.
    Running(Box<Booted>),
    /// It was refused.
    Refused(Refused),
}

/// An image that the engine has for as long as this is kept.
#[derive(Debug)]
pub struct Lent(Arc<Had>);

impl Lent {
    /// By what the engine finds it: a name, or an id.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.name.trim_start_matches("sha256:")
    }
}

/// Images that are kept in the engine for the next boot.
const KEPT: usize = 4;

/// The engine.
#[derive(Debug)]
pub struct Docker {
    client: Arc<Client>,
    owner: Owner,
    /// Where it listens.
    uri: String,
    /// How its containers are looked at.
    way: OnceLock<far::Way>,
    /// The image of what looks at those that are far.
    observer: Mutex<Option<far::Observer>>,
    swept: Once,
    /// Put there by us, or found there, by the digest of the config; the latest last.
    images: Mutex<VecDeque<(String, Arc<Had>)>>,
}

impl Docker {
    /// The engine that the user's surroundings lead to.
    ///
    /// # Errors
    ///
    /// Where none answers.
    pub fn open(surroundings: &Surroundings) -> Result<Docker, EngineError> {
        let unavailable = |error: EndpointError| EngineError::Unavailable {
            what: "ask the docker engine".to_owned(),
            why: error.to_string(),
            hint: "start it, or say with DOCKER_HOST where it listens".to_owned(),
        };
        let endpoint = endpoint::find(surroundings).map_err(unavailable)?;
        let client = Client::connect(&endpoint).map_err(|why| EngineError::Unavailable {
            what: format!("ask the docker engine at `{}`", endpoint.uri),
            why,
            hint: "start it, or say with DOCKER_HOST where it listens".to_owned(),
        })?;
        Ok(Docker {
            client: Arc::new(client),
            owner: Owner::here(),
            uri: endpoint.uri,
            way: OnceLock::new(),
            observer: Mutex::default(),
            swept: Once::new(),
            images: Mutex::default(),
        })
    }

    /// In what way its containers are looked at: half a sentence.
    #[must_use]
    pub fn sight(&self) -> String {
        match self.way() {
            far::Way::Near => "its containers are looked into from here".to_owned(),
            far::Way::Far(far::Route::Own) => {
                "its containers are looked at by another beside each, whose image is loaded for the \
                 run"
                    .to_owned()
            }
            far::Way::Far(far::Route::Either) => {
                "its containers are looked at by another beside each, whose image is loaded for the \
                 run, and reached by a port published on loopback, or by their address"
                    .to_owned()
            }
            far::Way::Far(far::Route::Published { host, .. }) => format!(
                "its containers are looked at by another beside each, whose image is loaded for the \
                 run, and reached by a port published at {host}"
            ),
        }
    }

    /// Starts a container, as [`Engine::boot`] does.
    ///
    /// # Errors
    ///
    /// As [`Engine::boot`].
    pub fn start(
        &self,
        image: &Image,
        blobs: &dyn Blobs,
        plan: &Plan,
    ) -> Result<Started, EngineError> {
        let begun = start::clock();
        self.swept.call_once(|| leftovers::remove(&self.client));
        let had = self.have(image, blobs)?;
        start::boot(self, had, plan, begun)
    }

    /// Puts an image into the engine for a while, as a boot does.
    ///
    /// # Errors
    ///
    /// Where the engine does not take it.
    pub fn lend(&self, image: &Image, blobs: &dyn Blobs) -> Result<Lent, EngineError> {
        self.have(image, blobs).map(Lent)
    }

    /// How its containers are looked at, found out once.
    fn way(&self) -> &far::Way {
        self.way.get_or_init(|| far::way(&self.client, &self.uri))
    }

    /// The image of the observer, put there once.
    fn observer(&self) -> Result<far::Observer, EngineError> {
        let mut observer = self.observer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lent) = &*observer {
            return Ok(lent.clone());
        }
        let lent = far::lend(&self.client, &self.owner)?;
        Ok(observer.insert(lent).clone())
    }

    fn have(&self, image: &Image, blobs: &dyn Blobs) -> Result<Arc<Had>, EngineError> {
        let images = || self.images.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = &image.config.digest;
        if let Some((_, had)) = images().iter().find(|(known, _)| known == digest) {
            return Ok(Arc::clone(had));
        }
        let had = Arc::new(image::have(&self.client, &self.owner, image, blobs)?);
        let mut images = images();
        images.push_back((digest.clone(), Arc::clone(&had)));
        let oldest = if images.len() > KEPT { images.pop_front() } else { None };
        // Removing it asks the engine, which may take its time.
        drop(images);
        drop(oldest);
        Ok(had)
    }
}

impl Engine for Docker {
    fn name(&self) -> &'static str {
        "docker"
    }

    fn boot(
        &self,
        image: &Image,
        blobs: &dyn Blobs,
        plan: &Plan,
    ) -> Result<Box<dyn Instance>, EngineError> {
        Ok(match self.start(image, blobs, plan)? {
            Started::Running(container) => container,
            Started::Refused(refused) => Box::new(refused),
        })
    }
}
