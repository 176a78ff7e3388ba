//! Everything about one workload that its own page shows: its runs, what comes next, and what usually happens.
//!
//! Runs come from the Jobs that exist, from the history, and from the ticks of the workload, which also know the due times
//! that were missed. Each run is listed once.

use super::{WorkloadStatus, judge::TargetFacts};
use crate::{
    model::{
        FailureCause, FailureReason, Name, NotStarted, Run, Seconds, WaitReason, WorkloadId,
        label_enum,
    },
    store::{CronJobRecord, ScheduleStatus, TargetSnapshot},
};

mod runs;

/// Fewer successful runs do not tell what is usual.
const MIN_USUAL: usize = 5;

label_enum! {
    /// The state of a run or of a due time.
    RunState {
        /// The Job is active, and a pod is or was ready.
        Running = "running",
        /// The Job is active, and no pod was ever ready.
        Pending = "pending",
        /// The result of the Job is decided, and its pods are terminating.
        Ending = "ending",
        /// The Job is suspended.
        Suspended = "suspended",
        /// The Job is complete.
        Succeeded = "succeeded",
        /// The Job failed.
        Failed = "failed",
        /// The Job was deleted before it finished.
        Deleted = "deleted",
        /// No run started for the due time.
        Missed = "missed",
    }
}

/// A run of a workload, or a due time that got none. Times are in seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRun {
    /// Its state.
    pub state: RunState,
    /// The due time; `None` for a manual run, and for one that no schedule started.
    pub due: Option<Seconds>,
    /// When it started. If only a tick is left of a run that never started, this is the creation of its Job.
    pub start: Option<Seconds>,
    /// When it ended.
    pub end: Option<Seconds>,
    /// From the start to the end, in seconds. An active run lasts until [`WorkloadStatus::as_of`].
    pub duration: Option<Seconds>,
    /// Why it failed.
    pub reason: Option<FailureReason>,
    /// Why its pods failed: of a failed run its cause, of another one why its last retry was necessary. `None` if that is not known.
    pub cause: Option<FailureCause>,
    /// The exit code behind the cause.
    pub exit_code: Option<i32>,
    /// What the pod waits for that has waited longest, if the run is active.
    pub waiting: Option<WaitReason>,
    /// Why nothing started for a missed due time: for the latest one as of now, for others as of when it was found to be
    /// overdue.
    pub not_started: Option<NotStarted>,
    /// The name of the Job; `None` if it is not known any more.
    pub job_name: Option<Name>,
    /// Whether the Job was created manually from a `CronJob`.
    pub manual: bool,
    /// Whether the Job still exists, or was deleted just now.
    pub exists: bool,
    /// Number of pods that failed, retried ones included; `None` if it is not known any more.
    pub failed_pods: Option<i32>,
}

/// Where the runs before those of the existing Jobs come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PastRuns {
    /// No history is configured: only what this process saw is known.
    #[default]
    NoHistory,
    /// The runs that the history has, in any order.
    Known(Vec<Run>),
    /// The history cannot be read now, with the reason.
    Unreadable(String),
}

/// Everything about one workload.
#[derive(Clone, Debug)]
pub struct WorkloadDetail {
    /// What the overview shows of it.
    pub status: WorkloadStatus,
    /// When the facts were taken.
    pub now: Seconds,
    /// The schedule in words; `None` if there is none, or if it or its time zone is invalid.
    pub schedule_in_words: Option<String>,
    /// The runs and missed due times, the latest first, at most [`Self::MAX_RUNS`]. Older runs are left out for those that are
    /// not over.
    pub runs: Vec<WorkloadRun>,
    /// The next due times, at most [`Self::UPCOMING`]; none while it is suspended.
    pub upcoming: Vec<Seconds>,
    /// The median duration of the successful ones among `runs`, in seconds; `None` for fewer than five.
    pub median_duration: Option<Seconds>,
    /// The 95th percentile of the same.
    pub p95_duration: Option<Seconds>,
    /// Why older runs are missing; `None` if the history could be read, and if there is none.
    pub history_problem: Option<String>,
    /// Whether a history is configured.
    pub has_history: bool,
}

impl WorkloadDetail {
    /// How many runs are listed.
    pub const MAX_RUNS: usize = 200;

    /// How many due times are listed.
    pub const UPCOMING: usize = 5;

    /// The workload with this identity; `None` if the target does not have it.
    #[must_use]
    pub fn new(target: &TargetSnapshot, id: &WorkloadId, past: PastRuns) -> Option<Self> {
        let workload = target.workloads.iter().find(|it| it.id == *id)?;
        let facts = TargetFacts::new(target);
        let cronjob = facts.cronjob(workload);
        let schedule = cronjob.and_then(CronJobRecord::schedule_status);
        let status = WorkloadStatus::new(&facts, workload);
        let (past, has_history, history_problem) = match past {
            PastRuns::NoHistory => (Vec::new(), false, None),
            PastRuns::Known(runs) => (runs, true, None),
            PastRuns::Unreadable(problem) => (Vec::new(), true, Some(problem)),
        };
        let mut runs = runs::merge(target, workload, &past, status.as_of);
        explain_last_missed(&mut runs, schedule);
        let durations = usual_durations(&runs);
        Some(Self {
            status,
            now: target.date.as_second(),
            schedule_in_words: schedule.and_then(ScheduleStatus::describe),
            runs,
            upcoming: schedule.map_or_else(Vec::new, |schedule| {
                schedule.upcoming().take(Self::UPCOMING).collect()
            }),
            median_duration: percentile(&durations, 50),
            p95_duration: percentile(&durations, 95),
            history_problem,
            has_history,
        })
    }
}

/// While due times are overdue, the present reason is about the last of them.
fn explain_last_missed(runs: &mut [WorkloadRun], schedule: Option<&ScheduleStatus>) {
    let overdue = schedule.filter(|schedule| schedule.overdue_runs > Some(0));
    let Some(reason) = overdue.and_then(|schedule| schedule.not_started) else {
        return;
    };
    let scheduled = runs.iter_mut().find(|run| run.due.is_some());
    if let Some(last) = scheduled.filter(|run| run.state == RunState::Missed) {
        last.not_started = Some(reason);
    }
}

/// The durations of the successful runs in ascending order; none if these are too few.
fn usual_durations(runs: &[WorkloadRun]) -> Vec<Seconds> {
    let succeeded = runs.iter().filter(|run| run.state == RunState::Succeeded);
    let mut durations: Vec<_> = succeeded.filter_map(|run| run.duration).collect();
    durations.sort_unstable();
    if durations.len() < MIN_USUAL {
        durations.clear();
    }
    durations
}

/// The smallest value that is not less than this percentage of all, which are in ascending order.
fn percentile(sorted: &[Seconds], percent: usize) -> Option<Seconds> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}
