//! What is wrong with a workload, for scripts and people.

use kube_cron::Zone;
use serde::Serialize;
use utoipa::ToSchema;

use super::value::{CodeLabel, LevelLabel, Time};
use crate::{
    model::{Seconds, label_enum},
    status::{Finding, phrases},
};

label_enum! {
    /// What a finding is about. Programs compare this; the text may change.
    FindingCode {
        /// The last run failed, and more runs in a row than tolerated.
        RunFailed = "run_failed",
        /// Runs and due times in a row came to nothing.
        NotSucceeding = "not_succeeding",
        /// The next success is late.
        NoRecentSuccess = "no_recent_success",
        /// Runs are due, and nothing started.
        Overdue = "overdue",
        /// The schedule or its time zone is invalid.
        InvalidSchedule = "invalid_schedule",
        /// An active run takes longer than its maximum duration.
        TooLong = "too_long",
        /// A Job has had no ready pod for long.
        Pending = "pending",
        /// A Job is over, and its pods do not end.
        StuckEnding = "stuck_ending",
        /// An active run holds up the next one.
        Blocked = "blocked",
        /// Several runs are active at once.
        PilingUp = "piling_up",
        /// Due times got no run in time.
        RunsMissed = "runs_missed",
        /// The last run failed, and that is tolerated.
        FailureTolerated = "failure_tolerated",
        /// An active run takes much longer than the last ones.
        SlowerThanUsual = "slower_than_usual",
        /// The `CronJob` is suspended.
        Suspended = "suspended",
        /// Annotations are ignored because they are invalid.
        InvalidAnnotations = "invalid_annotations",
    }
}

/// What is wrong with a workload, or worth knowing.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct FindingEntry {
    /// What it is about.
    code: CodeLabel,
    /// How urgent it is: the default severity of its alert.
    level: LevelLabel,
    /// The alert that fires while it lasts, at once or after its `for:`. Null if there is none.
    alert: Option<&'static str>,
    /// Since when it is so. Null if that is not known.
    since: Option<Time>,
    /// The same in words. The wording may change.
    text: String,
}

impl FindingEntry {
    /// A finding as of `now`, with times of its text in `zone`.
    pub(super) fn new(finding: &Finding, now: Seconds, zone: &Zone) -> Self {
        Self {
            code: CodeLabel(code(finding)),
            level: LevelLabel(finding.level()),
            alert: finding.alert(),
            since: Time::of(finding.since()),
            text: phrases::finding(finding, now, zone),
        }
    }
}

fn code(finding: &Finding) -> FindingCode {
    match finding {
        Finding::RunFailed { .. } => FindingCode::RunFailed,
        Finding::NotSucceeding { .. } => FindingCode::NotSucceeding,
        Finding::NoRecentSuccess { .. } => FindingCode::NoRecentSuccess,
        Finding::Overdue { .. } => FindingCode::Overdue,
        Finding::InvalidSchedule => FindingCode::InvalidSchedule,
        Finding::TooLong { .. } => FindingCode::TooLong,
        Finding::Pending { .. } => FindingCode::Pending,
        Finding::StuckEnding { .. } => FindingCode::StuckEnding,
        Finding::Blocked { .. } => FindingCode::Blocked,
        Finding::PilingUp { .. } => FindingCode::PilingUp,
        Finding::RunsMissed { .. } => FindingCode::RunsMissed,
        Finding::FailureTolerated { .. } => FindingCode::FailureTolerated,
        Finding::SlowerThanUsual { .. } => FindingCode::SlowerThanUsual,
        Finding::Suspended { .. } => FindingCode::Suspended,
        Finding::InvalidAnnotations { .. } => FindingCode::InvalidAnnotations,
    }
}
