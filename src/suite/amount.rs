//! Durations and sizes as suites write them.

use std::time::Duration;

use super::cursor::Cursor;
use super::node::Node;

/// `250ms`, `1.5 s` or `2min`.
pub(super) fn duration(cursor: &Cursor<'_>) -> Option<Duration> {
    let units = [("ms", 0.001), ("s", 1.0), ("min", 60.0)];
    let found = match cursor.node {
        Node::Text(text) => scaled(text, &units),
        _ => None,
    };
    let found = found.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    if found.is_none() {
        cursor.wrong("this is no duration", Some("write `250ms`, `1.5s` or `2min`".to_owned()));
    }
    found
}

/// `6 MB`, `128 KB` or a number of bytes; KB and MB are 1,024 and 1,048,576 bytes, as the
/// platform counts them.
pub(super) fn size(cursor: &Cursor<'_>, limit: u64) -> Option<u64> {
    let units =
        [("B", 1.0), ("KB", 1024.0), ("KiB", 1024.0), ("MB", 1_048_576.0), ("MiB", 1_048_576.0)];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    let found = match cursor.node {
        Node::Number(number) => number.as_u64(),
        Node::Text(text) => scaled(text, &units).map(|bytes| bytes as u64),
        _ => None,
    };
    match found {
        None => {
            let hint = "write `6 MB`, `128 KB` or a number of bytes".to_owned();
            cursor.wrong("this is no size", Some(hint));
            None
        }
        Some(bytes) if bytes > limit => {
            cursor.wrong(format!("{bytes} bytes are more than the {limit} that can be sent"), None);
            None
        }
        bytes => bytes,
    }
}

/// The number before a unit, in the unit's measure. Never negative.
fn scaled(text: &str, units: &[(&str, f64)]) -> Option<f64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<f64>().ok().map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_scale() {
        let units = [("ms", 0.001), ("s", 1.0)];
        assert_eq!(scaled("1.5 s", &units), Some(1.5));
        assert_eq!(scaled("250ms", &units), Some(0.25));
        for bad in ["", "s", "1", "-1s", "1h", "1.2.3s", "1e9s"] {
            assert_eq!(scaled(bad, &units), None, "{bad}");
        }
    }
}
