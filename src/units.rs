//! Sizes and durations as people read them.

use std::time::Duration;

/// Bytes in one MiB.
pub const MIB: u64 = 1 << 20;
/// Bytes in one KiB.
pub const KIB: u64 = 1 << 10;

/// A size in bytes as text with a unit: `512 B`, `1.5 MiB`, `1 GiB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
    for (unit, name) in UNITS {
        if bytes >= unit {
            #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
            let value = bytes as f64 / unit as f64;
            let text = format!("{value:.1}");
            return format!("{} {name}", text.strip_suffix(".0").unwrap_or(&text));
        }
    }
    format!("{bytes} B")
}

/// A duration as text with a unit: `0.3 ms`, `12.4 ms`, `3.29 s`, `30 s`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let (text, unit) = if seconds >= 0.9995 {
        (format!("{seconds:.2}"), "s")
    } else {
        (format!("{:.1}", seconds * 1000.0), "ms")
    };
    let text =
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}")
}

/// How many of a thing there are: `1 layer`, `3 layers`.
#[must_use]
pub fn count(number: usize, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1023), "1023 B");
        assert_eq!(size(1 << 20), "1 MiB");
        assert_eq!(size(3 << 19), "1.5 MiB");
        assert_eq!(size(1 << 30), "1 GiB");
    }

    #[test]
    fn things_are_counted() {
        assert_eq!(count(1, "layer"), "1 layer");
        assert_eq!(count(0, "layer"), "0 layers");
    }

    #[test]
    fn durations_have_units() {
        assert_eq!(duration(Duration::from_micros(312)), "0.3 ms");
        assert_eq!(duration(Duration::from_millis(40)), "40 ms");
        assert_eq!(duration(Duration::from_secs(30)), "30 s");
        assert_eq!(duration(Duration::from_millis(3290)), "3.29 s");
    }
}
