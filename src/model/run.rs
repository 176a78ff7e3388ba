//! Runs and what they add up to: the facts of a workload that outlive its Jobs.
//!
//! A [`Run`] is a finished Job, [`Totals`] is what all runs of a workload come to. Both can be kept in a file.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{FailureReason, Job, JobState, Name, Seconds, Uid};

/// Failures in a row that are remembered one by one. A success that is told late, between them, then ends those before it
/// only. Of one that is told even later it is not known which it ends: they all stay.
const STREAK: usize = 32;

labels! {
    /// How a run ended.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "lowercase")]
    RunResult {
        /// The Job completed.
        Succeeded = "succeeded",
        /// The Job failed.
        Failed = "failed",
    }
}

/// What identifies a workload within a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WorkloadId {
    /// Namespace.
    pub namespace: Name,
    /// The owner's kind in lower case, or `job`.
    pub kind: Name,
    /// The owner's name.
    pub name: Name,
}

/// A run that has come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// What tells this run from all others.
    pub uid: Uid,
    /// The name of its Job.
    pub job_name: Name,
    /// The time for which a `CronJob` made it.
    pub due: Option<Seconds>,
    /// Somebody made it from a `CronJob` by hand.
    pub manual: bool,
    /// When its Job was created.
    pub created: Option<Seconds>,
    /// When it started; once it was suspended and resumed, when it was resumed.
    pub start: Option<Seconds>,
    /// When it ended.
    pub end: Option<Seconds>,
    /// How it ended.
    pub result: RunResult,
    /// Why it failed, if it did.
    pub reason: Option<FailureReason>,
    /// Pods that succeeded.
    pub succeeded_pods: i32,
    /// Pods that failed, those that were retried included.
    pub failed_pods: i32,
}

/// Which of two runs is the later one: by due time, then start, then creation. What is not known is taken from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RunOrder(Seconds, Seconds, Seconds);

/// What the runs of a workload come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// When the workload was first seen, in milliseconds since the epoch: when its counters began at 0.
    pub first_seen: i64,
    /// Counted runs that succeeded.
    pub succeeded: u64,
    /// Counted runs that failed.
    pub failed: u64,
    /// Jobs that were gone before an end of theirs was seen.
    pub deleted: u64,
    /// How long counted runs took that succeeded.
    pub success_durations: Histogram,
    /// How long counted runs took that failed.
    pub failure_durations: Histogram,
    /// How long after their due time counted runs started.
    pub start_delays: Histogram,
    /// The last finished run, manual ones left out.
    pub last: Option<LastRun>,
    /// When a run last ended well.
    pub last_success: Option<Seconds>,
    /// When a run last failed, and why.
    pub last_failure: Option<(Seconds, FailureReason)>,
    /// Failures since the last success, manual runs left out.
    pub streak: Streak,
}

/// The last finished run of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Where it stands among the runs.
    pub order: RunOrder,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// When it started.
    pub start: Option<Seconds>,
    /// When it ended.
    pub end: Option<Seconds>,
}

/// Failures in a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streak {
    /// How many.
    pub failures: u64,
    /// The latest of them, in their order.
    latest: VecDeque<RunOrder>,
    /// The success before them.
    success: Option<RunOrder>,
}

/// Counts by bucket. The bounds are those of whoever observes; the counts are made room for by the first observation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Observations per bucket, not cumulated; the last is for those above every bound. Empty before the first.
    pub buckets: Box<[u64]>,
    /// Sum of all observed values.
    pub sum: f64,
}

// === impl Run ===

impl Run {
    /// The run that a finished Job was.
    #[must_use]
    pub fn of(job: &Job) -> Option<Self> {
        let result = match job.state {
            JobState::Complete => RunResult::Succeeded,
            JobState::Failed => RunResult::Failed,
            _ => return None,
        };
        Some(Self {
            uid: job.uid.clone(),
            job_name: job.name.clone(),
            due: job.due,
            manual: job.manual,
            created: job.created,
            start: job.start,
            end: job.end,
            result,
            reason: job.failure,
            succeeded_pods: job.pods.succeeded,
            failed_pods: job.pods.failed,
        })
    }

    /// Where it stands among the runs of its workload.
    #[must_use]
    pub fn order(&self) -> RunOrder {
        let created = self.created.or(self.end).unwrap_or(0);
        let start = self.start.unwrap_or(created);
        RunOrder(self.due.unwrap_or(start), start, created)
    }

    /// How long it took, if it ever started.
    #[must_use]
    pub fn duration(&self) -> Option<Seconds> {
        elapsed(self.start, self.end)
    }

    /// How long after its due time it started, if it had one.
    #[must_use]
    pub fn start_delay(&self) -> Option<Seconds> {
        elapsed(self.due, self.start)
    }
}

// === impl RunOrder ===

impl RunOrder {
    /// Due time, start and creation, each of them or what stands in for it.
    #[must_use]
    pub fn parts(self) -> (Seconds, Seconds, Seconds) {
        (self.0, self.1, self.2)
    }
}

// === impl LastRun ===

impl LastRun {
    /// How long it took, if it ever started.
    #[must_use]
    pub fn duration(&self) -> Option<Seconds> {
        elapsed(self.start, self.end)
    }
}

/// Clocks that disagree make it 0, never less.
fn elapsed(start: Option<Seconds>, end: Option<Seconds>) -> Option<Seconds> {
    Some((end? - start?).max(0))
}

// === impl Totals ===

impl Totals {
    /// Those of a workload that is seen for the first time.
    #[must_use]
    pub fn new(first_seen: i64) -> Self {
        Self {
            first_seen,
            ..Self::default()
        }
    }

    /// Takes note of a finished run. One that is not `counted` moves what is known of the last runs, but no counter.
    /// Says whether it is the last one now.
    pub fn finish(&mut self, run: &Run, counted: bool, duration_bounds: &[f64]) -> bool {
        if counted {
            self.count(run, duration_bounds);
        }
        let end = run.end.or(run.start).or(run.created);
        match run.result {
            RunResult::Succeeded => self.succeeded_at(end),
            RunResult::Failed => {
                let reason = run.reason.unwrap_or(FailureReason::Other);
                let latest = self.last_failure.map(|(at, _)| at);
                if let Some(end) = end.filter(|end| Some(*end) >= latest) {
                    self.last_failure = Some((end, reason));
                }
            }
        }
        if run.manual {
            return false;
        }
        let order = run.order();
        self.streak.take(order, run.result);
        let latest = self.last.as_ref().map(|last| last.order);
        if latest > Some(order) {
            return false;
        }
        self.last = Some(LastRun {
            order,
            succeeded: run.result == RunResult::Succeeded,
            start: run.start,
            end: run.end,
        });
        true
    }

    /// Takes note of when a run ended well, whoever says so.
    pub fn succeeded_at(&mut self, end: Option<Seconds>) {
        self.last_success = self.last_success.max(end);
    }

    fn count(&mut self, run: &Run, duration_bounds: &[f64]) {
        let (runs, durations) = match run.result {
            RunResult::Succeeded => (&mut self.succeeded, &mut self.success_durations),
            RunResult::Failed => (&mut self.failed, &mut self.failure_durations),
        };
        *runs += 1;
        if let Some(duration) = run.duration() {
            durations.observe(exact(duration), duration_bounds);
        }
        if let Some(delay) = run.start_delay() {
            self.start_delays.observe(exact(delay), &START_DELAY_BOUNDS);
        }
    }
}

/// Upper bounds for start delays, in seconds: a controller at ease takes one, a queue takes its time.
pub const START_DELAY_BOUNDS: [f64; 12] = [
    1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0,
];

#[allow(
    clippy::cast_precision_loss,
    reason = "durations of less than 285 million years are exact"
)]
fn exact(seconds: Seconds) -> f64 {
    seconds as f64
}

// === impl Streak ===

impl Streak {
    fn take(&mut self, order: RunOrder, result: RunResult) {
        if self.success > Some(order) {
            return;
        }
        match result {
            RunResult::Failed => {
                self.failures += 1;
                let place = self.latest.partition_point(|known| *known <= order);
                self.latest.insert(place, order);
                if self.latest.len() > STREAK {
                    self.latest.pop_front();
                }
            }
            RunResult::Succeeded => {
                self.success = Some(order);
                let before = self.latest.partition_point(|known| *known <= order);
                // With none before it, failures that are no longer known one by one may be later or earlier: they stay.
                if before > 0 {
                    self.latest.drain(..before);
                    self.failures = self.latest.len() as u64;
                }
            }
        }
    }
}

// === impl Histogram ===

impl Histogram {
    /// Counts `seconds`.
    pub fn observe(&mut self, seconds: f64, bounds: &[f64]) {
        if self.buckets.len() != bounds.len() + 1 {
            *self = Self {
                buckets: vec![0; bounds.len() + 1].into(),
                sum: 0.0,
            };
        }
        let bucket = bounds.partition_point(|bound| *bound < seconds);
        self.buckets[bucket] += 1;
        self.sum += seconds;
    }

    /// How many observations there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

#[cfg(test)]
mod tests;
