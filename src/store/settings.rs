//! What the store has to be told.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube_cron::Zone;

use crate::{
    config::{self, PerJob},
    model::{self, Seconds, WorkloadAnnotations},
};

/// How facts are kept and what they are measured by.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// How long facts are kept that can no longer be confirmed.
    pub retention: Retention,
    /// Of finished Jobs, show the last of each workload only.
    pub last_jobs_only: bool,
    /// What holds where no annotation says otherwise.
    pub thresholds: Thresholds,
    /// Upper bounds of the histogram of durations, in seconds, in ascending order.
    pub run_duration_buckets: Arc<[f64]>,
    /// The zone of schedules that name none: that of the cluster's controller.
    pub controller_zone: Zone,
    /// The date. Only tests have another than that of the machine.
    pub clock: fn() -> Timestamp,
}

/// How long facts are kept that can no longer be confirmed.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// A finished Job that is deleted stays this long, so that a scrape gets to see its end.
    pub deleted: Duration,
    /// Objects of a feed that had no contact with the API for this long are no longer shown.
    pub stale_after: Duration,
    /// A workload without Jobs and without a `CronJob` stays this long.
    pub workloads: Duration,
}

/// What workloads are held to, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    /// How long a run may take.
    pub max_duration: Option<Seconds>,
    /// How long ago the last success may be.
    pub max_success_age: Option<Seconds>,
    /// How late a run may start.
    pub start_grace: Seconds,
}

impl Thresholds {
    /// These, where annotations say nothing else.
    #[must_use]
    pub fn under(self, annotations: Option<&WorkloadAnnotations>) -> Self {
        let Some(annotations) = annotations else {
            return self;
        };
        Self {
            max_duration: annotations.max_duration.or(self.max_duration),
            max_success_age: annotations.max_success_age.or(self.max_success_age),
            start_grace: annotations.start_grace.unwrap_or(self.start_grace),
        }
    }
}

impl From<&config::Config> for StoreSettings {
    fn from(settings: &config::Config) -> Self {
        let seconds = |duration: Duration| Seconds::try_from(duration.as_secs());
        let seconds = |duration| seconds(duration).unwrap_or(Seconds::MAX);
        let thresholds = &settings.thresholds;
        Self {
            retention: Retention {
                deleted: settings.retain_deleted,
                stale_after: settings.stale_after,
                workloads: settings.retain_workloads,
            },
            last_jobs_only: settings.metrics.per_job == PerJob::Active,
            thresholds: Thresholds {
                max_duration: thresholds.max_duration.map(seconds),
                max_success_age: thresholds.max_success_age.map(seconds),
                start_grace: seconds(thresholds.start_grace),
            },
            run_duration_buckets: settings.metrics.run_duration_buckets.clone().into(),
            controller_zone: Zone::default(),
            clock: model::now,
        }
    }
}

impl Default for StoreSettings {
    /// What holds when nothing is configured.
    fn default() -> Self {
        Self::from(&config::Config::default())
    }
}
