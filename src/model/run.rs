//! Finished runs, and the totals of a workload, which outlive its Jobs.
//!
//! A [`Run`] is a finished Job. [`Totals`] are the counters and the last results of all runs of a workload. The history
//! stores both. The serialized form of [`Totals`] is part of its file format.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{FailureReason, Job, JobState, Name, Seconds, Uid};

/// How many of the latest consecutive failures are kept with their sort keys. A success that is reported late resets only
/// the failures before it. If it precedes all kept failures, the count does not change.
const MAX_KEPT_FAILURES: usize = 32;

label_enum! {
    /// The result of a run.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    RunResult {
        /// The Job is complete.
        Succeeded = "succeeded",
        /// The Job failed.
        Failed = "failed",
    }
}

/// Identifies a workload within a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkloadId {
    /// The namespace.
    pub namespace: Name,
    /// See [`WorkloadRef::kind`](super::WorkloadRef::kind).
    pub kind: Name,
    /// See [`WorkloadRef::name`](super::WorkloadRef::name).
    pub name: Name,
}

/// A finished run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The uid of the Job, which identifies the run.
    pub uid: Uid,
    /// The name of the Job.
    pub job_name: Name,
    /// The due time for which a `CronJob` created the Job.
    pub due: Option<Seconds>,
    /// Whether the Job was created manually from a `CronJob`.
    pub manual: bool,
    /// When the Job was created.
    pub created: Option<Seconds>,
    /// When the Job started, or was resumed last.
    pub start: Option<Seconds>,
    /// When the Job finished.
    pub end: Option<Seconds>,
    /// Whether the Job succeeded.
    pub result: RunResult,
    /// Why the Job failed; `None` if it succeeded.
    pub reason: Option<FailureReason>,
    /// Number of pods that succeeded.
    pub succeeded_pods: i32,
    /// Number of pods that failed, retried ones included.
    pub failed_pods: i32,
}

/// Orders the runs of a workload by due time, then start, then creation. An unknown time is replaced by the next one.
///
/// Serialized as a tuple. The derived order depends on the order of the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(
    from = "(Seconds, Seconds, Seconds)",
    into = "(Seconds, Seconds, Seconds)"
)]
pub struct RunSortKey {
    /// The due time, else `start`.
    pub due: Seconds,
    /// The start, else `created`.
    pub start: Seconds,
    /// The creation, else the end.
    pub created: Seconds,
}

/// The counters and the last results of the runs of a workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// When the workload was first seen and its counters started at 0, in milliseconds since the Unix epoch.
    pub first_seen: i64,
    /// Number of counted runs that succeeded.
    pub succeeded: u64,
    /// Number of counted runs that failed.
    pub failed: u64,
    /// Number of Jobs that disappeared before they were seen finished.
    pub deleted: u64,
    /// Durations of counted runs that succeeded.
    pub success_durations: Histogram,
    /// Durations of counted runs that failed.
    pub failure_durations: Histogram,
    /// Times from the due time to the start of counted runs.
    pub start_delays: Histogram,
    /// The last finished run that is not manual.
    pub last: Option<LastRun>,
    /// End of the last successful run, manual ones included.
    pub last_success: Option<Seconds>,
    /// End of the last failed run, manual ones included, and its reason.
    pub last_failure: Option<(Seconds, FailureReason)>,
    /// Failed runs since the last success, without manual ones.
    #[serde(rename = "streak")]
    pub consecutive_failures: ConsecutiveFailures,
}

/// The last finished run of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Its position among the runs of the workload.
    #[serde(rename = "order")]
    pub sort_key: RunSortKey,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// When it started, or was resumed last.
    pub start: Option<Seconds>,
    /// When it finished.
    pub end: Option<Seconds>,
}

/// The failed runs since the last success.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsecutiveFailures {
    /// Number of failures.
    #[serde(rename = "failures")]
    pub count: u64,
    /// The latest of them in ascending order, up to [`MAX_KEPT_FAILURES`].
    latest: VecDeque<RunSortKey>,
    /// The last success.
    #[serde(rename = "success")]
    last_success: Option<RunSortKey>,
}

/// Counts by bucket. The caller passes the bounds of the buckets with each observation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Observations per bucket, not cumulative. The last bucket has no upper bound. Empty before the first observation.
    pub buckets: Box<[u64]>,
    /// Sum of all observed values, in seconds.
    pub sum: f64,
}

// === impl Run ===

impl Run {
    /// The run of a finished Job; `None` if the Job has not finished.
    #[must_use]
    pub fn from_finished(job: &Job) -> Option<Self> {
        let result = match job.state {
            JobState::Complete => RunResult::Succeeded,
            JobState::Failed => RunResult::Failed,
            _ => return None,
        };
        Some(Self {
            uid: job.uid.clone(),
            job_name: job.name.clone(),
            due: job.due,
            manual: job.manual,
            created: job.created,
            start: job.start,
            end: job.end,
            result,
            reason: job.failure,
            succeeded_pods: job.pods.succeeded,
            failed_pods: job.pods.failed,
        })
    }

    /// Its position among the runs of the workload.
    #[must_use]
    pub fn sort_key(&self) -> RunSortKey {
        let created = self.created.or(self.end).unwrap_or(0);
        let start = self.start.unwrap_or(created);
        let due = self.due.unwrap_or(start);
        RunSortKey {
            due,
            start,
            created,
        }
    }

    /// Time from the start to the end; `None` if either is unknown.
    #[must_use]
    pub fn duration(&self) -> Option<Seconds> {
        seconds_between(self.start, self.end)
    }

    /// Time from the due time to the start; `None` if either is unknown.
    #[must_use]
    pub fn start_delay(&self) -> Option<Seconds> {
        seconds_between(self.due, self.start)
    }
}

// === impl RunSortKey ===

impl From<RunSortKey> for (Seconds, Seconds, Seconds) {
    fn from(key: RunSortKey) -> Self {
        (key.due, key.start, key.created)
    }
}

impl From<(Seconds, Seconds, Seconds)> for RunSortKey {
    fn from((due, start, created): (Seconds, Seconds, Seconds)) -> Self {
        Self {
            due,
            start,
            created,
        }
    }
}

// === impl LastRun ===

impl LastRun {
    /// Time from the start to the end; `None` if either is unknown.
    #[must_use]
    pub fn duration(&self) -> Option<Seconds> {
        seconds_between(self.start, self.end)
    }
}

/// Never negative: clock skew between `start` and `end` yields 0.
fn seconds_between(start: Option<Seconds>, end: Option<Seconds>) -> Option<Seconds> {
    Some((end? - start?).max(0))
}

// === impl Totals ===

impl Totals {
    /// The totals of a workload that is seen for the first time.
    #[must_use]
    pub fn new(first_seen: i64) -> Self {
        Self {
            first_seen,
            ..Self::default()
        }
    }

    /// Adds a finished run. If it is not `counted`, only the last results change, not the counters. Returns whether it is now
    /// the last run.
    pub fn add_run(&mut self, run: &Run, counted: bool, duration_bounds: &[f64]) -> bool {
        if counted {
            self.count(run, duration_bounds);
        }
        let end = run.end.or(run.start).or(run.created);
        match run.result {
            RunResult::Succeeded => self.add_success(end),
            RunResult::Failed => {
                let reason = run.reason.unwrap_or(FailureReason::Other);
                let latest = self.last_failure.map(|(at, _)| at);
                if let Some(end) = end.filter(|end| Some(*end) >= latest) {
                    self.last_failure = Some((end, reason));
                }
            }
        }
        if run.manual {
            return false;
        }
        let sort_key = run.sort_key();
        self.consecutive_failures.add(sort_key, run.result);
        let latest = self.last.as_ref().map(|last| last.sort_key);
        if latest > Some(sort_key) {
            return false;
        }
        self.last = Some(LastRun {
            sort_key,
            succeeded: run.result == RunResult::Succeeded,
            start: run.start,
            end: run.end,
        });
        true
    }

    /// Adds the end of a successful run, which a Job or the status of its `CronJob` reports.
    pub fn add_success(&mut self, end: Option<Seconds>) {
        self.last_success = self.last_success.max(end);
    }

    fn count(&mut self, run: &Run, duration_bounds: &[f64]) {
        let (runs, durations) = match run.result {
            RunResult::Succeeded => (&mut self.succeeded, &mut self.success_durations),
            RunResult::Failed => (&mut self.failed, &mut self.failure_durations),
        };
        *runs += 1;
        if let Some(duration) = run.duration() {
            durations.observe(as_f64(duration), duration_bounds);
        }
        if let Some(delay) = run.start_delay() {
            self.start_delays
                .observe(as_f64(delay), &START_DELAY_BOUNDS);
        }
    }
}

/// Upper bounds of the start delay histogram, in seconds. An idle controller takes about one second; a queue can hold a Job
/// for hours.
pub const START_DELAY_BOUNDS: [f64; 12] = [
    1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0,
];

#[allow(
    clippy::cast_precision_loss,
    reason = "durations of less than 285 million years are exact"
)]
fn as_f64(seconds: Seconds) -> f64 {
    seconds as f64
}

// === impl ConsecutiveFailures ===

impl ConsecutiveFailures {
    fn add(&mut self, run: RunSortKey, result: RunResult) {
        if self.last_success > Some(run) {
            return;
        }
        match result {
            RunResult::Failed => {
                self.count += 1;
                let position = self.latest.partition_point(|failure| *failure <= run);
                self.latest.insert(position, run);
                if self.latest.len() > MAX_KEPT_FAILURES {
                    self.latest.pop_front();
                }
            }
            RunResult::Succeeded => {
                self.last_success = Some(run);
                let before = self.latest.partition_point(|failure| *failure <= run);
                // If the success precedes all kept failures, those that are no longer kept may be later than it: they stay.
                if before > 0 {
                    self.latest.drain(..before);
                    self.count = self.latest.len() as u64;
                }
            }
        }
    }
}

// === impl Histogram ===

impl Histogram {
    /// Adds an observation. If the number of `bounds` has changed, the histogram restarts from zero.
    pub fn observe(&mut self, seconds: f64, bounds: &[f64]) {
        if self.buckets.len() != bounds.len() + 1 {
            *self = Self {
                buckets: vec![0; bounds.len() + 1].into(),
                sum: 0.0,
            };
        }
        let bucket = bounds.partition_point(|bound| *bound < seconds);
        self.buckets[bucket] += 1;
        self.sum += seconds;
    }

    /// Number of observations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests;
