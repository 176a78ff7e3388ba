//! The part of the `batch_cronjob_*` families that the exporter computes from the schedule.

use crate::{
    metrics::table::{Identity, Mapped, Row, Rows, Table},
    store::{CronJobRecord, TargetSnapshot},
};

/// The table of schedules.
#[derive(Debug)]
pub(in crate::metrics) enum Schedules {}

impl Table for Schedules {
    type Section = TargetSnapshot;
    type Record = CronJobRecord;

    const TITLE: &'static str = "Schedules";

    const ABOUT: &'static str = "\
The exporter evaluates the schedule of a CronJob as the CronJob controller of Kubernetes 1.36 does.

- A schedule is valid if the controller can start runs with it and its time zone. A schedule without any date, such as
  30 February, is invalid.
- `batch_cronjob_next_schedule_timestamp_seconds` is absent if the CronJob is suspended or its schedule is invalid.
- `batch_cronjob_missed_runs` excludes due times while the CronJob was suspended, due times that wait for an active run
  under the policy `Forbid`, and due times within the start grace.
- The reasons of `batch_cronjob_not_started` are `suspended`, `forbidden_by_active_run`, `deadline_passed`
  (`startingDeadlineSeconds`) and `unexplained`. The family is absent if the run started or can still start.
- The object contains the time of its last start. The exporter must observe a resume, a change of the schedule and the end of
  a blocking run. After a restart of the exporter, earlier due times can therefore look missed until the next start, unless
  the CronJob has a `startingDeadlineSeconds`.

[Missed runs](workloads.md#missed-runs) has the details.";

    const IDENTITY: Identity<CronJobRecord> = &[
        ("namespace", |record| &record.cronjob.namespace),
        ("cronjob", |record| &record.cronjob.name),
    ];

    const MAPPED: Mapped<CronJobRecord> = Some(|record| record.cronjob.labels.as_deref());

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "batch_cronjob_schedule_valid",
            &[],
            "Whether the schedule and the time zone of the CronJob are valid: 1 or 0.",
            |record, out| out.value(record.schedule_status().map(|status| status.valid)),
        ),
        Row::gauge(
            "batch_cronjob_next_schedule_timestamp_seconds",
            &[],
            "The next due time.",
            |record, out| out.value(record.schedule_status().and_then(|status| status.next)),
        ),
        Row::gauge(
            "batch_cronjob_missed_runs",
            &[],
            "Due times since the last start that should have started a run and did not, up to 1000.",
            |record, out| out.value(record.valid_schedule_status().map(|status| status.missed)),
        ),
        Row::gauge(
            "batch_cronjob_late_seconds",
            &[],
            "How long ago the oldest missed run was due; 0 if none is missed.",
            |record, out| {
                let oldest = record
                    .valid_schedule_status()
                    .map(|status| status.missed_since);
                let late = oldest.zip(out.date());
                out.value(late.map(|(oldest, now)| oldest.map_or(0, |oldest| now - oldest)));
            },
        ),
        Row::gauge(
            "batch_cronjob_not_started",
            &["reason"],
            "1 if the last due time started no run, with the reason.",
            |record, out| {
                let reason = record
                    .schedule_status()
                    .and_then(|status| status.not_started);
                out.sample(&[&reason], reason.map(|_| 1));
            },
        ),
    ];

    fn blocks(section: &TargetSnapshot) -> usize {
        section.cronjobs.blocks()
    }

    fn block(section: &TargetSnapshot, number: usize) -> impl Iterator<Item = &CronJobRecord> {
        section.cronjobs.block(number)
    }
}
