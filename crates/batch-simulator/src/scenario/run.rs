//! One Job from its creation to its end.
//!
//! [`super::cronjob`] and [`super::solo`] create runs and await them. Each step writes the status that the Job controller of a 1.36
//! control plane would write then. A run whose object was deleted, or replaced by one with another uid, stops.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use thiserror::Error;

use super::{
    Stage,
    manifest::{self, Identity, Shape},
    status::{JobStatus, Uncounted, Verdict, index_text},
};
use crate::api::{InvalidObject, Kind};

/// What happens to a run. The [`Shape`] has to allow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plot {
    /// All pods succeed.
    Succeed,
    /// A pod fails once and is retried with success.
    Retry,
    /// Pods fail until the limit is exceeded.
    BackoffLimit,
    /// Pods run beyond the deadline of the Job.
    Deadline,
    /// A pod exits with a code that the failure policy does not forgive.
    FailurePolicy,
    /// One index fails, the others succeed.
    FailedIndex,
    /// More indexes fail than are allowed; the other pods are stopped.
    TooManyFailedIndexes,
    /// The first success is enough; the other pods are stopped.
    SuccessPolicy,
    /// Runs until somebody deletes it: by hand after this many seconds.
    Hang(u32),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Succeeded,
    Failed,
    /// The Job was deleted before its end.
    Deleted,
}

/// Why a step could not be taken.
#[derive(Debug, Error)]
enum Stop {
    #[error("the job is gone")]
    Gone,
    #[error(transparent)]
    Invalid(#[from] InvalidObject),
}

/// A Job that is being played.
#[derive(Debug)]
pub(super) struct Run {
    stage: Stage,
    shape: Shape,
    /// How many seconds a pod takes, about.
    pace: f64,
    object: Value,
    status: JobStatus,
    completed: BTreeSet<u32>,
    failed: BTreeSet<u32>,
}

/// How a new Job is made.
#[derive(Debug)]
pub(super) struct Birth<'a> {
    pub(super) identity: &'a Identity,
    pub(super) shape: Shape,
    pub(super) name: &'a str,
    pub(super) pace: f64,
    /// `metadata.ownerReferences`, if it has an owner.
    pub(super) owner: Option<Value>,
    /// More annotations.
    pub(super) annotations: &'a [(&'a str, String)],
}

// === impl Run ===

impl Run {
    /// Creates the Job.
    pub(super) fn create(stage: Stage, birth: Birth<'_>) -> Result<Self, InvalidObject> {
        let uid = stage.api.new_uid();
        let now = stage.api.clock().text();
        let mut object = manifest::job(birth.identity, &birth.shape, birth.name, &uid, &now);
        if let Some(owner) = birth.owner {
            object["metadata"]["ownerReferences"] = json!([owner]);
        }
        for (name, value) in birth.annotations {
            object["metadata"]["annotations"][*name] = json!(value);
        }
        Ok(Self {
            object: stage.api.apply(Kind::Job, object)?,
            stage,
            shape: birth.shape,
            pace: birth.pace,
            status: JobStatus::default(),
            completed: BTreeSet::new(),
            failed: BTreeSet::new(),
        })
    }

    /// The object as it was stored last.
    pub(super) fn object(&self) -> &Value {
        &self.object
    }

    /// Plays to the end.
    pub(super) async fn play(mut self, plot: Plot) -> Result<(Self, Ending), InvalidObject> {
        match self.try_play(plot).await {
            Ok(true) => Ok((self, Ending::Succeeded)),
            Ok(false) => Ok((self, Ending::Failed)),
            Err(Stop::Gone) => Ok((self, Ending::Deleted)),
            Err(Stop::Invalid(error)) => Err(error),
        }
    }

    /// Deletes the Job, unless another one has its name by now.
    pub(super) fn delete(&self) {
        if self.is_there() {
            let (namespace, name) = self.key();
            self.stage.api.delete(Kind::Job, namespace, name);
        }
    }

    async fn try_play(&mut self, plot: Plot) -> Result<bool, Stop> {
        self.stage.wait(0.2).await;
        if self.shape.suspended {
            self.status.suspend(true, self.now());
            self.write()?;
            self.stage.wait(15.0).await;
            self.object["spec"]["suspend"] = json!(false);
            self.write()?;
            self.stage.wait(0.2).await;
            self.status.suspend(false, self.now());
        }
        self.status.start_time = Some(self.now());
        let verdict = match plot {
            Plot::Succeed | Plot::FailedIndex | Plot::TooManyFailedIndexes => {
                self.work(plot).await?
            }
            Plot::Retry => {
                self.fail_pod(None).await?;
                self.stage.wait(3.0).await;
                self.work(plot).await?
            }
            Plot::BackoffLimit => self.exceed_backoff_limit().await?,
            Plot::Deadline => self.exceed_deadline().await?,
            Plot::FailurePolicy => self.break_failure_policy().await?,
            Plot::SuccessPolicy => self.meet_success_policy().await?,
            Plot::Hang(seconds) => return self.hang(seconds).await,
        };
        self.stage.wait(0.3).await;
        if self.status.terminating > 0 {
            self.stage.wait(4.0).await;
        }
        self.status.conclude(&verdict, self.now());
        self.settle()?;
        Ok(verdict.success)
    }

    /// Pods become active, and ready a little later.
    async fn begin(&mut self, pods: u32) -> Result<(), Stop> {
        self.status.active = pods;
        self.status.ready = 0;
        self.write()?;
        self.stage.wait(0.8).await;
        self.status.ready = pods;
        self.write()
    }

    /// Pods run one after the other until all indexes have had theirs, or too many have failed.
    async fn work(&mut self, plot: Plot) -> Result<Verdict, Stop> {
        let total = self.shape.completions;
        let mut waiting = 0..total;
        let mut active: Vec<u32> = waiting
            .by_ref()
            .take(self.shape.parallelism as usize)
            .collect();
        let bad = self.stage.rng.u32(..total);
        self.begin(count(&active)).await?;
        loop {
            self.stage.wait(self.pace).await;
            let index = active.swap_remove(self.stage.rng.usize(..active.len()));
            let fails = match plot {
                Plot::FailedIndex => index == bad,
                Plot::TooManyFailedIndexes => true,
                _ => false,
            };
            let pod = self.stage.api.new_uid();
            let ended = if fails {
                self.failed.insert(index);
                &mut self.status.uncounted_terminated_pods.failed
            } else {
                self.completed.insert(index);
                &mut self.status.uncounted_terminated_pods.succeeded
            };
            ended.push(pod);
            let verdict = self.judge(active.is_empty() && waiting.is_empty());
            if let Some(verdict) = &verdict {
                self.status.announce(verdict, self.now());
                self.status.terminating = count(&active);
                active.clear();
            } else {
                active.extend(waiting.next());
            }
            self.status.active = count(&active);
            self.status.ready = self.status.active;
            self.write()?;
            if let Some(verdict) = verdict {
                return Ok(verdict);
            }
            self.stage.wait(0.2).await;
            self.settle()?;
        }
    }

    /// Whether it is over; `done` is whether every index has had its pod.
    fn judge(&self, done: bool) -> Option<Verdict> {
        let most = self.shape.max_failed_indexes.unwrap_or(u32::MAX);
        if u32::try_from(self.failed.len()).is_ok_and(|failed| failed > most) {
            let message = "Job has exceeded the specified maximal number of failed indexes";
            return Some(Verdict::failed("MaxFailedIndexesExceeded", message));
        }
        if !done {
            return None;
        }
        if self.failed.is_empty() {
            return Some(Verdict::completed());
        }
        let message = "Job has failed indexes";
        Some(Verdict::failed("FailedIndexes", message))
    }

    /// One pod runs and fails, for good where there is a verdict.
    async fn fail_pod(&mut self, verdict: Option<&Verdict>) -> Result<(), Stop> {
        self.begin(1).await?;
        self.stage.wait(self.pace).await;
        if let Some(verdict) = verdict {
            self.status.announce(verdict, self.now());
        }
        let pod = self.stage.api.new_uid();
        self.status.uncounted_terminated_pods.failed.push(pod);
        self.status.active = 0;
        self.status.ready = 0;
        self.write()?;
        if verdict.is_none() {
            self.stage.wait(0.3).await;
            self.settle()?;
        }
        Ok(())
    }

    async fn exceed_backoff_limit(&mut self) -> Result<Verdict, Stop> {
        for attempt in 0..self.shape.backoff_limit {
            self.fail_pod(None).await?;
            // A real controller waits 10 s, 20 s, ...
            self.stage.wait(f64::from(2 << attempt)).await;
        }
        let message = "Job has reached the specified backoff limit";
        let verdict = Verdict::failed("BackoffLimitExceeded", message);
        self.fail_pod(Some(&verdict)).await?;
        Ok(verdict)
    }

    async fn break_failure_policy(&mut self) -> Result<Verdict, Stop> {
        let (namespace, name) = self.key();
        let message = format!(
            "Container main for pod {namespace}/{name}-x7k2p failed with exit code 42 matching FailJob rule at index 0"
        );
        let verdict = Verdict::failed("PodFailurePolicy", message);
        self.fail_pod(Some(&verdict)).await?;
        Ok(verdict)
    }

    async fn exceed_deadline(&mut self) -> Result<Verdict, Stop> {
        let began = tokio::time::Instant::now();
        let deadline = self.shape.deadline.unwrap_or_default();
        let pods = self.shape.parallelism;
        self.begin(pods).await?;
        tokio::time::sleep_until(began + std::time::Duration::from_secs(deadline.into())).await;
        let message = "Job was active longer than specified deadline";
        let verdict = Verdict::failed("DeadlineExceeded", message);
        self.status.announce(&verdict, self.now());
        self.stop_pods();
        self.status.failed += pods;
        self.write()?;
        Ok(verdict)
    }

    async fn meet_success_policy(&mut self) -> Result<Verdict, Stop> {
        self.begin(self.shape.parallelism).await?;
        self.stage.wait(self.pace).await;
        let verdict = Verdict::success_policy();
        self.status.announce(&verdict, self.now());
        self.completed.insert(0);
        let pod = self.stage.api.new_uid();
        self.status.uncounted_terminated_pods.succeeded.push(pod);
        self.status.active -= 1;
        self.stop_pods();
        self.write()?;
        self.stage.wait(0.3).await;
        self.settle()?;
        Ok(verdict)
    }

    async fn hang(&mut self, seconds: u32) -> Result<bool, Stop> {
        self.begin(self.shape.parallelism).await?;
        self.stage.wait(f64::from(seconds)).await;
        self.delete();
        Err(Stop::Gone)
    }

    /// What is active is being stopped.
    fn stop_pods(&mut self) {
        self.status.terminating = self.status.active;
        self.status.active = 0;
        self.status.ready = 0;
    }

    /// Counts the pods that have ended, and writes that.
    fn settle(&mut self) -> Result<(), Stop> {
        let ended = std::mem::take(&mut self.status.uncounted_terminated_pods);
        let Uncounted { succeeded, failed } = ended;
        self.status.succeeded += count(&succeeded);
        self.status.failed += count(&failed);
        if self.shape.indexed {
            let text = |indexes: &BTreeSet<u32>| (!indexes.is_empty()).then(|| index_text(indexes));
            self.status.completed_indexes = text(&self.completed);
            self.status.failed_indexes = text(&self.failed);
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), Stop> {
        if !self.is_there() {
            return Err(Stop::Gone);
        }
        let status = serde_json::to_value(&self.status).unwrap_or_default();
        let managed = manifest::managed_status(&self.now(), &status);
        if let Some(all) = self.object["metadata"]["managedFields"].as_array_mut() {
            all.truncate(1);
            all.push(managed);
        }
        self.object["status"] = status;
        self.object = self.stage.api.apply(Kind::Job, self.object.clone())?;
        Ok(())
    }

    fn is_there(&self) -> bool {
        let (namespace, name) = self.key();
        let uid = self.stage.api.uid(Kind::Job, namespace, name);
        uid.as_deref() == self.object["metadata"]["uid"].as_str()
    }

    fn key(&self) -> (&str, &str) {
        let metadata = &self.object["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default();
        (text("namespace"), text("name"))
    }

    fn now(&self) -> String {
        self.stage.api.clock().text()
    }
}

fn count<T>(things: &[T]) -> u32 {
    u32::try_from(things.len()).unwrap_or(u32::MAX)
}
