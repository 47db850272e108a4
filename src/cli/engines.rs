//! Finds who boots.

use std::path::Path;
use std::sync::Arc;

use scf_conform::endpoint::Surroundings;
use scf_conform::engine::docker::Docker;
use scf_conform::engine::embedded::Embedded;
use scf_conform::engine::{Engine, EngineError};

use super::term;

/// Who boots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EngineChoice {
    /// Whichever can on this machine.
    Auto,
    /// These, one after the other, each once.
    Named(Vec<EngineName>),
}

impl EngineChoice {
    /// Whether there is something to compare.
    pub(super) fn are_several(&self) -> bool {
        matches!(self, EngineChoice::Named(names) if names.len() > 1)
    }
}

/// An engine by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EngineName {
    /// The one that needs nothing installed.
    Embedded,
    /// The Docker engine.
    Docker,
}

/// Where engines keep and find what they need.
pub(super) struct Places<'a> {
    /// Unpacked images.
    pub(super) cache: &'a Path,
    /// What is known of where the Docker engine listens.
    pub(super) surroundings: &'a Surroundings,
}

/// The engines that were chosen, in their order. Never another in the place of one that was
/// named; `auto` takes what the machine lets it.
pub(super) fn find(
    choice: &EngineChoice,
    places: &Places<'_>,
) -> Result<Vec<Arc<dyn Engine>>, EngineError> {
    match choice {
        EngineChoice::Named(names) => names.iter().map(|name| open(*name, places)).collect(),
        EngineChoice::Auto => match open(EngineName::Embedded, places) {
            Ok(engine) => Ok(vec![engine]),
            Err(forbidden) => match open(EngineName::Docker, places) {
                Ok(engine) => {
                    term::note(&format!("booting with docker, since embedded cannot: {forbidden}"));
                    Ok(vec![engine])
                }
                // What stands in the way of the usual one is of more use.
                Err(_) => Err(forbidden),
            },
        },
    }
}

/// One engine, ready to boot.
pub(super) fn open(name: EngineName, places: &Places<'_>) -> Result<Arc<dyn Engine>, EngineError> {
    match name {
        EngineName::Embedded => {
            Embedded::available()?;
            let engine = Embedded::new(places.cache.to_owned());
            // While the first image is read, what every boot needs gets ready.
            engine.prepare();
            Ok(Arc::new(engine))
        }
        EngineName::Docker => Ok(Arc::new(Docker::open(places.surroundings)?)),
    }
}
