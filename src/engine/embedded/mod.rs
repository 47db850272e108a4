//! Boots images with nothing installed: libcontainer in a child of this program.
//!
//! The child, the *holder*, is this program again, started with a hidden word. It has one
//! thread, and everything that is live is its own: namespaces, overlay, control group and
//! container. It goes when the socket to this process is closed, however that comes about,
//! and nothing outlives it. See `holder`.

mod availability;
mod examine;
mod holder;
mod instance;
mod pump;
mod spawn;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::{Engine, EngineError, Instance};
use crate::image::{Blobs, Image};
use crate::plan::Plan;
use crate::unpack::{Cache, Ownership};
use holder::Privilege;
use instance::Booted;
use spawn::Holder;

pub use holder::{HOLDER_WORD, holder_main};

/// The engine.
#[derive(Debug)]
pub struct Embedded {
    cache: PathBuf,
    executable: PathBuf,
    /// A holder that was started before there was anything to boot.
    prepared: Mutex<Option<Holder>>,
}

impl Embedded {
    /// An engine that unpacks images below this directory, and whose holders are the running
    /// program, which calls [`holder_main`] for [`HOLDER_WORD`].
    #[must_use]
    pub fn new(cache: PathBuf) -> Embedded {
        let executable = PathBuf::from("/proc/self/exe");
        Embedded { cache, executable, prepared: Mutex::new(None) }
    }

    /// The same with another program for its holders: a test is not the program.
    #[must_use]
    pub fn with_executable(self, executable: PathBuf) -> Embedded {
        Embedded { executable, ..self }
    }

    /// Starts what the next boot needs whatever the image, so that it is ready when the image
    /// is: of use where an image is still to be read. What goes wrong is told by the boot.
    pub fn prepare(&self) {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        if prepared.is_none() {
            *prepared = Holder::start(&self.executable, Privilege::here()).ok();
        }
    }

    fn holder(&self) -> Result<Holder, EngineError> {
        let prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).take();
        prepared.map_or_else(|| Holder::start(&self.executable, Privilege::here()), Ok)
    }

    /// Whether this machine lets us boot at all.
    ///
    /// # Errors
    ///
    /// Which of the kernel's settings forbids it, and what to do.
    pub fn available() -> Result<(), EngineError> {
        availability::available()
    }

    /// Boots what is unpacked already: the root file system in a directory.
    ///
    /// # Errors
    ///
    /// As [`Engine::boot`].
    pub fn boot_root(&self, root: &Path, plan: &Plan) -> Result<Box<dyn Instance>, EngineError> {
        let begun = spawn::clock();
        let holder = self.holder()?;
        let booted = Booted::boot(holder, root, plan, begun, None)?;
        Ok(Box::new(booted))
    }
}

impl Engine for Embedded {
    fn name(&self) -> &'static str {
        "embedded"
    }

    fn boot(
        &self,
        image: &Image,
        blobs: &dyn Blobs,
        plan: &Plan,
    ) -> Result<Box<dyn Instance>, EngineError> {
        let begun = spawn::clock();
        // It prepares what needs no root yet, while the layers are unpacked.
        let holder = self.holder()?;
        let ownership = match Privilege::here() {
            Privilege::Root => Ownership::Real,
            Privilege::User => Ownership::Projected(plan.user.clone()),
        };
        let root = Cache::open(&self.cache)?.root(image, blobs, &ownership)?;
        let path = root.path.clone();
        let booted = Booted::boot(holder, &path, plan, begun, Some(root))?;
        Ok(Box::new(booted))
    }
}
