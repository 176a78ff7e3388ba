//! The `batch_cronjob_*` families: what is shown of a `CronJob`.
//!
//! A row gives a value only where the record has one: what the API leaves out is left out here.

use super::family::{Identity, Mapped, Row, Table};
use crate::{model::CronJob, store::TargetSnapshot};

impl Table for CronJob {
    type Record = Self;

    const IDENTITY: Identity<Self> = &[
        ("namespace", |cronjob| &cronjob.namespace),
        ("cronjob", |cronjob| &cronjob.name),
    ];

    const MAPPED: Mapped<Self> = Some(|cronjob| cronjob.labels.as_deref());

    const ROWS: &'static [Row<Self>] = &[
        Row::gauge(
            "batch_cronjob_info",
            &["schedule", "time_zone", "concurrency_policy"],
            "Always 1. The schedule as written, its time zone (none: that of the controller), \
             and what happens to a run that is due while another is active.",
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
            "Jobs of the CronJob that are running.",
            |cronjob, out| out.value(cronjob.active_jobs),
        ),
        Row::gauge(
            "batch_cronjob_starting_deadline_seconds",
            &[],
            "How late a run may still be started (spec.startingDeadlineSeconds).",
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

    fn blocks(slice: &TargetSnapshot) -> usize {
        slice.cronjobs.blocks()
    }

    fn block(slice: &TargetSnapshot, number: usize) -> impl Iterator<Item = &Self> {
        let cronjobs = slice.cronjobs.block(number);
        cronjobs.map(|scheduled| &scheduled.cronjob)
    }
}

#[cfg(test)]
mod tests;
