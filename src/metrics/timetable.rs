//! The part of the `batch_cronjob_*` families that follows from the schedule: what is due, what was missed, and why.

use super::family::{Identity, Mapped, Row, Table};
use crate::store::{CronJobRecord, TargetSnapshot};

impl Table for CronJobRecord {
    type Record = Self;

    const IDENTITY: Identity<Self> = &[
        ("namespace", |record| &record.cronjob.namespace),
        ("cronjob", |record| &record.cronjob.name),
    ];

    const MAPPED: Mapped<Self> = Some(|record| record.cronjob.labels.as_deref());

    const ROWS: &'static [Row<Self>] = &[
        Row::gauge(
            "batch_cronjob_schedule_valid",
            &[],
            "Whether the controller can start runs by the schedule and its time zone: 1 or 0. 0 \
             also for a schedule that names no time at all, such as 30 February.",
            |record, out| {
                out.value(
                    record
                        .schedule_status()
                        .map(|schedule_status| schedule_status.valid),
                )
            },
        ),
        Row::gauge(
            "batch_cronjob_next_schedule_timestamp_seconds",
            &[],
            "The next due time; left out when the CronJob is suspended or its schedule is not valid.",
            |record, out| {
                out.value(
                    record
                        .schedule_status()
                        .and_then(|schedule_status| schedule_status.next),
                )
            },
        ),
        Row::gauge(
            "batch_cronjob_missed_runs",
            &[],
            "Due times since the last start that should have started a run and did not, counted \
             up to 1000. Not missed is what was due while the CronJob was suspended, what waits for \
             an active run by the policy Forbid, and what is no later than the grace for starts.",
            |record, out| {
                out.value(
                    record
                        .valid_schedule_status()
                        .map(|schedule_status| schedule_status.missed),
                )
            },
        ),
        Row::gauge(
            "batch_cronjob_late_seconds",
            &[],
            "How long ago the oldest missed run was due; 0 when none is missed.",
            |record, out| {
                let since = record
                    .valid_schedule_status()
                    .map(|schedule_status| schedule_status.missed_since);
                let now = out.date();
                out.value(since.map(|since| since.map_or(0, |since| now - since)));
            },
        ),
        Row::gauge(
            "batch_cronjob_not_started",
            &["reason"],
            "1 with the reason why the last due time started nothing, left out when it did or still may: \
             suspended, forbidden_by_active_run, deadline_passed (startingDeadlineSeconds), or \
             unexplained.",
            |record, out| {
                let reason = record
                    .schedule_status()
                    .and_then(|schedule_status| schedule_status.not_started);
                out.sample(&[&reason], reason.map(|_| 1));
            },
        ),
    ];

    fn blocks(slice: &TargetSnapshot) -> usize {
        slice.cronjobs.blocks()
    }

    fn block(slice: &TargetSnapshot, number: usize) -> impl Iterator<Item = &Self> {
        slice.cronjobs.block(number)
    }
}
