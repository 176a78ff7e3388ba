//! The `kube_cronjob_*` families.

use crate::{
    exposition::family::{Identity, Row, Table},
    model::{CronJob, CronJobMirror},
    store::SliceSnapshot,
};

/// The table of these families.
#[derive(Debug)]
pub(in crate::exposition) enum CronJobs {}

impl Table for CronJobs {
    type Record = CronJob;

    const IDENTITY: Identity<CronJob> = &[
        ("namespace", |cronjob| &cronjob.namespace),
        ("cronjob", |cronjob| &cronjob.name),
    ];

    const ROWS: &'static [Row<CronJob, Self>] = &[
        Row::gauge(
            "kube_cronjob_annotations",
            &[],
            "Always 1. The annotations of the CronJob that `cronjob_annotations` names, as labels \
             `annotation_...`; the family is left out where it names none.",
            |cronjob, out| {
                let annotations = mirror(cronjob).and_then(|cronjob| cronjob.annotations.as_ref());
                if let Some(annotations) = annotations {
                    out.labelled(annotations, 1);
                }
            },
        ),
        Row::gauge(
            "kube_cronjob_labels",
            &[],
            "Always 1. The labels of the CronJob that `cronjob_labels` names, as labels \
             `label_...`; the family is left out where it names none.",
            |cronjob, out| {
                if let Some(labels) = mirror(cronjob).and_then(|cronjob| cronjob.labels.as_ref()) {
                    out.labelled(labels, 1);
                }
            },
        ),
        Row::gauge(
            "kube_cronjob_info",
            &["schedule", "concurrency_policy", "timezone"],
            "Always 1. The schedule as written, what happens to a run that is due while another is \
             active, and the time zone: local where the CronJob names none.",
            |cronjob, out| {
                let policy = mirror(cronjob).and_then(|job| job.concurrency_policy.as_deref());
                let zone = cronjob.time_zone.as_deref().unwrap_or("local");
                out.sample(&[&cronjob.schedule, &policy, &zone], 1);
            },
        ),
        Row::gauge(
            "kube_cronjob_created",
            &[],
            "When the CronJob was created.",
            |cronjob, out| out.value(cronjob.created),
        ),
        Row::gauge(
            "kube_cronjob_status_active",
            &[],
            "Jobs of the CronJob that are running.",
            |cronjob, out| out.value(cronjob.active_jobs),
        ),
        Row::gauge(
            "kube_cronjob_status_last_schedule_time",
            &[],
            "The due time for which the CronJob last started a run.",
            |cronjob, out| out.value(cronjob.last_schedule),
        ),
        Row::gauge(
            "kube_cronjob_status_last_successful_time",
            &[],
            "When a run of the CronJob last completed.",
            |cronjob, out| out.value(cronjob.last_success),
        ),
        Row::gauge(
            "kube_cronjob_spec_suspend",
            &[],
            "Whether the CronJob is suspended: 1 or 0.",
            |cronjob, out| out.value(cronjob.suspended),
        ),
        Row::gauge(
            "kube_cronjob_spec_starting_deadline_seconds",
            &[],
            "How late a run may still be started (spec.startingDeadlineSeconds).",
            |cronjob, out| out.value(cronjob.starting_deadline),
        ),
        Row::gauge(
            "kube_cronjob_next_schedule_time",
            &[],
            "The due time after the last for which a run was started, or after the creation: in \
             the past where the CronJob is late, left out where it is suspended, -62135596800 \
             where its schedule never comes.",
            |cronjob, out| out.value(mirror(cronjob).and_then(|cronjob| cronjob.next_schedule)),
        ),
        Row::gauge(
            "kube_cronjob_schedule_invalid",
            &[],
            "1 where kube-state-metrics could not read the schedule or its time zone; left out \
             where it could.",
            |cronjob, out| {
                let invalid = mirror(cronjob).filter(|cronjob| !cronjob.schedule_valid);
                out.value(invalid.map(|_| 1));
            },
        ),
        Row::gauge(
            "kube_cronjob_metadata_resource_version",
            &[],
            "The resource version of the CronJob, where it is a number.",
            |cronjob, out| {
                out.value(mirror(cronjob).and_then(|cronjob| cronjob.resource_version));
            },
        ),
        Row::gauge(
            "kube_cronjob_spec_successful_job_history_limit",
            &[],
            "How many completed Jobs are kept (spec.successfulJobsHistoryLimit).",
            |cronjob, out| out.value(cronjob.successful_history_limit),
        ),
        Row::gauge(
            "kube_cronjob_spec_failed_job_history_limit",
            &[],
            "How many failed Jobs are kept (spec.failedJobsHistoryLimit).",
            |cronjob, out| out.value(cronjob.failed_history_limit),
        ),
    ];

    fn blocks(slice: &SliceSnapshot) -> usize {
        slice.cronjobs.blocks()
    }

    fn block(slice: &SliceSnapshot, number: usize) -> impl Iterator<Item = &CronJob> {
        let cronjobs = slice.cronjobs.existing(number);
        cronjobs.map(|scheduled| &scheduled.cronjob)
    }
}

fn mirror(cronjob: &CronJob) -> Option<&CronJobMirror> {
    cronjob.mirror.as_deref()
}
