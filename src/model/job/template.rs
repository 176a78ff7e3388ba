//! What the Jobs of a workload have in common, and what few Jobs have.

use super::{CompletionMode, WorkloadAnnotations};
use crate::model::{KsmJob, MappedLabels, Name, SmallOption, Uid};

/// What the Jobs of a workload usually have in common: it follows from the same template. The decoder keeps one copy of the
/// same content, which all these Jobs share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RunTemplate {
    /// `metadata.namespace`.
    pub namespace: Name,
    /// See [`WorkloadRef::kind`](super::WorkloadRef::kind).
    pub workload_kind: Name,
    /// See [`WorkloadRef::name`](super::WorkloadRef::name). `None` if that is the name of the Job, as for all Jobs that are
    /// workloads of their own: these share a template, too.
    pub workload_name: Option<Name>,
    /// The uid of the controlling owner, if all its Jobs are one run. `None` if the Job is a run of its own, as those of a
    /// `CronJob` are. All Jobs of an owner have it, so it is here: no Job pays for it. It is
    /// boxed, since most templates have none.
    pub owner_uid: Option<Box<Uid>>,
    /// `spec.managedBy`: the controller of the Job, unless it is the built-in one.
    pub managed_by: Option<Name>,
    /// `spec.completionMode`.
    pub completion_mode: Option<CompletionMode>,
    /// `spec.activeDeadlineSeconds`, in seconds.
    pub active_deadline: SmallOption<i64>,
    /// `spec.parallelism`.
    pub parallelism: Option<i32>,
    /// `spec.completions`.
    pub completions: Option<i32>,
    /// `spec.backoffLimit`.
    pub backoff_limit: Option<i32>,
    /// `spec.ttlSecondsAfterFinished`, in seconds.
    pub ttl: Option<i32>,
    /// The values of the configured labels that the Job itself has.
    pub labels: MappedLabels,
}

/// What few Jobs have. The others do not pay for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobExtra {
    /// Number of indexes in `status.completedIndexes`; only for Indexed Jobs.
    pub completed_indexes: Option<u64>,
    /// Number of indexes in `status.failedIndexes`; only for Indexed Jobs with a backoff limit per index.
    pub failed_indexes: Option<u64>,
    /// The `job-status-exporter/` annotations, if the Job has any.
    pub annotations: Option<Box<WorkloadAnnotations>>,
    /// The additional data of the kube-state-metrics families, if these are enabled.
    pub ksm: Option<KsmJob>,
}

// === impl RunTemplate ===

impl RunTemplate {
    /// A template with nothing set but these.
    #[must_use]
    pub fn new(namespace: Name, workload_kind: Name, workload_name: Option<Name>) -> Self {
        Self {
            namespace,
            workload_kind,
            workload_name,
            owner_uid: None,
            managed_by: None,
            completion_mode: None,
            active_deadline: None.into(),
            parallelism: None,
            completions: None,
            backoff_limit: None,
            ttl: None,
            labels: None,
        }
    }
}

// === impl JobExtra ===

impl JobExtra {
    /// What a record holds: `None` if nothing is set, so that records with the same data are equal.
    #[must_use]
    pub fn boxed(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}
