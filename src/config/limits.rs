//! `limits`: how much the exporter reads, holds and shows, whatever others write or answer.

use std::{ops::RangeInclusive, time::Duration};

use super::{reader::Node, size};

/// The valid values of `workloads`.
const WORKLOADS_RANGE: RangeInclusive<usize> = 1..=10_000_000;
/// The valid values of `label_value_bytes`. The longest name of Kubernetes must fit, and those of kube-state-metrics are cut
/// at the maximum.
const LABEL_VALUE_RANGE: RangeInclusive<usize> = 256..=65_536;
/// The valid values of `list_objects`.
const LIST_OBJECTS_RANGE: RangeInclusive<u64> = 1..=100_000_000;
/// The valid values of `list_pages`.
const LIST_PAGES_RANGE: RangeInclusive<u64> = 1..=10_000_000;
/// The valid values of `list_bytes`.
const LIST_BYTES_RANGE: RangeInclusive<u64> = size::MIB..=1024 * size::TIB;
/// The valid values of `list_duration`.
const LIST_DURATION_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_hours(24);

/// How much the exporter reads, holds and shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// The workloads of one target that are shown, at least 1.
    pub workloads: usize,
    /// The longest label value in bytes. Longer ones are cut.
    pub label_value_bytes: usize,
    /// The limits of one list.
    pub list: ListLimits,
}

/// How much one list of one kind of object in one scope may have. A list beyond a limit fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    /// The maximum number of objects, at least 1.
    pub objects: u64,
    /// The maximum number of pages, at least 1.
    pub pages: u64,
    /// The maximum size of all responses together, in bytes.
    pub bytes: u64,
    /// The maximum time from the first request to the end.
    pub duration: Duration,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            workloads: 50_000,
            label_value_bytes: 1024,
            list: ListLimits::default(),
        }
    }
}

impl Default for ListLimits {
    /// Far more than the largest known clusters have: 1,000,000 Jobs are 2,000 pages and 4.5 GB, and take some minutes.
    fn default() -> Self {
        Self {
            objects: 2_000_000,
            pages: 100_000,
            bytes: 64 * size::GIB,
            duration: Duration::from_mins(30),
        }
    }
}

/// Reads `limits`. The default replaces an invalid value, which is reported.
pub(super) fn read(node: &Node<'_>) -> LimitsConfig {
    let default = LimitsConfig::default();
    let Some(section) = node.section() else {
        return default;
    };
    let count = |key, range| section.get(key)?.count(range);
    let bytes = section
        .get("list_bytes")
        .and_then(|node| size::read(&node, LIST_BYTES_RANGE));
    let duration = section
        .get("list_duration")
        .and_then(|node| node.duration(LIST_DURATION_RANGE));
    LimitsConfig {
        workloads: section
            .get("workloads")
            .and_then(|node| node.count(WORKLOADS_RANGE))
            .unwrap_or(default.workloads),
        label_value_bytes: section
            .get("label_value_bytes")
            .and_then(|node| node.count(LABEL_VALUE_RANGE))
            .unwrap_or(default.label_value_bytes),
        list: ListLimits {
            objects: count("list_objects", LIST_OBJECTS_RANGE).unwrap_or(default.list.objects),
            pages: count("list_pages", LIST_PAGES_RANGE).unwrap_or(default.list.pages),
            bytes: bytes.unwrap_or(default.list.bytes),
            duration: duration.unwrap_or(default.list.duration),
        },
    }
}
