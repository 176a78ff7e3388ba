//! Settings of the store.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube_cron::Zone;

use crate::{
    config::{self, MappedLabel, NativeHistograms, Override, OverridesConfig, PerJob},
    model::{self, Departure, Name, Seconds, Shard, WorkloadAnnotations},
};

/// The steps of a Workflow come one after the other, and the Jobs of a `JobSet` that restarts. Less would end a run early whose
/// controller is busy; more would delay alerts.
const SETTLING_TIME: Duration = Duration::from_mins(1);

/// How long the store keeps facts, and which thresholds apply to them.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each follows from the configuration, and none depends on another"
)]
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// How long facts are kept that the API no longer confirms.
    pub retention: Retention,
    /// Whether snapshots contain only the last one of the finished Jobs of each workload.
    pub last_jobs_only: bool,
    /// The defaults of the thresholds; overrides and annotations replace them.
    pub thresholds: Thresholds,
    /// What the configuration sets for workloads by pattern.
    pub overrides: Arc<OverridesConfig>,
    /// The mapped labels, in the order of their values in objects.
    pub labels: Arc<[MappedLabel]>,
    /// How many workloads of the target are shown.
    pub workloads: usize,
    /// Upper bounds of the run duration histograms, in seconds, in ascending order.
    pub run_duration_buckets: Arc<[f64]>,
    /// Whether native histograms of workloads are kept, and what is shown of both kinds.
    pub native_histograms: NativeHistograms,
    /// Whether the pods of Jobs are read.
    pub pods: bool,
    /// The shard that reads the target; `None` without shards.
    pub shard: Option<Shard>,
    /// Whether there is nothing to read: all that the configuration names is of other shards.
    pub reads_nothing: bool,
    /// How long the owner of several Jobs must have no unfinished one before its run is over. It stays as it is at first.
    pub settling_time: Duration,
    /// Whether the journal gets an event for each run that is counted.
    pub events: bool,
    /// The time zone of kube-controller-manager, which applies to schedules without `spec.timeZone`.
    pub controller_zone: Zone,
    /// Returns the current time. Tests replace it.
    pub clock: fn() -> Timestamp,
}

/// How long facts are kept that the API no longer confirms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long a finished Job is kept after its deletion, so that at least one scrape sees its result.
    pub deleted: Duration,
    /// The objects of a feed are hidden once the feed had no contact with the API for longer than this.
    pub stale_after: Duration,
    /// How long a workload is kept without Jobs and without a `CronJob`.
    pub workloads: Duration,
}

/// Thresholds of a workload. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Maximum duration of a run.
    pub max_duration: Option<Seconds>,
    /// Maximum age of the last success.
    pub max_success_age: Option<Seconds>,
    /// How late a run may start before it is overdue.
    pub start_grace: Seconds,
    /// Failed runs in a row that are tolerated.
    pub max_failures: u64,
}

/// One of the [`Thresholds`], by the name of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// [`Thresholds::max_duration`].
    MaxDuration,
    /// [`Thresholds::max_success_age`].
    MaxSuccessAge,
    /// [`Thresholds::start_grace`].
    StartGrace,
    /// [`Thresholds::max_failures`].
    MaxFailures,
}

/// Where a threshold of a workload comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThresholdSource {
    /// An annotation of its `CronJob`, or of its latest Job.
    Annotation,
    /// The override at this position of `overrides` in the configuration, from 0.
    Override(usize),
    /// `thresholds` in the configuration, or the default of that.
    Default,
}

// === impl Retention ===

impl Retention {
    /// How long a workload is kept that left like this.
    #[must_use]
    pub fn of(&self, departure: Departure) -> Duration {
        match departure {
            Departure::Cleanup => self.workloads,
            Departure::Deletion => self.deleted,
        }
    }
}

// === impl Threshold ===

impl Threshold {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::MaxDuration,
        Self::MaxSuccessAge,
        Self::StartGrace,
        Self::MaxFailures,
    ];

    /// The name of the key, as in the configuration and in the label `threshold`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MaxDuration => "max_duration",
            Self::MaxSuccessAge => "max_success_age",
            Self::StartGrace => "start_grace",
            Self::MaxFailures => "max_failures",
        }
    }

    /// Whether annotations set it.
    pub(super) fn is_annotated(self, annotations: &WorkloadAnnotations) -> bool {
        match self {
            Self::MaxDuration => annotations.max_duration.is_some(),
            Self::MaxSuccessAge => annotations.max_success_age.is_some(),
            Self::StartGrace => annotations.start_grace.is_some(),
            Self::MaxFailures => annotations.max_failures.is_some(),
        }
    }

    /// Whether an override sets it.
    pub(super) fn is_overridden(self, set: &Override) -> bool {
        match self {
            Self::MaxDuration => set.max_duration.is_some(),
            Self::MaxSuccessAge => set.max_success_age.is_some(),
            Self::StartGrace => set.start_grace.is_some(),
            Self::MaxFailures => set.max_failures.is_some(),
        }
    }
}

// === impl Thresholds ===

impl Thresholds {
    /// Replaces each threshold that is set in `annotations`.
    #[must_use]
    pub fn overridden_by(self, annotations: Option<&WorkloadAnnotations>) -> Self {
        let Some(annotations) = annotations else {
            return self;
        };
        Self {
            max_duration: annotations.max_duration.or(self.max_duration),
            max_success_age: annotations.max_success_age.or(self.max_success_age),
            start_grace: annotations.start_grace.unwrap_or(self.start_grace),
            max_failures: annotations.max_failures.unwrap_or(self.max_failures),
        }
    }
}

// === impl StoreSettings ===

impl StoreSettings {
    /// The settings of a target in the default time zone whose pods are not read. The caller sets `controller_zone`, `pods` and
    /// `reads_nothing` for each target.
    #[must_use]
    pub fn from_config(config: &config::Config) -> Self {
        let thresholds = &config.thresholds;
        Self {
            retention: Retention {
                deleted: config.retain_deleted,
                stale_after: config.stale_after,
                workloads: config.retain_workloads,
            },
            last_jobs_only: config.metrics.per_job == PerJob::Active,
            thresholds: Thresholds {
                max_duration: thresholds.max_duration.map(seconds),
                max_success_age: thresholds.max_success_age.map(seconds),
                start_grace: seconds(thresholds.start_grace),
                max_failures: thresholds.max_failures,
            },
            overrides: Arc::new(config.overrides.clone()),
            labels: config.labels.mapping.clone().into(),
            workloads: config.limits.workloads,
            run_duration_buckets: config.metrics.run_duration_buckets.clone().into(),
            native_histograms: config.metrics.native_histograms,
            pods: false,
            shard: config.sharding,
            reads_nothing: false,
            settling_time: SETTLING_TIME,
            events: config.events.log,
            controller_zone: Zone::default(),
            clock: model::now,
        }
    }

    /// What `new` makes of these settings in a store that has data: its clock stays, and so do the buckets and the kinds of
    /// histograms, because the histograms are filled.
    pub(super) fn changed_to(&self, new: Self) -> Self {
        Self {
            run_duration_buckets: self.run_duration_buckets.clone(),
            native_histograms: self.native_histograms,
            clock: self.clock,
            ..new
        }
    }

    /// Whether all settings are the same. The clock is none that anybody configures.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let Self {
            retention,
            last_jobs_only,
            thresholds,
            overrides,
            labels,
            workloads,
            run_duration_buckets,
            native_histograms,
            pods,
            shard,
            reads_nothing,
            settling_time: _,
            events,
            controller_zone,
            clock: _,
        } = self;
        *retention == other.retention
            && *last_jobs_only == other.last_jobs_only
            && *thresholds == other.thresholds
            && *overrides == other.overrides
            && *labels == other.labels
            && *workloads == other.workloads
            && *run_duration_buckets == other.run_duration_buckets
            && *native_histograms == other.native_histograms
            && *pods == other.pods
            && *shard == other.shard
            && *reads_nothing == other.reads_nothing
            && *events == other.events
            && *controller_zone == other.controller_zone
    }

    /// The names of the mapped labels.
    pub(super) fn label_names(&self) -> Arc<[String]> {
        let labels = self.labels.iter();
        labels.map(|mapped| mapped.label.clone()).collect()
    }
}

/// What an override of the configuration sets, in the terms of annotations.
pub(super) fn override_annotations(set: Override) -> WorkloadAnnotations {
    WorkloadAnnotations {
        max_duration: set.max_duration.map(seconds),
        max_success_age: set.max_success_age.map(seconds),
        start_grace: set.start_grace.map(seconds),
        max_failures: set.max_failures,
        severity: set.severity.map(Name::from),
        runbook: set.runbook.map(Name::from),
        ignore: set.ignore,
        invalid: Vec::new(),
        truncated: Vec::new(),
    }
}

fn seconds(duration: Duration) -> Seconds {
    Seconds::try_from(duration.as_secs()).unwrap_or(Seconds::MAX)
}

impl Default for StoreSettings {
    /// The settings of an empty configuration.
    fn default() -> Self {
        Self::from_config(&config::Config::default())
    }
}
