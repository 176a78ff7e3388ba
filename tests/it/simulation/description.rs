//! The values of a workload as text: those that are expected, and those that are shown.

use std::collections::HashMap;

use job_status_exporter::{
    model::{Histogram, Job, JobState, Seconds},
    store::WorkloadRecord,
};

use super::expected::ExpectedWorkload;

impl ExpectedWorkload {
    /// The last finished scheduled run.
    pub(super) fn last_run(&self) -> Option<&Job> {
        let runs = self.runs.iter().map(|(job, _)| job);
        runs.filter(|job| !job.manual).max_by_key(|job| order(job))
    }

    /// The expected values; `active` are the start times of active runs.
    pub(super) fn describe(&self, active: &[Seconds]) -> String {
        let counted = |succeeded: bool| {
            let runs = self.runs.iter().filter(|(_, counts)| *counts);
            let runs = runs.map(|(job, _)| job);
            let durations: Vec<_> = runs
                .filter(|job| has_succeeded(job) == succeeded)
                .map(|job| job.end().unwrap() - job.start.get().unwrap())
                .collect();
            (durations.len(), durations.iter().sum::<Seconds>())
        };
        let delays = self.runs.iter().filter(|(_, counts)| *counts);
        let delays = delays.filter_map(|(job, _)| Some(job.start.get()? - job.due.get()?));
        let scheduled = || {
            self.runs
                .iter()
                .map(|(job, _)| job)
                .filter(|job| !job.manual)
        };
        let last = self.last_run();
        let last = last.map(|job| (has_succeeded(job), job.start.get(), job.end()));
        let success = scheduled()
            .filter(|job| has_succeeded(job))
            .map(order)
            .max();
        let failures = scheduled().filter(|job| !has_succeeded(job));
        let streak = failures.filter(|job| Some(order(job)) > success).count();
        let failures = scheduled().filter(|job| !has_succeeded(job));
        let deleted = self.deleted_runs.iter();
        let mut unsuccessful: HashMap<_, _> = failures
            .chain(deleted)
            .map(|job| (job.due.get().ok_or(&job.uid), order(job)))
            .collect();
        unsuccessful.extend(
            self.schedule
                .without_run()
                .map(|due| (Ok(due), (Some(due), Some(due), Some(due)))),
        );
        let unsuccessful = unsuccessful.values().filter(|run| Some(**run) > success);
        format!(
            "{:?} {:?} deleted {} missed {} unsuccessful {} delays {} last {last:?} success {:?} failure {:?} streak {} active {} oldest {:?}",
            counted(true),
            counted(false),
            self.deleted,
            self.schedule.missed().count(),
            unsuccessful.count().min(STREAK),
            delays.sum::<Seconds>(),
            self.last_success(),
            self.last_failure(),
            streak.min(STREAK),
            active.len(),
            active.iter().min().filter(|start| **start != Seconds::MAX),
        )
    }

    fn last_success(&self) -> Option<Seconds> {
        let runs = self.runs.iter().map(|(job, _)| job);
        let ends = runs.filter(|job| has_succeeded(job)).map(Job::end);
        ends.max().flatten().max(self.success)
    }

    fn last_failure(&self) -> Option<Seconds> {
        let runs = self.runs.iter().map(|(job, _)| job);
        let ends = runs.filter(|job| !has_succeeded(job)).map(Job::end);
        ends.max().flatten()
    }
}

/// Longer sequences of failures need not be exact.
const STREAK: usize = 32;

/// The shown values of a workload, in the form of [`ExpectedWorkload::describe`].
#[allow(clippy::cast_possible_truncation, reason = "sums of whole seconds")]
pub(super) fn describe(workload: &WorkloadRecord, known: &ExpectedWorkload) -> String {
    let totals = &workload.state.totals;
    let count = |runs: u64, durations: &Histogram| {
        assert_eq!(runs, durations.count());
        (runs, durations.sum as Seconds)
    };
    let last = totals.last.as_ref();
    let last = last.map(|last| (last.succeeded, last.start, last.end));
    // A success that only a CronJob reported, and only to an earlier process, may be lost.
    let reported_earlier = known.last_success().max(known.earlier_success);
    let success = totals.last_success;
    let success = if success == reported_earlier {
        known.last_success()
    } else {
        success
    };
    if let Some(last) = &totals.last {
        let reported = |(job, _): &(Job, bool)| job.end() == last.end && job.failure == last.reason;
        assert!(known.runs.iter().any(reported), "{last:?}");
    }
    let schedule = workload.state.schedule.as_deref();
    format!(
        "{:?} {:?} deleted {} missed {} unsuccessful {} delays {} last {last:?} success {success:?} failure {:?} streak {} active {} oldest {:?}",
        count(totals.succeeded, &totals.success_durations),
        count(totals.failed, &totals.failure_durations),
        totals.deleted,
        schedule.map_or(0, |schedule| schedule.missed),
        totals.consecutive_unsuccessful.count.min(STREAK as u64),
        totals.start_delays.sum as Seconds,
        totals.last_failure,
        totals.consecutive_failures.count.min(STREAK as u64),
        workload.active_runs(),
        workload.oldest_active_start().as_ref(),
    )
}

fn has_succeeded(job: &Job) -> bool {
    job.state == JobState::Complete
}

fn order(job: &Job) -> (Option<Seconds>, Option<Seconds>, Option<Seconds>) {
    let (due, start) = (job.due.get(), job.start.get());
    (due.or(start), start, job.created.get())
}
