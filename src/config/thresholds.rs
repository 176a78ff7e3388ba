//! `thresholds`: the limits of workloads that set none of their own by annotation.
//!
//! They are exported in seconds, so fractions of a second are refused.

use std::{ops::RangeInclusive, time::Duration};

use super::{duration, reader::Node};

/// What `max_duration` and `max_success_age` may be.
const LIMITS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(3650 * 24);
/// What `start_grace` may be.
const GRACES: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(24);

/// Limits of workloads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdsConfig {
    /// How long a run may take; whole seconds, at least one.
    pub max_duration: Option<Duration>,
    /// How old the last success may get; whole seconds, at least one.
    pub max_success_age: Option<Duration>,
    /// How long after its due time a run may start without being late; whole seconds.
    pub start_grace: Duration,
}

impl Default for ThresholdsConfig {
    fn default() -> Self {
        Self {
            max_duration: None,
            max_success_age: None,
            start_grace: Duration::from_mins(1),
        }
    }
}

/// Reads `thresholds`. What is wrong is reported, and the default stands in for it.
pub(super) fn read(node: &Node<'_>) -> ThresholdsConfig {
    let default = ThresholdsConfig::default();
    let Some(section) = node.section() else {
        return default;
    };
    let limit = |key| whole_seconds(&section.get(key)?, LIMITS);
    ThresholdsConfig {
        max_duration: limit("max_duration"),
        max_success_age: limit("max_success_age"),
        start_grace: section
            .get("start_grace")
            .and_then(|node| whole_seconds(&node, GRACES))
            .unwrap_or(default.start_grace),
    }
}

/// Reads a duration without a fraction of a second.
fn whole_seconds(node: &Node<'_>, range: RangeInclusive<Duration>) -> Option<Duration> {
    let duration = node.duration(range)?;
    if duration.subsec_nanos() == 0 {
        return Some(duration);
    }
    let duration = duration::format(duration);
    node.problem(format!("must be in whole seconds, is {duration}"));
    None
}
