//! The `batch_job_*` families: what is shown of a Job, and of a job that the configuration names.
//!
//! A row gives a value only where the record has one: what the API leaves out is left out here.

use super::family::{Identity, Mapped, Row, Table};
use crate::{
    model::Job,
    store::{ConfiguredJob, TargetSnapshot},
};

impl Table for Job {
    type Record = Self;

    const IDENTITY: Identity<Self> = &[
        ("namespace", |job| &job.namespace),
        ("job_name", |job| &job.name),
        ("workload_type", |job| &job.workload.kind),
        ("workload", |job| &job.workload.name),
    ];

    const MAPPED: Mapped<Self> = Some(|job| job.labels.as_deref());

    const ROWS: &'static [Row<Self>] = &[
        Row::gauge(
            "batch_job_info",
            &["uid", "completion_mode", "managed_by"],
            "Always 1. The uid of the run, how the Job counts completions, and which controller \
             manages it if not the built-in one.",
            |job, out| out.sample(&[&job.uid, &job.completion_mode, &job.managed_by], 1),
        ),
        Row::gauge(
            "batch_job_state",
            &["state"],
            "1 for the state that the Job is in, the others are left out: suspended, pending \
             (no pod was ready yet), running, succeeding, failing, complete, failed.",
            |job, out| out.sample(&[&job.state], 1),
        ),
        Row::gauge(
            "batch_job_active_pods",
            &[],
            "Pods of the Job that are pending or running and not terminating.",
            |job, out| out.value(job.pods.active),
        ),
        Row::gauge(
            "batch_job_ready_pods",
            &[],
            "Active pods of the Job that are ready.",
            |job, out| out.value(job.pods.ready),
        ),
        Row::gauge(
            "batch_job_terminating_pods",
            &[],
            "Pods of the Job that are being stopped.",
            |job, out| out.value(job.pods.terminating),
        ),
        Row::gauge(
            "batch_job_succeeded_pods",
            &[],
            "Pods of the Job that succeeded.",
            |job, out| out.value(job.pods.succeeded),
        ),
        Row::gauge(
            "batch_job_failed_pods",
            &[],
            "Pods of the Job that failed, those that were retried included.",
            |job, out| out.value(job.pods.failed),
        ),
        Row::gauge(
            "batch_job_created_timestamp_seconds",
            &[],
            "When the Job was created.",
            |job, out| out.value(job.created),
        ),
        Row::gauge(
            "batch_job_start_timestamp_seconds",
            &[],
            "When the Job was started; once it was suspended and resumed, when it was resumed.",
            |job, out| out.value(job.start),
        ),
        Row::gauge(
            "batch_job_end_timestamp_seconds",
            &[],
            "When the Job completed or failed.",
            |job, out| out.value(job.end),
        ),
        Row::gauge(
            "batch_job_suspended_timestamp_seconds",
            &[],
            "Since when the Job is suspended; left out when it is not.",
            |job, out| out.value(job.suspended),
        ),
        Row::gauge(
            "batch_job_failed",
            &["reason"],
            "1 for a Job that failed, with the reason that its controller gives; Other for \
             reasons outside of the known set.",
            |job, out| out.sample(&[&job.failure], job.failure.map(|_| 1)),
        ),
        Row::gauge(
            "batch_job_parallelism",
            &[],
            "How many pods of the Job may run at a time (spec.parallelism).",
            |job, out| out.value(job.parallelism),
        ),
        Row::gauge(
            "batch_job_completions",
            &[],
            "How many pods of the Job have to succeed (spec.completions).",
            |job, out| out.value(job.completions),
        ),
        Row::gauge(
            "batch_job_backoff_limit",
            &[],
            "How many pod failures the Job survives (spec.backoffLimit).",
            |job, out| out.value(job.backoff_limit),
        ),
        Row::gauge(
            "batch_job_active_deadline_seconds",
            &[],
            "How long the Job may be active before it is failed (spec.activeDeadlineSeconds).",
            |job, out| out.value(job.active_deadline),
        ),
        Row::gauge(
            "batch_job_completed_indexes",
            &[],
            "Indexes of an Indexed Job that completed.",
            |job, out| out.value(job.completed_indexes),
        ),
        Row::gauge(
            "batch_job_failed_indexes",
            &[],
            "Indexes of an Indexed Job that failed; known where the Job has a backoff limit per \
             index.",
            |job, out| out.value(job.failed_indexes),
        ),
    ];

    fn blocks(slice: &TargetSnapshot) -> usize {
        slice.jobs.blocks()
    }

    fn block(slice: &TargetSnapshot, number: usize) -> impl Iterator<Item = &Self> {
        slice.jobs.block(number)
    }
}

/// These series are there before the Job is, and stay as they are when it comes and goes: no workload labels.
impl Table for ConfiguredJob {
    type Record = Self;

    const IDENTITY: Identity<Self> = &[
        ("namespace", |job| &job.namespace),
        ("job_name", |job| &job.name),
    ];

    const ROWS: &'static [Row<Self>] = &[Row::gauge(
        "batch_job_exists",
        &[],
        "Whether a job that the configuration names exists: 1 or 0.",
        |job, out| out.value(job.exists),
    )];

    fn blocks(_: &TargetSnapshot) -> usize {
        1
    }

    fn block(slice: &TargetSnapshot, _: usize) -> impl Iterator<Item = &Self> {
        slice.configured.iter()
    }
}

#[cfg(test)]
mod tests;
