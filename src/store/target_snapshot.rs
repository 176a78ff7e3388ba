//! What a scrape sees of one target.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    ClientCounters, CronJobRecord, FeedHealth, Snapshot, Threshold, ThresholdSource,
    UndecodableObject, WorkloadRecord,
};
use crate::{
    config::{Mode, OverridesConfig},
    model::{Job, Name, Shard, ShardReading},
};

/// A consistent view of one target. It does not change while the store does.
#[derive(Debug)]
pub struct TargetSnapshot {
    /// Value of the `target` label; `None` for the single unnamed target.
    pub target: Option<Name>,
    /// When it was taken.
    pub date: Timestamp,
    /// When the target became known to this process.
    pub known_since: Timestamp,
    /// The Jobs to show.
    pub jobs: Snapshot<Job>,
    /// The `CronJobs` to show.
    pub cronjobs: Snapshot<CronJobRecord>,
    /// The workloads to show.
    pub workloads: Snapshot<WorkloadRecord>,
    /// The names of the mapped labels, in the order of their values in the records.
    pub label_names: Arc<[String]>,
    /// What the configuration sets for workloads by pattern.
    pub overrides: Arc<OverridesConfig>,
    /// Whether the pods of Jobs are read.
    pub reads_pods: bool,
    /// The shard that reads it; `None` without shards.
    pub shard: Option<TargetShard>,
    /// The configured Jobs.
    pub configured: Vec<ConfiguredJob>,
    /// Whether the counters of workloads include what an earlier process counted. They are not shown until then.
    pub counters_known: bool,
    /// The health of the target.
    pub status: TargetStatus,
    /// The counters of its client.
    pub client_counters: ClientCounters,
    /// What only people ask for; `None` in the snapshot of a scrape.
    pub details: Option<Box<TargetDetails>>,
}

/// The shard that reads a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetShard {
    /// Which one it is.
    pub shard: Shard,
    /// Value of the label `shard`.
    pub label: String,
}

/// What a complete snapshot knows besides. Its lists are bounded.
#[derive(Clone, Debug, Default)]
pub struct TargetDetails {
    /// What is read, and where; `None` until somebody said so.
    pub description: Option<Arc<TargetDescription>>,
    /// How a shard reads, and how many namespaces it owns if it knows; `None` before that is known, and without shards.
    pub shard_reading: Option<(ShardReading, Option<usize>)>,
    /// The feeds, failing ones first, at most [`Self::MAX_LISTED`].
    pub feeds: Vec<FeedHealth>,
    /// The objects that exist and cannot be decoded, in order, at most [`Self::MAX_LISTED`].
    pub undecodable: Vec<UndecodableObject>,
}

impl TargetDetails {
    /// How many items each list has at most.
    pub const MAX_LISTED: usize = 100;
}

/// What is read of a target, and where. It stays until a reload changes it.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetDescription {
    /// Watch or poll, and which objects.
    pub mode: Mode,
    /// Whether it is Huawei Cloud CCI.
    pub cci: bool,
    /// The address of the API, without credentials, and its proxy; `None` if nobody looked for it.
    pub address: Option<String>,
}

/// A configured Job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredJob {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Whether it exists. `None` while that is unknown, and when the last successful poll is too long ago.
    pub exists: Option<bool>,
    /// Whether the last poll worked. `None` before the first.
    pub poll_up: Option<bool>,
    /// The last successful poll.
    pub last_poll: Option<Timestamp>,
}

/// The health of a target, and how much the store holds of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetStatus {
    /// At least one feed works, and none failed at its last attempt.
    pub up: bool,
    /// Every feed was read completely at least once.
    pub synced: bool,
    /// Whether the pods of Jobs can be read; `None` if they are not read, and before the first attempt. Nothing else depends on it.
    pub pods_up: Option<bool>,
    /// Pods of Jobs that exist and cannot be decoded.
    pub undecodable_pods: usize,
    /// The oldest last success among the feeds: the API confirmed everything shown then or later. `None` until each feed had one.
    pub last_success: Option<Timestamp>,
    /// Feeds of the target.
    pub feeds: usize,
    /// Feeds whose last attempt failed.
    pub failing_feeds: usize,
    /// Jobs that exist and cannot be decoded.
    pub undecodable_jobs: usize,
    /// `CronJobs` that exist and cannot be decoded.
    pub undecodable_cronjobs: usize,
    /// Jobs that exist.
    pub jobs: usize,
    /// `CronJobs` that exist.
    pub cronjobs: usize,
    /// Invalid annotations since the start. One is counted again only when its value changes.
    pub invalid_annotations: u64,
    /// Label values that were cut, since the start. One is counted again only when it was short in between.
    pub truncated_values: u64,
    /// Workloads that were left out because there are too many, since the start.
    pub dropped_workloads: u64,
}

impl TargetShard {
    pub(super) fn new(shard: Shard) -> Self {
        Self {
            shard,
            label: shard.index().to_string(),
        }
    }
}

impl TargetSnapshot {
    /// Where a threshold of a workload comes from.
    #[must_use]
    pub fn threshold_source(
        &self,
        workload: &WorkloadRecord,
        threshold: Threshold,
    ) -> ThresholdSource {
        let annotations = workload.state.annotations.as_deref();
        if annotations.is_some_and(|it| threshold.is_annotated(it)) {
            return ThresholdSource::Annotation;
        }
        let id = &workload.id;
        let position = self.overrides.position(
            self.target.as_deref(),
            &id.namespace,
            &id.kind,
            &id.name,
            |set| threshold.is_overridden(set),
        );
        position.map_or(ThresholdSource::Default, ThresholdSource::Override)
    }
}

#[cfg(test)]
mod tests;
