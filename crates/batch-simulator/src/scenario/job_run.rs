//! One Job from its creation to its end.
//!
//! [`super::cronjob`] and [`super::standalone_job`] create runs and await them. Each step writes the status that the Job controller of
//! Kubernetes 1.36 writes. A run stops if its object is deleted, or replaced by one with another uid.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use thiserror::Error;

use super::{
    Context,
    manifest::{self, JobOptions, WorkloadMetadata},
    status::{JobResult, JobStatus, Uncounted, index_text},
};
use crate::api::{InvalidObject, Kind};

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
        Ok(Self {
            object: context.api.apply(Kind::Job, object)?,
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

    /// Deletes the Job, unless another one has its name now.
    pub(super) fn delete(&self) {
        if self.exists() {
            let (namespace, name) = self.key();
            self.context.api.delete(Kind::Job, namespace, name);
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
                self.fail_pod(None).await?;
                self.context.wait(3.0).await;
                self.run_pods(outcome).await?
            }
            Outcome::BackoffLimit => self.exceed_backoff_limit().await?,
            Outcome::Deadline => self.exceed_deadline().await?,
            Outcome::FailurePolicy => self.fail_by_policy().await?,
            Outcome::SuccessPolicy => self.meet_success_policy().await?,
            Outcome::Hang(seconds) => return self.hang(seconds).await,
        };
        self.context.wait(0.3).await;
        if self.status.terminating > 0 {
            self.context.wait(4.0).await;
        }
        self.status.set_final_condition(&result, self.now());
        self.count_pods()?;
        Ok(result.success)
    }

    /// Starts pods: they are active at once, and ready a little later.
    async fn start_pods(&mut self, pods: u32) -> Result<(), StepError> {
        self.status.active = pods;
        self.status.ready = 0;
        self.write()?;
        self.context.wait(0.8).await;
        self.status.ready = pods;
        self.write()
    }

    /// Runs a pod for each index, until all have ended or too many have failed.
    async fn run_pods(&mut self, outcome: Outcome) -> Result<JobResult, StepError> {
        let total = self.options.completions;
        let mut waiting = 0..total;
        let mut active: Vec<u32> = waiting
            .by_ref()
            .take(self.options.parallelism as usize)
            .collect();
        let failing_index = self.context.rng.u32(..total);
        self.start_pods(count(&active)).await?;
        loop {
            self.context.wait(self.pod_seconds).await;
            let index = active.swap_remove(self.context.rng.usize(..active.len()));
            let fails = match outcome {
                Outcome::FailedIndex => index == failing_index,
                Outcome::TooManyFailedIndexes => true,
                _ => false,
            };
            let pod = self.context.api.new_uid();
            let ended = if fails {
                self.failed.insert(index);
                &mut self.status.uncounted_terminated_pods.failed
            } else {
                self.completed.insert(index);
                &mut self.status.uncounted_terminated_pods.succeeded
            };
            ended.push(pod);
            let result = self.result(active.is_empty() && waiting.is_empty());
            if let Some(result) = &result {
                self.status.set_criteria_condition(result, self.now());
                self.status.terminating = count(&active);
                active.clear();
            } else {
                active.extend(waiting.next());
            }
            self.status.active = count(&active);
            self.status.ready = self.status.active;
            self.write()?;
            if let Some(result) = result {
                return Ok(result);
            }
            self.context.wait(0.2).await;
            self.count_pods()?;
        }
    }

    /// The result of the Job, or `None` while it runs. `done`: whether the pods of all indexes have ended.
    fn result(&self, done: bool) -> Option<JobResult> {
        let limit = self.options.max_failed_indexes.unwrap_or(u32::MAX);
        if u32::try_from(self.failed.len()).is_ok_and(|failed| failed > limit) {
            let message = "Job has exceeded the specified maximal number of failed indexes";
            return Some(JobResult::failed("MaxFailedIndexesExceeded", message));
        }
        if !done {
            return None;
        }
        if self.failed.is_empty() {
            return Some(JobResult::completed());
        }
        let message = "Job has failed indexes";
        Some(JobResult::failed("FailedIndexes", message))
    }

    /// Runs one pod that fails. With a `result`, its failure decides the Job.
    async fn fail_pod(&mut self, result: Option<&JobResult>) -> Result<(), StepError> {
        self.start_pods(1).await?;
        self.context.wait(self.pod_seconds).await;
        if let Some(result) = result {
            self.status.set_criteria_condition(result, self.now());
        }
        let pod = self.context.api.new_uid();
        self.status.uncounted_terminated_pods.failed.push(pod);
        self.status.active = 0;
        self.status.ready = 0;
        self.write()?;
        if result.is_none() {
            self.context.wait(0.3).await;
            self.count_pods()?;
        }
        Ok(())
    }

    async fn exceed_backoff_limit(&mut self) -> Result<JobResult, StepError> {
        for attempt in 0..self.options.backoff_limit {
            self.fail_pod(None).await?;
            // A real controller waits 10 s, 20 s, ...
            self.context.wait(f64::from(2 << attempt)).await;
        }
        let message = "Job has reached the specified backoff limit";
        let result = JobResult::failed("BackoffLimitExceeded", message);
        self.fail_pod(Some(&result)).await?;
        Ok(result)
    }

    async fn fail_by_policy(&mut self) -> Result<JobResult, StepError> {
        let (namespace, name) = self.key();
        let message = format!(
            "Container main for pod {namespace}/{name}-x7k2p failed with exit code 42 matching FailJob rule at index 0"
        );
        let result = JobResult::failed("PodFailurePolicy", message);
        self.fail_pod(Some(&result)).await?;
        Ok(result)
    }

    async fn exceed_deadline(&mut self) -> Result<JobResult, StepError> {
        let began = tokio::time::Instant::now();
        let deadline = self.options.deadline.unwrap_or_default();
        let pods = self.options.parallelism;
        self.start_pods(pods).await?;
        tokio::time::sleep_until(began + std::time::Duration::from_secs(deadline.into())).await;
        let message = "Job was active longer than specified deadline";
        let result = JobResult::failed("DeadlineExceeded", message);
        self.status.set_criteria_condition(&result, self.now());
        self.terminate_pods();
        self.status.failed += pods;
        self.write()?;
        Ok(result)
    }

    async fn meet_success_policy(&mut self) -> Result<JobResult, StepError> {
        self.start_pods(self.options.parallelism).await?;
        self.context.wait(self.pod_seconds).await;
        let result = JobResult::success_policy();
        self.status.set_criteria_condition(&result, self.now());
        self.completed.insert(0);
        let pod = self.context.api.new_uid();
        self.status.uncounted_terminated_pods.succeeded.push(pod);
        self.status.active -= 1;
        self.terminate_pods();
        self.write()?;
        self.context.wait(0.3).await;
        self.count_pods()?;
        Ok(result)
    }

    async fn hang(&mut self, seconds: u32) -> Result<bool, StepError> {
        self.start_pods(self.options.parallelism).await?;
        self.context.wait(f64::from(seconds)).await;
        self.delete();
        Err(StepError::Deleted)
    }

    /// Starts to terminate the active pods.
    fn terminate_pods(&mut self) {
        self.status.terminating = self.status.active;
        self.status.active = 0;
        self.status.ready = 0;
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

fn count<T>(items: &[T]) -> u32 {
    u32::try_from(items.len()).unwrap_or(u32::MAX)
}
