//! A workload, as lists and its own page show it.
//!
//! Fields are named like the metrics of the same fact, without `batch_workload_` or `batch_cronjob_`, `_timestamp_seconds` and
//! `_total`. All fields are always there; what is unknown or does not apply is null.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use super::{
    finding::FindingEntry,
    value::{
        FailureCauseLabel, FailureReasonLabel, NotStartedLabel, OutcomeLabel, PolicyLabel,
        StateLabel, ThresholdLabel, Time,
    },
};
use crate::{
    model::{LastRun, Seconds, Tick},
    status::{LimitStatus, ScheduleFacts, WorkloadStatus, phrases},
};

/// A workload: a CronJob, another owner of Jobs, a group of Jobs, or a Job of its own.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WorkloadEntry {
    /// The name of the target. Null for the unnamed one.
    target: Option<String>,
    /// The namespace.
    namespace: String,
    /// Its type, such as `cronjob` or `workflow`.
    workload_type: String,
    /// Its name.
    workload: String,
    /// Its one state: the worst that applies.
    state: StateLabel,
    /// The state in words.
    state_text: &'static str,
    /// What is wrong with it, or worth knowing: the most urgent first.
    findings: Vec<FindingEntry>,
    /// The time as of which it was judged. Null if its target was never read.
    as_of: Option<Time>,
    /// Whether it still has Jobs or a CronJob, or belongs to a configured job.
    exists: bool,
    /// When the CronJob was created, else the first known Job.
    created: Option<Time>,
    /// Job objects that exist.
    jobs: u32,
    /// Finished runs since counting started.
    runs: RunCounts,
    /// Runs that were deleted before they were seen to finish.
    deleted_runs: u64,
    /// Runs that are neither finished nor suspended.
    active_runs: usize,
    /// When the oldest active run was started or resumed.
    oldest_active_run_start: Option<Time>,
    /// Whether the last finished run succeeded. Null before the first.
    last_run_succeeded: Option<bool>,
    /// Why the last finished run failed.
    last_run_failure_reason: Option<FailureReasonLabel>,
    /// Why the pods of the last finished run failed. Null unless it failed, and without `pods.enabled`.
    last_run_failure_cause: Option<FailureCauseLabel>,
    /// The exit code behind that.
    last_run_exit_code: Option<i32>,
    /// When the last finished run was started or resumed.
    last_run_start: Option<Time>,
    /// When the last finished run completed or failed.
    last_run_end: Option<Time>,
    /// Duration of the last finished run, in seconds.
    last_run_duration_seconds: Option<i64>,
    /// When a run last completed, manual ones included.
    last_success: Option<Time>,
    /// When a run last failed, manual ones included.
    last_failure: Option<Time>,
    /// Failed runs since the last success.
    consecutive_failures: u64,
    /// Failed, deleted and missed runs since the last success.
    consecutive_unsuccessful: u64,
    /// When the next success is due at the latest.
    success_deadline: Option<Time>,
    /// Its thresholds.
    thresholds: Vec<ThresholdEntry>,
    /// The severity of its alerts, if it has one of its own.
    severity: Option<String>,
    /// Its runbook, as written.
    runbook: Option<String>,
    /// The mapped labels that it has.
    labels: BTreeMap<String, String>,
    /// Its last runs and missed due times, the earliest first, at most 20.
    last_runs: Vec<LastRunEntry>,
    /// Its schedule. Null unless it is a CronJob that exists.
    cronjob: Option<CronJobFacts>,
}

/// Finished runs by result.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct RunCounts {
    /// Runs that completed.
    succeeded: u64,
    /// Runs that failed.
    failed: u64,
}

/// A threshold of a workload.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ThresholdEntry {
    /// Which one.
    threshold: ThresholdLabel,
    /// Its value: a number of runs for `max_failures`, else seconds. Null without a limit.
    value: Option<i64>,
    /// Where it comes from: `annotation`, `default`, or the place in the configuration such as `overrides[2]`.
    source: String,
}

/// A run that is over, or a due time that got none.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct LastRunEntry {
    /// Its outcome.
    outcome: OutcomeLabel,
    /// The due time, else the start, else the creation.
    due: Option<Time>,
    /// When it ended. Null if it never started or never finished.
    end: Option<Time>,
    /// From the start to the end, in seconds.
    duration_seconds: Option<i64>,
    /// Whether the Job was created manually from a CronJob.
    manual: bool,
}

/// What follows from the schedule of a CronJob.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct CronJobFacts {
    /// `spec.schedule`, as written.
    schedule: String,
    /// `spec.timeZone`, as written.
    time_zone: Option<String>,
    /// The time zone in which the schedule is evaluated. Null if the schedule or its zone is invalid.
    evaluated_time_zone: Option<String>,
    /// `spec.concurrencyPolicy`.
    concurrency_policy: Option<PolicyLabel>,
    /// How late a run may start (`spec.startingDeadlineSeconds`), in seconds.
    starting_deadline_seconds: Option<i64>,
    /// Whether the schedule and the time zone are valid. Null if the schedule is too long to be evaluated.
    schedule_valid: Option<bool>,
    /// The next due time. Null while the CronJob is suspended or its schedule is invalid.
    next_schedule: Option<Time>,
    /// Since when the CronJob is suspended, as far as it was seen. Null if it is not.
    suspended_since: Option<Time>,
    /// Due times since the last start whose grace is over and for which nothing started. Null if that cannot be judged yet.
    overdue_runs: Option<u64>,
    /// The first due time that an active run holds up by the policy Forbid.
    blocked_since: Option<Time>,
    /// Why the last due time started no run.
    not_started: Option<NotStartedLabel>,
    /// Due times that became overdue, since counting started.
    missed_runs: u64,
}

impl WorkloadEntry {
    /// A workload at `now`, which the texts of its findings refer to.
    #[must_use]
    pub fn new(status: &WorkloadStatus, now: Seconds) -> Self {
        let (succeeded, failed, deleted_runs) = status.runs;
        let zone = status.zone();
        let findings = status.findings.iter();
        let last = status.last.as_ref();
        let last_failed = last.filter(|last| !last.succeeded);
        let labels = status.labels.iter();
        Self {
            target: status.target.as_deref().map(Into::into),
            namespace: status.id.namespace.to_string(),
            workload_type: status.id.kind.to_string(),
            workload: status.id.name.to_string(),
            state: StateLabel(status.state),
            state_text: phrases::state(status.state),
            findings: findings
                .map(|finding| FindingEntry::new(finding, now, &zone))
                .collect(),
            as_of: Time::of(status.as_of),
            exists: status.exists,
            created: Time::of(status.created),
            jobs: status.jobs,
            runs: RunCounts { succeeded, failed },
            deleted_runs,
            active_runs: status.active_runs,
            oldest_active_run_start: Time::of(status.oldest_active_start),
            last_run_succeeded: last.map(|last| last.succeeded),
            last_run_failure_reason: last.and_then(|last| last.reason).map(FailureReasonLabel),
            last_run_failure_cause: last_failed
                .and_then(|last| last.cause)
                .map(FailureCauseLabel),
            last_run_exit_code: last_failed.and_then(|last| last.exit_code),
            last_run_start: Time::of(last.and_then(|last| last.start)),
            last_run_end: Time::of(last.and_then(|last| last.end)),
            last_run_duration_seconds: last.and_then(LastRun::duration),
            last_success: Time::of(status.last_success),
            last_failure: Time::of(status.last_failure),
            consecutive_failures: status.consecutive_failures,
            consecutive_unsuccessful: status.consecutive_unsuccessful,
            success_deadline: Time::of(status.success_deadline),
            thresholds: status.limits.iter().map(ThresholdEntry::from).collect(),
            severity: status.severity.as_deref().map(Into::into),
            runbook: status.runbook.as_deref().map(Into::into),
            labels: labels
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect(),
            last_runs: status.ticks.iter().map(LastRunEntry::from).collect(),
            cronjob: status.schedule.as_ref().map(CronJobFacts::from),
        }
    }
}

impl From<&LimitStatus> for ThresholdEntry {
    fn from(limit: &LimitStatus) -> Self {
        Self {
            threshold: ThresholdLabel(limit.threshold),
            value: limit.value,
            source: phrases::source(limit.source),
        }
    }
}

impl From<&Tick> for LastRunEntry {
    fn from(tick: &Tick) -> Self {
        Self {
            outcome: OutcomeLabel(tick.outcome),
            due: Time::new(tick.due()),
            end: Time::of(tick.end()),
            duration_seconds: tick.duration(),
            manual: tick.manual,
        }
    }
}

impl From<&ScheduleFacts> for CronJobFacts {
    fn from(schedule: &ScheduleFacts) -> Self {
        Self {
            schedule: schedule.written.to_string(),
            time_zone: schedule.time_zone.as_deref().map(Into::into),
            evaluated_time_zone: schedule.zone.as_ref().map(|zone| zone.name().to_owned()),
            concurrency_policy: schedule.policy.map(PolicyLabel),
            starting_deadline_seconds: schedule.starting_deadline,
            schedule_valid: schedule.valid,
            next_schedule: Time::of(schedule.next),
            suspended_since: Time::of(schedule.suspended_since),
            overdue_runs: schedule.overdue_runs,
            blocked_since: Time::of(schedule.blocked_since),
            not_started: schedule.not_started.map(NotStartedLabel),
            missed_runs: schedule.missed,
        }
    }
}
