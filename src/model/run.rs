//! Finished runs, and the totals of a workload, which outlive its Jobs.
//!
//! A [`Run`] is a finished Job. [`Totals`] are the counters and the last results of all runs of a workload. The history
//! stores both. The serialized form of [`Totals`] is part of its file format.

use serde::{Deserialize, Serialize};

use super::{
    FailureReason, Histogram, Job, JobState, MappedLabels, Name, ScheduleState, Seconds, Streak,
    Uid, WorkloadAnnotations,
};

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

/// What outlives the objects of a workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkloadState {
    /// The totals of its runs.
    pub totals: Totals,
    /// What was observed of its schedule; `None` unless it is a `CronJob`.
    pub schedule: Option<Box<ScheduleState>>,
    /// Values of the configured labels, from the `CronJob`, else from the latest Job.
    pub labels: MappedLabels,
    /// Annotations of the `CronJob`, else of the latest Job.
    pub annotations: Option<Box<WorkloadAnnotations>>,
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
    /// End of the last failed run, manual ones included.
    pub last_failure: Option<Seconds>,
    /// The creation of the `CronJob`, else that of the first known Job.
    pub created: Option<Seconds>,
    /// The latest due time for which a Job was seen.
    pub last_started: Option<Seconds>,
    /// Failed runs since the last success, without manual ones.
    #[serde(rename = "failures")]
    pub consecutive_failures: Streak,
    /// The same, and the runs that were deleted before they finished, and the missed runs.
    #[serde(rename = "unsuccessful")]
    pub consecutive_unsuccessful: Streak,
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
    /// Why it failed; `None` if it succeeded.
    pub reason: Option<FailureReason>,
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
        RunSortKey::new(self.due, self.start, self.created.or(self.end))
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

impl RunSortKey {
    fn new(due: Option<Seconds>, start: Option<Seconds>, created: Option<Seconds>) -> Self {
        let created = created.unwrap_or(0);
        let start = start.unwrap_or(created);
        let due = due.unwrap_or(start);
        Self {
            due,
            start,
            created,
        }
    }

    /// The position of a due time that got no run.
    #[must_use]
    pub fn missed(due: Seconds) -> Self {
        Self::new(Some(due), Some(due), Some(due))
    }
}

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

// === impl WorkloadState ===

impl WorkloadState {
    /// Continues from what an earlier process knew, as of `now`.
    pub fn continue_from(&mut self, earlier: Self, now: Seconds) {
        self.totals.continue_from(earlier.totals);
        match (&mut self.schedule, earlier.schedule) {
            (Some(schedule), Some(earlier)) => schedule.continue_from(&earlier, now),
            (schedule, earlier) => *schedule = schedule.take().or(earlier),
        }
        if self.labels.is_none() {
            self.labels = earlier.labels;
        }
        if self.annotations.is_none() {
            self.annotations = earlier.annotations;
        }
    }
}

impl From<Totals> for WorkloadState {
    fn from(totals: Totals) -> Self {
        Self {
            totals,
            ..Self::default()
        }
    }
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
            RunResult::Failed => self.last_failure = self.last_failure.max(end),
        }
        if run.manual {
            return false;
        }
        let sort_key = run.sort_key();
        match run.result {
            RunResult::Succeeded => {
                self.consecutive_failures.end_at(sort_key);
                self.consecutive_unsuccessful.end_at(sort_key);
            }
            RunResult::Failed => {
                self.consecutive_failures.add(sort_key);
                self.add_unsuccessful(sort_key, run.due);
            }
        }
        let latest = self.last.as_ref().map(|last| last.sort_key);
        if latest > Some(sort_key) {
            return false;
        }
        self.last = Some(LastRun {
            sort_key,
            succeeded: run.result == RunResult::Succeeded,
            start: run.start,
            end: run.end,
            reason: (run.result == RunResult::Failed)
                .then(|| run.reason.unwrap_or(FailureReason::Other)),
        });
        true
    }

    /// Counts a run whose result was added before without being counted.
    pub fn count_later(&mut self, run: &Run, duration_bounds: &[f64]) {
        self.count(run, duration_bounds);
    }

    /// Puts the runs of `earlier` before these. No run may be in both.
    pub fn continue_from(&mut self, earlier: Self) {
        self.first_seen = self.first_seen.min(earlier.first_seen);
        self.succeeded += earlier.succeeded;
        self.failed += earlier.failed;
        self.deleted += earlier.deleted;
        self.success_durations.add(earlier.success_durations);
        self.failure_durations.add(earlier.failure_durations);
        self.start_delays.add(earlier.start_delays);
        let sort_key = |last: &Option<LastRun>| last.as_ref().map(|last| last.sort_key);
        if sort_key(&earlier.last) > sort_key(&self.last) {
            self.last = earlier.last;
        }
        self.last_success = self.last_success.max(earlier.last_success);
        self.last_failure = self.last_failure.max(earlier.last_failure);
        self.created = match (self.created, earlier.created) {
            (Some(known), Some(earlier)) => Some(known.min(earlier)),
            (known, earlier) => known.or(earlier),
        };
        self.last_started = self.last_started.max(earlier.last_started);
        self.consecutive_failures
            .continue_from(earlier.consecutive_failures);
        self.consecutive_unsuccessful
            .continue_from(earlier.consecutive_unsuccessful);
    }

    /// Adds a scheduled Job that was deleted before it finished.
    pub fn add_deleted_run(&mut self, job: &Job) {
        let sort_key = RunSortKey::new(job.due, job.start, job.created);
        self.add_unsuccessful(sort_key, job.due);
    }

    /// Adds a due time that got no run in time.
    pub fn add_missed(&mut self, due: Seconds) {
        self.add_unsuccessful(RunSortKey::missed(due), Some(due));
    }

    /// A Job exists for this due time. If the run is late, its result decides, not the missed due time.
    pub fn add_start(&mut self, due: Seconds) {
        self.last_started = self.last_started.max(Some(due));
        self.consecutive_unsuccessful
            .remove(RunSortKey::missed(due));
    }

    /// One due time counts once.
    fn add_unsuccessful(&mut self, sort_key: RunSortKey, due: Option<Seconds>) {
        let streak = &mut self.consecutive_unsuccessful;
        if !due.is_some_and(|due| streak.contains_due(due)) {
            streak.add(sort_key);
        }
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

#[cfg(test)]
mod tests;
