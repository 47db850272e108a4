//! Many durations as a picture of a few lines.

use std::time::Duration;

/// Least number of values that make a picture.
pub(super) const LEAST: usize = 5;
/// Most lines of one.
const MOST: u128 = 10;

/// One line: values from here on, up to the next line's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bin {
    pub(super) from: Duration,
    /// Whether this is the last line, and takes whatever is greater, too.
    pub(super) and_more: bool,
    pub(super) count: usize,
}

/// The picture of some values: lines of one width, a round number of 1, 2 or 5, from the
/// least value to the 95th percentile. The few values beyond would press all others into
/// one line: they have the last line, however far they are.
pub(super) fn bins(values: &[Duration]) -> Vec<Bin> {
    let mut sorted: Vec<u128> = values.iter().map(Duration::as_nanos).collect();
    sorted.sort_unstable();
    let (Some(&least), Some(&most)) = (sorted.first(), sorted.last()) else { return Vec::new() };
    let bulk = sorted[(sorted.len() * 95).div_ceil(100) - 1];
    let width = width(bulk - least);
    let first = least / width;
    let last = bulk / width;
    let mut bins: Vec<Bin> = (first..=last)
        .map(|at| Bin { from: nanoseconds(at * width), and_more: false, count: 0 })
        .collect();
    if most / width > last {
        bins.push(Bin { from: nanoseconds((last + 1) * width), and_more: true, count: 0 });
    }
    for value in sorted {
        let at = usize::try_from(value / width - first).unwrap_or(usize::MAX);
        let at = at.min(bins.len() - 1);
        bins[at].count += 1;
    }
    bins
}

/// The least round width of which not too many lines cover a range.
fn width(range: u128) -> u128 {
    let mut decade: u128 = 100_000; // A tenth of a millisecond: finer is no measurement.
    loop {
        for step in [1, 2, 5] {
            if range / (step * decade) < MOST - 1 {
                return step * decade;
            }
        }
        decade *= 10;
    }
}

fn nanoseconds(nanoseconds: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(micros: &[u64], expected: &[(u64, usize)]) {
        let values: Vec<_> = micros.iter().copied().map(Duration::from_micros).collect();
        let found = bins(&values);
        let expected = expected.iter().map(|(from, count)| (Duration::from_micros(*from), *count));
        let told: Vec<_> = found.iter().map(|bin| (bin.from, bin.count)).collect();
        assert_eq!(told, expected.collect::<Vec<_>>());
        assert!(found.len() <= 11);
    }

    #[test]
    fn every_value_has_its_line() {
        check(&[], &[]);
        check(&[3_050], &[(3_000, 1)]);
        check(
            &[3_050, 3_090, 3_310, 3_250, 3_000],
            &[(3_000, 3), (3_100, 0), (3_200, 1), (3_300, 1)],
        );
        let many: Vec<_> = (0..100).map(|at| Duration::from_micros(1_000 + at * 37)).collect();
        let bins = bins(&many);
        assert_eq!(bins.iter().map(|bin| bin.count).sum::<usize>(), many.len());
        assert!((5..=11).contains(&bins.len()), "{bins:?}");
    }

    #[test]
    fn one_that_is_far_off_has_the_last_line() {
        let mut values = vec![3_000; 30];
        values.push(900_000);
        check(&values, &[(3_000, 30), (3_100, 1)]);
    }
}
