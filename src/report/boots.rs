//! Many boots in a few numbers.

use std::time::Duration;

/// Least, median, 95th percentile and greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) min: Duration,
    pub(super) p50: Duration,
    pub(super) p95: Duration,
    pub(super) max: Duration,
}

/// The spread of some boots; `None` of none. A percentile is a boot that was made: the
/// fastest one that so many percent of all do not exceed.
pub(super) fn spread(boots: &[Duration]) -> Option<Spread> {
    let mut sorted = boots.to_vec();
    sorted.sort_unstable();
    let at = |percent: usize| sorted[(sorted.len() * percent).div_ceil(100) - 1];
    let (&min, &max) = (sorted.first()?, sorted.last()?);
    Some(Spread { min, p50: at(50), p95: at(95), max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_boots() {
        let check = |boots: &[u64], expected: Option<[u64; 4]>| {
            let boots: Vec<_> = boots.iter().copied().map(Duration::from_millis).collect();
            let found = spread(&boots).map(|Spread { min, p50, p95, max }| [min, p50, p95, max]);
            assert_eq!(found, expected.map(|four| four.map(Duration::from_millis)), "{boots:?}");
        };
        check(&[], None);
        check(&[7], Some([7, 7, 7, 7]));
        check(&[9, 3], Some([3, 3, 9, 9]));
        check(&(1..=100).rev().collect::<Vec<_>>(), Some([1, 50, 95, 100]));
    }
}
