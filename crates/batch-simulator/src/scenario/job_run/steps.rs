//! What happens to the pods of a run, for each [`super::Outcome`].
//!
//! Each step changes the pods first, and then the status of the Job, as their controllers do.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{
    super::{pods::Wait, status::JobResult},
    JobRun, Outcome, StepError, count,
};

impl JobRun {
    /// Runs a pod for each index, until all have ended or too many have failed.
    pub(super) async fn run_pods(&mut self, outcome: Outcome) -> Result<JobResult, StepError> {
        let failing_index = self.context.rng.u32(..self.options.completions);
        self.start_pods(self.parallel_pods()).await?;
        self.end_pods(outcome, failing_index).await
    }

    /// Starts the first pods after `seconds`, in which they wait. Then it is as if they had started at once.
    pub(super) async fn start_late(
        &mut self,
        wait: Wait,
        seconds: u32,
    ) -> Result<JobResult, StepError> {
        self.create_pods(self.parallel_pods(), wait)?;
        self.context.wait(f64::from(seconds)).await;
        self.pods()?.wait(Wait::ContainerCreating)?;
        self.run_created_pods().await?;
        self.end_pods(Outcome::Succeed, 0).await
    }

    /// Runs pods that crash twice. The kubelet restarts their containers, so the Job counts no failure.
    pub(super) async fn crash_and_succeed(&mut self) -> Result<JobResult, StepError> {
        self.start_pods(self.parallel_pods()).await?;
        self.context.wait(self.pod_seconds).await;
        self.pods()?.crash(false)?;
        self.context.wait(self.pod_seconds).await;
        self.pods()?.crash(true)?;
        self.status.ready = 0;
        self.write()?;
        self.context.wait(10.0).await;
        self.run_created_pods().await?;
        self.end_pods(Outcome::Succeed, 0).await
    }

    pub(super) async fn exceed_backoff_limit(&mut self) -> Result<JobResult, StepError> {
        for attempt in 0..self.options.backoff_limit {
            self.fail_pod().await?;
            // A real controller waits 10 s, 20 s, ...
            self.context.wait(f64::from(2 << attempt)).await;
        }
        self.start_pods(1).await?;
        self.context.wait(self.pod_seconds).await;
        let message = "Job has reached the specified backoff limit";
        let result = JobResult::failed("BackoffLimitExceeded", message);
        self.fail_started_pod(Some(&result))?;
        Ok(result)
    }

    pub(super) async fn fail_by_policy(&mut self) -> Result<JobResult, StepError> {
        self.start_pods(1).await?;
        self.context.wait(self.pod_seconds).await;
        let (namespace, pod) = (self.key().0.to_owned(), self.pods()?.name(0));
        let message = format!(
            "Container main for pod {namespace}/{pod} failed with exit code 42 matching FailJob rule at index 0"
        );
        let result = JobResult::failed("PodFailurePolicy", message);
        self.fail_started_pod(Some(&result))?;
        Ok(result)
    }

    /// Runs pods until the deadline of the Job, or lets them wait until then.
    pub(super) async fn exceed_deadline(
        &mut self,
        wait: Option<Wait>,
    ) -> Result<JobResult, StepError> {
        let began = Instant::now();
        let deadline = self.options.deadline.unwrap_or_default();
        let pods = self.options.parallelism;
        if let Some(wait) = wait {
            self.create_pods(pods, Wait::ContainerCreating)?;
            self.context.wait(1.0).await;
            if wait == Wait::ImagePullBackOff {
                self.pods()?.wait(Wait::ErrImagePull)?;
                self.context.wait(2.0).await;
            }
            self.pods()?.wait(wait)?;
        } else {
            self.start_pods(pods).await?;
        }
        sleep_until(began + Duration::from_secs(deadline.into())).await;
        let message = "Job was active longer than specified deadline";
        let result = JobResult::failed("DeadlineExceeded", message);
        self.status.set_criteria_condition(&result, self.now());
        self.terminate_pods()?;
        self.status.failed += pods;
        self.write()?;
        Ok(result)
    }

    pub(super) async fn meet_success_policy(&mut self) -> Result<JobResult, StepError> {
        self.start_pods(self.options.parallelism).await?;
        self.context.wait(self.pod_seconds).await;
        let result = JobResult::success_policy();
        self.status.set_criteria_condition(&result, self.now());
        self.completed.insert(0);
        let pod = self.pods()?.end(0, true)?;
        self.status.uncounted_terminated_pods.succeeded.push(pod);
        self.status.active -= 1;
        self.terminate_pods()?;
        self.write()?;
        self.context.wait(0.3).await;
        self.count_pods()?;
        Ok(result)
    }

    pub(super) async fn hang(&mut self, seconds: u32) -> Result<bool, StepError> {
        self.start_pods(self.options.parallelism).await?;
        self.context.wait(f64::from(seconds)).await;
        self.delete();
        Err(StepError::Deleted)
    }

    /// Runs one pod that fails and is retried.
    pub(super) async fn fail_pod(&mut self) -> Result<(), StepError> {
        self.start_pods(1).await?;
        self.context.wait(self.pod_seconds).await;
        self.fail_started_pod(None)?;
        self.context.wait(0.3).await;
        self.count_pods()
    }

    /// Ends the only pod with a failure. With a `result`, it decides the Job.
    fn fail_started_pod(&mut self, result: Option<&JobResult>) -> Result<(), StepError> {
        if let Some(result) = result {
            self.status.set_criteria_condition(result, self.now());
        }
        let pod = self.pods()?.end(0, false)?;
        self.status.uncounted_terminated_pods.failed.push(pod);
        self.status.active = 0;
        self.status.ready = 0;
        self.write()
    }

    /// Ends the started pods and those that follow them.
    async fn end_pods(
        &mut self,
        outcome: Outcome,
        failing_index: u32,
    ) -> Result<JobResult, StepError> {
        let mut waiting = self.parallel_pods()..self.options.completions;
        let mut active: Vec<u32> = (0..waiting.start).collect();
        loop {
            self.context.wait(self.pod_seconds).await;
            let index = active.swap_remove(self.context.rng.usize(..active.len()));
            let fails = match outcome {
                Outcome::FailedIndex => index == failing_index,
                Outcome::TooManyFailedIndexes => true,
                _ => false,
            };
            let pod = self.pods()?.end(index, !fails)?;
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
                self.pods()?.terminate()?;
            } else if let Some(next) = waiting.next() {
                active.push(next);
                self.pods()?.create([next], Wait::ContainerCreating)?;
                self.pods()?.run()?;
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

    /// Starts pods: they are active at once, and ready a little later.
    async fn start_pods(&mut self, pods: u32) -> Result<(), StepError> {
        self.create_pods(pods, Wait::ContainerCreating)?;
        self.run_created_pods().await
    }

    fn create_pods(&mut self, pods: u32, wait: Wait) -> Result<(), StepError> {
        self.pods()?.create(0..pods, wait)?;
        self.status.active = pods;
        self.status.ready = 0;
        self.write()
    }

    async fn run_created_pods(&mut self) -> Result<(), StepError> {
        self.context.wait(0.8).await;
        self.pods()?.run()?;
        self.status.ready = self.status.active;
        self.write()
    }

    /// Starts to terminate the active pods.
    fn terminate_pods(&mut self) -> Result<(), StepError> {
        self.pods()?.terminate()?;
        self.status.terminating = self.status.active;
        self.status.active = 0;
        self.status.ready = 0;
        Ok(())
    }

    /// How many pods run at the same time at the start.
    fn parallel_pods(&self) -> u32 {
        self.options.completions.min(self.options.parallelism)
    }
}
