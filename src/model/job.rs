//! Jobs as this program sees them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{KsmJob, Name, Seconds, Uid};

/// A batch/v1 Job: what is exported of it.
///
/// Absent in the API means `None` here, never 0. The fields are ordered from shared names to plain numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Namespace.
    pub namespace: Name,
    /// Object name; reused over time, so it does not identify a run. [`Job::uid`] does.
    pub name: Name,
    /// What identifies this run.
    pub uid: Uid,
    /// The stable thing that this run belongs to.
    pub workload: WorkloadRef,
    /// `spec.managedBy`: the controller that looks after this Job, where it is not the built-in one.
    pub managed_by: Option<Name>,
    /// Where the Job is in its life.
    pub state: JobState,
    /// Why the Job failed; only in [`JobState::Failed`].
    pub failure: Option<FailureReason>,
    /// `spec.completionMode`.
    pub completion_mode: Option<CompletionMode>,
    /// Pods as the status counts them.
    pub pods: PodCounts,
    /// `metadata.creationTimestamp`.
    pub created: Option<Seconds>,
    /// `status.startTime`; after a resume the time of the resume.
    pub start: Option<Seconds>,
    /// `status.completionTime`, or when the Job became Failed.
    pub end: Option<Seconds>,
    /// Since when the Job is suspended; only while it is.
    pub suspended: Option<Seconds>,
    /// `spec.activeDeadlineSeconds`.
    pub active_deadline: Option<i64>,
    /// `spec.parallelism`.
    pub parallelism: Option<i32>,
    /// `spec.completions`.
    pub completions: Option<i32>,
    /// `spec.backoffLimit`.
    pub backoff_limit: Option<i32>,
    /// How many indexes `status.completedIndexes` names; only for Indexed Jobs.
    pub completed_indexes: Option<u64>,
    /// How many indexes `status.failedIndexes` names; only for Indexed Jobs with a limit per index.
    pub failed_indexes: Option<u64>,
    /// The due time for which a `CronJob` made this Job.
    pub due: Option<Seconds>,
    /// Somebody made this Job from a `CronJob` by hand.
    pub manual: bool,
    /// The object asks to be left out.
    pub ignored: bool,
    /// Values for the configured labels, in their order; empty where none are configured.
    pub labels: MappedLabels,
    /// What annotations of this program say, if there are any.
    pub annotations: Option<Box<WorkloadAnnotations>>,
    /// What the families of kube-state-metrics show besides, where they are wanted.
    pub ksm: Option<Box<KsmJob>>,
}

/// What runs belong to: the Job's controlling owner, else the Job itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRef {
    /// The owner's kind in lower case (`cronjob`, `workflow`, ...), `job` for a Job of its own.
    pub kind: Name,
    /// The owner's name.
    pub name: Name,
}

/// Pod counts of a Job. `active`, `succeeded` and `failed` are left out by the API when they are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodCounts {
    /// Pods that are pending or running and not terminating.
    pub active: i32,
    /// Pods that succeeded.
    pub succeeded: i32,
    /// Pods that failed.
    pub failed: i32,
    /// Active pods that are ready; absent on servers older than 1.24.
    pub ready: Option<i32>,
    /// Pods that are being stopped; absent on servers older than 1.31.
    pub terminating: Option<i32>,
}

/// Values for the configured labels, shared between objects that have the same.
pub type MappedLabels = Option<Arc<[Name]>>;

/// What `job-status-exporter/` annotations of an object say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadAnnotations {
    /// How long a run may take, in seconds.
    pub max_duration: Option<Seconds>,
    /// How long ago the last success may be, in seconds.
    pub max_success_age: Option<Seconds>,
    /// How late a run may start, in seconds.
    pub start_grace: Option<Seconds>,
    /// How bad it is when this goes wrong, in the words of whoever is woken.
    pub severity: Option<Name>,
    /// Where it is written what to do then.
    pub runbook: Option<Name>,
    /// Annotations that make no sense, with their values.
    pub invalid: Vec<(&'static str, Name)>,
}

/// Where a Job is in its life. Exactly one holds at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// `spec.suspend` is set.
    Suspended,
    /// No pod was ready yet.
    Pending,
    /// Pods run, or have run and are being retried.
    Running,
    /// The success criteria are met; pods are still being stopped.
    Succeeding,
    /// The Job is going to be failed; pods are still being stopped.
    Failing,
    /// Finished well.
    Complete,
    /// Finished badly.
    Failed,
}

/// Why a Job failed: the reasons that the Job controller sets. A closed set, so that it can be a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureReason {
    /// Too many pod failures.
    BackoffLimitExceeded,
    /// `activeDeadlineSeconds` passed.
    DeadlineExceeded,
    /// A rule of `podFailurePolicy` failed the Job.
    PodFailurePolicy,
    /// Some indexes failed.
    FailedIndexes,
    /// More indexes failed than `maxFailedIndexes` allows.
    MaxFailedIndexesExceeded,
    /// Anything else, or nothing.
    Other,
}

/// `spec.completionMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompletionMode {
    /// Pods are alike.
    NonIndexed,
    /// Pods have completion indexes.
    Indexed,
    /// A mode of a newer API.
    Other,
}

// === impl Job ===

impl Job {
    /// A Job of which nothing is known but what identifies it.
    #[must_use]
    pub fn new(namespace: Name, name: Name, uid: Uid, workload: WorkloadRef) -> Self {
        Self {
            namespace,
            name,
            uid,
            workload,
            managed_by: None,
            state: JobState::Pending,
            failure: None,
            completion_mode: None,
            pods: PodCounts::default(),
            created: None,
            start: None,
            end: None,
            suspended: None,
            active_deadline: None,
            parallelism: None,
            completions: None,
            backoff_limit: None,
            completed_indexes: None,
            failed_indexes: None,
            due: None,
            manual: false,
            ignored: false,
            labels: None,
            annotations: None,
            ksm: None,
        }
    }

    /// Whether the Job has come to its end, well or badly.
    #[must_use]
    pub fn finished(&self) -> bool {
        matches!(self.state, JobState::Complete | JobState::Failed)
    }

    /// Whether the Job has work to do and may do it.
    #[must_use]
    pub fn active(&self) -> bool {
        !self.finished() && self.state != JobState::Suspended
    }
}

// === impl Directives ===

impl WorkloadAnnotations {
    /// These, and those of `others` where these say nothing.
    #[must_use]
    pub fn over(self, others: Self) -> Self {
        let mut invalid = self.invalid;
        for problem in others.invalid {
            if !invalid.contains(&problem) {
                invalid.push(problem);
            }
        }
        Self {
            max_duration: self.max_duration.or(others.max_duration),
            max_success_age: self.max_success_age.or(others.max_success_age),
            start_grace: self.start_grace.or(others.start_grace),
            severity: self.severity.or(others.severity),
            runbook: self.runbook.or(others.runbook),
            invalid,
        }
    }
}

// === impl JobState ===

impl JobState {
    /// The value of the `state` label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "suspended",
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Succeeding => "succeeding",
            Self::Failing => "failing",
            Self::Complete => "complete",
            Self::Failed => "failed",
        }
    }
}

// === impl FailureReason ===

impl FailureReason {
    /// Reads a condition's `reason`.
    #[must_use]
    pub fn parse(reason: &str) -> Self {
        match reason {
            "BackoffLimitExceeded" => Self::BackoffLimitExceeded,
            "DeadlineExceeded" => Self::DeadlineExceeded,
            "PodFailurePolicy" => Self::PodFailurePolicy,
            "FailedIndexes" => Self::FailedIndexes,
            "MaxFailedIndexesExceeded" => Self::MaxFailedIndexesExceeded,
            _ => Self::Other,
        }
    }

    /// The value of the `reason` label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BackoffLimitExceeded => "BackoffLimitExceeded",
            Self::DeadlineExceeded => "DeadlineExceeded",
            Self::PodFailurePolicy => "PodFailurePolicy",
            Self::FailedIndexes => "FailedIndexes",
            Self::MaxFailedIndexesExceeded => "MaxFailedIndexesExceeded",
            Self::Other => "Other",
        }
    }
}

// === impl CompletionMode ===

impl CompletionMode {
    /// Reads `spec.completionMode`.
    #[must_use]
    pub fn parse(mode: &str) -> Self {
        match mode {
            "NonIndexed" => Self::NonIndexed,
            "Indexed" => Self::Indexed,
            _ => Self::Other,
        }
    }

    /// The value of the `completion_mode` label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NonIndexed => "NonIndexed",
            Self::Indexed => "Indexed",
            Self::Other => "Other",
        }
    }
}
