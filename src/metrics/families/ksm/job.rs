//! The `kube_job_*` families.
//!
//! kube-state-metrics shows some fields that are absent in the API as 0. These families do the same.

use crate::{
    metrics::table::{Identity, Row, Rows, Samples, Table},
    model::{ConditionStatus, Job, KsmJob},
    store::{TargetSnapshot, Version},
};

/// The failure reasons that have a series in kube-state-metrics. Current versions of Kubernetes do not set `Evicted`.
const REASONS: [&str; 3] = ["BackoffLimitExceeded", "DeadlineExceeded", "Evicted"];

/// The table of these families.
#[derive(Debug)]
pub(in crate::metrics) enum KsmJobs {}

impl Table for KsmJobs {
    type Section = TargetSnapshot;
    type Record = Job;

    const TITLE: &'static str = "Jobs as in kube-state-metrics";

    const ABOUT: &'static str = "\
With `metrics.kube_state_metrics.enabled`, these families have the names, labels and values of kube-state-metrics 2.20,
including unusual ones; see [its guide](kube-state-metrics.md). They show the Jobs that exist, independent of `per_job`. They
have no mapped labels.

- `kube_job_labels` and `kube_job_annotations` show the keys that `job_labels` and `job_annotations` select, as labels
  `label_...` and `annotation_...`. A family is absent if its list is empty.
- `kube_job_status_failed` is 0 if no pod failed. Otherwise it is the number of failed pods, without a reason, unless the Job
  failed with the reason `BackoffLimitExceeded`, `DeadlineExceeded` or `Evicted`. After the Job failed, it is also 0 or 1 for
  each of these reasons.
- `kube_job_status_ready` is 0 if the API does not report the number.
- `kube_job_complete` and `kube_job_failed` have a series for each status of the condition: `true`, `false` and `unknown`.
  They are absent while the Job does not have the condition. So is `kube_job_status_suspended`.
- A Job without an owner has one `kube_job_owner` series with empty labels.";

    const IDENTITY: Identity<Job> = &[
        ("namespace", |job| job.namespace()),
        ("job_name", |job| &job.name),
    ];

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "kube_job_annotations",
            &[],
            "Always 1, with the selected annotations of the Job.",
            |job, out| {
                if let Some(annotations) = ksm(job).and_then(|job| job.annotations.as_ref()) {
                    out.labelled(annotations, 1);
                }
            },
        ),
        Row::gauge(
            "kube_job_labels",
            &[],
            "Always 1, with the selected labels of the Job.",
            |job, out| {
                if let Some(labels) = ksm(job).and_then(|job| job.labels.as_ref()) {
                    out.labelled(labels, 1);
                }
            },
        ),
        Row::gauge("kube_job_info", &[], "Always 1.", |_, out| out.value(1)),
        Row::gauge(
            "kube_job_created",
            &[],
            "When the Job was created.",
            |job, out| out.value(job.created),
        ),
        Row::gauge(
            "kube_job_spec_parallelism",
            &[],
            "Maximum number of pods that run at the same time (spec.parallelism).",
            |job, out| out.value(job.template.parallelism),
        ),
        Row::gauge(
            "kube_job_spec_completions",
            &[],
            "Number of pods that must succeed (spec.completions).",
            |job, out| out.value(job.template.completions),
        ),
        Row::gauge(
            "kube_job_spec_active_deadline_seconds",
            &[],
            "How long the Job may be active before it fails (spec.activeDeadlineSeconds).",
            |job, out| out.value(job.template.active_deadline),
        ),
        Row::gauge(
            "kube_job_status_succeeded",
            &[],
            "Pods of the Job that succeeded.",
            |job, out| out.value(job.pods.succeeded),
        ),
        Row::gauge(
            "kube_job_status_failed",
            &["reason"],
            "Number of failed pods, or 1 for the reason for which the Job failed.",
            failed_pods,
        ),
        Row::gauge(
            "kube_job_status_active",
            &[],
            "Pods of the Job that are pending or running and not terminating.",
            |job, out| out.value(job.pods.active),
        ),
        Row::gauge(
            "kube_job_status_ready",
            &[],
            "Active pods of the Job that are ready.",
            |job, out| out.value(job.pods.ready.get().unwrap_or(0)),
        ),
        Row::gauge(
            "kube_job_complete",
            &["condition"],
            "1 for the status of the condition Complete, 0 for the others.",
            |job, out| condition(ksm(job).and_then(|job| job.complete), out),
        ),
        Row::gauge(
            "kube_job_failed",
            &["condition"],
            "1 for the status of the condition Failed, 0 for the others.",
            |job, out| condition(ksm(job).and_then(|job| job.failed), out),
        ),
        Row::gauge(
            "kube_job_status_start_time",
            &[],
            "When the Job was started or last resumed.",
            |job, out| out.value(job.start),
        ),
        Row::gauge(
            "kube_job_status_completion_time",
            &[],
            "When the Job completed; absent if it failed.",
            |job, out| out.value(ksm(job).and_then(|job| job.completion_time)),
        ),
        Row::gauge(
            "kube_job_status_suspended",
            &[],
            "Whether the Job is suspended: 1 or 0.",
            |job, out| {
                let suspended = ksm(job).and_then(|job| job.suspended);
                out.value(suspended.map(|status| status == ConditionStatus::True));
            },
        ),
        Row::gauge(
            "kube_job_owner",
            &["owner_kind", "owner_name", "owner_is_controller"],
            "Always 1, with an owner of the Job.",
            owners,
        ),
    ];

    fn blocks(section: &TargetSnapshot) -> usize {
        section.jobs.blocks()
    }

    fn version(section: &TargetSnapshot, number: usize) -> Option<Version> {
        Some(section.jobs.block_version(number))
    }

    fn block(section: &TargetSnapshot, number: usize) -> impl Iterator<Item = &Job> {
        section.jobs.existing(number)
    }
}

fn ksm(job: &Job) -> Option<&KsmJob> {
    job.ksm()
}

/// Adds a series for each status if the Job has the condition.
fn condition(status: Option<ConditionStatus>, out: &mut Samples<'_>) {
    let Some(status) = status else { return };
    for (label, one) in [
        ("true", ConditionStatus::True),
        ("false", ConditionStatus::False),
        ("unknown", ConditionStatus::Unknown),
    ] {
        out.sample(&[&label], status == one);
    }
}

/// Adds a number of pods or a flag, depending on the reason.
fn failed_pods(job: &Job, out: &mut Samples<'_>) {
    let failed = job.pods.failed;
    let ksm = ksm(job);
    if failed == 0 {
        out.sample(&[&""], 0);
        return;
    }
    let reason = ksm.and_then(|job| job.failed_reason.as_deref());
    if ksm.is_some_and(|job| job.failed.is_some()) {
        for known in REASONS {
            out.sample(&[&known], reason == Some(known));
        }
    }
    if !reason.is_some_and(|reason| REASONS.contains(&reason)) {
        out.sample(&[&""], failed);
    }
}

fn owners(job: &Job, out: &mut Samples<'_>) {
    let owners = ksm(job).map(|job| &*job.owners).unwrap_or_default();
    if owners.is_empty() {
        out.sample(&[&"", &"", &""], 1);
    }
    for owner in owners {
        let controller = if owner.controller { "true" } else { "false" };
        out.sample(&[&owner.kind, &owner.name, &controller], 1);
    }
}
