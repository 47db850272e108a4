//! Finds the byte strings that an instance must not give away, in streams of any length.

use std::collections::BTreeSet;

use regex::bytes::Regex;

/// The values to look for.
#[derive(Debug, Clone)]
pub(super) struct Canaries {
    values: Vec<Vec<u8>>,
    any: Option<Regex>,
    longest: usize,
}

/// What was found in one stream so far, and the end of it, where a value may have begun.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail {
    found: BTreeSet<usize>,
    rest: Vec<u8>,
}

impl Canaries {
    pub(super) fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Canaries {
        let values: Vec<Vec<u8>> = values.into_iter().map(Into::into).collect();
        let patterns: Vec<String> = values
            .iter()
            .filter(|value| !value.is_empty())
            .filter_map(|value| str::from_utf8(value).ok())
            .map(regex::escape)
            .collect();
        // A pattern of escaped literals is valid; where it grows too large for the library,
        // the bytes are compared one place after the other.
        let any = if patterns.is_empty() { None } else { Regex::new(&patterns.join("|")).ok() };
        let longest = values.iter().map(Vec::len).max().unwrap_or(0);
        Canaries { values, any, longest }
    }

    /// Looks through the next bytes of a stream.
    pub(super) fn follow(&self, trail: &mut Trail, bytes: &[u8]) {
        if self.longest == 0 || trail.found.len() == self.values.len() {
            return;
        }
        // Only the border between the pieces needs both; the piece itself is not copied.
        let border = (self.longest - 1).min(bytes.len());
        trail.rest.extend_from_slice(&bytes[..border]);
        self.search(&mut trail.found, &trail.rest);
        self.search(&mut trail.found, bytes);
        if bytes.len() >= self.longest - 1 {
            trail.rest.clear();
            trail.rest.extend_from_slice(&bytes[bytes.len() - (self.longest - 1)..]);
        } else {
            let surplus = trail.rest.len().saturating_sub(self.longest - 1);
            trail.rest.drain(..surplus);
        }
    }

    fn search(&self, found: &mut BTreeSet<usize>, bytes: &[u8]) {
        let Some(any) = &self.any else { return };
        for hit in any.find_iter(bytes) {
            let places = self.values.iter().enumerate();
            found.extend(
                places.filter(|(_, value)| *value == hit.as_bytes()).map(|(place, _)| place),
            );
        }
    }
}

impl Trail {
    /// Places in the list of values, ascending.
    pub(super) fn found(&self) -> impl Iterator<Item = usize> {
        self.found.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&str], pieces: &[&str], expected: &[usize]) {
        let canaries = Canaries::new(values.iter().copied());
        let mut trail = Trail::default();
        for piece in pieces {
            canaries.follow(&mut trail, piece.as_bytes());
        }
        let found: Vec<usize> = trail.found().collect();
        assert_eq!(found, expected, "{values:?} in {pieces:?}");
    }

    #[test]
    fn values_are_found_across_borders() {
        check(&["secret", "token"], &["a secret here"], &[0]);
        check(&["secret", "token"], &["sec", "ret tok", "en"], &[0, 1]);
        check(&["secret"], &["s", "e", "c", "r", "e", "t"], &[0]);
        check(&["secret"], &["secre", "et"], &[]);
        check(&["a.c"], &["abc"], &[]);
        check(&["", "x"], &["yy"], &[]);
        check(&["same", "same"], &["same"], &[0, 1]);
        check(&[], &["anything"], &[]);
    }
}
