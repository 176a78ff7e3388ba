//! The one state of a workload: the worst that applies.
//!
//! States that an alert is about come first, in the order of their urgency.

use crate::model::label_enum;

label_enum! {
    /// The state of a workload. The declaration has the worst state first.
    #[derive(PartialOrd, Ord, Hash)]
    OverallState {
        /// The last run failed, and more runs in a row than tolerated; or runs always end without success.
        Failing = "failing",
        /// Several runs in a row came to nothing, and no success is known.
        NeverSucceeded = "never_succeeded",
        /// The next success is past its deadline.
        NoRecentSuccess = "no_recent_success",
        /// A run is due, and nothing started.
        Overdue = "overdue",
        /// The schedule or its time zone is invalid, so that nothing will start.
        InvalidSchedule = "invalid_schedule",
        /// An active run takes longer than its maximum duration.
        TooLong = "too_long",
        /// An active run has had no ready pod for long.
        Pending = "pending",
        /// The result of a run has been decided for long, and its pods have not terminated.
        StuckEnding = "stuck_ending",
        /// An active run has held up the next one for long.
        Blocked = "blocked",
        /// Several runs have been active at once for long.
        PilingUp = "piling_up",
        /// Several due times got no run lately.
        Missed = "missed",
        /// The last run failed, and that is tolerated.
        Tolerated = "tolerated",
        /// A run is active.
        Running = "running",
        /// The `CronJob` or the Job is suspended.
        Suspended = "suspended",
        /// No run has finished yet.
        Waiting = "waiting",
        /// The last run succeeded.
        Succeeded = "succeeded",
    }
}

impl OverallState {
    /// Number of states.
    pub const COUNT: usize = Self::ALL.len();

    /// Whether something has to be done: an alert is about it.
    #[must_use]
    pub fn is_problem(self) -> bool {
        self <= Self::Missed
    }

    /// Its position in [`Self::ALL`].
    #[must_use]
    pub fn rank(self) -> usize {
        self as usize
    }
}
