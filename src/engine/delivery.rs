//! What the kernel will do with a SIGTERM, read before it is sent.
#![expect(clippy::disallowed_methods, reason = "the kernel tells it in files")]

use crate::evidence::Delivery;

/// The signal's bit in the kernel's masks.
const SIGTERM: u64 = 1 << (15 - 1);

/// What becomes of a SIGTERM for the first process of a container, by its number here.
pub(super) fn of_sigterm(pid: i32) -> Delivery {
    // Where nothing can be read, the wait for its end tells.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    delivery(&status)
}

/// Of `/proc/PID/status`. The kernel drops for the first process of a namespace whatever it
/// neither catches nor holds back to take it later.
pub(super) fn delivery(status: &str) -> Delivery {
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        u64::from_str_radix(line.trim(), 16).ok()
    };
    match (mask("SigCgt:"), mask("SigBlk:")) {
        (Some(caught), Some(blocked)) if (caught | blocked) & SIGTERM == 0 => Delivery::Dropped,
        _ => Delivery::Delivered,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_are_read() {
        let status = |blocked: &str, caught: &str| {
            format!("SigBlk:\t{blocked}\nSigIgn:\t0000000000000000\nSigCgt:\t{caught}\n")
        };
        let none = "0000000000000000";
        assert_eq!(delivery(&status(none, none)), Delivery::Dropped);
        assert_eq!(delivery(&status(none, "0000000000004000")), Delivery::Delivered);
        assert_eq!(delivery(&status("0000000000004000", none)), Delivery::Delivered);
        assert_eq!(delivery(&status(none, "0000000000002000")), Delivery::Dropped);
        assert_eq!(delivery(""), Delivery::Delivered);
    }
}
