//! The autopsy on facts that are written down.
