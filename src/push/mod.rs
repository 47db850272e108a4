//! Puts images where the platform takes them from.

pub mod engine;
pub mod straight;
