//! The exported data of a Job.
//!
//! A target has up to a million of these, so each byte counts. On 64-bit systems a Job takes 160 bytes:
//!
//! | bytes | for |
//! |---|---|
//! | 48 | the name, if it has up to 40 bytes; a longer one has an allocation of its own in addition |
//! | 24 | the uid, if it is a UUID |
//! | 32 | four times, each of which may be absent |
//! | 20 | five pod counts, two of which may be absent |
//! | 4 | state, reason of a failure, `manual`, `ignored` |
//! | 32 | pointers to the template, to merged labels, to what few Jobs have, and to what is known of the pods |
//!
//! With what the store adds it takes 184 bytes in its block: 24 more for the feed that reported it, the time of its removal and two flags.
//! The index by name adds 5.7 to 11.5 bytes, depending on how full the table is: 6.6 with 100,000 Jobs. That makes 191 bytes
//! there, and 196 at most. Tests check these figures.
//!
//! A [`RunTemplate`] takes about 150 bytes with its place in the set of the decoder. All Jobs of a workload share one, unless
//! somebody changed what they have in common; Jobs without an owner share one with the others of their namespace. A Job with
//! annotations of this program, with indexes or with kube-state-metrics families has a [`JobExtra`] of 128 bytes in addition.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FailureCause, KsmJob, MappedLabels, Name, Seconds, SmallOption, Uid, WorkloadId};

mod annotations;
mod name;
mod pods;
mod template;

pub use annotations::{MAX_INVALID, UNKNOWN_ANNOTATION, WorkloadAnnotations};
pub use name::JobName;
pub use pods::{FailedPods, JobPods, PodFailure};
pub use template::{JobExtra, RunTemplate};

/// The exported data of a batch/v1 Job.
///
/// A value that is absent in the API is `None`, never 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// `metadata.name`. A later Job can have the same name: [`Job::uid`] identifies the run.
    pub name: JobName,
    /// `metadata.uid`, which identifies the run.
    pub uid: Uid,
    /// What the Job has in common with others of its workload.
    pub template: Arc<RunTemplate>,
    /// The state that follows from the conditions, `spec.suspend`, `spec.parallelism` and the pod counts.
    pub state: JobState,
    /// The reason of the condition `Failed`; only in [`JobState::Failed`].
    pub failure: Option<FailureReason>,
    /// The pod counts of the status.
    pub pods: PodCounts,
    /// `metadata.creationTimestamp`.
    pub created: SmallOption<Seconds>,
    /// `status.startTime`, which a resume resets.
    pub start: SmallOption<Seconds>,
    /// When the Job got into its state. Of a finished Job it is the end: `status.completionTime`, or the transition time of
    /// the condition `Failed`. Of a suspended, succeeding or failing one it is the transition time of the condition; absent
    /// if only the parallelism is 0. Other states have none.
    pub state_since: SmallOption<Seconds>,
    /// The due time for which a `CronJob` created this Job.
    pub due: SmallOption<Seconds>,
    /// Whether the Job was created manually from a `CronJob`, with `kubectl create job --from`.
    pub manual: bool,
    /// Whether the annotation `job-status-exporter/ignore` excludes the Job.
    pub ignored: bool,
    /// The values of the configured labels with those of its `CronJob` where the Job has none; `None` if it inherits nothing.
    /// The store sets it.
    pub merged_labels: MappedLabels,
    /// What few Jobs have; `None` if there is nothing of it.
    pub extra: Option<Box<JobExtra>>,
    /// What is known of its pods; `None` if that is nothing, as for all Jobs of a target whose pods are not read. The store sets it.
    pub observed_pods: Option<Arc<JobPods>>,
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
    pub ready: SmallOption<i32>,
    /// Pods that are terminating; absent before Kubernetes 1.31.
    pub terminating: SmallOption<i32>,
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
    #[derive(Hash)]
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
    pub fn new(namespace: Name, name: JobName, uid: Uid, workload: WorkloadRef) -> Self {
        let WorkloadRef {
            kind,
            name: workload,
        } = workload;
        let workload = Some(workload).filter(|workload| **workload != *name);
        Self {
            name,
            uid,
            template: Arc::new(RunTemplate::new(namespace, kind, workload)),
            state: JobState::Pending,
            failure: None,
            pods: PodCounts::default(),
            created: None.into(),
            start: None.into(),
            state_since: None.into(),
            due: None.into(),
            manual: false,
            ignored: false,
            merged_labels: None,
            extra: None,
            observed_pods: None,
        }
    }

    /// Changes what the Job has in common with others, for this Job only.
    #[must_use]
    pub fn with_template(mut self, change: impl FnOnce(&mut RunTemplate)) -> Self {
        change(Arc::make_mut(&mut self.template));
        self
    }

    /// The same Job as a run of another workload.
    #[must_use]
    pub fn with_workload(self, workload: WorkloadRef) -> Self {
        let name = Some(workload.name).filter(|name| **name != *self.name);
        self.with_template(|template| {
            template.workload_kind = workload.kind;
            template.workload_name = name;
        })
    }

    /// Sets what few Jobs have.
    #[must_use]
    pub fn with_extra(mut self, extra: JobExtra) -> Self {
        self.extra = extra.boxed();
        self
    }

    /// `metadata.namespace`.
    #[inline]
    #[must_use]
    pub fn namespace(&self) -> &Name {
        &self.template.namespace
    }

    /// The kind of its workload: see [`WorkloadRef::kind`].
    #[inline]
    #[must_use]
    pub fn workload_kind(&self) -> &Name {
        &self.template.workload_kind
    }

    /// The name of its workload: see [`WorkloadRef::name`].
    #[inline]
    #[must_use]
    pub fn workload_name(&self) -> &str {
        self.template
            .workload_name
            .as_ref()
            .map_or(&*self.name, |name| name)
    }

    /// Its workload. Jobs of one template share the strings.
    #[must_use]
    pub fn workload_id(&self) -> WorkloadId {
        let name = self.template.workload_name.clone();
        WorkloadId {
            namespace: self.namespace().clone(),
            kind: self.workload_kind().clone(),
            name: name.unwrap_or_else(|| self.name.to_shared()),
        }
    }

    /// When the Job finished: `status.completionTime`, or the transition time of the condition `Failed`.
    #[must_use]
    pub fn end(&self) -> Option<Seconds> {
        self.state_since.get().filter(|_| self.finished())
    }

    /// The `job-status-exporter/` annotations, if the Job has any.
    #[must_use]
    pub fn annotations(&self) -> Option<&WorkloadAnnotations> {
        self.extra.as_ref()?.annotations.as_deref()
    }

    /// The additional data of the kube-state-metrics families, if these are enabled.
    #[must_use]
    pub fn ksm(&self) -> Option<&KsmJob> {
        self.extra.as_ref()?.ksm.as_ref()
    }

    /// Number of indexes in `status.completedIndexes`; only for Indexed Jobs.
    #[must_use]
    pub fn completed_indexes(&self) -> Option<u64> {
        self.extra.as_ref()?.completed_indexes
    }

    /// Number of indexes in `status.failedIndexes`; only for Indexed Jobs with a backoff limit per index.
    #[must_use]
    pub fn failed_indexes(&self) -> Option<u64> {
        self.extra.as_ref()?.failed_indexes
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
        self.observed_pods.clone_from(&known.observed_pods);
    }

    /// Whether the Job is neither finished nor suspended.
    #[must_use]
    pub fn active(&self) -> bool {
        !self.finished() && self.state != JobState::Suspended
    }

    /// Since when the Job is suspended; `None` if it is not, or if that is not known.
    #[must_use]
    pub fn suspended_since(&self) -> Option<Seconds> {
        let is_suspended = self.state == JobState::Suspended;
        self.state_since.get().filter(|_| is_suspended)
    }

    /// Since when the result is decided while pods are still terminating; `None` if it is not so.
    #[must_use]
    pub fn ending_since(&self) -> Option<Seconds> {
        let is_ending = matches!(self.state, JobState::Succeeding | JobState::Failing);
        self.state_since.get().filter(|_| is_ending)
    }

    /// The values of the configured labels, with those of its `CronJob` where the Job has none.
    #[must_use]
    pub fn shown_labels(&self) -> Option<&[Name]> {
        let own = self.template.labels.as_deref();
        self.merged_labels.as_deref().or(own)
    }
}

// === impl FailureReason ===

impl FailureReason {
    /// Parses the `reason` of a condition.
    #[must_use]
    pub fn parse(reason: &str) -> Self {
        Self::from_label(reason).unwrap_or(Self::Other)
    }

    /// The cause of the failure, where the reason says it: the pods say no more, or less.
    #[must_use]
    pub fn cause(self) -> Option<FailureCause> {
        match self {
            Self::DeadlineExceeded => Some(FailureCause::DeadlineExceeded),
            Self::PodFailurePolicy => Some(FailureCause::PodFailurePolicy),
            Self::BackoffLimitExceeded
            | Self::FailedIndexes
            | Self::MaxFailedIndexesExceeded
            | Self::Other => None,
        }
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

#[cfg(test)]
mod tests;
