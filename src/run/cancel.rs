//! A wish to stop early, shared between whoever has it and whoever must heed it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set once and never taken back. Clones are the same wish.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Whether work should end: no new step is begun, and clean-up still runs.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Asks for the end.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }
}
