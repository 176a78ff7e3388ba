//! Jobs and CronJobs as this program sees them.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{CronJobMirror, JobMirror, Name, Seconds};

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
    pub workload: Workload,
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
    pub directives: Option<Box<Directives>>,
    /// What the families of kube-state-metrics show besides, where they are wanted.
    pub mirror: Option<Box<JobMirror>>,
}

/// What runs belong to: the Job's controlling owner, else the Job itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
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
    pub directives: Option<Box<Directives>>,
    /// What the families of kube-state-metrics show besides, where they are wanted.
    pub mirror: Option<Box<CronJobMirror>>,
}

/// Values for the configured labels, shared between objects that have the same.
pub type MappedLabels = Option<Arc<[Name]>>;

/// What `job-status-exporter/` annotations of an object say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
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

/// An object's `metadata.uid`. A UUID everywhere we know of, kept in its 16 bytes; anything else is kept as it is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Uid {
    /// A UUID in its usual lower-case form.
    Uuid([u8; 16]),
    /// Any other text.
    Other(Box<str>),
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

// === impl Job ===

impl Job {
    /// A Job of which nothing is known but what identifies it.
    #[must_use]
    pub fn new(namespace: Name, name: Name, uid: Uid, workload: Workload) -> Self {
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
            directives: None,
            mirror: None,
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
            directives: None,
            mirror: None,
        }
    }
}

// === impl Directives ===

impl Directives {
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

// === impl Uid ===

impl Uid {
    /// Keeps a UUID in its compact form where the text can be had back from it letter by letter.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::parse_uuid(text).map_or_else(|| Self::Other(text.into()), Self::Uuid)
    }

    fn parse_uuid(text: &str) -> Option<[u8; 16]> {
        let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
        let mut bytes = [0; 16];
        let mut digits = 0;
        for (i, &c) in text.iter().enumerate() {
            if matches!(i, 8 | 13 | 18 | 23) {
                if c != b'-' {
                    return None;
                }
                continue;
            }
            let digit = match c {
                b'0'..=b'9' => c - b'0',
                b'a'..=b'f' => c - b'a' + 10,
                _ => return None,
            };
            bytes[digits / 2] |= digit << (4 * (1 - digits % 2));
            digits += 1;
        }
        Some(bytes)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(text) => f.write_str(text),
            Self::Uuid(bytes) => {
                for (i, byte) in bytes.iter().enumerate() {
                    if matches!(i, 4 | 6 | 8 | 10) {
                        f.write_str("-")?;
                    }
                    write!(f, "{byte:02x}")?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uid_gives_its_text_back() {
        for text in [
            "4ba7b5e6-d01a-4327-95ea-e845886801bc",
            "00000000-0000-0000-0000-000000000042",
            "4BA7B5E6-D01A-4327-95EA-E845886801BC",
            "4ba7b5e6-d01a-4327-95ea-e845886801b",
            "4ba7b5e6+d01a-4327-95ea-e845886801bc",
            "",
            "not a uuid at all, but a name of 36 b",
        ] {
            assert_eq!(Uid::parse(text).to_string(), text);
        }
        assert!(matches!(
            Uid::parse("4ba7b5e6-d01a-4327-95ea-e845886801bc"),
            Uid::Uuid(_)
        ));
    }
}
