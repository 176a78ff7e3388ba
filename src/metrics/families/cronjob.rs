//! The `batch_cronjob_*` families: `CronJobs`, and their [`Schedules`].
//!
//! A value that the API omits has no sample.

use crate::{
    metrics::table::{Identity, Mapped, Row, Rows, Table},
    model::CronJob,
    store::{TargetSnapshot, Version},
};

mod schedule;

pub(in crate::metrics) use schedule::{ObservedSchedules, Schedules};

/// The `workload_type` of `CronJobs`.
const CRONJOB: &str = "cronjob";

/// The table of `CronJobs`.
#[derive(Debug)]
pub(in crate::metrics) enum CronJobs {}

impl Table for CronJobs {
    type Section = TargetSnapshot;
    type Record = CronJob;

    const TITLE: &'static str = "CronJobs";

    const ABOUT: &'static str = "\
One CronJob object. It has the same labels as its workload: `workload_type=\"cronjob\"` and its name as `workload`. Its runs
are in [Jobs](#jobs).

- An empty `time_zone` means the time zone of the CronJob controller.
- `batch_cronjob_active_jobs` is what the status says. It may name Jobs that are over; `batch_workload_active_runs` does not.";

    const IDENTITY: Identity<CronJob> = &[
        ("namespace", |cronjob| &cronjob.namespace),
        ("workload_type", |_| CRONJOB),
        ("workload", |cronjob| &cronjob.name),
    ];

    const MAPPED: Mapped<CronJob> = Some(|cronjob| cronjob.labels.as_deref());

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "batch_cronjob_info",
            &["schedule", "time_zone", "concurrency_policy"],
            "Always 1, with the schedule, the time zone and the concurrency policy of the CronJob.",
            |cronjob, out| {
                let CronJob {
                    schedule,
                    time_zone,
                    concurrency_policy,
                    ..
                } = cronjob;
                out.sample(&[schedule, time_zone, concurrency_policy], 1);
            },
        ),
        Row::gauge(
            "batch_cronjob_created_timestamp_seconds",
            &[],
            "When the CronJob was created.",
            |cronjob, out| out.value(cronjob.created),
        ),
        Row::gauge(
            "batch_cronjob_last_schedule_timestamp_seconds",
            &[],
            "The due time for which the CronJob last started a run.",
            |cronjob, out| out.value(cronjob.last_schedule),
        ),
        Row::gauge(
            "batch_cronjob_last_success_timestamp_seconds",
            &[],
            "When a run of the CronJob last completed.",
            |cronjob, out| out.value(cronjob.last_success),
        ),
        Row::gauge(
            "batch_cronjob_suspended",
            &[],
            "Whether the CronJob is suspended: 1 or 0.",
            |cronjob, out| out.value(cronjob.suspended),
        ),
        Row::gauge(
            "batch_cronjob_active_jobs",
            &[],
            "Running Jobs of the CronJob, according to its status.",
            |cronjob, out| out.value(cronjob.active_jobs),
        ),
        Row::gauge(
            "batch_cronjob_starting_deadline_seconds",
            &[],
            "How late a run may start (spec.startingDeadlineSeconds).",
            |cronjob, out| out.value(cronjob.starting_deadline),
        ),
        Row::gauge(
            "batch_cronjob_successful_jobs_history_limit",
            &[],
            "How many completed Jobs are kept (spec.successfulJobsHistoryLimit).",
            |cronjob, out| out.value(cronjob.successful_history_limit),
        ),
        Row::gauge(
            "batch_cronjob_failed_jobs_history_limit",
            &[],
            "How many failed Jobs are kept (spec.failedJobsHistoryLimit).",
            |cronjob, out| out.value(cronjob.failed_history_limit),
        ),
    ];

    fn blocks(section: &TargetSnapshot) -> usize {
        section.cronjobs.blocks()
    }

    fn version(section: &TargetSnapshot, number: usize) -> Option<Version> {
        Some(section.cronjobs.block_version(number))
    }

    fn block(section: &TargetSnapshot, number: usize) -> impl Iterator<Item = &CronJob> {
        let records = section.cronjobs.block(number);
        records.map(|record| &record.cronjob)
    }
}

#[cfg(test)]
mod tests;
