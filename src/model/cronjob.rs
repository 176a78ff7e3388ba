//! CronJobs as this program sees them.

use super::{KsmCronJob, MappedLabels, Name, Seconds, Uid, WorkloadAnnotations};

/// A batch/v1 CronJob: what is exported of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronJob {
    /// Namespace.
    pub namespace: Name,
    /// Object name.
    pub name: Name,
    /// Tells this object from an earlier one of the same name.
    pub uid: Uid,
    /// `spec.schedule`, as written.
    pub schedule: Name,
    /// `spec.timeZone`.
    pub time_zone: Option<Name>,
    /// `spec.concurrencyPolicy`.
    pub concurrency_policy: Option<ConcurrencyPolicy>,
    /// `spec.suspend`.
    pub suspended: bool,
    /// `metadata.creationTimestamp`.
    pub created: Option<Seconds>,
    /// `status.lastScheduleTime`.
    pub last_schedule: Option<Seconds>,
    /// `status.lastSuccessfulTime`.
    pub last_success: Option<Seconds>,
    /// Length of `status.active`.
    pub active_jobs: u32,
    /// `spec.startingDeadlineSeconds`.
    pub starting_deadline: Option<i64>,
    /// `spec.successfulJobsHistoryLimit`.
    pub successful_history_limit: Option<i32>,
    /// `spec.failedJobsHistoryLimit`.
    pub failed_history_limit: Option<i32>,
    /// The object asks to be left out.
    pub ignored: bool,
    /// Values for the configured labels, in their order; empty where none are configured.
    pub labels: MappedLabels,
    /// What annotations of this program say, if there are any.
    pub annotations: Option<Box<WorkloadAnnotations>>,
    /// What the families of kube-state-metrics show besides, where they are wanted.
    pub ksm: Option<Box<KsmCronJob>>,
}

/// `spec.concurrencyPolicy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConcurrencyPolicy {
    /// Runs may overlap.
    Allow,
    /// A due run waits for the active one.
    Forbid,
    /// A due run replaces the active one.
    Replace,
    /// A policy of a newer API.
    Other,
}

labels! {
    /// Why nothing was started for the last due time.
    NotStarted {
        /// The `CronJob` was suspended.
        Suspended = "suspended",
        /// The policy is Forbid, and a run was active.
        ForbiddenByActiveRun = "forbidden_by_active_run",
        /// It was too late for it, by `startingDeadlineSeconds`.
        DeadlinePassed = "deadline_passed",
        /// No reason is known: the controller is down or behind, or could not create the Job.
        Unexplained = "unexplained",
    }
}

// === impl CronJob ===

impl CronJob {
    /// A `CronJob` of which nothing is known but what identifies it, and when it fires.
    #[must_use]
    pub fn new(namespace: Name, name: Name, uid: Uid, schedule: Name) -> Self {
        Self {
            namespace,
            name,
            uid,
            schedule,
            time_zone: None,
            concurrency_policy: None,
            suspended: false,
            created: None,
            last_schedule: None,
            last_success: None,
            active_jobs: 0,
            starting_deadline: None,
            successful_history_limit: None,
            failed_history_limit: None,
            ignored: false,
            labels: None,
            annotations: None,
            ksm: None,
        }
    }
}

// === impl ConcurrencyPolicy ===

impl ConcurrencyPolicy {
    /// Reads `spec.concurrencyPolicy`.
    #[must_use]
    pub fn parse(policy: &str) -> Self {
        match policy {
            "Allow" => Self::Allow,
            "Forbid" => Self::Forbid,
            "Replace" => Self::Replace,
            _ => Self::Other,
        }
    }

    /// The value of the `concurrency_policy` label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Forbid => "Forbid",
            Self::Replace => "Replace",
            Self::Other => "Other",
        }
    }
}
