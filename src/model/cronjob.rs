//! The exported data of a CronJob.

use super::{KsmCronJob, MappedLabels, Name, Seconds, Uid, WorkloadAnnotations};

/// The longest schedule that is evaluated, in bytes. The API accepts any length, and a list of a million minutes takes long to
/// parse.
pub const MAX_EVALUATED_SCHEDULE: usize = 4096;

/// The exported data of a batch/v1 CronJob.
///
/// A value that is absent in the API is `None`, never 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronJob {
    /// `metadata.namespace`.
    pub namespace: Name,
    /// `metadata.name`.
    pub name: Name,
    /// `metadata.uid`, which distinguishes this object from an earlier one of the same name.
    pub uid: Uid,
    /// `spec.schedule`, as written, cut to the length of a label value.
    pub schedule: Name,
    /// `spec.schedule`, where that is longer than `schedule`.
    pub long_schedule: Option<Name>,
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
    /// Number of references in `status.active`.
    pub active_jobs: u32,
    /// `spec.startingDeadlineSeconds`, in seconds.
    pub starting_deadline: Option<i64>,
    /// `spec.successfulJobsHistoryLimit`.
    pub successful_history_limit: Option<i32>,
    /// `spec.failedJobsHistoryLimit`.
    pub failed_history_limit: Option<i32>,
    /// Whether the annotation `job-status-exporter/ignore` excludes the `CronJob`.
    pub ignored: bool,
    /// The values of the configured labels: of the `CronJob`, else of its Job template.
    pub labels: MappedLabels,
    /// The values that its Jobs inherit where they have none: of the Job template, else of the `CronJob`.
    pub inherited_labels: MappedLabels,
    /// The `job-status-exporter/` annotations of the `CronJob` and its Job template, if they have any.
    pub annotations: Option<Box<WorkloadAnnotations>>,
    /// The additional data of the kube-state-metrics families, if these are enabled.
    pub ksm: Option<Box<KsmCronJob>>,
}

label_enum! {
    /// `spec.concurrencyPolicy`.
    ConcurrencyPolicy {
        /// Runs may overlap.
        Allow = "Allow",
        /// A due run waits for the active one.
        Forbid = "Forbid",
        /// A due run replaces the active one.
        Replace = "Replace",
        /// A policy that this version does not know.
        Other = "Other",
    }
}

label_enum! {
    /// Why the last due time started no run.
    NotStarted {
        /// The `CronJob` is suspended, or was when the run was due.
        Suspended = "suspended",
        /// The concurrency policy is Forbid, and a run is active.
        ForbiddenByActiveRun = "forbidden_by_active_run",
        /// `startingDeadlineSeconds` has passed.
        DeadlinePassed = "deadline_passed",
        /// No reason is known: the controller is down or behind, or could not create the Job.
        Unexplained = "unexplained",
    }
}

// === impl CronJob ===

impl CronJob {
    /// A `CronJob` with nothing set but its identity and its schedule.
    #[must_use]
    pub fn new(namespace: Name, name: Name, uid: Uid, schedule: Name) -> Self {
        Self {
            namespace,
            name,
            uid,
            schedule,
            long_schedule: None,
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
            inherited_labels: None,
            annotations: None,
            ksm: None,
        }
    }

    /// `spec.schedule`, as written. Those that are too long to be evaluated are cut.
    #[must_use]
    pub fn whole_schedule(&self) -> &Name {
        self.long_schedule.as_ref().unwrap_or(&self.schedule)
    }

    /// `spec.schedule`; `None` if it is too long to be evaluated.
    #[must_use]
    pub fn evaluated_schedule(&self) -> Option<&Name> {
        let schedule = self.whole_schedule();
        (schedule.len() <= MAX_EVALUATED_SCHEDULE).then_some(schedule)
    }
}

// === impl ConcurrencyPolicy ===

impl ConcurrencyPolicy {
    /// Parses `spec.concurrencyPolicy`.
    #[must_use]
    pub fn parse(policy: &str) -> Self {
        Self::from_label(policy).unwrap_or(Self::Other)
    }
}
