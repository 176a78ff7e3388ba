//! `history`: the file that persists runs and totals.
//!
//! Without the section there is no file, and all counters restart from zero at every start.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use super::reader::Node;

/// The valid values of `runs_per_workload`.
const RUNS_RANGE: RangeInclusive<u32> = 1..=10_000;
/// The valid values of `max_age`.
const MAX_AGE_RANGE: RangeInclusive<Duration> =
    Duration::from_hours(1)..=Duration::from_hours(3650 * 24);

/// The default of `runs_per_workload`.
const DEFAULT_RUNS: u32 = 50;
/// The default of `max_age`.
const DEFAULT_MAX_AGE: Duration = Duration::from_hours(90 * 24);

/// Where finished runs are persisted, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryConfig {
    /// The database file.
    pub path: PathBuf,
    /// The number of runs kept of each workload, at least one.
    pub runs_per_workload: u32,
    /// How long runs and deleted workloads are kept.
    pub max_age: Duration,
}

/// Reads `history`. `None` means that a problem was reported.
pub(super) fn read(node: &Node<'_>) -> Option<HistoryConfig> {
    let section = node.section()?;
    let path = section.required("path").and_then(|node| {
        if node.text()?.ends_with('/') {
            node.problem("must be a file path, ends with `/`");
            return None;
        }
        node.file_path()
    });
    let runs_per_workload = section
        .get("runs_per_workload")
        .and_then(|node| node.count(RUNS_RANGE));
    let max_age = section
        .get("max_age")
        .and_then(|node| node.duration(MAX_AGE_RANGE));
    Some(HistoryConfig {
        path: path?,
        runs_per_workload: runs_per_workload.unwrap_or(DEFAULT_RUNS),
        max_age: max_age.unwrap_or(DEFAULT_MAX_AGE),
    })
}
