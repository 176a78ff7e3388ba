//! What is known of one workload.
//!
//! Changed by [`Workloads`](super::Workloads) alone, read by whoever shows it.

use std::{collections::BTreeSet, sync::Arc};

use super::CRONJOB;
use crate::{
    model::{Job, MappedLabels, Name, Run, Seconds, Totals, WorkloadAnnotations, WorkloadId},
    store::{
        StoreSettings, Thresholds,
        objects::{Key, Record},
    },
};

/// What is known of a workload.
#[derive(Clone, Debug)]
pub struct WorkloadRecord {
    /// Which one it is.
    pub id: WorkloadId,
    /// What its finished runs come to.
    pub totals: Totals,
    /// Its runs that are under way, by their start; those that have not started come last.
    pub(super) active: BTreeSet<(Seconds, u64)>,
    /// How many of its Jobs there are.
    pub(super) jobs: u32,
    /// There is a `CronJob` of this name.
    pub(super) scheduled: bool,
    /// How many of its Jobs the configuration names.
    pub(super) configured: u32,
    /// Values for the configured labels: of the `CronJob`, else of the latest Job.
    pub labels: MappedLabels,
    /// What its annotations say: those of the `CronJob`, else of the latest Job.
    pub annotations: Option<Box<WorkloadAnnotations>>,
    /// When the object was created that the two above are of; those of a `CronJob` come before all Jobs.
    pub(super) described: Described,
    /// The Job of the last finished run.
    pub(super) last_job: Option<(Name, u64)>,
    settings: Arc<StoreSettings>,
}

/// Whose labels and annotations a workload has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Described {
    Nobody,
    Job(Option<Seconds>),
    CronJob,
}

// === impl Workload ===

impl WorkloadRecord {
    /// One of which nothing is there yet.
    pub(super) fn new(id: WorkloadId, totals: Totals, settings: Arc<StoreSettings>) -> Self {
        Self {
            id,
            totals,
            active: BTreeSet::new(),
            jobs: 0,
            scheduled: false,
            configured: 0,
            labels: None,
            annotations: None,
            described: Described::Nobody,
            last_job: None,
            settings,
        }
    }

    /// Whether it fires by a schedule.
    #[must_use]
    pub fn is_cronjob(&self) -> bool {
        &*self.id.kind == CRONJOB
    }

    /// How many runs are under way.
    #[must_use]
    pub fn active_runs(&self) -> usize {
        self.active.len()
    }

    /// When the oldest of the runs under way started, if any has.
    #[must_use]
    pub fn oldest_active_start(&self) -> Option<Seconds> {
        let (start, _) = self.active.first()?;
        (*start != Seconds::MAX).then_some(*start)
    }

    /// What it is held to: by its annotations, else by the settings.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.settings
            .thresholds
            .overridden_by(self.annotations.as_deref())
    }

    /// Upper bounds of the histograms of durations.
    #[must_use]
    pub fn run_duration_bounds(&self) -> &[f64] {
        &self.settings.run_duration_buckets
    }

    /// Whether anything of it is there.
    pub(super) fn needed(&self) -> bool {
        self.jobs > 0 || self.scheduled || self.configured > 0
    }

    /// Whether this is the last of its finished runs.
    pub(super) fn is_last(&self, run: &Run) -> bool {
        let last = self.totals.last.as_ref();
        !run.manual && last.is_some_and(|last| last.sort_key == run.sort_key())
    }

    /// Takes over labels and annotations, if nobody with more to say has. Gives what makes no sense and did not before.
    pub(super) fn describe(
        &mut self,
        by: Described,
        labels: &MappedLabels,
        annotations: Option<&WorkloadAnnotations>,
    ) -> Vec<(&'static str, Name)> {
        if by < self.described {
            return Vec::new();
        }
        self.described = by;
        if self.labels != *labels {
            self.labels.clone_from(labels);
        }
        if self.annotations.as_deref() == annotations {
            return Vec::new();
        }
        let known = self.annotations.take().unwrap_or_default().invalid;
        self.annotations = annotations.cloned().map(Box::new);
        let invalid = annotations.map_or(&[][..], |annotations| &annotations.invalid);
        let news = invalid.iter().filter(|problem| !known.contains(problem));
        news.cloned().collect()
    }
}

impl Record for WorkloadRecord {
    fn key(&self) -> Key<'_> {
        (&self.id.kind, &self.id.namespace, &self.id.name)
    }
}

/// When a Job under way started; what has not started comes last.
pub(super) fn started(job: &Job) -> Seconds {
    job.start.unwrap_or(Seconds::MAX)
}
