//! What is wrong with a workload, or worth knowing, with the numbers.
//!
//! Each finding is the condition of one alert, which [`Finding::alert`] names. A failed run with the cause `OOMKilled` is also that of
//! `BatchRunsOutOfMemory`.

use super::OverallState;
use crate::model::{
    FailureCause, FailureReason, Name, NotStarted, Seconds, WaitReason, label_enum,
};

label_enum! {
    /// How urgent a finding is: the severity of its alert, unless the workload has one of its own.
    #[derive(PartialOrd, Ord)]
    Level {
        /// Somebody should look now.
        Critical = "critical",
        /// Somebody should look today.
        Warning = "warning",
        /// Nothing needs to be done.
        Info = "info",
    }
}

/// Why a run failed, by its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownCause {
    /// The cause.
    pub cause: FailureCause,
    /// The exit code behind it, if a container ended with one.
    pub exit_code: Option<i32>,
}

/// A fact about a workload that explains its state. Durations are in seconds, times in seconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The last run failed, and more runs in a row than tolerated.
    RunFailed {
        /// Failed runs in a row.
        failures: u64,
        /// How many are tolerated.
        tolerated: u64,
        /// Why the last one failed.
        reason: FailureReason,
        /// What its pods say about it.
        cause: Option<KnownCause>,
        /// When the first of them was due; `None` if that is no longer known.
        since: Option<Seconds>,
    },
    /// Runs and due times in a row came to nothing, in any way.
    NotSucceeding {
        /// Failed, deleted and missed runs in a row.
        runs: u64,
        /// How many are tolerated, at least two.
        tolerated: u64,
        /// The last success; `None` if none is known.
        last_success: Option<Seconds>,
        /// When the first of them was due; `None` if that is no longer known.
        since: Option<Seconds>,
    },
    /// The next success is late.
    NoRecentSuccess {
        /// When it was due at the latest.
        deadline: Seconds,
        /// By how much it is late.
        late: Seconds,
    },
    /// Runs are due, their grace is over, and nothing started.
    Overdue {
        /// Number of due times.
        runs: u64,
        /// The first of them.
        since: Option<Seconds>,
        /// Why nothing started.
        reason: Option<NotStarted>,
    },
    /// The schedule or its time zone is invalid.
    InvalidSchedule,
    /// The oldest active run takes longer than its maximum duration.
    TooLong {
        /// When it started.
        start: Seconds,
        /// How long it has been active.
        active_for: Seconds,
        /// Its maximum duration.
        max_duration: Seconds,
    },
    /// A Job started long ago, and none of its pods was ever ready.
    Pending {
        /// The Job.
        job_name: Name,
        /// When it started.
        start: Seconds,
        /// How long it has been pending.
        pending_for: Seconds,
        /// What its pod waits for that has waited longest.
        waiting: Option<WaitReason>,
    },
    /// The result of a Job was decided long ago, and its pods have not terminated.
    StuckEnding {
        /// The Job.
        job_name: Name,
        /// When its result was decided.
        since: Seconds,
        /// For how long its pods have been terminating.
        ending_for: Seconds,
    },
    /// An active run holds up the next one by the policy Forbid.
    Blocked {
        /// The first due time that it holds up.
        since: Seconds,
        /// For how long.
        blocked_for: Seconds,
    },
    /// Several runs are active at once.
    PilingUp {
        /// Active runs.
        runs: usize,
        /// Since when at least three are active.
        since: Seconds,
    },
    /// Due times got no run in time.
    RunsMissed {
        /// When the first of the last three was found to be overdue.
        since: Seconds,
        /// Missed due times in total, since counting started.
        total: u64,
    },
    /// The last run failed, and that is tolerated. No alert is about this.
    FailureTolerated {
        /// Failed runs in a row.
        failures: u64,
        /// How many are tolerated.
        tolerated: u64,
        /// Why the last one failed.
        reason: FailureReason,
        /// What its pods say about it.
        cause: Option<KnownCause>,
        /// When the first of them was due; `None` if that is no longer known.
        since: Option<Seconds>,
    },
    /// The oldest active run takes much longer than the last ones did. The alert compares with 7 days, this with the runs of
    /// the ticks.
    SlowerThanUsual {
        /// When it started.
        start: Seconds,
        /// How long it has been active.
        active_for: Seconds,
        /// Duration of the longest of the last runs.
        longest: Seconds,
    },
    /// The `CronJob` is suspended. An alert is about it once somebody may have forgotten it.
    Suspended {
        /// Since when, as far as it was seen.
        since: Seconds,
        /// Whether that is longer ago than a week.
        forgotten: bool,
    },
    /// Annotations are ignored because they are invalid.
    InvalidAnnotations {
        /// Their names without the prefix, each once.
        names: Vec<&'static str>,
    },
}

impl Finding {
    /// How urgent it is: the default severity of its alert.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::NotSucceeding { .. } | Self::NoRecentSuccess { .. } => Level::Critical,
            Self::RunFailed { .. }
            | Self::Overdue { .. }
            | Self::InvalidSchedule
            | Self::TooLong { .. }
            | Self::Pending { .. }
            | Self::StuckEnding { .. }
            | Self::Blocked { .. }
            | Self::PilingUp { .. }
            | Self::RunsMissed { .. } => Level::Warning,
            Self::FailureTolerated { .. }
            | Self::SlowerThanUsual { .. }
            | Self::Suspended { .. }
            | Self::InvalidAnnotations { .. } => Level::Info,
        }
    }

    /// The alert that fires, at once or after its `for:`, while this lasts; `None` if there is none.
    #[must_use]
    pub fn alert(&self) -> Option<&'static str> {
        Some(match self {
            Self::RunFailed { .. } => "BatchRunFailed",
            Self::NotSucceeding { .. } => "BatchFailingRepeatedly",
            Self::NoRecentSuccess { .. } => "BatchNoRecentSuccess",
            Self::Overdue { .. } => "BatchRunOverdue",
            Self::InvalidSchedule => "BatchScheduleInvalid",
            Self::TooLong { .. } => "BatchRunTooLong",
            Self::Pending { .. } => "BatchRunPending",
            Self::StuckEnding { .. } => "BatchRunStuckEnding",
            Self::Blocked { .. } => "BatchScheduleBlocked",
            Self::PilingUp { .. } => "BatchRunsPilingUp",
            Self::RunsMissed { .. } => "BatchRunsMissed",
            Self::SlowerThanUsual { .. } => "BatchRunSlowerThanUsual",
            Self::Suspended {
                forgotten: true, ..
            } => "BatchCronJobSuspended",
            Self::InvalidAnnotations { .. } => "BatchAnnotationInvalid",
            Self::FailureTolerated { .. } | Self::Suspended { .. } => return None,
        })
    }

    /// Since when it is so; `None` if that is not known.
    #[must_use]
    pub fn since(&self) -> Option<Seconds> {
        match self {
            Self::RunFailed { since, .. }
            | Self::NotSucceeding { since, .. }
            | Self::FailureTolerated { since, .. }
            | Self::Overdue { since, .. } => *since,
            Self::NoRecentSuccess { deadline, .. } => Some(*deadline),
            Self::TooLong {
                start,
                max_duration,
                ..
            } => Some(start.saturating_add(*max_duration)),
            Self::Pending { start, .. } | Self::SlowerThanUsual { start, .. } => Some(*start),
            Self::StuckEnding { since, .. }
            | Self::Blocked { since, .. }
            | Self::PilingUp { since, .. }
            | Self::RunsMissed { since, .. }
            | Self::Suspended { since, .. } => Some(*since),
            Self::InvalidSchedule | Self::InvalidAnnotations { .. } => None,
        }
    }
}

/// The state of a workload with these findings: the worst that one of them stands for. `None` if none of them decides it.
///
/// A workload without any success so far has never succeeded, even if its last run failed. One that only misses its due times
/// is overdue rather than failing.
pub(super) fn worst_state(findings: &[Finding]) -> Option<OverallState> {
    let has = |is: fn(&Finding) -> bool| findings.iter().any(is);
    let run_failed = has(|it| matches!(it, Finding::RunFailed { .. }));
    let never_succeeded = has(|it| {
        matches!(
            it,
            Finding::NotSucceeding {
                last_success: None,
                ..
            }
        )
    });
    let only_overdue = !run_failed && has(|it| matches!(it, Finding::Overdue { .. }));
    let failing = if never_succeeded {
        OverallState::NeverSucceeded
    } else {
        OverallState::Failing
    };
    let state = |finding: &Finding| {
        Some(match finding {
            Finding::NotSucceeding { .. } if only_overdue => return None,
            Finding::RunFailed { .. } | Finding::NotSucceeding { .. } => failing,
            Finding::NoRecentSuccess { .. } => OverallState::NoRecentSuccess,
            Finding::Overdue { .. } => OverallState::Overdue,
            Finding::InvalidSchedule => OverallState::InvalidSchedule,
            Finding::TooLong { .. } => OverallState::TooLong,
            Finding::Pending { .. } => OverallState::Pending,
            Finding::StuckEnding { .. } => OverallState::StuckEnding,
            Finding::Blocked { .. } => OverallState::Blocked,
            Finding::PilingUp { .. } => OverallState::PilingUp,
            Finding::RunsMissed { .. } => OverallState::Missed,
            Finding::FailureTolerated { .. } => OverallState::Tolerated,
            Finding::SlowerThanUsual { .. }
            | Finding::Suspended { .. }
            | Finding::InvalidAnnotations { .. } => return None,
        })
    };
    findings.iter().filter_map(state).min()
}
