//! One Job from its creation to its end.
//!
//! [`super::cronjob`] and [`super::standalone_job`] create runs and await them. Each step writes the status that the Job controller of
//! Kubernetes 1.36 writes, and its pods. A run stops if its object is deleted, or replaced by one with another uid.
//!
//! - [`steps`]: what happens between the start and the end, for each outcome.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use thiserror::Error;

use super::{
    Context,
    manifest::{self, JobOptions, WorkloadMetadata},
    pods::{self, Failure, JobPods, Wait},
    status::{JobStatus, Uncounted, index_text},
};
use crate::api::{InvalidObject, Kind, SimulatedApi};

mod steps;

/// What happens to a run. The [`JobOptions`] must allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All pods succeed.
    Succeed,
    /// One pod fails, and its retry succeeds.
    Retry,
    /// Pods fail until the backoff limit is exceeded.
    BackoffLimit,
    /// The Job exceeds its active deadline.
    Deadline,
    /// A pod exits with a code that fails the Job by the pod failure policy.
    FailurePolicy,
    /// One index fails, the others succeed.
    FailedIndex,
    /// More indexes fail than `maxFailedIndexes`. The other pods are terminated.
    TooManyFailedIndexes,
    /// The first success meets the success policy. The other pods are terminated.
    SuccessPolicy,
    /// The container crashes twice. The kubelet restarts it, and the pod succeeds.
    CrashLoop,
    /// The pods wait this many seconds, and then succeed.
    StartLate(Wait, u32),
    /// The pods wait until the Job exceeds its active deadline.
    NeverStart(Wait),
    /// The Job runs until it is deleted, at the latest after this many seconds.
    Hang(u32),
}

/// The state of a run at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FinalState {
    Succeeded,
    Failed,
    /// The Job was deleted before its end.
    Deleted,
}

/// The reason why a run stops early.
#[derive(Debug, Error)]
enum StepError {
    #[error("the job was deleted")]
    Deleted,
    #[error(transparent)]
    Invalid(#[from] InvalidObject),
}

/// A simulated Job.
#[derive(Debug)]
pub(super) struct JobRun {
    context: Context,
    options: JobOptions,
    /// The average run time of a pod in seconds.
    pod_seconds: f64,
    object: Value,
    status: JobStatus,
    pods: JobPods,
    completed: BTreeSet<u32>,
    failed: BTreeSet<u32>,
}

/// The properties of a new Job.
#[derive(Debug)]
pub(super) struct NewJob<'a> {
    pub(super) metadata: &'a WorkloadMetadata,
    pub(super) options: JobOptions,
    pub(super) name: &'a str,
    pub(super) pod_seconds: f64,
    /// Why its pods fail, one after the other. The last one repeats.
    pub(super) failures: &'static [Failure],
    /// The entry of `metadata.ownerReferences`.
    pub(super) owner: Option<Value>,
    /// Additional annotations.
    pub(super) annotations: &'a [(&'a str, String)],
}

// === impl JobRun ===

impl JobRun {
    /// Creates the Job.
    pub(super) fn create(context: Context, new: NewJob<'_>) -> Result<Self, InvalidObject> {
        let uid = context.api.new_uid();
        let now = context.api.clock().text();
        let mut object = manifest::job(new.metadata, &new.options, new.name, &uid, &now);
        if let Some(owner) = new.owner {
            object["metadata"]["ownerReferences"] = json!([owner]);
        }
        for (name, value) in new.annotations {
            object["metadata"]["annotations"][*name] = json!(value);
        }
        let object = context.api.apply(Kind::Job, object)?;
        let pods = JobPods::new(context.api.clone(), &object, &new.options, new.failures);
        Ok(Self {
            object,
            pods,
            context,
            options: new.options,
            pod_seconds: new.pod_seconds,
            status: JobStatus::default(),
            completed: BTreeSet::new(),
            failed: BTreeSet::new(),
        })
    }

    /// The object as it was last stored.
    pub(super) fn object(&self) -> &Value {
        &self.object
    }

    /// Runs the Job to its end.
    pub(super) async fn simulate(
        mut self,
        outcome: Outcome,
    ) -> Result<(Self, FinalState), InvalidObject> {
        match self.try_simulate(outcome).await {
            Ok(true) => Ok((self, FinalState::Succeeded)),
            Ok(false) => Ok((self, FinalState::Failed)),
            Err(StepError::Deleted) => Ok((self, FinalState::Deleted)),
            Err(StepError::Invalid(error)) => Err(error),
        }
    }

    /// Deletes the Job and its pods, unless another one has its name now.
    pub(super) fn delete(&self) {
        if self.exists() {
            let (namespace, name) = self.key();
            let uid = self.object["metadata"]["uid"].as_str();
            delete_job(&self.context.api, namespace, name, uid.unwrap_or_default());
        }
    }

    async fn try_simulate(&mut self, outcome: Outcome) -> Result<bool, StepError> {
        self.context.wait(0.2).await;
        if self.options.suspended {
            self.status.set_suspended(true, self.now());
            self.write()?;
            self.context.wait(15.0).await;
            self.object["spec"]["suspend"] = json!(false);
            self.write()?;
            self.context.wait(0.2).await;
            self.status.set_suspended(false, self.now());
        }
        self.status.start_time = Some(self.now());
        let result = match outcome {
            Outcome::Succeed | Outcome::FailedIndex | Outcome::TooManyFailedIndexes => {
                self.run_pods(outcome).await?
            }
            Outcome::Retry => {
                self.fail_pod().await?;
                self.context.wait(3.0).await;
                self.run_pods(outcome).await?
            }
            Outcome::BackoffLimit => self.exceed_backoff_limit().await?,
            Outcome::Deadline => self.exceed_deadline(None).await?,
            Outcome::NeverStart(wait) => self.exceed_deadline(Some(wait)).await?,
            Outcome::StartLate(wait, seconds) => self.start_late(wait, seconds).await?,
            Outcome::CrashLoop => self.crash_and_succeed().await?,
            Outcome::FailurePolicy => self.fail_by_policy().await?,
            Outcome::SuccessPolicy => self.meet_success_policy().await?,
            Outcome::Hang(seconds) => return self.hang(seconds).await,
        };
        self.context.wait(0.3).await;
        if self.status.terminating > 0 {
            self.context.wait(4.0).await;
            self.pods()?.remove_terminated()?;
        }
        self.status.set_final_condition(&result, self.now());
        self.count_pods()?;
        Ok(result.success)
    }

    /// Moves the uncounted pods to the counts, and writes the status.
    fn count_pods(&mut self) -> Result<(), StepError> {
        let ended = std::mem::take(&mut self.status.uncounted_terminated_pods);
        let Uncounted { succeeded, failed } = ended;
        self.status.succeeded += count(&succeeded);
        self.status.failed += count(&failed);
        if self.options.indexed {
            let text = |indexes: &BTreeSet<u32>| (!indexes.is_empty()).then(|| index_text(indexes));
            self.status.completed_indexes = text(&self.completed);
            self.status.failed_indexes = text(&self.failed);
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), StepError> {
        if !self.exists() {
            return Err(StepError::Deleted);
        }
        let status = serde_json::to_value(&self.status).unwrap_or_default();
        let managed = manifest::managed_status(&self.now(), &status);
        if let Some(all) = self.object["metadata"]["managedFields"].as_array_mut() {
            all.truncate(1);
            all.push(managed);
        }
        self.object["status"] = status;
        self.object = self.context.api.apply(Kind::Job, self.object.clone())?;
        Ok(())
    }

    /// The pods, unless the Job is gone: its pods are gone then, too.
    fn pods(&mut self) -> Result<&mut JobPods, StepError> {
        if self.exists() {
            Ok(&mut self.pods)
        } else {
            Err(StepError::Deleted)
        }
    }

    fn exists(&self) -> bool {
        let (namespace, name) = self.key();
        let uid = self.context.api.uid(Kind::Job, namespace, name);
        uid.as_deref() == self.object["metadata"]["uid"].as_str()
    }

    fn key(&self) -> (&str, &str) {
        let metadata = &self.object["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default();
        (text("namespace"), text("name"))
    }

    fn now(&self) -> String {
        self.context.api.clock().text()
    }
}

/// Deletes a Job and its pods, as a client does with the propagation policy `Background`.
pub(super) fn delete_job(api: &SimulatedApi, namespace: &str, name: &str, uid: &str) {
    api.delete(Kind::Job, namespace, name);
    pods::collect_garbage(api, namespace, uid);
}

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
