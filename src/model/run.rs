//! Finished runs, and what of a workload outlives its Jobs.
//!
//! A [`Run`] is a finished Job, or all Jobs of an owner. The history stores runs, and the [`WorkloadState`] of each workload.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::{
    FailedPods, FailureCause, FailureReason, Job, JobState, MappedLabels, Name, ScheduleState,
    Seconds, Ticks, Totals, Uid, WorkloadAnnotations,
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
    /// The uid of the Job, or of the owner of all its Jobs. It identifies the run.
    pub uid: Uid,
    /// The name of the Job. Of several the one that decided: the first that failed, else the last.
    pub job_name: Name,
    /// The due time for which a `CronJob` created the Job.
    pub due: Option<Seconds>,
    /// Whether the Job was created manually from a `CronJob`.
    pub manual: bool,
    /// When the first Job was created.
    pub created: Option<Seconds>,
    /// When the first Job started, or was resumed last.
    pub start: Option<Seconds>,
    /// When the last Job finished.
    pub end: Option<Seconds>,
    /// Whether it succeeded.
    pub result: RunResult,
    /// Why it failed; `None` if it succeeded.
    pub reason: Option<FailureReason>,
    /// Number of pods that succeeded.
    pub succeeded_pods: i32,
    /// Number of pods that failed, retried ones included.
    pub failed_pods: i32,
    /// What its pods say about it.
    pub explanation: RunExplanation,
    /// Number of Jobs that were seen, if all Jobs of an owner are this run. `None` if it is one Job.
    pub jobs: Option<NonZeroU32>,
}

/// Why a run failed or was retried, by its pods. Empty if they were not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunExplanation {
    /// Why the run failed; of one that succeeded, why its last retry was necessary.
    pub cause: Option<FailureCause>,
    /// The exit code behind the cause.
    pub exit_code: Option<i32>,
    /// Its failed pods by cause.
    pub failed: FailedPods,
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
    /// Its last runs. The history restores them from its runs.
    pub ticks: Ticks,
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
            job_name: job.name.to_shared(),
            due: job.due.get(),
            manual: job.manual,
            created: job.created.get(),
            start: job.start.get(),
            end: job.end(),
            result,
            reason: job.failure,
            succeeded_pods: job.pods.succeeded,
            failed_pods: job.pods.failed,
            explanation: RunExplanation::of_job(job),
            jobs: None,
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

// === impl RunExplanation ===

impl RunExplanation {
    /// What is known of a Job so far. `docs/pods.md` has the rules.
    #[must_use]
    pub fn of_job(job: &Job) -> Self {
        let Some(pods) = &job.observed_pods else {
            return Self::default();
        };
        let failure = pods.last_failure();
        let by_controller = job.failure.and_then(FailureReason::cause);
        let (cause, exit_code) = match (by_controller, failure) {
            // The controller ends the pods itself, so they only say that they were deleted.
            (Some(FailureCause::DeadlineExceeded), _) | (_, None) => (by_controller, None),
            (_, Some(failure)) => (Some(failure.cause), failure.exit_code),
        };
        Self {
            cause,
            exit_code,
            failed: pods.failed(job.pods.failed),
        }
    }

    /// Whether a pod decided the cause. The deadline of a Job is known without its pods.
    #[must_use]
    pub fn has_pod_cause(&self) -> bool {
        self.cause
            .is_some_and(|cause| cause != FailureCause::DeadlineExceeded)
    }
}

// === impl RunSortKey ===

impl RunSortKey {
    /// The position of a run with these times.
    #[must_use]
    pub fn new(due: Option<Seconds>, start: Option<Seconds>, created: Option<Seconds>) -> Self {
        let created = created.unwrap_or(0);
        let start = start.unwrap_or(created);
        let due = due.unwrap_or(start);
        Self {
            due,
            start,
            created,
        }
    }

    /// The position of the run of a Job, as far as its times are known by now.
    #[must_use]
    pub fn of_job(job: &Job) -> Self {
        let created = job.created.get().or_else(|| job.end());
        Self::new(job.due.get(), job.start.get(), created)
    }

    /// The position of a due time that got no run. No run has it: one may start and be created at the second of its due time.
    #[must_use]
    pub fn missed(due: Seconds) -> Self {
        Self {
            due,
            start: Seconds::MIN,
            created: Seconds::MIN,
        }
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

/// Never negative: clock skew between `start` and `end` yields 0.
pub(super) fn seconds_between(start: Option<Seconds>, end: Option<Seconds>) -> Option<Seconds> {
    Some((end? - start?).max(0))
}

// === impl WorkloadState ===

impl WorkloadState {
    /// Continues from what an earlier process knew, as of `now`.
    pub fn continue_from(&mut self, earlier: Self, now: Seconds) {
        self.totals.continue_from(earlier.totals);
        self.ticks.continue_from(&earlier.ticks);
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

#[cfg(test)]
mod tests;
