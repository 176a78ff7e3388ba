//! `thresholds`: the default limits of workloads. Overrides and annotations override them.
//!
//! The limits are exported in whole seconds, so fractions of a second are an error.

use std::{ops::RangeInclusive, time::Duration};

use super::{duration, overrides, reader::Node};

/// The valid values of `max_duration` and `max_success_age`.
pub(super) const LIMIT_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(3650 * 24);
/// The valid values of `start_grace`.
pub(super) const START_GRACE_RANGE: RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_hours(24);

/// The default limits of workloads. Durations are in whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdsConfig {
    /// The maximum duration of a run, at least one second.
    pub max_duration: Option<Duration>,
    /// The maximum age of the last success, at least one second.
    pub max_success_age: Option<Duration>,
    /// The time after its due time within which a run must start.
    pub start_grace: Duration,
    /// The failed runs in a row that are tolerated.
    pub max_failures: u64,
}

impl Default for ThresholdsConfig {
    fn default() -> Self {
        Self {
            max_duration: None,
            max_success_age: None,
            start_grace: Duration::from_mins(1),
            max_failures: 0,
        }
    }
}

/// Reads `thresholds`. The default replaces an invalid value, which is reported.
pub(super) fn read(node: &Node<'_>) -> ThresholdsConfig {
    let default = ThresholdsConfig::default();
    let Some(section) = node.section() else {
        return default;
    };
    let limit = |key| whole_seconds(&section.get(key)?, LIMIT_RANGE);
    ThresholdsConfig {
        max_duration: limit("max_duration"),
        max_success_age: limit("max_success_age"),
        start_grace: section
            .get("start_grace")
            .and_then(|node| whole_seconds(&node, START_GRACE_RANGE))
            .unwrap_or(default.start_grace),
        max_failures: section
            .get("max_failures")
            .and_then(|node| node.count(overrides::FAILURES_RANGE))
            .unwrap_or(default.max_failures),
    }
}

/// Reads a duration without a fraction of a second.
pub(super) fn whole_seconds(node: &Node<'_>, range: RangeInclusive<Duration>) -> Option<Duration> {
    let duration = node.duration(range)?;
    if duration.subsec_nanos() == 0 {
        return Some(duration);
    }
    let duration = duration::format(duration);
    node.problem(format!("must be in whole seconds, is {duration}"));
    None
}
