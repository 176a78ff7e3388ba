//! The record of one workload. Only [`Workloads`](super::Workloads) changes it.

use std::{collections::BTreeSet, sync::Arc};

use super::CRONJOB;
use crate::{
    model::{Job, MappedLabels, Name, Run, Seconds, Totals, WorkloadAnnotations, WorkloadId},
    store::{
        StoreSettings, Thresholds,
        objects::{Key, Record},
    },
};

/// A workload and what its runs add up to.
#[derive(Clone, Debug)]
pub struct WorkloadRecord {
    /// Its identity.
    pub id: WorkloadId,
    /// The totals of its finished runs.
    pub totals: Totals,
    /// Its active runs by start time and hash of the uid. Runs that have not started come last.
    pub(super) active: BTreeSet<(Seconds, u64)>,
    /// Number of its Jobs.
    pub(super) jobs: u32,
    /// Whether its `CronJob` exists.
    pub(super) has_cronjob: bool,
    /// Number of configured jobs that belong to it.
    pub(super) configured: u32,
    /// Values of the configured labels, from the `CronJob`, else from the latest Job.
    pub labels: MappedLabels,
    /// Annotations of the `CronJob`, else of the latest Job.
    pub annotations: Option<Box<WorkloadAnnotations>>,
    /// The object that `labels` and `annotations` come from.
    pub(super) metadata_source: MetadataSource,
    /// The Job of the last finished run: its name and the hash of its uid.
    pub(super) last_job: Option<(Name, u64)>,
    settings: Arc<StoreSettings>,
}

/// The object that the labels and annotations of a workload come from, in order of precedence: a `CronJob` wins over Jobs,
/// and the Job that was created last over others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MetadataSource {
    None,
    /// A Job with this creation time.
    Job(Option<Seconds>),
    CronJob,
}

// === impl WorkloadRecord ===

impl WorkloadRecord {
    /// A workload without any objects.
    pub(super) fn new(id: WorkloadId, totals: Totals, settings: Arc<StoreSettings>) -> Self {
        Self {
            id,
            totals,
            active: BTreeSet::new(),
            jobs: 0,
            has_cronjob: false,
            configured: 0,
            labels: None,
            annotations: None,
            metadata_source: MetadataSource::None,
            last_job: None,
            settings,
        }
    }

    /// Whether it is a `CronJob`.
    #[must_use]
    pub fn is_cronjob(&self) -> bool {
        &*self.id.kind == CRONJOB
    }

    /// Number of active runs.
    #[must_use]
    pub fn active_runs(&self) -> usize {
        self.active.len()
    }

    /// Start time of the oldest active run; `None` if none has started.
    #[must_use]
    pub fn oldest_active_start(&self) -> Option<Seconds> {
        let (start, _) = self.active.first()?;
        (*start != Seconds::MAX).then_some(*start)
    }

    /// Its thresholds, from its annotations, else from the settings.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.settings
            .thresholds
            .overridden_by(self.annotations.as_deref())
    }

    /// Upper bounds of the duration histograms.
    #[must_use]
    pub fn run_duration_bounds(&self) -> &[f64] {
        &self.settings.run_duration_buckets
    }

    /// Whether it has Jobs or a `CronJob`, or belongs to a configured job.
    pub(super) fn exists(&self) -> bool {
        self.jobs > 0 || self.has_cronjob || self.configured > 0
    }

    /// Whether this run is its last finished one.
    pub(super) fn is_last(&self, run: &Run) -> bool {
        let last = self.totals.last.as_ref();
        !run.manual && last.is_some_and(|last| last.sort_key == run.sort_key())
    }

    /// Sets labels and annotations, unless the current ones take precedence. Returns invalid annotations that are new.
    pub(super) fn set_metadata(
        &mut self,
        source: MetadataSource,
        labels: &MappedLabels,
        annotations: Option<&WorkloadAnnotations>,
    ) -> Vec<(&'static str, Name)> {
        if source < self.metadata_source {
            return Vec::new();
        }
        self.metadata_source = source;
        if self.labels != *labels {
            self.labels.clone_from(labels);
        }
        if self.annotations.as_deref() == annotations {
            return Vec::new();
        }
        let known = self.annotations.take().unwrap_or_default().invalid;
        self.annotations = annotations.cloned().map(Box::new);
        let invalid = annotations.map_or(&[][..], |annotations| &annotations.invalid);
        let new = invalid.iter().filter(|problem| !known.contains(problem));
        new.cloned().collect()
    }
}

impl Record for WorkloadRecord {
    fn key(&self) -> Key<'_> {
        (&self.id.kind, &self.id.namespace, &self.id.name)
    }
}

/// The order of an active Job among others: its start time. Jobs that have not started come last.
pub(super) fn start_order(job: &Job) -> Seconds {
    job.start.unwrap_or(Seconds::MAX)
}
