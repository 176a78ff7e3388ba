//! The `batch_workload_*` families: what the runs of a workload come to, and what it is held to.
//!
//! Counters and histograms are there at 0 before the first run ends, so that no first failure is lost on `increase()`.
//! Gauges about runs are left out until there was one.

use jiff::Timestamp;

use super::{
    family::{Identity, Mapped, Row, Table},
    label::Label,
    samples::Samples,
};
use crate::{
    model::{Histogram, LastRun, RunResult, START_DELAY_BOUNDS},
    store::{TargetSnapshot, WorkloadRecord},
};

/// The kind of workloads that are one Job each.
const JOB: &str = "job";

impl Table for WorkloadRecord {
    type Record = Self;

    const IDENTITY: Identity<Self> = &[
        ("namespace", |workload| &workload.id.namespace),
        ("workload_type", |workload| &workload.id.kind),
        ("workload", |workload| &workload.id.name),
    ];

    const MAPPED: Mapped<Self> = Some(|workload| workload.labels.as_deref());

    const ROWS: &'static [Row<Self>] = &[
        Row::gauge(
            "batch_workload_info",
            &["severity", "runbook"],
            "Always 1. How bad it is when the workload goes wrong and where it is written what \
             to do then, as the annotations job-status-exporter/severity and /runbook say.",
            info,
        ),
        Row::counter(
            "batch_workload_runs_total",
            &["result"],
            "Finished runs, by result: succeeded, also after retries of pods, or failed. Each is \
             counted once, however often it is seen; those that ended before anybody watched are \
             not counted.",
            runs,
        ),
        Row::counter(
            "batch_workload_deleted_runs_total",
            &[],
            "Runs whose Job was deleted before an end of it was seen. They have no result, and no \
             other family about finished runs knows of them.",
            |workload, out| {
                out.value(workload.totals.deleted);
                out.created(&[], first_seen(workload));
            },
        ),
        Row::histogram(
            "batch_workload_run_duration_seconds",
            &["result"],
            "How long the runs took that batch_workload_runs_total counts, from start or resume to \
             end. With workload_type job, a result is left out until a run has ended with it.",
            run_durations,
        ),
        Row::gauge(
            "batch_workload_last_run_succeeded",
            &[],
            "Whether the last finished run succeeded: 1 or 0. The last one is that with the \
             latest due time, else start, else creation, whenever it ended; runs made by hand \
             from a CronJob are not looked at.",
            |workload, out| out.value(workload.totals.last.as_ref().map(|last| last.succeeded)),
        ),
        Row::gauge(
            "batch_workload_last_run_start_timestamp_seconds",
            &[],
            "When the last finished run was started, or resumed.",
            |workload, out| out.value(workload.totals.last.as_ref().and_then(|last| last.start)),
        ),
        Row::gauge(
            "batch_workload_last_run_end_timestamp_seconds",
            &[],
            "When the last finished run completed or failed.",
            |workload, out| out.value(workload.totals.last.as_ref().and_then(|last| last.end)),
        ),
        Row::gauge(
            "batch_workload_last_run_duration_seconds",
            &[],
            "How long the last finished run took.",
            |workload, out| {
                let last = workload.totals.last.as_ref();
                out.value(last.and_then(LastRun::duration));
            },
        ),
        Row::gauge(
            "batch_workload_last_success_timestamp_seconds",
            &[],
            "When a run last completed, one made by hand or known from the status of the CronJob \
             alone included.",
            |workload, out| out.value(workload.totals.last_success),
        ),
        Row::gauge(
            "batch_workload_last_failure_timestamp_seconds",
            &[],
            "When a run last failed, one made by hand included.",
            |workload, out| out.value(workload.totals.last_failure.map(|(at, _)| at)),
        ),
        Row::gauge(
            "batch_workload_last_failure_reason",
            &["reason"],
            "1 for the reason of that last failure, which stays when later runs succeed; Other \
             for reasons outside of the known set.",
            |workload, out| {
                let reason = workload.totals.last_failure.map(|(_, reason)| reason);
                out.sample(&[&reason], reason.map(|_| 1));
            },
        ),
        Row::gauge(
            "batch_workload_consecutive_failures",
            &[],
            "Failed runs since the last one that succeeded, as far as they are known; runs made \
             by hand from a CronJob are not looked at.",
            |workload, out| out.value(workload.totals.consecutive_failures.count),
        ),
        Row::gauge(
            "batch_workload_active_runs",
            &[],
            "Runs under way: neither finished nor suspended.",
            |workload, out| out.value(workload.active_runs()),
        ),
        Row::gauge(
            "batch_workload_oldest_active_run_start_timestamp_seconds",
            &[],
            "When the oldest of the runs under way was started, or resumed.",
            |workload, out| out.value(workload.oldest_active_start()),
        ),
        Row::histogram(
            "batch_workload_start_delay_seconds",
            &[],
            "How long after their due time the counted runs of a CronJob started. Left out for \
             other workloads.",
            start_delays,
        ),
        Row::gauge(
            "batch_workload_threshold_seconds",
            &["threshold"],
            "What the workload is held to, by its annotations or else by the configuration: \
             max_duration of a run, max_success_age since the last success, and, for CronJobs, \
             start_grace after a due time.",
            thresholds,
        ),
        Row::gauge(
            "batch_workload_annotation_invalid",
            &["annotation"],
            "1 for each annotation job-status-exporter/... of the workload that makes no sense \
             and is left out; unknown for those of a name that means nothing.",
            invalid_annotations,
        ),
    ];

    /// A workload has some forty lines of a histogram.
    fn blocks(slice: &TargetSnapshot) -> usize {
        slice.workloads.chunks()
    }

    fn block(slice: &TargetSnapshot, number: usize) -> impl Iterator<Item = &Self> {
        slice.workloads.chunk(number)
    }
}

fn info(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    let said = workload.annotations.as_deref();
    let severity = said.and_then(|said| said.severity.as_deref());
    let runbook = said.and_then(|said| said.runbook.as_deref());
    out.sample(&[&severity, &runbook], 1);
}

fn runs(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    let totals = &workload.totals;
    for (result, runs) in [
        (RunResult::Succeeded, totals.succeeded),
        (RunResult::Failed, totals.failed),
    ] {
        out.sample(&[&result], runs);
        out.created(&[&result], first_seen(workload));
    }
}

fn run_durations(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    let totals = &workload.totals;
    for (result, durations) in [
        (RunResult::Succeeded, &totals.success_durations),
        (RunResult::Failed, &totals.failure_durations),
    ] {
        // There may be a hundred thousand Jobs of their own, which run once: no zeros for what will never be.
        if durations.count() > 0 || &*workload.id.kind != JOB {
            let bounds = workload.run_duration_bounds();
            histogram(workload, &[&result], durations, bounds, out);
        }
    }
}

fn start_delays(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    if workload.is_cronjob() {
        let delays = &workload.totals.start_delays;
        histogram(workload, &[], delays, &START_DELAY_BOUNDS, out);
    }
}

fn thresholds(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    let thresholds = workload.thresholds();
    out.sample(&[&"max_duration"], thresholds.max_duration);
    out.sample(&[&"max_success_age"], thresholds.max_success_age);
    if workload.is_cronjob() {
        out.sample(&[&"start_grace"], thresholds.start_grace);
    }
}

fn invalid_annotations(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    let invalid = workload.annotations.as_deref();
    let invalid = invalid.map_or(&[][..], |said| said.invalid.as_slice());
    for (place, (annotation, _)) in invalid.iter().enumerate() {
        // The CronJob and its template may both have it.
        let shown = invalid[..place]
            .iter()
            .any(|(shown, _)| shown == annotation);
        if !shown {
            out.sample(&[annotation], 1);
        }
    }
}

/// When the counters of a workload began at 0.
fn first_seen(workload: &WorkloadRecord) -> Option<Timestamp> {
    Timestamp::from_millisecond(workload.totals.first_seen).ok()
}

fn histogram(
    workload: &WorkloadRecord,
    labels: &[&dyn Label],
    counts: &Histogram,
    bounds: &[f64],
    out: &mut Samples<'_>,
) {
    out.observations(labels, counts, bounds);
    out.created(labels, first_seen(workload));
}

#[cfg(test)]
mod tests;
