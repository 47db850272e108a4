//! What the platform says of a failure: the line that people find in its console.

use crate::contract::PlatformStatus;

/// Its status, name and message.
pub(super) fn told(status: PlatformStatus) -> String {
    let message = status.message();
    let colon = if message.is_empty() { "" } else { ": " };
    format!("platform: {} {}{colon}{message}", status.code(), status.name())
}
