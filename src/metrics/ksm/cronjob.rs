//! The `kube_cronjob_*` families.

use crate::{
    metrics::family::{Identity, Row, Table},
    model::{CronJob, KsmCronJob},
    store::TargetSnapshot,
};

/// The table of these families.
#[derive(Debug)]
pub(in crate::metrics) enum KsmCronJobs {}

impl Table for KsmCronJobs {
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
                let annotations = ksm(cronjob).and_then(|cronjob| cronjob.annotations.as_ref());
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
                if let Some(labels) = ksm(cronjob).and_then(|cronjob| cronjob.labels.as_ref()) {
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
                let policy = ksm(cronjob).and_then(|job| job.concurrency_policy.as_deref());
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
            |cronjob, out| out.value(ksm(cronjob).and_then(|cronjob| cronjob.next_schedule)),
        ),
        Row::gauge(
            "kube_cronjob_schedule_invalid",
            &[],
            "1 where kube-state-metrics could not read the schedule or its time zone; left out \
             where it could.",
            |cronjob, out| {
                let invalid = ksm(cronjob).filter(|cronjob| !cronjob.schedule_valid);
                out.value(invalid.map(|_| 1));
            },
        ),
        Row::gauge(
            "kube_cronjob_metadata_resource_version",
            &[],
            "The resource version of the CronJob, where it is a number.",
            |cronjob, out| {
                out.value(ksm(cronjob).and_then(|cronjob| cronjob.resource_version));
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

    fn blocks(slice: &TargetSnapshot) -> usize {
        slice.cronjobs.blocks()
    }

    fn block(slice: &TargetSnapshot, number: usize) -> impl Iterator<Item = &CronJob> {
        let cronjobs = slice.cronjobs.existing(number);
        cronjobs.map(|scheduled| &scheduled.cronjob)
    }
}

fn ksm(cronjob: &CronJob) -> Option<&KsmCronJob> {
    cronjob.ksm.as_deref()
}
