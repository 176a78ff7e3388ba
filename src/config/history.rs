//! `history`: the file in which runs and totals survive the process.
//!
//! Without the section there is no file, and all counts begin anew with each start.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use super::reader::Node;

/// What `runs_per_workload` may be.
const RUNS: RangeInclusive<u32> = 1..=10_000;
/// What `max_age` may be.
const AGES: RangeInclusive<Duration> = Duration::from_hours(1)..=Duration::from_hours(3650 * 24);

/// How many runs are kept unless the configuration says so.
const DEFAULT_RUNS: u32 = 50;
/// For how long runs are kept unless the configuration says so.
const DEFAULT_AGE: Duration = Duration::from_hours(90 * 24);

/// Where finished runs are kept, and how many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryConfig {
    /// The file.
    pub path: PathBuf,
    /// How many runs of each workload are kept, at least one.
    pub runs_per_workload: u32,
    /// For how long runs are kept, and what is known of workloads that are gone.
    pub max_age: Duration,
}

/// Reads `history`. `None` only with a problem.
pub(super) fn read(node: &Node<'_>) -> Option<HistoryConfig> {
    let section = node.section()?;
    let path = section.required("path").and_then(|node| {
        if node.text()?.ends_with('/') {
            node.problem("must be the path of a file, ends with `/`");
            return None;
        }
        node.file_path()
    });
    let runs_per_workload = section
        .get("runs_per_workload")
        .and_then(|node| node.count(RUNS));
    let max_age = section.get("max_age").and_then(|node| node.duration(AGES));
    Some(HistoryConfig {
        path: path?,
        runs_per_workload: runs_per_workload.unwrap_or(DEFAULT_RUNS),
        max_age: max_age.unwrap_or(DEFAULT_AGE),
    })
}
