//! Jobs that no `CronJob` creates: they are created repeatedly, by hand or by a workflow engine.
//!
//! [`super::workloads`] defines them. At most one run of each exists at a time.

use std::convert::Infallible;

use serde_json::json;

use super::{
    Context,
    job_run::{JobRun, NewJob, Outcome},
    manifest::{JobOptions, WorkloadMetadata},
    pods::Failure,
};
use crate::api::InvalidObject;

/// The definition of a Job that is created repeatedly.
#[derive(Debug)]
pub(super) struct StandaloneJob {
    pub(super) metadata: WorkloadMetadata,
    pub(super) options: JobOptions,
    /// Each run gets a random one of these.
    pub(super) outcomes: &'static [Outcome],
    /// The average run time of a pod in seconds.
    pub(super) pod_seconds: f64,
    /// Why the pods of a run fail, one after the other. The last one repeats.
    pub(super) failures: &'static [Failure],
    /// The average time between two runs in seconds.
    pub(super) pause_seconds: f64,
    /// Whether an Argo Workflow owns it. Its Jobs have numbered names.
    pub(super) in_workflow: bool,
}

/// Creates the Job, runs it, deletes it after its TTL, and starts again.
pub(super) async fn repeat(
    mut context: Context,
    job: &StandaloneJob,
) -> Result<Infallible, InvalidObject> {
    let mut number = 0;
    loop {
        number += 1;
        let uid = context.api.new_uid();
        let owner = job.in_workflow.then(|| {
            json!({
                "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": job.metadata.name, "uid": uid,
                "controller": true, "blockOwnerDeletion": true,
            })
        });
        let name = if job.in_workflow {
            format!("{}-{number}", job.metadata.name)
        } else {
            job.metadata.name.to_owned()
        };
        let outcome = context.rng.choice(job.outcomes).copied();
        let new = NewJob {
            metadata: &job.metadata,
            options: job.options,
            name: &name,
            pod_seconds: job.pod_seconds,
            failures: job.failures,
            owner,
            annotations: &[],
        };
        let run = JobRun::create(context.fork(), new)?;
        let (run, _) = run.simulate(outcome.unwrap_or(Outcome::Succeed)).await?;
        let ttl = job.options.ttl.unwrap_or_default();
        tokio::time::sleep(std::time::Duration::from_secs(ttl.into())).await;
        run.delete();
        context.wait(job.pause_seconds).await;
    }
}
