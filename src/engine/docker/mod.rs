//! Boots images with the Docker engine, on this machine or another.
//!
//! The same plan, and so the same verdicts, as with any other engine. What the engine does not
//! tell, or tells too late, is looked at directly where the container runs on this machine:
//! the moment of the exec, sockets in LISTEN, what is written to `/tmp`.

mod client;
mod create;
mod group;
mod image;
mod instance;
mod leftovers;
mod life;
mod limits;
mod probe;
mod pump;
mod refusal;
mod refused;
mod seen;
mod start;
mod tables;
mod written;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Once, PoisonError};

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
    /// Whether its containers are processes of this machine that we may look into.
    near: bool,
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
        // What is reached through a socket file may be on this machine.
        let near = endpoint.uri.starts_with("unix://") && rustix::process::geteuid().is_root();
        Ok(Docker {
            client: Arc::new(client),
            owner: Owner::here(),
            near,
            swept: Once::new(),
            images: Mutex::default(),
        })
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
