//! What only the families of kube-state-metrics show of Jobs and CronJobs.
//!
//! Kept apart and only where these families are wanted: without them a record is no larger than a pointer for it.
//! Everything is as the object has it, not as this program understands it: these families are a mirror.

use std::sync::Arc;

use super::{Name, Seconds};

/// The mirror of a Job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KsmJob {
    /// Its labels.
    pub labels: ShownLabels,
    /// Its annotations.
    pub annotations: ShownLabels,
    /// `metadata.ownerReferences`, each once.
    pub owners: Box<[Owner]>,
    /// Status of the condition `Complete`, if it is there.
    pub complete: Option<ConditionStatus>,
    /// Status of the condition `Failed`, if it is there.
    pub failed: Option<ConditionStatus>,
    /// Reason of the condition `Failed`, whatever its status.
    pub failed_reason: Option<Name>,
    /// Status of the condition `Suspended`, if it is there.
    pub suspended: Option<ConditionStatus>,
    /// `status.completionTime`.
    pub completion_time: Option<Seconds>,
}

/// The mirror of a `CronJob`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KsmCronJob {
    /// Its labels.
    pub labels: ShownLabels,
    /// Its annotations.
    pub annotations: ShownLabels,
    /// `metadata.resourceVersion`, where it is a number.
    pub resource_version: Option<u64>,
    /// `spec.concurrencyPolicy`, as written.
    pub concurrency_policy: Option<Name>,
    /// Whether kube-state-metrics can read the schedule, which is not always so when the controller can.
    pub schedule_valid: bool,
    /// What kube-state-metrics takes for the next due time.
    pub next_schedule: Option<Seconds>,
}

/// Labels or annotations under the names that kube-state-metrics gives them; `None` where none are asked for.
///
/// The names depend on all that an object has, so they are worked out once, when it is read, and not in every scrape.
/// Objects with the same ones share them.
pub type ShownLabels = Option<Arc<[(Name, Name)]>>;

/// An owner of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its kind, as written.
    pub kind: Name,
    /// Its name.
    pub name: Name,
    /// Whether it is the one that controls the object.
    pub controller: bool,
}

/// The status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not.
    False,
    /// Nobody can tell.
    Unknown,
    /// Anything else.
    Other,
}

// === impl ConditionStatus ===

impl ConditionStatus {
    /// Reads a condition's `status`.
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
