//! Everything about one workload that a row or a page of its own shows.

use std::slice;

use kube_cron::Zone;

use super::{Finding, OverallState, finding::worst_state, judge::TargetFacts};
use crate::{
    model::{
        ConcurrencyPolicy, LastRun, Name, NotStarted, Seconds, Ticks, Totals, WorkloadId,
        WorkloadState,
    },
    store::{
        CronJobRecord, TargetSnapshot, Threshold, ThresholdSource, Thresholds, WorkloadRecord,
    },
};

/// A workload at the time of a snapshot. Times are in seconds since the Unix epoch, durations in seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkloadStatus {
    /// Value of the `target` label; `None` for the single unnamed target.
    pub target: Option<Name>,
    /// Its identity within the target.
    pub id: WorkloadId,
    /// Its one state.
    pub state: OverallState,
    /// What is wrong with it, or worth knowing: the most urgent first.
    pub findings: Vec<Finding>,
    /// The time as of which it was judged; `None` if its target was never read.
    pub as_of: Option<Seconds>,
    /// Whether it still has Jobs or a `CronJob`, or belongs to a configured job. `false` while it is kept for those who look
    /// late, and until the API has shown a restored one.
    pub exists: bool,
    /// The creation of the `CronJob`, else that of the first known Job.
    pub created: Option<Seconds>,
    /// The last finished run that is not manual.
    pub last: Option<LastRun>,
    /// End of the last successful run, manual ones included.
    pub last_success: Option<Seconds>,
    /// End of the last failed run, manual ones included.
    pub last_failure: Option<Seconds>,
    /// Failed runs in a row.
    pub consecutive_failures: u64,
    /// Failed, deleted and missed runs in a row.
    pub consecutive_unsuccessful: u64,
    /// Runs that succeeded, failed and were deleted since counting started.
    pub runs: (u64, u64, u64),
    /// Jobs that exist.
    pub jobs: u32,
    /// Runs that are active.
    pub active_runs: usize,
    /// Start of the oldest active run.
    pub oldest_active_start: Option<Seconds>,
    /// The outcomes of its last runs and due times.
    pub ticks: Ticks,
    /// Its schedule, if it is a `CronJob` that exists.
    pub schedule: Option<ScheduleFacts>,
    /// When its next success is due at the latest.
    pub success_deadline: Option<Seconds>,
    /// Its thresholds.
    pub thresholds: Thresholds,
    /// Those that apply to it, each with its source.
    pub limits: Vec<LimitStatus>,
    /// The severity of its alerts, if it has one of its own.
    pub severity: Option<Name>,
    /// Its runbook, as written.
    pub runbook: Option<Name>,
    /// Names and values of the mapped labels that it has.
    pub labels: Vec<(String, Name)>,
}

/// A threshold of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStatus {
    /// Which one.
    pub threshold: Threshold,
    /// Its value in seconds, or a number of runs; `None` without a limit.
    pub value: Option<Seconds>,
    /// Where it comes from.
    pub source: ThresholdSource,
}

/// The schedule of a `CronJob`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleFacts {
    /// `spec.schedule`, as written, cut to the length of a label value.
    pub written: Name,
    /// The time zone in which it is evaluated; `None` if the schedule or its zone is invalid.
    pub zone: Option<Zone>,
    /// `spec.timeZone`, as written.
    pub time_zone: Option<Name>,
    /// `spec.concurrencyPolicy`.
    pub policy: Option<ConcurrencyPolicy>,
    /// `spec.startingDeadlineSeconds`.
    pub starting_deadline: Option<Seconds>,
    /// Whether the controller would ever start a run for it; `None` if it is too long to be evaluated.
    pub valid: Option<bool>,
    /// The next due time; `None` while it is suspended or invalid.
    pub next: Option<Seconds>,
    /// Since when it is suspended.
    pub suspended_since: Option<Seconds>,
    /// Due times that are overdue; `None` if that cannot be judged yet.
    pub overdue_runs: Option<u64>,
    /// The first due time that an active run holds up.
    pub blocked_since: Option<Seconds>,
    /// Why the last due time started no run.
    pub not_started: Option<NotStarted>,
    /// Due times that were missed since counting started.
    pub missed: u64,
}

// === impl WorkloadStatus ===

impl WorkloadStatus {
    /// The workload with this identity; `None` if the target does not have it.
    #[cfg(test)]
    pub(crate) fn find(target: &TargetSnapshot, id: &WorkloadId) -> Option<Self> {
        let workload = target.workloads.iter().find(|it| it.id == *id)?;
        Some(Self::new(&TargetFacts::new(target), workload))
    }

    pub(super) fn new(facts: &TargetFacts<'_>, workload: &WorkloadRecord) -> Self {
        let judgement = facts.judge(workload);
        let state: &WorkloadState = &workload.state;
        let totals: &Totals = &state.totals;
        let thresholds = workload.thresholds();
        Self {
            target: facts.target.target.clone(),
            id: workload.id.clone(),
            state: judgement.state,
            findings: judgement.findings,
            as_of: facts.health.as_of,
            exists: workload.exists(),
            created: totals.created,
            last: totals.last.clone(),
            last_success: totals.last_success,
            last_failure: totals.last_failure,
            consecutive_failures: totals.consecutive_failures.count,
            consecutive_unsuccessful: totals.consecutive_unsuccessful.count,
            runs: (totals.succeeded, totals.failed, totals.deleted),
            jobs: workload.jobs,
            active_runs: workload.active_runs(),
            oldest_active_start: workload.oldest_active_start(),
            ticks: state.ticks.clone(),
            schedule: facts
                .cronjob(workload)
                .map(|record| ScheduleFacts::new(record, workload)),
            success_deadline: workload.success_deadline(),
            limits: limits(facts.target, workload, thresholds),
            thresholds,
            severity: workload.severity().map(Name::from),
            runbook: workload.runbook().map(Name::from),
            labels: labels(facts.target, workload),
        }
    }

    /// The finding that its state stands for, else the most urgent one.
    #[must_use]
    pub fn main_finding(&self) -> Option<&Finding> {
        let decides = |it: &&Finding| worst_state(slice::from_ref(*it)) == Some(self.state);
        let mut findings = self.findings.iter();
        findings.find(decides).or(self.findings.first())
    }

    /// The time zone of its schedule, else UTC.
    #[must_use]
    pub fn zone(&self) -> Zone {
        let zone = self.schedule.as_ref().and_then(|it| it.zone.clone());
        zone.unwrap_or(Zone::UTC)
    }

    /// Its next due time.
    #[must_use]
    pub fn next_due(&self) -> Option<Seconds> {
        self.schedule.as_ref()?.next
    }
}

/// The mapped labels of a workload that have a value.
pub(super) fn label_values<'a>(
    target: &'a TargetSnapshot,
    workload: &'a WorkloadRecord,
) -> impl Iterator<Item = (&'a str, &'a Name)> {
    let values = workload.state.labels.iter().flat_map(|it| it.iter());
    let labels = target.label_names.iter().map(String::as_str).zip(values);
    labels.filter(|(_, value)| !value.is_empty())
}

fn labels(target: &TargetSnapshot, workload: &WorkloadRecord) -> Vec<(String, Name)> {
    let labels = label_values(target, workload);
    labels
        .map(|(name, value)| (name.to_owned(), value.clone()))
        .collect()
}

/// The thresholds that apply to a workload: a start grace is for schedules only.
fn limits(
    target: &TargetSnapshot,
    workload: &WorkloadRecord,
    thresholds: Thresholds,
) -> Vec<LimitStatus> {
    let applies = |it: &Threshold| *it != Threshold::StartGrace || workload.is_cronjob();
    let limit = |threshold| LimitStatus {
        threshold,
        value: match threshold {
            Threshold::MaxDuration => thresholds.max_duration,
            Threshold::MaxSuccessAge => thresholds.max_success_age,
            Threshold::StartGrace => Some(thresholds.start_grace),
            Threshold::MaxFailures => Seconds::try_from(thresholds.max_failures).ok(),
        },
        source: target.threshold_source(workload, threshold),
    };
    let all = Threshold::ALL.into_iter();
    all.filter(applies).map(limit).collect()
}

// === impl ScheduleFacts ===

impl ScheduleFacts {
    fn new(record: &CronJobRecord, workload: &WorkloadRecord) -> Self {
        let cronjob = &record.cronjob;
        let status = record.schedule_status();
        let observed = workload.state.schedule.as_deref();
        Self {
            written: cronjob.schedule.clone(),
            zone: status.and_then(|it| it.time_zone()).cloned(),
            time_zone: cronjob.time_zone.clone(),
            policy: cronjob.concurrency_policy,
            starting_deadline: cronjob.starting_deadline,
            valid: status.and_then(|it| it.valid),
            next: status.and_then(|it| it.next),
            suspended_since: observed.and_then(|it| it.suspended_since),
            overdue_runs: status.and_then(|it| it.overdue_runs),
            blocked_since: status.and_then(|it| it.blocked_since),
            not_started: status.and_then(|it| it.not_started),
            missed: observed.map_or(0, |it| it.missed),
        }
    }
}
