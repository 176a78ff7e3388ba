//! Merges what is known of the runs of a workload: its Jobs, the runs of the history, and its ticks.
//!
//! A Job knows more than a row of the history, and a row more than a tick. Invariant: each run is listed once, from the source
//! that knows most of it. A run is the same if it has the same uid; a tick has a hash of the uid. If all Jobs of an owner are one
//! run, the row of the history knows most once it is over: some of its Jobs may be gone.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use super::{RunState, WorkloadDetail, WorkloadRun};
use crate::{
    model::{
        Job, JobPods, JobState, Run, RunExplanation, RunResult, RunSortKey, Seconds, Tick,
        TickOutcome,
    },
    store::{TargetSnapshot, WorkloadRecord},
};

/// Where a run is known from.
#[derive(Clone)]
enum Source<'a> {
    Job(&'a Job),
    Owner(Vec<&'a Job>),
    History(&'a Run),
    Tick(&'a Tick),
}

/// The runs and missed due times of a workload, the latest first. `past` are those of the history, and active runs last until
/// `as_of`.
///
/// Looks once at each Job of the target, and copies only what is listed.
pub(super) fn merge(
    target: &TargetSnapshot,
    workload: &WorkloadRecord,
    past: &[Run],
    as_of: Option<Seconds>,
) -> Vec<WorkloadRun> {
    let id = &workload.id;
    let is_of_workload = |job: &&Job| {
        *job.workload_name() == *id.name
            && *job.namespace() == id.namespace
            && *job.workload_kind() == id.kind
    };
    let mut unmatched: HashSet<_> = past.iter().map(|run| &run.uid).collect();
    let mut ticks: Vec<_> = workload.state.ticks.iter().collect();
    let mut found = Vec::new();
    let mut owners: HashMap<_, Vec<&Job>> = HashMap::new();
    for job in target.jobs.iter().filter(is_of_workload) {
        if let Some(owner) = &job.template.owner_uid {
            owners.entry(&**owner).or_default().push(job);
            continue;
        }
        let key = RunSortKey::of_job(job);
        unmatched.remove(&job.uid);
        ticks.retain(|tick| !tick.is_about(key, &job.uid, job.manual));
        found.push((key, Source::Job(job)));
    }
    for (owner, jobs) in owners {
        let is_over = jobs.iter().all(|job| job.finished());
        if is_over && unmatched.contains(owner) {
            continue;
        }
        unmatched.remove(owner);
        ticks.retain(|tick| !tick.may_be(owner));
        let keys = jobs.iter().map(|job| RunSortKey::of_job(job));
        if let Some(key) = keys.min() {
            found.push((key, Source::Owner(jobs)));
        }
    }
    for run in past.iter().filter(|run| unmatched.remove(&run.uid)) {
        let key = run.sort_key();
        ticks.retain(|tick| !tick.is_about(key, &run.uid, run.manual));
        found.push((key, Source::History(run)));
    }
    found.extend(
        ticks
            .into_iter()
            .map(|tick| (tick.position(), Source::Tick(tick))),
    );
    // Runs that are not over come first, so that they are kept.
    found.sort_by_key(|(key, source)| (source.is_over(), Reverse(*key)));
    found.truncate(WorkloadDetail::MAX_RUNS);
    found.sort_by_key(|(key, _)| Reverse(*key));
    let runs = found.into_iter().map(|(_, source)| match source {
        Source::Job(job) => WorkloadRun::of_job(job, as_of),
        Source::Owner(jobs) => WorkloadRun::of_owner(&jobs, as_of),
        Source::History(run) => WorkloadRun::of_past(run),
        Source::Tick(tick) => WorkloadRun::of_tick(tick, workload.is_cronjob()),
    });
    runs.collect()
}

impl Source<'_> {
    fn is_over(&self) -> bool {
        match self {
            Self::Job(job) => job.finished(),
            Self::Owner(jobs) => jobs.iter().all(|job| job.finished()),
            Self::History(_) | Self::Tick(_) => true,
        }
    }
}

impl WorkloadRun {
    fn of_job(job: &Job, as_of: Option<Seconds>) -> Self {
        let start = job.start.get();
        let until = if job.active() { as_of } else { job.end() };
        let explanation = RunExplanation::of_job(job);
        let pods = job.observed_pods.as_deref().filter(|_| job.active());
        Self {
            state: match job.state {
                JobState::Suspended => RunState::Suspended,
                JobState::Pending => RunState::Pending,
                JobState::Running => RunState::Running,
                JobState::Succeeding | JobState::Failing => RunState::Ending,
                JobState::Complete => RunState::Succeeded,
                JobState::Failed => RunState::Failed,
            },
            due: job.due.get(),
            start,
            end: job.end(),
            duration: duration(start, until),
            reason: job.failure,
            cause: explanation.cause,
            exit_code: explanation.exit_code,
            waiting: pods.and_then(JobPods::waits_for),
            not_started: None,
            job_name: Some(job.name.to_shared()),
            manual: job.manual,
            exists: true,
            failed_pods: Some(job.pods.failed),
        }
    }

    /// The run of an owner with these Jobs, at least one: that of the Job that decides, from the first start to the last end.
    fn of_owner(jobs: &[&Job], as_of: Option<Seconds>) -> Self {
        let order = |job: &&&Job| {
            let end = job.end().unwrap_or(Seconds::MAX);
            let (rank, end) = match job.state {
                JobState::Complete => (3, -end),
                JobState::Failed => (2, end),
                JobState::Suspended => (1, 0),
                _ => (0, job.start.get().unwrap_or(Seconds::MAX)),
            };
            (rank, end)
        };
        let decides = jobs.iter().min_by_key(order).map_or(jobs[0], |job| job);
        let starts = jobs.iter().filter_map(|job| job.start.get());
        let start = starts.min();
        let ends = jobs.iter().map(|job| job.end()).max().flatten();
        let end = ends.filter(|_| decides.finished());
        let until = if decides.active() { as_of } else { end };
        let failed = jobs.iter().map(|job| job.pods.failed);
        Self {
            start,
            end,
            duration: duration(start, until),
            failed_pods: Some(failed.fold(0, i32::saturating_add)),
            ..Self::of_job(decides, as_of)
        }
    }

    fn of_past(run: &Run) -> Self {
        Self {
            state: match run.result {
                RunResult::Succeeded => RunState::Succeeded,
                RunResult::Failed => RunState::Failed,
            },
            due: run.due,
            start: run.start,
            end: run.end,
            duration: duration(run.start, run.end),
            reason: run.reason,
            cause: run.explanation.cause,
            exit_code: run.explanation.exit_code,
            waiting: None,
            not_started: None,
            job_name: Some(run.job_name.clone()),
            manual: run.manual,
            exists: false,
            failed_pods: Some(run.failed_pods),
        }
    }

    /// A run of a `CronJob` has the due time of its tick, unless it is manual. The tick of another run has its start there.
    fn of_tick(tick: &Tick, is_cronjob: bool) -> Self {
        Self {
            state: match tick.outcome {
                TickOutcome::Succeeded => RunState::Succeeded,
                TickOutcome::Failed => RunState::Failed,
                TickOutcome::Deleted => RunState::Deleted,
                TickOutcome::Missed => RunState::Missed,
            },
            due: (is_cronjob && !tick.manual).then(|| tick.due()),
            start: tick.start(),
            end: tick.end(),
            duration: tick.duration(),
            reason: None,
            cause: None,
            exit_code: None,
            waiting: None,
            not_started: tick.not_started(),
            job_name: None,
            manual: tick.manual,
            exists: false,
            failed_pods: None,
        }
    }
}

/// Never negative, whatever the clocks say.
fn duration(start: Option<Seconds>, end: Option<Seconds>) -> Option<Seconds> {
    Some(end?.saturating_sub(start?).max(0))
}
