//! Histograms without their bounds.

use serde::{Deserialize, Serialize};

/// Counts by bucket. The caller passes the bounds of the buckets with each observation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Observations per bucket, not cumulative. The last bucket has no upper bound. Empty before the first observation.
    pub buckets: Box<[u64]>,
    /// Sum of all observed values, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// Adds an observation. If the number of `bounds` has changed, the histogram restarts from zero.
    pub fn observe(&mut self, seconds: f64, bounds: &[f64]) {
        if self.buckets.len() != bounds.len() + 1 {
            *self = Self {
                buckets: vec![0; bounds.len() + 1].into(),
                sum: 0.0,
            };
        }
        let bucket = bounds.partition_point(|bound| *bound < seconds);
        self.buckets[bucket] += 1;
        self.sum += seconds;
    }

    /// Adds the observations of `other`, which has the same bounds.
    pub fn add(&mut self, other: Self) {
        if self.buckets.len() != other.buckets.len() {
            if self.buckets.is_empty() {
                *self = other;
            }
            return;
        }
        for (bucket, more) in self.buckets.iter_mut().zip(&other.buckets) {
            *bucket += more;
        }
        self.sum += other.sum;
    }

    /// Number of observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}
