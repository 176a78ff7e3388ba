//! Finds the [`Finding`]s of a workload in the records of the store.
//!
//! [`TargetFacts`] looks once at all CronJobs and Jobs of a target; then each workload costs two lookups. So the states of
//! 10,000 workloads are cheap, and the rest of a workload is read only where it is shown.
//!
//! The constants are those of `config/rules/job-status.rules.yaml`. A test compares them.

use std::collections::HashMap;

use super::{Finding, KnownCause, OverallState, TargetHealth, finding::worst_state};
use crate::{
    model::{FailureReason, Job, JobPods, JobState, Seconds, Tick, WorkloadId},
    store::{CronJobRecord, ScheduleStatus, TargetSnapshot, Thresholds, WorkloadRecord},
};

/// `BatchFailingRepeatedly`: at least so many runs in a row are tolerated.
pub(super) const MIN_TOLERATED: u64 = 2;
/// `BatchRunPending`: how long a Job may have no ready pod.
pub(super) const MAX_PENDING: Seconds = 900;
/// `BatchRunStuckEnding`: how long pods may take to terminate once the result is decided.
pub(super) const MAX_ENDING: Seconds = 1800;
/// `BatchScheduleBlocked`: how long an active run may hold up the next one.
pub(super) const MAX_BLOCKED: Seconds = 3600;
/// `BatchRunsPilingUp`: so many active runs of a `CronJob` are too many.
pub(super) const MANY_RUNS: usize = 3;
/// `BatchRunsPilingUp`: for how long.
pub(super) const PILING_UP_FOR: Seconds = 15 * 60;
/// `BatchRunsMissed`: so many due times are too many. The store keeps the times of as many.
pub(super) const MANY_MISSED: usize = 3;
/// `BatchRunsMissed`: within this time.
pub(super) const MISSED_WITHIN: Seconds = 6 * 3600;
/// `BatchCronJobSuspended`: a suspension of this length may have been forgotten.
pub(super) const MAX_SUSPENDED: Seconds = 7 * 86_400;
/// `BatchRunSlowerThanUsual`: shorter runs do not matter.
pub(super) const MIN_SLOW: Seconds = 600;
/// `BatchRunSlowerThanUsual`: an active run is slow from so many times the longest of the last runs on.
pub(super) const SLOW_FACTOR: Seconds = 3;
/// `BatchRunSlowerThanUsual`: runs that ended earlier do not count.
pub(super) const USUAL_WITHIN: Seconds = 7 * 86_400;

/// What the findings of all workloads of one target depend on.
pub(super) struct TargetFacts<'a> {
    pub(super) target: &'a TargetSnapshot,
    pub(super) health: TargetHealth,
    cronjobs: HashMap<(&'a str, &'a str), &'a CronJobRecord>,
    jobs: HashMap<WorkloadKey<'a>, JobFacts<'a>>,
}

/// Namespace, kind and name.
type WorkloadKey<'a> = (&'a str, &'a str, &'a str);

/// What the Jobs of a workload tell that its record does not.
#[derive(Default)]
struct JobFacts<'a> {
    /// The pending Job that started first, and when.
    pending: Option<(&'a Job, Seconds)>,
    /// The Job whose result was decided first while its pods are still terminating, and when.
    ending: Option<(&'a Job, Seconds)>,
    /// Whether a Job is suspended.
    suspended: bool,
}

/// The state of a workload, and why.
pub(super) struct Judgement {
    pub(super) state: OverallState,
    /// The worst first.
    pub(super) findings: Vec<Finding>,
}

/// The facts about one workload.
#[derive(Clone, Copy)]
struct Case<'a> {
    workload: &'a WorkloadRecord,
    cronjob: Option<&'a CronJobRecord>,
    jobs: Option<&'a JobFacts<'a>>,
    thresholds: Thresholds,
    /// The time as of which it is judged.
    as_of: Option<Seconds>,
}

// === impl TargetFacts ===

impl<'a> TargetFacts<'a> {
    pub(super) fn new(target: &'a TargetSnapshot) -> Self {
        let cronjobs = target.cronjobs.iter().map(|record| {
            let cronjob = &record.cronjob;
            ((&*cronjob.namespace, &*cronjob.name), record)
        });
        let mut jobs: HashMap<_, JobFacts<'a>> = HashMap::new();
        for job in target.jobs.iter() {
            let started = job.start.get().filter(|_| job.state == JobState::Pending);
            let ending = job.ending_since();
            let suspended = job.state == JobState::Suspended;
            if started.or(ending).is_none() && !suspended {
                continue;
            }
            let key = (
                &**job.namespace(),
                &**job.workload_kind(),
                job.workload_name(),
            );
            let facts = jobs.entry(key).or_default();
            facts.suspended |= suspended;
            keep_first(&mut facts.pending, job, started);
            keep_first(&mut facts.ending, job, ending);
        }
        Self {
            cronjobs: cronjobs.collect(),
            jobs,
            health: TargetHealth::new(target),
            target,
        }
    }

    /// The `CronJob` of a workload.
    pub(super) fn cronjob(&self, workload: &WorkloadRecord) -> Option<&'a CronJobRecord> {
        let id = &workload.id;
        let key = (&*id.namespace, &*id.name);
        let cronjob = self.cronjobs.get(&key).filter(|_| workload.is_cronjob());
        cronjob.copied()
    }

    /// The state of a workload, and why.
    pub(super) fn judge(&self, workload: &WorkloadRecord) -> Judgement {
        let WorkloadId {
            namespace,
            kind,
            name,
        } = &workload.id;
        let case = Case {
            workload,
            cronjob: self.cronjob(workload),
            jobs: self.jobs.get(&(&**namespace, &**kind, &**name)),
            thresholds: workload.thresholds(),
            as_of: self.health.as_of,
        };
        let mut findings = case.findings();
        findings.sort_by_key(Finding::level);
        let state = worst_state(&findings).unwrap_or_else(|| case.quiet_state());
        Judgement { state, findings }
    }
}

/// Keeps the Job with the earliest time.
fn keep_first<'a>(first: &mut Option<(&'a Job, Seconds)>, job: &'a Job, time: Option<Seconds>) {
    if let Some(time) = time
        && first.is_none_or(|(_, first)| time < first)
    {
        *first = Some((job, time));
    }
}

// === impl Case ===

impl<'a> Case<'a> {
    fn findings(self) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.failure());
        findings.extend(self.not_succeeding());
        findings.extend(self.overdue());
        findings.extend(self.invalid_schedule());
        findings.extend(self.missed());
        findings.extend(self.suspended());
        findings.extend(self.invalid_annotations());
        if let Some(as_of) = self.as_of {
            findings.extend(self.no_recent_success(as_of));
            findings.extend(self.too_long(as_of));
            findings.extend(self.pending(as_of));
            findings.extend(self.stuck_ending(as_of));
            findings.extend(self.blocked(as_of));
            findings.extend(self.piling_up(as_of));
            findings.extend(self.slower_than_usual(as_of));
        }
        findings
    }

    /// The state of a workload without a finding that decides it.
    fn quiet_state(self) -> OverallState {
        let is_suspended =
            self.suspended_since().is_some() || self.jobs.is_some_and(|jobs| jobs.suspended);
        if self.workload.active_runs() > 0 {
            OverallState::Running
        } else if is_suspended {
            OverallState::Suspended
        } else if self.workload.state.totals.last.is_none() {
            OverallState::Waiting
        } else {
            OverallState::Succeeded
        }
    }

    fn failure(self) -> Option<Finding> {
        let totals = &self.workload.state.totals;
        let last = totals.last_failed_run()?;
        let reason = last.reason.unwrap_or(FailureReason::Other);
        let cause = last.cause.map(|cause| KnownCause {
            cause,
            exit_code: last.exit_code,
        });
        let failures = totals.consecutive_failures.count;
        let since = totals.consecutive_failures.since();
        let tolerated = self.thresholds.max_failures;
        Some(if failures > tolerated {
            Finding::RunFailed {
                failures,
                tolerated,
                reason,
                cause,
                since,
            }
        } else {
            Finding::FailureTolerated {
                failures,
                tolerated,
                reason,
                cause,
                since,
            }
        })
    }

    fn not_succeeding(self) -> Option<Finding> {
        let totals = &self.workload.state.totals;
        let unsuccessful = &totals.consecutive_unsuccessful;
        let tolerated = self.thresholds.max_failures.max(MIN_TOLERATED);
        (unsuccessful.count > tolerated).then(|| Finding::NotSucceeding {
            runs: unsuccessful.count,
            tolerated,
            last_success: totals.last_success,
            since: unsuccessful.since(),
        })
    }

    fn overdue(self) -> Option<Finding> {
        let status = self.schedule_status()?;
        let runs = status.overdue_runs.filter(|runs| *runs > 0)?;
        Some(Finding::Overdue {
            runs,
            since: status.overdue_since,
            reason: status.not_started,
        })
    }

    fn invalid_schedule(self) -> Option<Finding> {
        (self.schedule_status()?.valid == Some(false)).then_some(Finding::InvalidSchedule)
    }

    fn missed(self) -> Option<Finding> {
        let schedule = self.workload.state.schedule.as_deref()?;
        let first = schedule.missed_at.len().checked_sub(MANY_MISSED)?;
        let since = *schedule.missed_at.get(first)?;
        (self.as_of? - since <= MISSED_WITHIN).then_some(Finding::RunsMissed {
            since,
            total: schedule.missed,
        })
    }

    fn suspended(self) -> Option<Finding> {
        let since = self.suspended_since()?;
        let is_long = self
            .as_of
            .is_some_and(|as_of| as_of - since > MAX_SUSPENDED);
        Some(Finding::Suspended {
            since,
            forgotten: is_long && self.cronjob.is_some(),
        })
    }

    fn invalid_annotations(self) -> Option<Finding> {
        let annotations = self.workload.state.annotations.as_deref()?;
        let mut names: Vec<_> = annotations.invalid.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then_some(Finding::InvalidAnnotations { names })
    }

    fn no_recent_success(self, as_of: Seconds) -> Option<Finding> {
        let deadline = self.workload.success_deadline()?;
        let late = as_of.checked_sub(deadline)?;
        (late > 0).then_some(Finding::NoRecentSuccess { deadline, late })
    }

    fn too_long(self, as_of: Seconds) -> Option<Finding> {
        let max_duration = self.thresholds.max_duration?;
        let start = self.workload.oldest_active_start()?;
        let active_for = as_of.checked_sub(start)?;
        (active_for > max_duration).then_some(Finding::TooLong {
            start,
            active_for,
            max_duration,
        })
    }

    fn pending(self, as_of: Seconds) -> Option<Finding> {
        let (job, start) = self.jobs?.pending?;
        let pending_for = as_of.checked_sub(start)?;
        (pending_for > MAX_PENDING).then(|| Finding::Pending {
            job_name: job.name.to_shared(),
            start,
            pending_for,
            waiting: job.observed_pods.as_deref().and_then(JobPods::waits_for),
        })
    }

    /// The alert counts from when Prometheus first saw the state: no metric has the time of the condition.
    fn stuck_ending(self, as_of: Seconds) -> Option<Finding> {
        let (job, since) = self.jobs?.ending?;
        let ending_for = as_of.checked_sub(since)?;
        (ending_for > MAX_ENDING).then(|| Finding::StuckEnding {
            job_name: job.name.to_shared(),
            since,
            ending_for,
        })
    }

    fn blocked(self, as_of: Seconds) -> Option<Finding> {
        let since = self.schedule_status()?.blocked_since?;
        let blocked_for = as_of.checked_sub(since)?;
        (blocked_for > MAX_BLOCKED).then_some(Finding::Blocked { since, blocked_for })
    }

    /// The alert waits until as many runs were active for that long. Here the runs that are active now tell.
    fn piling_up(self, as_of: Seconds) -> Option<Finding> {
        let since = self.workload.active_starts().nth(MANY_RUNS - 1)?;
        let is_long = self.workload.is_cronjob() && as_of.checked_sub(since)? >= PILING_UP_FOR;
        is_long.then(|| Finding::PilingUp {
            runs: self.workload.active_runs(),
            since,
        })
    }

    fn slower_than_usual(self, as_of: Seconds) -> Option<Finding> {
        let start = self.workload.oldest_active_start()?;
        let active_for = as_of.checked_sub(start)?;
        let is_usual = |tick: &&Tick| {
            let ended = tick.end().filter(|_| tick.finished() && !tick.manual);
            ended.is_some_and(|end| as_of - end <= USUAL_WITHIN)
        };
        let ticks = self.workload.state.ticks.iter();
        let longest = ticks.filter(is_usual).filter_map(Tick::duration).max()?;
        (active_for > (SLOW_FACTOR * longest).max(MIN_SLOW)).then_some(Finding::SlowerThanUsual {
            start,
            active_for,
            longest,
        })
    }

    fn suspended_since(self) -> Option<Seconds> {
        let schedule = self.workload.state.schedule.as_deref()?;
        schedule.suspended_since
    }

    fn schedule_status(self) -> Option<&'a ScheduleStatus> {
        self.cronjob?.schedule_status()
    }
}
