//! The `kube_cronjob_*` families.

use crate::{
    metrics::table::{Identity, Row, Rows, Table},
    model::{CronJob, KsmCronJob},
    store::{TargetSnapshot, Version},
};

/// The table of these families.
#[derive(Debug)]
pub(in crate::metrics) enum KsmCronJobs {}

impl Table for KsmCronJobs {
    type Section = TargetSnapshot;
    type Record = CronJob;

    const TITLE: &'static str = "CronJobs as in kube-state-metrics";

    const ABOUT: &'static str = "\
The same for CronJobs.

- `kube_cronjob_labels` and `kube_cronjob_annotations` show the keys that `cronjob_labels` and `cronjob_annotations` select,
  as labels `label_...` and `annotation_...`. A family is absent if its list is empty.
- `timezone` is `local` if the CronJob does not set a time zone.
- `kube_cronjob_next_schedule_time` is the due time after the last start, or after the creation. It is in the past if the
  CronJob is late, absent if it is suspended, and -62135596800 if its schedule has no date.
- `kube_cronjob_schedule_invalid` is absent if the schedule is valid.";

    const IDENTITY: Identity<CronJob> = &[
        ("namespace", |cronjob| &cronjob.namespace),
        ("cronjob", |cronjob| &cronjob.name),
    ];

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "kube_cronjob_annotations",
            &[],
            "Always 1, with the selected annotations of the CronJob.",
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
            "Always 1, with the selected labels of the CronJob.",
            |cronjob, out| {
                if let Some(labels) = ksm(cronjob).and_then(|cronjob| cronjob.labels.as_ref()) {
                    out.labelled(labels, 1);
                }
            },
        ),
        Row::gauge(
            "kube_cronjob_info",
            &["schedule", "concurrency_policy", "timezone"],
            "Always 1, with the schedule, the concurrency policy and the time zone of the CronJob.",
            |cronjob, out| {
                let policy = ksm(cronjob).and_then(|job| job.concurrency_policy.as_deref());
                let zone = cronjob.time_zone.as_deref().unwrap_or("local");
                out.sample(&[cronjob.whole_schedule(), &policy, &zone], 1);
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
            "Running Jobs of the CronJob, according to its status.",
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
            "How late a run may start (spec.startingDeadlineSeconds).",
            |cronjob, out| out.value(cronjob.starting_deadline),
        ),
        Row::gauge(
            "kube_cronjob_next_schedule_time",
            &[],
            "The due time after the last start, or after the creation.",
            |cronjob, out| out.value(ksm(cronjob).and_then(|cronjob| cronjob.next_schedule)),
        ),
        Row::gauge(
            "kube_cronjob_schedule_invalid",
            &[],
            "1 if kube-state-metrics cannot parse the schedule or the time zone.",
            |cronjob, out| {
                let invalid = ksm(cronjob).filter(|cronjob| !cronjob.schedule_valid);
                out.value(invalid.map(|_| 1));
            },
        ),
        Row::gauge(
            "kube_cronjob_metadata_resource_version",
            &[],
            "The resource version of the CronJob, if it is a number.",
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

    fn blocks(section: &TargetSnapshot) -> usize {
        section.cronjobs.blocks()
    }

    fn version(section: &TargetSnapshot, number: usize) -> Option<Version> {
        Some(section.cronjobs.block_version(number))
    }

    fn block(section: &TargetSnapshot, number: usize) -> impl Iterator<Item = &CronJob> {
        let records = section.cronjobs.existing(number);
        records.map(|record| &record.cronjob)
    }
}

fn ksm(cronjob: &CronJob) -> Option<&KsmCronJob> {
    cronjob.ksm.as_deref()
}
