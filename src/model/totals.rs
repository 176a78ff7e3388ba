//! The totals of a workload, which outlive its Jobs: counters and the last results of all its runs.
//!
//! The history stores them. The serialized form is part of its file format.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    CauseGroup, FailedPods, FailureCause, FailureReason, Histogram, NativeTotals, Run,
    RunExplanation, RunResult, RunSortKey, Seconds, Streak, run::seconds_between,
};

mod merge;

/// The counters and the last results of the runs of a workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// When the workload was first seen and its counters started at 0, in milliseconds since the Unix epoch.
    pub first_seen: i64,
    /// Number of counted runs that succeeded.
    pub succeeded: u64,
    /// Number of counted runs that failed.
    pub failed: u64,
    /// Number of Jobs that disappeared before they were seen finished.
    pub deleted: u64,
    /// Durations of counted runs that succeeded.
    pub success_durations: Histogram,
    /// Durations of counted runs that failed.
    pub failure_durations: Histogram,
    /// Times from the due time to the start of counted runs.
    pub start_delays: Histogram,
    /// The same observations as native histograms; `None` unless these are enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Box<NativeTotals>>,
    /// Failed pods of counted runs, by the group of the cause.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pod_failures: BTreeMap<CauseGroup, u64>,
    /// The last finished run that is not manual.
    pub last: Option<LastRun>,
    /// End of the last successful run, manual ones included.
    pub last_success: Option<Seconds>,
    /// End of the last failed run, manual ones included.
    pub last_failure: Option<Seconds>,
    /// The creation of the `CronJob`, else that of the first known Job.
    pub created: Option<Seconds>,
    /// The latest due time for which a Job was seen.
    pub last_started: Option<Seconds>,
    /// Failed runs since the last success, without manual ones.
    #[serde(rename = "failures")]
    pub consecutive_failures: Streak,
    /// The same, and the runs that were deleted before they finished, and the missed runs.
    #[serde(rename = "unsuccessful")]
    pub consecutive_unsuccessful: Streak,
}

/// The last finished run of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Its position among the runs of the workload.
    #[serde(rename = "order")]
    pub sort_key: RunSortKey,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// When it started, or was resumed last.
    pub start: Option<Seconds>,
    /// When it finished.
    pub end: Option<Seconds>,
    /// Why it failed; `None` if it succeeded.
    pub reason: Option<FailureReason>,
    /// Why it failed, by its pods; of one that succeeded, why its last retry was necessary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<FailureCause>,
    /// The exit code behind the cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

// === impl LastRun ===

impl LastRun {
    /// Time from the start to the end; `None` if either is unknown.
    #[must_use]
    pub fn duration(&self) -> Option<Seconds> {
        seconds_between(self.start, self.end)
    }
}

// === impl Totals ===

impl Totals {
    /// The totals of a workload that is seen for the first time.
    #[must_use]
    pub fn new(first_seen: i64) -> Self {
        Self {
            first_seen,
            ..Self::default()
        }
    }

    /// Adds a finished run. If it is not `counted`, only the last results change, not the counters. Returns whether it is now
    /// the last run.
    pub fn add_run(&mut self, run: &Run, counted: bool, duration_bounds: &[f64]) -> bool {
        if counted {
            self.count(run, duration_bounds);
        }
        let end = run.end.or(run.start).or(run.created);
        match run.result {
            RunResult::Succeeded => self.add_success(end),
            RunResult::Failed => self.last_failure = self.last_failure.max(end),
        }
        if run.manual {
            return false;
        }
        let sort_key = run.sort_key();
        match run.result {
            RunResult::Succeeded => {
                self.consecutive_failures.end_at(sort_key);
                self.consecutive_unsuccessful.end_at(sort_key);
            }
            RunResult::Failed => {
                self.consecutive_failures.add(sort_key);
                self.add_unsuccessful(sort_key, run.due);
            }
        }
        self.set_last(run)
    }

    /// A run that was added `before` has another result or another end: more of its Jobs are known. If it is `counted` only now, the
    /// counters get it, too. They never lose what they have. If the run had succeeded and has failed now, the failures that its success
    /// ended stay forgotten.
    pub fn update_run(&mut self, before: &Run, run: &Run, counted: bool, duration_bounds: &[f64]) {
        if counted {
            self.count(run, duration_bounds);
        }
        let sort_key = run.sort_key();
        match run.result {
            RunResult::Succeeded => {
                self.add_success(run.end);
                self.consecutive_failures.end_at(sort_key);
                self.consecutive_unsuccessful.end_at(sort_key);
            }
            RunResult::Failed => {
                self.last_failure = self.last_failure.max(run.end);
                if before.result == RunResult::Succeeded {
                    self.consecutive_failures.add(sort_key);
                    self.consecutive_unsuccessful.add(sort_key);
                }
            }
        }
        self.set_last(run);
    }

    /// Makes a run the last one, unless a later one is known. Returns whether it is.
    fn set_last(&mut self, run: &Run) -> bool {
        let sort_key = run.sort_key();
        let latest = self.last.as_ref().map(|last| last.sort_key);
        if latest > Some(sort_key) {
            return false;
        }
        self.last = Some(LastRun {
            sort_key,
            succeeded: run.result == RunResult::Succeeded,
            start: run.start,
            end: run.end,
            reason: (run.result == RunResult::Failed)
                .then(|| run.reason.unwrap_or(FailureReason::Other)),
            cause: run.explanation.cause,
            exit_code: run.explanation.exit_code,
        });
        true
    }

    /// The last finished run, if that failed.
    #[must_use]
    pub fn last_failed_run(&self) -> Option<&LastRun> {
        self.last.as_ref().filter(|last| !last.succeeded)
    }

    /// When the histograms started at 0, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn histograms_since(&self) -> i64 {
        let native = self.native.as_ref();
        native.map_or(self.first_seen, |native| native.since)
    }

    /// Enables or disables native histograms as of `now`, in milliseconds since the Unix epoch.
    ///
    /// The classic and the native histograms share their counts and sums. If the classic ones have other observations, since
    /// they were filled without the native ones, all restart from zero. Returns whether observations were lost.
    pub fn set_native(&mut self, enabled: bool, now: i64) -> bool {
        if !enabled {
            self.native = None;
            return false;
        }
        let classic = [
            &self.success_durations,
            &self.failure_durations,
            &self.start_delays,
        ];
        let counts = classic.map(Histogram::count);
        if let Some(native) = &self.native
            && native.have(counts)
        {
            return false;
        }
        let any = counts.iter().any(|count| *count > 0);
        let since = if any || self.native.is_some() {
            now
        } else {
            self.first_seen
        };
        self.success_durations = Histogram::default();
        self.failure_durations = Histogram::default();
        self.start_delays = Histogram::default();
        self.native = Some(Box::new(NativeTotals {
            since,
            ..NativeTotals::default()
        }));
        any
    }

    /// Adds a scheduled run that was deleted before it finished, and was due at this time.
    pub fn add_deleted_run(&mut self, sort_key: RunSortKey, due: Option<Seconds>) {
        self.add_unsuccessful(sort_key, due);
    }

    /// A run that was deleted before it finished has a result: another Job of its owner followed.
    pub fn remove_deleted_run(&mut self, sort_key: RunSortKey) {
        self.consecutive_unsuccessful.remove(sort_key);
    }

    /// Adds a due time that got no run in time.
    pub fn add_missed(&mut self, due: Seconds) {
        self.add_unsuccessful(RunSortKey::missed(due), Some(due));
    }

    /// A Job exists for this due time. If the run is late, its result decides, not the missed due time.
    pub fn add_start(&mut self, due: Seconds) {
        self.last_started = self.last_started.max(Some(due));
        self.consecutive_unsuccessful
            .remove(RunSortKey::missed(due));
    }

    /// One due time counts once.
    fn add_unsuccessful(&mut self, sort_key: RunSortKey, due: Option<Seconds>) {
        let streak = &mut self.consecutive_unsuccessful;
        if !due.is_some_and(|due| streak.contains_due(due)) {
            streak.add(sort_key);
        }
    }

    /// Adds the end of a successful run, which a Job or the status of its `CronJob` reports.
    pub fn add_success(&mut self, end: Option<Seconds>) {
        self.last_success = self.last_success.max(end);
    }

    /// Adds what became known of a run after its end. `counted`: whether the counters include the run. Returns whether anything
    /// changed.
    pub fn explain(&mut self, run: &Run, before: &RunExplanation, counted: bool) -> bool {
        let RunExplanation {
            cause,
            exit_code,
            failed,
        } = run.explanation;
        let sort_key = run.sort_key();
        let last = self.last.as_mut();
        let last = last.filter(|last| !run.manual && last.sort_key == sort_key);
        let mut changed = false;
        if let Some(last) = last
            && (last.cause, last.exit_code) != (cause, exit_code)
        {
            (last.cause, last.exit_code) = (cause, exit_code);
            changed = true;
        }
        counted && self.add_pod_failures(&failed, &before.failed) || changed
    }

    /// Adds the failed pods that were not counted `before`. Returns whether there were any.
    fn add_pod_failures(&mut self, failed: &FailedPods, before: &FailedPods) -> bool {
        let mut any = false;
        for (cause, count) in failed.iter() {
            let new = count.saturating_sub(before.count(cause));
            if new > 0 {
                *self.pod_failures.entry(cause.group()).or_default() += u64::from(new);
                any = true;
            }
        }
        any
    }

    /// Adds a run to the counters and histograms only.
    pub fn count(&mut self, run: &Run, duration_bounds: &[f64]) {
        let (runs, durations) = match run.result {
            RunResult::Succeeded => (&mut self.succeeded, &mut self.success_durations),
            RunResult::Failed => (&mut self.failed, &mut self.failure_durations),
        };
        *runs += 1;
        if let Some(duration) = run.duration() {
            durations.observe(as_f64(duration), duration_bounds);
        }
        if let Some(delay) = run.start_delay() {
            self.start_delays
                .observe(as_f64(delay), &START_DELAY_BOUNDS);
        }
        if let Some(native) = &mut self.native {
            native.observe(run);
        }
        self.add_pod_failures(&run.explanation.failed, &FailedPods::default());
    }
}

/// Upper bounds of the start delay histogram, in seconds. An idle controller takes about one second; a queue can hold a Job
/// for hours.
pub const START_DELAY_BOUNDS: [f64; 12] = [
    1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0,
];

#[allow(
    clippy::cast_precision_loss,
    reason = "durations of less than 285 million years are exact"
)]
fn as_f64(seconds: Seconds) -> f64 {
    seconds as f64
}

#[cfg(test)]
mod tests;
