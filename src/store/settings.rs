//! What the store has to be told.

use std::{sync::Arc, time::Duration};

use crate::model::{Directives, Seconds};

/// How facts are kept and what they are measured by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How long facts are kept that can no longer be confirmed.
    pub retention: Retention,
    /// Of finished Jobs, show the last of each workload only.
    pub last_jobs_only: bool,
    /// What holds where no annotation says otherwise.
    pub thresholds: Thresholds,
    /// Upper bounds of the histogram of durations, in seconds, in ascending order.
    pub run_duration_buckets: Arc<[f64]>,
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
    pub fn under(self, directives: Option<&Directives>) -> Self {
        let Some(directives) = directives else {
            return self;
        };
        Self {
            max_duration: directives.max_duration.or(self.max_duration),
            max_success_age: directives.max_success_age.or(self.max_success_age),
            start_grace: directives.start_grace.unwrap_or(self.start_grace),
        }
    }
}

impl Default for Settings {
    /// What holds when nothing is configured.
    fn default() -> Self {
        Self {
            retention: Retention {
                deleted: Duration::from_mins(2),
                stale_after: Duration::from_mins(10),
                workloads: Duration::from_hours(1),
            },
            last_jobs_only: false,
            thresholds: Thresholds {
                max_duration: None,
                max_success_age: None,
                start_grace: 60,
            },
            run_duration_buckets: Arc::new([
                1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0,
                28800.0, 86400.0, 172_800.0,
            ]),
        }
    }
}
