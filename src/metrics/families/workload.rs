//! The `batch_workload_*` families: the results of the runs of a workload, and its thresholds.
//!
//! Counters and histograms are 0 before the first run ends, so that `increase()` sees the first failure. Gauges about runs
//! are absent until there is a run.

use crate::{
    metrics::{
        format::{LabelValue, protobuf::Exemplar},
        table::{Distribution, Identity, Mapped, Row, Rows, Samples, Table},
    },
    model::{Histogram, LastRun, NativeBuckets, RunResult, START_DELAY_BOUNDS},
    store::{TargetSnapshot, Version, WorkloadRecord},
};

/// The type of workloads that are one Job each.
const JOB: &str = "job";

/// The labels that identify a workload, for all tables about workloads.
pub(super) const IDENTITY: Identity<WorkloadRecord> = &[
    ("namespace", |workload| &workload.id.namespace),
    ("workload_type", |workload| &workload.id.kind),
    ("workload", |workload| &workload.id.name),
];

/// The mapped labels of a workload, for all tables about workloads.
pub(super) const MAPPED: Mapped<WorkloadRecord> = Some(|workload| workload.state.labels.as_deref());

/// The table of workloads.
#[derive(Debug)]
pub(in crate::metrics) enum Workloads {}

impl Table for Workloads {
    type Section = TargetSnapshot;
    type Record = WorkloadRecord;

    const TITLE: &'static str = "Workloads";

    const ABOUT: &'static str = "\
A workload groups runs. It is the controlling owner of their Jobs, or else all Jobs with the same value of the label that
`workload_label` names (`workload_type=\"group\"`), or all Jobs with the same `generateName` (`workload_type=\"generated\"`), or
the Job itself (`workload_type=\"job\"`). The series of a workload stay after its Jobs are deleted. When neither a Job nor a CronJob is left, they stay for `retain_workloads`.

- Counters and histograms start at 0 when a workload is first seen; OpenMetrics (`_created`) and protobuf show this time.
- In protobuf, `batch_workload_runs_total` has the uid of the counted run that ended last as exemplar.
- Each run is counted once, however often it is read. A run that needed pod retries and completed is `succeeded`.
  [What is counted](workloads.md#what-is-counted) has the details.
- A run whose Job was deleted before it was seen to finish is counted in `batch_workload_deleted_runs_total` only.
- All Jobs of an owner that is no CronJob are one run, such as those of a JobSet. It is counted a minute after its last Job has
  ended: [runs of several Jobs](workloads.md#runs-of-several-jobs).
- The duration histogram covers the counted runs, from start or resume to end, with the buckets of
  `metrics.run_duration_buckets`. It is absent with `workload_type=\"job\"`, since such a workload runs once.
- The last run is the one with the latest due time, or start, or creation, whenever it ended. `batch_workload_last_run_*` and
  `batch_workload_consecutive_*` exclude manual runs of a CronJob. `batch_workload_runs_total`,
  `batch_workload_last_success_timestamp_seconds` and `batch_workload_last_failure_timestamp_seconds` include them.
- `batch_workload_last_success_timestamp_seconds` also uses the status of the CronJob.
- `batch_workload_last_run_failure_reason` is absent unless the last run failed. Unknown reasons are shown as `Other`.
- `batch_workload_consecutive_unsuccessful` adds to the failed runs those that were deleted before they finished, and missed
  due times that got no run. A Job that disappeared between two lists has an unknown result and is not counted.
- `batch_workload_start_delay_seconds` covers the counted runs of CronJobs that have a due time.
- `severity` and `runbook` are the values of the annotations `job-status-exporter/severity` and
  `job-status-exporter/runbook`.
- The thresholds are `max_duration` of a run, `max_success_age` since the last success and, for CronJobs, `start_grace`
  after a due time. `batch_workload_threshold_failures` is the number of failed runs in a row that are tolerated. Annotations
  override `overrides` of the configuration, and these override `thresholds`. The default of `max_success_age` applies to
  CronJobs only.
- `batch_workload_success_deadline_timestamp_seconds` is `max_success_age` after the last success, the creation or the last
  resume, whichever is latest. It is absent without that threshold and while the CronJob is suspended. A success during an
  outage of the API is not known yet: compare the deadline with `job_status_exporter_target_last_success_timestamp_seconds`.
- An annotation `job-status-exporter/...` with an unknown name is shown as `unknown`.";

    const IDENTITY: Identity<WorkloadRecord> = IDENTITY;

    const MAPPED: Mapped<WorkloadRecord> = MAPPED;

    const CONTINUES: bool = true;

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "batch_workload_info",
            &["severity", "runbook"],
            "Always 1, with the severity and the runbook of the workload.",
            info,
        ),
        Row::gauge(
            "batch_workload_created_timestamp_seconds",
            &[],
            "When the CronJob was created, or else the first known Job of the workload.",
            |workload, out| out.value(workload.state.totals.created),
        ),
        Row::gauge(
            "batch_workload_jobs",
            &[],
            "Job objects of the workload that exist.",
            |workload, out| out.value(workload.jobs),
        ),
        Row::counter(
            "batch_workload_runs_total",
            &["result"],
            "Finished runs, by result.",
            runs,
        ),
        Row::counter(
            "batch_workload_deleted_runs_total",
            &[],
            "Runs that were deleted before they were seen to finish.",
            |workload, out| {
                let deleted = workload.state.totals.deleted;
                out.counter(&[], deleted, None, workload.first_seen());
            },
        ),
        Row::histogram(
            "batch_workload_run_duration_seconds",
            &["result"],
            "Duration of the counted runs, by result.",
            run_durations,
        )
        .with_native_form(),
        Row::gauge(
            "batch_workload_last_run_succeeded",
            &[],
            "Whether the last finished run succeeded: 1 or 0.",
            |workload, out| out.value(last(workload, |last| Some(last.succeeded))),
        ),
        Row::gauge(
            "batch_workload_last_run_failure_reason",
            &["reason"],
            "1 for the reason of the last finished run, if that failed.",
            |workload, out| {
                let reason = last(workload, |last| last.reason);
                out.sample(&[&reason], reason.map(|_| 1));
            },
        ),
        Row::gauge(
            "batch_workload_last_run_start_timestamp_seconds",
            &[],
            "When the last finished run was started or resumed.",
            |workload, out| out.value(last(workload, |last| last.start)),
        ),
        Row::gauge(
            "batch_workload_last_run_end_timestamp_seconds",
            &[],
            "When the last finished run completed or failed.",
            |workload, out| out.value(last(workload, |last| last.end)),
        ),
        Row::gauge(
            "batch_workload_last_run_duration_seconds",
            &[],
            "Duration of the last finished run.",
            |workload, out| out.value(last(workload, LastRun::duration)),
        ),
        Row::gauge(
            "batch_workload_last_success_timestamp_seconds",
            &[],
            "When a run last completed.",
            |workload, out| out.value(workload.state.totals.last_success),
        ),
        Row::gauge(
            "batch_workload_last_failure_timestamp_seconds",
            &[],
            "When a run last failed.",
            |workload, out| out.value(workload.state.totals.last_failure),
        ),
        Row::gauge(
            "batch_workload_consecutive_failures",
            &[],
            "Failed runs since the last successful run.",
            |workload, out| out.value(workload.state.totals.consecutive_failures.count),
        ),
        Row::gauge(
            "batch_workload_consecutive_unsuccessful",
            &[],
            "Failed, deleted and missed runs since the last successful run.",
            |workload, out| out.value(workload.state.totals.consecutive_unsuccessful.count),
        ),
        Row::gauge(
            "batch_workload_active_runs",
            &[],
            "Runs that are neither finished nor suspended.",
            |workload, out| out.value(workload.active_runs()),
        ),
        Row::gauge(
            "batch_workload_oldest_active_run_start_timestamp_seconds",
            &[],
            "When the oldest active run was started or resumed.",
            |workload, out| out.value(workload.oldest_active_start()),
        ),
        Row::histogram(
            "batch_workload_start_delay_seconds",
            &[],
            "Time from the due time of a run to its start.",
            start_delays,
        )
        .with_native_form(),
        Row::gauge(
            "batch_workload_threshold_seconds",
            &["threshold"],
            "Thresholds of the workload.",
            thresholds,
        ),
        Row::gauge(
            "batch_workload_threshold_failures",
            &[],
            "Failed runs in a row that are tolerated.",
            |workload, out| out.value(workload.thresholds().max_failures),
        ),
        Row::gauge(
            "batch_workload_success_deadline_timestamp_seconds",
            &[],
            "When the next success is due at the latest.",
            |workload, out| out.value(workload.success_deadline()),
        ),
        Row::gauge(
            "batch_workload_annotation_invalid",
            &["annotation"],
            "1 for each invalid annotation of the workload.",
            invalid_annotations,
        ),
    ];

    /// A workload has about forty histogram lines, so its blocks are smaller.
    fn blocks(section: &TargetSnapshot) -> usize {
        section.workloads.chunks()
    }

    fn version(section: &TargetSnapshot, number: usize) -> Option<Version> {
        Some(section.workloads.chunk_version(number))
    }

    fn block(section: &TargetSnapshot, number: usize) -> impl Iterator<Item = &WorkloadRecord> {
        section.workloads.chunk(number)
    }
}

/// A value of the last finished run.
fn last<T>(workload: &WorkloadRecord, value: impl FnOnce(&LastRun) -> Option<T>) -> Option<T> {
    workload.state.totals.last.as_ref().and_then(value)
}

fn info(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    out.sample(&[&workload.severity(), &workload.runbook()], 1);
}

fn runs(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    let totals = &workload.state.totals;
    for (result, runs) in [
        (RunResult::Succeeded, totals.succeeded),
        (RunResult::Failed, totals.failed),
    ] {
        let exemplar = workload.last_counted(result);
        let exemplar = exemplar.map(|(uid, at)| Exemplar { uid, at });
        out.counter(&[&result], runs, exemplar, workload.first_seen());
    }
}

fn run_durations(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    let totals = &workload.state.totals;
    let native = totals.native.as_deref();
    for (result, durations, native) in [
        (
            RunResult::Succeeded,
            &totals.success_durations,
            native.map(|native| &native.success_durations),
        ),
        (
            RunResult::Failed,
            &totals.failure_durations,
            native.map(|native| &native.failure_durations),
        ),
    ] {
        // A workload of one Job runs once, and there can be 100,000 of them.
        if &*workload.id.kind != JOB {
            let bounds = workload.run_duration_bounds();
            histogram(workload, &[&result], (durations, bounds, native), out);
        }
    }
}

fn start_delays(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    if workload.is_cronjob() {
        let totals = &workload.state.totals;
        let native = totals.native.as_deref().map(|native| &native.start_delays);
        let delays = (&totals.start_delays, &START_DELAY_BOUNDS[..], native);
        histogram(workload, &[], delays, out);
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
    let invalid = workload.state.annotations.as_deref();
    let invalid = invalid.map_or(&[][..], |annotations| annotations.invalid.as_slice());
    for (place, (annotation, _)) in invalid.iter().enumerate() {
        // The CronJob and its template can both have the same invalid annotation.
        let shown = invalid[..place]
            .iter()
            .any(|(shown, _)| shown == annotation);
        if !shown {
            out.sample(&[annotation], 1);
        }
    }
}

fn histogram(
    workload: &WorkloadRecord,
    labels: &[&dyn LabelValue],
    (observed, bounds, native): (&Histogram, &[f64], Option<&NativeBuckets>),
    out: &mut Samples<'_>,
) {
    let distribution = Distribution {
        observed,
        bounds,
        native,
        shown: workload.native_histograms(),
        created: workload.histograms_since(),
    };
    out.distribution(labels, distribution);
}

#[cfg(test)]
mod tests;
