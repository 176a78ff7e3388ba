//! The data of Jobs and CronJobs that only the kube-state-metrics families export.
//!
//! A record holds it behind a pointer, and only if these families are enabled. The values are those of the API object,
//! without interpretation, as kube-state-metrics exports them.

use std::sync::Arc;

use super::{Name, Seconds};

/// The additional data of a Job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KsmJob {
    /// The configured ones of `metadata.labels`.
    pub labels: KsmLabels,
    /// The configured ones of `metadata.annotations`.
    pub annotations: KsmLabels,
    /// `metadata.ownerReferences`, without duplicates.
    pub owners: Box<[Owner]>,
    /// Status of the condition `Complete`; `None` without the condition.
    pub complete: Option<ConditionStatus>,
    /// Status of the condition `Failed`; `None` without the condition.
    pub failed: Option<ConditionStatus>,
    /// Reason of the condition `Failed`, whatever its status.
    pub failed_reason: Option<Name>,
    /// Status of the condition `Suspended`; `None` without the condition.
    pub suspended: Option<ConditionStatus>,
    /// `status.completionTime`.
    pub completion_time: Option<Seconds>,
}

/// The additional data of a `CronJob`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KsmCronJob {
    /// The configured ones of `metadata.labels`.
    pub labels: KsmLabels,
    /// The configured ones of `metadata.annotations`.
    pub annotations: KsmLabels,
    /// `metadata.resourceVersion`, if it is a number.
    pub resource_version: Option<u64>,
    /// `spec.concurrencyPolicy`, as written.
    pub concurrency_policy: Option<Name>,
    /// Whether kube-state-metrics can parse the schedule. It rejects some schedules that the controller accepts.
    pub schedule_valid: bool,
    /// The next due time as kube-state-metrics computes it.
    pub next_schedule: Option<Seconds>,
}

/// Names and values of labels or annotations, with the metric label names of kube-state-metrics; `None` if none are
/// configured.
///
/// The name of one depends on all others of the object, so the names are computed once, at decoding, and not in every scrape.
/// Objects with the same pairs share them.
pub type KsmLabels = Option<Arc<[(Name, Name)]>>;

/// An entry of `metadata.ownerReferences`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Owner {
    /// `kind`, as written.
    pub kind: Name,
    /// `name`.
    pub name: Name,
    /// `controller`: whether this owner manages the object.
    pub controller: bool,
}

/// The `status` of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// `True`.
    True,
    /// `False`.
    False,
    /// `Unknown`.
    Unknown,
    /// Any other text, or none.
    Other,
}

// === impl ConditionStatus ===

impl ConditionStatus {
    /// Parses the `status` of a condition.
    #[must_use]
    pub fn parse(status: &str) -> Self {
        match status {
            "True" => Self::True,
            "False" => Self::False,
            "Unknown" => Self::Unknown,
            _ => Self::Other,
        }
    }
}
