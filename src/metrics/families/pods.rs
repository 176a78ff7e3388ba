//! The families about the pods of Jobs: why runs fail or wait. They exist only where a target reads pods.

use super::workload;
use crate::{
    metrics::table::{Identity, Mapped, Row, Rows, Samples, Table},
    model::{CauseGroup, FailureCause, Job, JobPods},
    store::{TargetSnapshot, Version, WorkloadRecord},
};

/// The table of what is known of the pods of single Jobs.
#[derive(Debug)]
pub(in crate::metrics) enum PodsOfJobs {}

/// The table of what pods say about the runs of workloads.
#[derive(Debug)]
pub(in crate::metrics) enum PodsOfWorkloads {}

impl Table for PodsOfJobs {
    type Section = TargetSnapshot;
    type Record = Job;

    const TITLE: &'static str = "Pods of Jobs";

    const ABOUT: &'static str = "\
Only for targets with `pods.enabled: true`. [Pods](pods.md) has the causes and the reasons, and what sets them.

- `batch_job_failed_pods_by_cause` has a series for each cause that occurred. Its sum is at most `batch_job_failed_pods`: a pod
  that was deleted before it was read has no cause.
- `batch_job_waiting_pods` has a series for each reason that some pod waits for.
- `batch_job_pending_since_timestamp_seconds` is about the pod that has waited longest, with its present reason.
- Pods that have succeeded are not read. Restarts that happened before the exporter started do not count if their pod has succeeded
  by then.";

    const IDENTITY: Identity<Job> = super::job::IDENTITY;

    const MAPPED: Mapped<Job> = super::job::MAPPED;

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "batch_job_waiting_pods",
            &["reason"],
            "Pods of the Job that wait, by reason.",
            |job, out| {
                for (reason, pods) in unfinished(job).into_iter().flat_map(JobPods::waiting) {
                    out.sample(&[&reason], pods);
                }
            },
        ),
        Row::gauge(
            "batch_job_pending_since_timestamp_seconds",
            &["reason"],
            "Since when the pod of the Job waits that has waited longest.",
            |job, out| {
                if let Some((since, reason)) = unfinished(job).and_then(JobPods::pending_since) {
                    out.sample(&[&reason], since);
                }
            },
        ),
        Row::gauge(
            "batch_job_failed_pods_by_cause",
            &["cause"],
            "Pods of the Job that failed, by cause.",
            |job, out| {
                let failed = job.observed_pods.as_deref();
                if let Some(failed) = failed.map(|pods| pods.failed(job.pods.failed)) {
                    for (cause, pods) in failed.iter() {
                        out.sample(&[&cause], pods);
                    }
                }
            },
        ),
        Row::gauge(
            "batch_job_container_restarts",
            &[],
            "How often containers of the Job's pods were restarted.",
            |job, out| out.value(job.observed_pods.as_deref().map(JobPods::restarts)),
        ),
    ];

    fn blocks(section: &TargetSnapshot) -> usize {
        blocks_of(section, section.jobs.blocks())
    }

    fn version(section: &TargetSnapshot, number: usize) -> Option<Version> {
        Some(section.jobs.block_version(number))
    }

    fn block(section: &TargetSnapshot, number: usize) -> impl Iterator<Item = &Job> {
        section.jobs.block(number)
    }
}

impl Table for PodsOfWorkloads {
    type Section = TargetSnapshot;
    type Record = WorkloadRecord;

    const TITLE: &'static str = "Pods of workloads";

    const ABOUT: &'static str = "\
Only for targets with `pods.enabled: true`. [Pods](pods.md) says how the causes of pods become the cause of a run.

- `batch_workload_last_run_failure_cause` and `batch_workload_last_run_exit_code` are absent unless the last run failed. The
  cause is `Unknown` if no pod said anything. The exit code is absent if no container ended with one.
- `batch_workload_pod_failures_total` counts the failed pods of the counted runs when these end, with causes in eight groups:
  `memory`, `exit_code`, `image`, `config`, `scheduling`, `eviction`, `node` and `other`.";

    const IDENTITY: Identity<WorkloadRecord> = workload::IDENTITY;

    const MAPPED: Mapped<WorkloadRecord> = workload::MAPPED;

    const CONTINUES: bool = true;

    const ROWS: Rows<Self> = &[
        Row::gauge(
            "batch_workload_last_run_failure_cause",
            &["cause"],
            "1 for the cause of the last finished run, if that failed.",
            |workload, out| {
                if let Some(last) = workload.state.totals.last_failed_run() {
                    let by_reason = || last.reason?.cause();
                    let cause = last.cause.or_else(by_reason);
                    out.sample(&[&cause.unwrap_or(FailureCause::Unknown)], 1);
                }
            },
        ),
        Row::gauge(
            "batch_workload_last_run_exit_code",
            &[],
            "The exit code behind the failure of the last finished run.",
            |workload, out| {
                let last = workload.state.totals.last_failed_run();
                out.value(last.and_then(|last| last.exit_code));
            },
        ),
        Row::counter(
            "batch_workload_pod_failures_total",
            &["cause"],
            "Failed pods of the counted runs, by group of causes.",
            pod_failures,
        ),
    ];

    fn blocks(section: &TargetSnapshot) -> usize {
        blocks_of(section, section.workloads.chunks())
    }

    fn version(section: &TargetSnapshot, number: usize) -> Option<Version> {
        Some(section.workloads.chunk_version(number))
    }

    fn block(section: &TargetSnapshot, number: usize) -> impl Iterator<Item = &WorkloadRecord> {
        section.workloads.chunk(number)
    }
}

/// The blocks of a target, if its pods are read.
fn blocks_of(section: &TargetSnapshot, all: usize) -> usize {
    if section.reads_pods { all } else { 0 }
}

/// What is known of the pods of a Job that has not finished. Pods of others have nothing to wait for.
fn unfinished(job: &Job) -> Option<&JobPods> {
    job.observed_pods.as_deref().filter(|_| !job.finished())
}

fn pod_failures(workload: &WorkloadRecord, out: &mut Samples<'_>) {
    let failures = &workload.state.totals.pod_failures;
    for group in CauseGroup::ALL {
        let pods = failures.get(group).copied().unwrap_or(0);
        out.counter(&[group], pods, None, workload.first_seen());
    }
}

#[cfg(test)]
mod tests;
