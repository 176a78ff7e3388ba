//! The `kube_job_*` families.
//!
//! What kube-state-metrics reads from a field without asking whether it is there is 0 here, too.

use crate::{
    metrics::{
        family::{Identity, Row, Table},
        samples::Samples,
    },
    model::{ConditionStatus, Job, KsmJob},
    store::TargetSnapshot,
};

/// The reasons of a failure that kube-state-metrics has a series for. Nobody sets the last one any more.
const REASONS: [&str; 3] = ["BackoffLimitExceeded", "DeadlineExceeded", "Evicted"];

/// The table of these families.
#[derive(Debug)]
pub(in crate::metrics) enum KsmJobs {}

impl Table for KsmJobs {
    type Record = Job;

    const IDENTITY: Identity<Job> = &[
        ("namespace", |job| &job.namespace),
        ("job_name", |job| &job.name),
    ];

    const ROWS: &'static [Row<Job, Self>] = &[
        Row::gauge(
            "kube_job_annotations",
            &[],
            "Always 1. The annotations of the Job that `job_annotations` names, as labels \
             `annotation_...`; the family is left out where it names none.",
            |job, out| {
                if let Some(annotations) = ksm(job).and_then(|job| job.annotations.as_ref()) {
                    out.labelled(annotations, 1);
                }
            },
        ),
        Row::gauge(
            "kube_job_labels",
            &[],
            "Always 1. The labels of the Job that `job_labels` names, as labels `label_...`; the \
             family is left out where it names none.",
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
            "How many pods of the Job may run at a time (spec.parallelism).",
            |job, out| out.value(job.parallelism),
        ),
        Row::gauge(
            "kube_job_spec_completions",
            &[],
            "How many pods of the Job have to succeed (spec.completions).",
            |job, out| out.value(job.completions),
        ),
        Row::gauge(
            "kube_job_spec_active_deadline_seconds",
            &[],
            "How long the Job may be active before it is failed (spec.activeDeadlineSeconds).",
            |job, out| out.value(job.active_deadline),
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
            "Without a failed pod: 0. With some, while the Job goes on or when it failed for a \
             reason that is not listed here: their number, without a reason. Once the Job failed: \
             0 or 1 for each of BackoffLimitExceeded, DeadlineExceeded and Evicted.",
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
            "Active pods of the Job that are ready; 0 where the API does not tell.",
            |job, out| out.value(job.pods.ready.unwrap_or(0)),
        ),
        Row::gauge(
            "kube_job_complete",
            &["condition"],
            "Whether the Job completed: 1 for the status of its condition Complete, 0 for the \
             others of true, false and unknown; left out while it has no such condition.",
            |job, out| condition(ksm(job).and_then(|job| job.complete), out),
        ),
        Row::gauge(
            "kube_job_failed",
            &["condition"],
            "Whether the Job failed: 1 for the status of its condition Failed, 0 for the others of \
             true, false and unknown; left out while it has no such condition.",
            |job, out| condition(ksm(job).and_then(|job| job.failed), out),
        ),
        Row::gauge(
            "kube_job_status_start_time",
            &[],
            "When the Job was started; once it was suspended and resumed, when it was resumed.",
            |job, out| out.value(job.start),
        ),
        Row::gauge(
            "kube_job_status_completion_time",
            &[],
            "When the Job completed; left out where it failed.",
            |job, out| out.value(ksm(job).and_then(|job| job.completion_time)),
        ),
        Row::gauge(
            "kube_job_status_suspended",
            &[],
            "Whether the Job is suspended: 1 or 0; left out where it never was.",
            |job, out| {
                let suspended = ksm(job).and_then(|job| job.suspended);
                out.value(suspended.map(|status| status == ConditionStatus::True));
            },
        ),
        Row::gauge(
            "kube_job_owner",
            &["owner_kind", "owner_name", "owner_is_controller"],
            "Always 1. An owner of the Job, and whether it controls the Job; all empty where there \
             is none.",
            owners,
        ),
    ];

    fn blocks(slice: &TargetSnapshot) -> usize {
        slice.jobs.blocks()
    }

    fn block(slice: &TargetSnapshot, number: usize) -> impl Iterator<Item = &Job> {
        slice.jobs.existing(number)
    }
}

fn ksm(job: &Job) -> Option<&KsmJob> {
    job.ksm.as_deref()
}

/// A series for each status, once there is one.
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

/// A number of pods or a flag, depending on the reason.
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
