//! The part of the `batch_cronjob_*` families that the exporter computes from the schedule.

use super::CRONJOB;
use crate::{
    metrics::{
        families::workload,
        table::{Identity, Mapped, Row, Rows, Table},
    },
    model::ScheduleState,
    store::{CronJobRecord, ScheduleStatus, TargetSnapshot, Version, WorkloadRecord},
};

/// The table of schedules.
#[derive(Debug)]
pub(in crate::metrics) enum Schedules {}

/// The table of what was observed of schedules. It outlives the `CronJob` and, with a history, the process.
#[derive(Debug)]
pub(in crate::metrics) enum ObservedSchedules {}

impl Table for Schedules {
    type Section = TargetSnapshot;
    type Record = CronJobRecord;

    const TITLE: &'static str = "Schedules";

    const ABOUT: &'static str = "\
The exporter evaluates the schedule of a CronJob as the CronJob controller of Kubernetes 1.36 does.

- A schedule is valid if the controller can start runs with it and its time zone. A schedule without any date, such as
  30 February, is invalid. Schedules of more than 4,096 bytes are not evaluated: only their other metrics are shown.
- `batch_cronjob_next_schedule_timestamp_seconds` is absent if the CronJob is suspended or its schedule is invalid.
- A due time is overdue when its start grace is over and no run was started for it or for a later one. Due times while the
  CronJob was suspended, and those that wait for an active run under the policy `Forbid`, are not overdue.
- Overdue runs are judged as of the last time at which everything about the CronJob and its Jobs was received, never later.
  While the API is unreachable, nothing becomes overdue. The family is absent until both were read.
- The reasons of `batch_cronjob_not_started` are `suspended`, `forbidden_by_active_run`, `deadline_passed`
  (`startingDeadlineSeconds`) and `unexplained`. The family is absent if the run started or can still start.

[Overdue and missed runs](workloads.md#overdue-and-missed-runs) has the details.";

    const IDENTITY: Identity<CronJobRecord> = &[
        ("namespace", |record| &record.cronjob.namespace),
        ("workload_type", |_| CRONJOB),
        ("workload", |record| &record.cronjob.name),
    ];

    const MAPPED: Mapped<CronJobRecord> = Some(|record| record.cronjob.labels.as_deref());

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "batch_cronjob_schedule_valid",
            &[],
            "Whether the schedule and the time zone of the CronJob are valid: 1 or 0.",
            |record, out| out.value(record.schedule_status().and_then(|status| status.valid)),
        ),
        Row::gauge(
            "batch_cronjob_next_schedule_timestamp_seconds",
            &[],
            "The next due time.",
            |record, out| out.value(status(record, |status| status.next)),
        ),
        Row::gauge(
            "batch_cronjob_overdue_runs",
            &[],
            "Due times since the last start whose grace is over and for which nothing started.",
            |record, out| out.value(status(record, |status| status.overdue_runs)),
        ),
        Row::gauge(
            "batch_cronjob_overdue_since_timestamp_seconds",
            &[],
            "The oldest overdue due time.",
            |record, out| out.value(status(record, |status| status.overdue_since)),
        ),
        Row::gauge(
            "batch_cronjob_blocked_since_timestamp_seconds",
            &[],
            "The first due time that an active run holds up by the policy Forbid.",
            |record, out| out.value(status(record, |status| status.blocked_since)),
        ),
        Row::gauge(
            "batch_cronjob_not_started",
            &["reason"],
            "1 if the last due time started no run, with the reason.",
            |record, out| {
                let reason = status(record, |status| status.not_started);
                out.sample(&[&reason], reason.map(|_| 1));
            },
        ),
    ];

    fn blocks(section: &TargetSnapshot) -> usize {
        section.cronjobs.blocks()
    }

    fn version(section: &TargetSnapshot, number: usize) -> Option<Version> {
        Some(section.cronjobs.block_version(number))
    }

    fn block(section: &TargetSnapshot, number: usize) -> impl Iterator<Item = &CronJobRecord> {
        section.cronjobs.block(number)
    }
}

impl Table for ObservedSchedules {
    type Section = TargetSnapshot;
    type Record = WorkloadRecord;

    const TITLE: &'static str = "Observed schedules";

    const ABOUT: &'static str = "\
What the exporter observed of the schedule of a CronJob. These series stay as long as those of the workload, and continue
after a restart with a history.

- `batch_cronjob_missed_runs_total` counts each due time once, when it becomes overdue. A late run does not take it back. What
  was overdue before the exporter first saw the CronJob is not counted.
- `batch_cronjob_suspended_since_timestamp_seconds` is the time of the observation: a CronJob that was suspended before the
  exporter first saw it has the time of the first sight.";

    const IDENTITY: Identity<WorkloadRecord> = workload::IDENTITY;

    const MAPPED: Mapped<WorkloadRecord> = workload::MAPPED;

    const CONTINUES: bool = true;

    const ROWS: Rows<Self> = &[
        Row::counter(
            "batch_cronjob_missed_runs_total",
            &[],
            "Due times that became overdue.",
            |workload, out| {
                let judged = observed(workload, |it| it.overdue_before.map(|_| it.missed));
                out.counter(&[], judged, None, workload.first_seen());
            },
        ),
        Row::gauge(
            "batch_cronjob_suspended_since_timestamp_seconds",
            &[],
            "Since when the CronJob is suspended, as far as it was seen.",
            |workload, out| out.value(observed(workload, |schedule| schedule.suspended_since)),
        ),
    ];

    fn blocks(section: &TargetSnapshot) -> usize {
        section.workloads.blocks()
    }

    fn version(section: &TargetSnapshot, number: usize) -> Option<Version> {
        Some(section.workloads.block_version(number))
    }

    fn block(section: &TargetSnapshot, number: usize) -> impl Iterator<Item = &WorkloadRecord> {
        section.workloads.block(number)
    }
}

fn status<T>(
    record: &CronJobRecord,
    value: impl FnOnce(&ScheduleStatus) -> Option<T>,
) -> Option<T> {
    record.schedule_status().and_then(value)
}

fn observed<T>(
    workload: &WorkloadRecord,
    value: impl FnOnce(&ScheduleState) -> Option<T>,
) -> Option<T> {
    workload.state.schedule.as_deref().and_then(value)
}
