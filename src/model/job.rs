//! The exported data of a Job.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{KsmJob, Name, Seconds, Uid};

/// The exported data of a batch/v1 Job.
///
/// A value that is absent in the API is `None`, never 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// `metadata.namespace`.
    pub namespace: Name,
    /// `metadata.name`. A later Job can have the same name: [`Job::uid`] identifies the run.
    pub name: Name,
    /// `metadata.uid`, which identifies the run.
    pub uid: Uid,
    /// The workload that the Job is a run of.
    pub workload: WorkloadRef,
    /// `spec.managedBy`: the controller of this Job, unless it is the built-in one.
    pub managed_by: Option<Name>,
    /// The state that follows from the conditions, `spec.suspend`, `spec.parallelism` and the pod counts.
    pub state: JobState,
    /// The reason of the condition `Failed`; only in [`JobState::Failed`].
    pub failure: Option<FailureReason>,
    /// `spec.completionMode`.
    pub completion_mode: Option<CompletionMode>,
    /// The pod counts of the status.
    pub pods: PodCounts,
    /// `metadata.creationTimestamp`.
    pub created: Option<Seconds>,
    /// `status.startTime`, which a resume resets.
    pub start: Option<Seconds>,
    /// `status.completionTime`, or the transition time of the condition `Failed`.
    pub end: Option<Seconds>,
    /// The transition time of the condition that makes the Job suspended, succeeding or failing; only in these states, and
    /// absent if only the parallelism is 0.
    pub state_since: Option<Seconds>,
    /// `spec.activeDeadlineSeconds`, in seconds.
    pub active_deadline: Option<i64>,
    /// `spec.parallelism`.
    pub parallelism: Option<i32>,
    /// `spec.completions`.
    pub completions: Option<i32>,
    /// `spec.backoffLimit`.
    pub backoff_limit: Option<i32>,
    /// `spec.ttlSecondsAfterFinished`, in seconds.
    pub ttl: Option<i32>,
    /// Number of indexes in `status.completedIndexes`; only for Indexed Jobs.
    pub completed_indexes: Option<u64>,
    /// Number of indexes in `status.failedIndexes`; only for Indexed Jobs with a backoff limit per index.
    pub failed_indexes: Option<u64>,
    /// The due time for which a `CronJob` created this Job.
    pub due: Option<Seconds>,
    /// Whether the Job was created manually from a `CronJob`, with `kubectl create job --from`.
    pub manual: bool,
    /// Whether the annotation `job-status-exporter/ignore` excludes the Job.
    pub ignored: bool,
    /// The values of the configured labels that the Job itself has.
    pub labels: MappedLabels,
    /// The same with those of its `CronJob` where the Job has none; `None` if it inherits nothing. The store sets it.
    pub merged_labels: MappedLabels,
    /// The `job-status-exporter/` annotations, if the Job has any.
    pub annotations: Option<Box<WorkloadAnnotations>>,
    /// The additional data of the kube-state-metrics families, if these are enabled.
    pub ksm: Option<Box<KsmJob>>,
}

/// A workload within a namespace: the controlling owner of a Job, else a group of Jobs, else the Job itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRef {
    /// The owner's kind in lower case, such as `cronjob` or `workflow`. Without an owner: `group` for Jobs that a label groups,
    /// `generated` for Jobs with a common `generateName`, else `job`. An owner of these kinds that is not of the API group
    /// `batch` has its group appended: `cronjob.example.com`.
    pub kind: Name,
    /// The name of the owner, the value of the label, the `generateName` without its trailing dash, or the name of the Job.
    pub name: Name,
}

/// The pod counts of `status`. The API omits `active`, `succeeded` and `failed` if they are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PodCounts {
    /// Pods that are pending or running, and not terminating.
    pub active: i32,
    /// Pods that succeeded.
    pub succeeded: i32,
    /// Pods that failed.
    pub failed: i32,
    /// Active pods that are ready; absent before Kubernetes 1.24.
    pub ready: Option<i32>,
    /// Pods that are terminating; absent before Kubernetes 1.31.
    pub terminating: Option<i32>,
}

/// The values of the configured labels, in the order of the configuration; `None` if no labels are configured. Objects with
/// the same values share them.
pub type MappedLabels = Option<Arc<[Name]>>;

/// The most invalid annotations of one object that are looked at.
pub const MAX_INVALID: usize = 16;

/// The name in [`WorkloadAnnotations::invalid`] for all annotations that are not known.
pub const UNKNOWN_ANNOTATION: &str = "unknown";

/// The parsed `job-status-exporter/` annotations of an object.
///
/// The serialized form is part of the file format of the history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkloadAnnotations {
    /// `max-duration`: maximum duration of a run, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_duration: Option<Seconds>,
    /// `max-success-age`: maximum age of the last success, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_success_age: Option<Seconds>,
    /// `start-grace`: how late a run may start before it is missed, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_grace: Option<Seconds>,
    /// `max-failures`: failed runs in a row that are tolerated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<u64>,
    /// `ignore`: whether the object is excluded.
    #[serde(skip)]
    pub ignore: Option<bool>,
    /// `severity`: the value of the label of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Name>,
    /// `runbook`: the value of the label of that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runbook: Option<Name>,
    /// Names and values of invalid annotations. The name is `unknown` for annotations that are not known, with their key as
    /// the value. At most [`MAX_INVALID`] of an object are looked at.
    #[serde(skip)]
    pub invalid: Vec<(&'static str, Name)>,
    /// The fields, labels and annotations of the object whose values were cut to the configured length.
    #[serde(skip)]
    pub truncated: Vec<Name>,
}

label_enum! {
    /// The state of a Job. It is in exactly one at a time.
    JobState {
        /// The condition `Suspended` is true, `spec.suspend` is set, or `spec.parallelism` is 0.
        Suspended = "suspended",
        /// No pod has been ready yet.
        Pending = "pending",
        /// Pods are running, or have run and are being retried.
        Running = "running",
        /// The condition `SuccessCriteriaMet` is true; pods are still terminating.
        Succeeding = "succeeding",
        /// The condition `FailureTarget` is true; pods are still terminating.
        Failing = "failing",
        /// The condition `Complete` is true.
        Complete = "complete",
        /// The condition `Failed` is true.
        Failed = "failed",
    }
}

label_enum! {
    /// Why a Job failed: the reasons that the Job controller sets.
    #[derive(Serialize, Deserialize)]
    FailureReason {
        /// More pods failed than `backoffLimit` allows.
        BackoffLimitExceeded = "BackoffLimitExceeded",
        /// `activeDeadlineSeconds` has passed.
        DeadlineExceeded = "DeadlineExceeded",
        /// A rule of `podFailurePolicy` failed the Job.
        PodFailurePolicy = "PodFailurePolicy",
        /// At least one index failed.
        FailedIndexes = "FailedIndexes",
        /// More indexes failed than `maxFailedIndexes` allows.
        MaxFailedIndexesExceeded = "MaxFailedIndexesExceeded",
        /// Any other reason, or none.
        Other = "Other",
    }
}

label_enum! {
    /// `spec.completionMode`.
    CompletionMode {
        /// All pods are alike.
        NonIndexed = "NonIndexed",
        /// Each pod has a completion index.
        Indexed = "Indexed",
        /// A mode that this version does not know.
        Other = "Other",
    }
}

// === impl Job ===

impl Job {
    /// A pending Job with nothing set but its identity.
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
            state_since: None,
            active_deadline: None,
            parallelism: None,
            completions: None,
            backoff_limit: None,
            ttl: None,
            completed_indexes: None,
            failed_indexes: None,
            due: None,
            manual: false,
            ignored: false,
            labels: None,
            merged_labels: None,
            annotations: None,
            ksm: None,
        }
    }

    /// Whether the Job is complete or failed.
    #[must_use]
    pub fn finished(&self) -> bool {
        matches!(self.state, JobState::Complete | JobState::Failed)
    }

    /// Completes the state with what was known of the same Job before. A Job whose only pod crashes reports 0 ready pods, as
    /// before its first pod; but it was running. A resume resets the start time, and its pods are pending again.
    pub fn continue_from(&mut self, known: &Self) {
        if self.state == JobState::Pending
            && known.state == JobState::Running
            && self.start == known.start
        {
            self.state = JobState::Running;
        }
    }

    /// Whether the Job is neither finished nor suspended.
    #[must_use]
    pub fn active(&self) -> bool {
        !self.finished() && self.state != JobState::Suspended
    }

    /// Since when the Job is suspended; `None` if it is not, or if that is not known.
    #[must_use]
    pub fn suspended_since(&self) -> Option<Seconds> {
        self.state_since
            .filter(|_| self.state == JobState::Suspended)
    }

    /// Since when the result is decided while pods are still terminating; `None` if it is not so.
    #[must_use]
    pub fn ending_since(&self) -> Option<Seconds> {
        let is_ending = matches!(self.state, JobState::Succeeding | JobState::Failing);
        self.state_since.filter(|_| is_ending)
    }

    /// The values of the configured labels, with those of its `CronJob` where the Job has none.
    #[must_use]
    pub fn shown_labels(&self) -> Option<&[Name]> {
        self.merged_labels.as_deref().or(self.labels.as_deref())
    }
}

// === impl WorkloadAnnotations ===

impl WorkloadAnnotations {
    /// Takes each value that is not set from `fallback`. The invalid annotations of both are kept, each once.
    #[must_use]
    pub fn with_fallback(self, fallback: Self) -> Self {
        let mut invalid = self.invalid;
        for annotation in fallback.invalid {
            if !invalid.contains(&annotation) {
                invalid.push(annotation);
            }
        }
        let mut truncated = self.truncated;
        truncated.extend(fallback.truncated);
        Self {
            max_duration: self.max_duration.or(fallback.max_duration),
            max_success_age: self.max_success_age.or(fallback.max_success_age),
            start_grace: self.start_grace.or(fallback.start_grace),
            max_failures: self.max_failures.or(fallback.max_failures),
            ignore: self.ignore.or(fallback.ignore),
            severity: self.severity.or(fallback.severity),
            runbook: self.runbook.or(fallback.runbook),
            invalid,
            truncated,
        }
    }
}

// === impl FailureReason ===

impl FailureReason {
    /// Parses the `reason` of a condition.
    #[must_use]
    pub fn parse(reason: &str) -> Self {
        Self::from_label(reason).unwrap_or(Self::Other)
    }
}

// === impl CompletionMode ===

impl CompletionMode {
    /// Parses `spec.completionMode`.
    #[must_use]
    pub fn parse(mode: &str) -> Self {
        Self::from_label(mode).unwrap_or(Self::Other)
    }
}
