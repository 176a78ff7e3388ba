//! Native histograms: buckets whose bounds grow by a constant factor, so nobody has to choose them.

use serde::{Deserialize, Serialize};

use super::{Run, RunResult, Seconds};

/// Upper bounds of the buckets between 1 and 2, without 2: 2^(n/8).
#[allow(
    clippy::unreadable_literal,
    clippy::approx_constant,
    reason = "all digits of a double"
)]
const BOUNDS: [f64; NativeBuckets::PER_DOUBLING] = [
    1.0,
    1.0905077326652577,
    1.189207115002721,
    1.2968395546510096,
    1.4142135623730951,
    1.5422108254079407,
    1.681792830507429,
    1.8340080864093424,
];

/// Observations of whole seconds by bucket. Bucket `n` has those above 2^((n-1)/8) up to 2^(n/8).
///
/// A bucket is 9 % wider than the one before, so a quantile is off by less than that. 2^63 seconds would be bucket 504, so there are at most
/// 505 buckets; runs from one second to one year use at most 201. Only buckets that have observations are kept, 16 bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeBuckets {
    /// Observations of 0.
    #[serde(rename = "zero")]
    zeros: u64,
    /// Number and count of each bucket with observations, in ascending order.
    #[serde(rename = "buckets")]
    positive: Vec<(u16, u64)>,
}

/// The native histograms of a workload. Counts and sums are those of the classic ones: both have the same observations.
///
/// The history stores them. The serialized form is part of its file format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeTotals {
    /// When the histograms of the workload started at 0, in milliseconds since the Unix epoch.
    pub since: i64,
    /// Durations of counted runs that succeeded.
    pub success_durations: NativeBuckets,
    /// Durations of counted runs that failed.
    pub failure_durations: NativeBuckets,
    /// Times from the due time to the start of counted runs.
    pub start_delays: NativeBuckets,
}

// === impl NativeBuckets ===

impl NativeBuckets {
    /// The schema of Prometheus: eight buckets for each doubling.
    pub const SCHEMA: i64 = 3;

    const PER_DOUBLING: usize = 1 << Self::SCHEMA;

    /// The largest number of a bucket: 2^63 is its upper bound.
    const MAX_INDEX: u16 = 63 << Self::SCHEMA;

    /// Adds an observation. A negative one counts as 0.
    pub fn observe(&mut self, seconds: Seconds) {
        match index(seconds) {
            None => self.zeros += 1,
            Some(index) => self.add_to(index, 1),
        }
    }

    /// Adds the observations of `other`.
    pub fn add(&mut self, other: &Self) {
        self.zeros += other.zeros;
        for &(index, count) in &other.positive {
            self.add_to(index, count);
        }
    }

    fn add_to(&mut self, index: u16, more: u64) {
        match self.positive.binary_search_by_key(&index, |(it, _)| *it) {
            Ok(at) => self.positive[at].1 += more,
            Err(at) => self.positive.insert(at, (index, more)),
        }
    }

    /// Number of observations of 0.
    #[must_use]
    pub fn zeros(&self) -> u64 {
        self.zeros
    }

    /// Number and count of each bucket with observations, in ascending order.
    #[must_use]
    pub fn positive(&self) -> &[(u16, u64)] {
        &self.positive
    }

    /// Whether these are valid buckets with so many observations. A file may have others.
    #[must_use]
    pub fn have(&self, count: u64) -> bool {
        let mut counts = self.positive.iter().map(|(_, count)| *count);
        let sum = counts.try_fold(self.zeros, u64::checked_add);
        let in_order = self.positive.is_sorted_by(|(a, _), (b, _)| a < b);
        let last = self.positive.last();
        in_order && last.is_none_or(|(index, _)| *index <= Self::MAX_INDEX) && sum == Some(count)
    }
}

// === impl NativeTotals ===

impl NativeTotals {
    /// Adds a run.
    pub(super) fn observe(&mut self, run: &Run) {
        let durations = match run.result {
            RunResult::Succeeded => &mut self.success_durations,
            RunResult::Failed => &mut self.failure_durations,
        };
        if let Some(duration) = run.duration() {
            durations.observe(duration);
        }
        if let Some(delay) = run.start_delay() {
            self.start_delays.observe(delay);
        }
    }

    /// Adds the observations of an earlier process.
    pub(super) fn add(&mut self, earlier: &Self) {
        self.since = self.since.min(earlier.since);
        self.success_durations.add(&earlier.success_durations);
        self.failure_durations.add(&earlier.failure_durations);
        self.start_delays.add(&earlier.start_delays);
    }

    /// Whether the histograms are valid and have so many observations.
    pub(super) fn have(&self, counts: [u64; 3]) -> bool {
        let all = [
            &self.success_durations,
            &self.failure_durations,
            &self.start_delays,
        ];
        all.iter()
            .zip(counts)
            .all(|(buckets, count)| buckets.have(count))
    }
}

/// The number of the bucket; `None` for 0.
fn index(seconds: Seconds) -> Option<u16> {
    if seconds <= 0 {
        return None;
    }
    #[allow(
        clippy::cast_precision_loss,
        reason = "durations of less than 285 million years are exact"
    )]
    let bits = (seconds as f64).to_bits();
    // A double is a power of two and a factor from 1 to less than 2.
    let exponent = u16::try_from(bits >> 52).ok()?.checked_sub(1023)?;
    let factor = f64::from_bits(bits & !(0x7ff << 52) | 1023 << 52);
    let above = BOUNDS.partition_point(|bound| *bound < factor);
    Some((exponent << NativeBuckets::SCHEMA) + u16::try_from(above).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bound(index: u16) -> f64 {
        (f64::from(index) / 8.0).exp2()
    }

    #[test]
    fn a_power_of_two_is_the_upper_bound_of_its_bucket() {
        assert_eq!(index(0), None);
        assert_eq!(index(-1), None);
        for (seconds, expected) in [(1, 0), (2, 8), (3, 13), (4, 16), (5, 19), (1 << 40, 320)] {
            assert_eq!(index(seconds), Some(expected), "{seconds}");
        }
        assert_eq!(index((1 << 40) + 1), Some(321));
        assert_eq!(index(Seconds::MAX), Some(NativeBuckets::MAX_INDEX));
    }

    #[test]
    fn runs_from_a_second_to_a_year_use_201_buckets_at_most() {
        assert_eq!(index(1), Some(0));
        assert_eq!(index(365 * 86_400), Some(200));
    }

    #[test]
    fn the_bounds_are_the_nearest_doubles() {
        for (n, bound) in (0_u8..).zip(BOUNDS) {
            let exact = (f64::from(n) / 8.0).exp2();
            assert!((bound - exact).abs() <= f64::EPSILON, "{bound} {exact}");
        }
    }

    proptest! {
        #[test]
        fn an_observation_lies_between_the_bounds_of_its_bucket(
            seconds in prop_oneof![1..100_000_i64, 1..1_i64 << 52],
        ) {
            let index = index(seconds).unwrap();
            #[allow(clippy::cast_precision_loss, reason = "less than 2^52")]
            let seconds = seconds as f64;
            // Only whole powers of two lie on a bound, and for those exp2 is exact.
            prop_assert!(seconds <= bound(index), "{seconds} is above {}", bound(index));
            if index > 0 {
                prop_assert!(seconds > bound(index - 1), "{seconds} is below {}", bound(index - 1));
            } else {
                prop_assert_eq!(seconds.to_bits(), 1_f64.to_bits());
            }
        }

        #[test]
        fn the_sum_of_histograms_has_all_observations(
            a in proptest::collection::vec(0..5000_i64, 0..50),
            b in proptest::collection::vec(0..5000_i64, 0..50),
        ) {
            let observed = |all: &[i64]| {
                let mut buckets = NativeBuckets::default();
                for seconds in all {
                    buckets.observe(*seconds);
                }
                buckets
            };
            let mut sum = observed(&a);
            sum.add(&observed(&b));
            prop_assert_eq!(&sum, &observed(&[&a[..], &b].concat()));
            prop_assert!(sum.have((a.len() + b.len()) as u64));
            prop_assert!(!sum.have((a.len() + b.len()) as u64 + 1));
        }
    }

    #[test]
    fn buckets_of_a_broken_file_are_invalid() {
        for (json, valid) in [
            (r#"{"zero":1,"buckets":[[3,1],[4,1]]}"#, true),
            (r#"{"zero":1,"buckets":[[4,1],[3,1]]}"#, false),
            (r#"{"zero":1,"buckets":[[3,1],[3,1]]}"#, false),
            (r#"{"zero":1,"buckets":[[3,1],[505,1]]}"#, false),
            (
                r#"{"zero":2,"buckets":[[3,18446744073709551615],[4,2]]}"#,
                false,
            ),
        ] {
            let buckets: NativeBuckets = serde_json::from_str(json).unwrap();
            assert_eq!(buckets.have(3), valid, "{json}");
        }
    }
}
