//! The `batch_job_*` families: Jobs, and configured jobs.
//!
//! A value that the API omits has no sample.

use crate::{
    metrics::table::{Identity, Mapped, Row, Rows, Table},
    model::{Job, RunTemplate},
    store::{ConfiguredJob, TargetSnapshot, Version},
};

/// The labels that identify a Job, for all tables about Jobs.
pub(super) const IDENTITY: Identity<Job> = &[
    ("namespace", |job| job.namespace()),
    ("job_name", |job| &job.name),
    ("workload_type", |job| job.workload_kind()),
    ("workload", Job::workload_name),
];

/// The mapped labels of a Job, for all tables about Jobs.
pub(super) const MAPPED: Mapped<Job> = Some(Job::shown_labels);

/// The table of Jobs.
#[derive(Debug)]
pub(in crate::metrics) enum Jobs {}

/// The table of configured jobs.
///
/// Its series exist before the Job does, and do not change when the Job appears. So they have no workload labels.
#[derive(Debug)]
pub(in crate::metrics) enum ConfiguredJobs {}

impl Table for Jobs {
    type Section = TargetSnapshot;
    type Record = Job;

    const TITLE: &'static str = "Jobs";

    const ABOUT: &'static str = "\
One Job object is one run. After a finished Job is deleted, its series stay for `retain_deleted`, so that a scrape sees the
end of a Job that is deleted at once. `workload_type` and `workload` are the kind, in lower case, and the name of the Job's
controlling owner. [Runs and workloads](workloads.md#runs-and-workloads) explains them for Jobs without an owner.

- `batch_job_state` has one series per Job. The states are `suspended` (also with a parallelism of 0), `pending` (no pod was
  ready yet), `running`, `succeeding`, `failing`, `complete` and `failed`.
- The reason of `batch_job_failed` is the one that the Job controller reports. Unknown reasons are shown as `Other`.
- The API omits the numbers of active, succeeded and failed pods when they are 0, so the exporter shows 0. The numbers of
  ready and terminating pods are absent if the API does not report them.
- `batch_job_failed_indexes` exists only for Jobs with a backoff limit per index.";

    const IDENTITY: Identity<Job> = IDENTITY;

    const MAPPED: Mapped<Job> = MAPPED;

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "batch_job_info",
            &["uid", "completion_mode", "managed_by"],
            "Always 1, with the uid, the completion mode and the external controller of the Job.",
            |job, out| {
                let RunTemplate {
                    completion_mode,
                    managed_by,
                    ..
                } = &*job.template;
                out.sample(&[&job.uid, completion_mode, managed_by], 1);
            },
        ),
        Row::gauge(
            "batch_job_state",
            &["state"],
            "1 for the current state of the Job.",
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
            "Pods of the Job that are terminating.",
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
            "Pods of the Job that failed, including those that were retried.",
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
            "When the Job was started or last resumed.",
            |job, out| out.value(job.start),
        ),
        Row::gauge(
            "batch_job_end_timestamp_seconds",
            &[],
            "When the Job completed or failed.",
            |job, out| out.value(job.end()),
        ),
        Row::gauge(
            "batch_job_suspended_timestamp_seconds",
            &[],
            "When the Job was suspended; absent if it is not suspended.",
            |job, out| out.value(job.suspended_since()),
        ),
        Row::gauge(
            "batch_job_failed",
            &["reason"],
            "1 for a failed Job, with the reason.",
            |job, out| out.sample(&[&job.failure], job.failure.map(|_| 1)),
        ),
        Row::gauge(
            "batch_job_parallelism",
            &[],
            "Maximum number of pods that run at the same time (spec.parallelism).",
            |job, out| out.value(job.template.parallelism),
        ),
        Row::gauge(
            "batch_job_completions",
            &[],
            "Number of pods that must succeed (spec.completions).",
            |job, out| out.value(job.template.completions),
        ),
        Row::gauge(
            "batch_job_backoff_limit",
            &[],
            "Number of retries before the Job fails (spec.backoffLimit).",
            |job, out| out.value(job.template.backoff_limit),
        ),
        Row::gauge(
            "batch_job_active_deadline_seconds",
            &[],
            "How long the Job may be active before it fails (spec.activeDeadlineSeconds).",
            |job, out| out.value(job.template.active_deadline),
        ),
        Row::gauge(
            "batch_job_completed_indexes",
            &[],
            "Completed indexes of an Indexed Job.",
            |job, out| out.value(job.completed_indexes()),
        ),
        Row::gauge(
            "batch_job_failed_indexes",
            &[],
            "Failed indexes of an Indexed Job.",
            |job, out| out.value(job.failed_indexes()),
        ),
    ];

    fn blocks(section: &TargetSnapshot) -> usize {
        section.jobs.blocks()
    }

    fn version(section: &TargetSnapshot, number: usize) -> Option<Version> {
        Some(section.jobs.block_version(number))
    }

    fn block(section: &TargetSnapshot, number: usize) -> impl Iterator<Item = &Job> {
        section.jobs.block(number)
    }
}

impl Table for ConfiguredJobs {
    type Section = TargetSnapshot;
    type Record = ConfiguredJob;

    const TITLE: &'static str = "Configured jobs";

    const ABOUT: &'static str = "\
The jobs that the configuration of a polled target lists, whether or not they exist. `batch_job_exists` is absent until a poll
worked, and when none worked for `stale_after`. The other families stay then.";

    const IDENTITY: Identity<ConfiguredJob> = &[
        ("namespace", |job| &job.namespace),
        ("job_name", |job| &job.name),
    ];

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "batch_job_exists",
            &[],
            "Whether the configured job exists: 1 or 0.",
            |job, out| out.value(job.exists),
        ),
        Row::gauge(
            "batch_job_poll_up",
            &[],
            "Whether the last poll of the configured job worked: 1 or 0.",
            |job, out| out.value(job.poll_up),
        ),
        Row::gauge(
            "batch_job_last_poll_timestamp_seconds",
            &[],
            "When the configured job was last polled successfully.",
            |job, out| out.value(job.last_poll),
        ),
    ];

    fn block(section: &TargetSnapshot, _: usize) -> impl Iterator<Item = &ConfiguredJob> {
        section.configured.iter()
    }
}

#[cfg(test)]
mod tests;
