//! The `CronJob` controller: it starts runs on schedule, applies the concurrency policy and enforces the history limits.
//!
//! [`super::workloads`] defines the `CronJobs`. [`kube_cron`] computes which due time starts, as in the real controller: Forbid delays
//! it until the active run ends.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    future::Future,
    iter::Cycle,
    pin::Pin,
    slice,
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::{Value, json};

use super::{
    Context,
    job_run::{FinalState, JobRun, NewJob, Outcome, delete_job},
    manifest::{self, JobOptions, WorkloadMetadata},
    pods::Failure,
};
use kube_cron::{Schedule, Seconds, Window, Zone};

use crate::{
    api::{InvalidObject, Kind},
    clock::timestamp_text,
};

/// The definition of a `CronJob`.
#[derive(Debug)]
pub(super) struct CronJob {
    pub(super) metadata: WorkloadMetadata,
    pub(super) schedule: &'static str,
    pub(super) time_zone: Option<&'static str>,
    /// `Allow`, `Forbid` or `Replace`.
    pub(super) policy: &'static str,
    /// What the controller does with it.
    pub(super) scheduling: Scheduling,
    pub(super) options: JobOptions,
    /// What happens to the runs.
    pub(super) outcomes: &'static [Outcome],
    /// Whether the runs take the outcomes in turn. Otherwise each run gets a random one.
    pub(super) in_turn: bool,
    /// The average run time of a pod in seconds.
    pub(super) pod_seconds: f64,
    /// Why the pods of a run fail, one after the other. The last one repeats.
    pub(super) failures: &'static [Failure],
}

/// What the controller does with a `CronJob`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheduling {
    /// It starts runs on schedule.
    Active,
    /// It starts nothing: `spec.suspend` is true.
    Suspended,
    /// It starts nothing, as if a quota rejected the Jobs. The status does not show why.
    Rejected,
}

/// The limits for succeeded and failed Jobs: the defaults of the API.
const HISTORY_LIMITS: (usize, usize) = (3, 1);

type RunFuture = Pin<Box<dyn Future<Output = Result<(JobRun, FinalState), InvalidObject>> + Send>>;

/// The controller's view of one `CronJob`.
struct Controller<'a> {
    cron: &'a CronJob,
    schedule: Schedule,
    /// The last due time that was started, or the creation.
    since: Seconds,
    context: Context,
    object: Value,
    runs: FuturesUnordered<RunFuture>,
    /// The outcomes in turn.
    outcomes: Cycle<slice::Iter<'static, Outcome>>,
    /// `status.active` by name.
    active: BTreeMap<String, Value>,
    succeeded: VecDeque<JobRun>,
    failed: VecDeque<JobRun>,
}

/// Creates the `CronJob` and starts its runs.
pub(super) async fn control(context: Context, cron: &CronJob) -> Result<Infallible, InvalidObject> {
    let object = context.api.apply(Kind::CronJob, object(&context, cron))?;
    if cron.scheduling != Scheduling::Active {
        return std::future::pending().await;
    }
    let schedule = Schedule::parse(cron.schedule, cron.time_zone, &Zone::default());
    let Ok(schedule) = schedule else {
        return std::future::pending().await;
    };
    let mut controller = Controller {
        cron,
        schedule,
        since: context.api.clock().seconds(),
        context,
        object,
        runs: FuturesUnordered::new(),
        outcomes: cron.outcomes.iter().cycle(),
        active: BTreeMap::new(),
        succeeded: VecDeque::new(),
        failed: VecDeque::new(),
    };
    let clock = controller.context.api.clock();
    loop {
        let next = controller.sync(clock.seconds())?;
        // Without a next due time, wait practically forever.
        let next = next.unwrap_or(Seconds::from(u32::MAX));
        let left = u64::try_from(next - clock.seconds()).unwrap_or(0);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(left)) => {}
            Some(ended) = controller.runs.next() => {
                let (run, state) = ended?;
                controller.finish(run, state)?;
            }
        }
    }
}

// === impl Controller ===

impl Controller<'_> {
    /// Starts the run that is due. Returns the next due time.
    fn sync(&mut self, now: Seconds) -> Result<Option<Seconds>, InvalidObject> {
        let window = Window {
            since: self.since,
            starting_deadline: None,
            now,
        };
        let Some(due) = self.schedule.due(window, 0) else {
            return Ok(None);
        };
        let blocked = self.cron.policy == "Forbid" && !self.active.is_empty();
        if let Some(time) = due.start.filter(|_| !blocked) {
            self.start(time)?;
            self.since = time;
        }
        Ok(due.next)
    }

    fn start(&mut self, due: Seconds) -> Result<(), InvalidObject> {
        let cron = self.cron;
        let namespace = cron.metadata.namespace;
        if cron.policy == "Replace" {
            for (name, job) in std::mem::take(&mut self.active) {
                let uid = job["uid"].as_str().unwrap_or_default();
                delete_job(&self.context.api, namespace, &name, uid);
            }
        }
        let metadata = &self.object["metadata"];
        let name = format!("{}-{due}", cron.metadata.name);
        let due = timestamp_text(due);
        let owner = json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "name": metadata["name"], "uid": metadata["uid"],
            "controller": true, "blockOwnerDeletion": true,
        });
        let new = NewJob {
            metadata: &cron.metadata,
            options: cron.options,
            name: &name,
            pod_seconds: cron.pod_seconds,
            failures: cron.failures,
            owner: Some(owner),
            annotations: &[(
                "batch.kubernetes.io/cronjob-scheduled-timestamp",
                due.clone(),
            )],
        };
        let outcome = if cron.in_turn {
            self.outcomes.next()
        } else {
            self.context.rng.choice(cron.outcomes)
        };
        let outcome = outcome.copied().unwrap_or(Outcome::Succeed);
        let run = JobRun::create(self.context.fork(), new)?;
        let metadata = &run.object()["metadata"];
        let reference = json!({
            "kind": "Job", "apiVersion": "batch/v1", "namespace": namespace, "name": name,
            "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"],
        });
        self.active.insert(name, reference);
        self.object["status"]["lastScheduleTime"] = json!(due);
        self.write()?;
        let future = run.simulate(outcome);
        self.runs.push(Box::pin(future));
        Ok(())
    }

    /// Updates the status after the end of a run, and deletes the oldest Job beyond the limit.
    fn finish(&mut self, run: JobRun, state: FinalState) -> Result<(), InvalidObject> {
        let name = run.object()["metadata"]["name"].as_str();
        self.active.remove(name.unwrap_or_default());
        let (kept, limit) = match state {
            FinalState::Succeeded => {
                let end = run.object()["status"]["completionTime"].clone();
                self.object["status"]["lastSuccessfulTime"] = end;
                (&mut self.succeeded, HISTORY_LIMITS.0)
            }
            FinalState::Failed => (&mut self.failed, HISTORY_LIMITS.1),
            FinalState::Deleted => return self.write(),
        };
        kept.push_back(run);
        if kept.len() > limit
            && let Some(oldest) = kept.pop_front()
        {
            oldest.delete();
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), InvalidObject> {
        let active: Vec<&Value> = self.active.values().collect();
        if active.is_empty() {
            if let Some(status) = self.object["status"].as_object_mut() {
                status.remove("active");
            }
        } else {
            self.object["status"]["active"] = json!(active);
        }
        let now = self.context.api.clock().text();
        let managed = manifest::managed_status(&now, &self.object["status"]);
        if let Some(all) = self.object["metadata"]["managedFields"].as_array_mut() {
            all.truncate(1);
            all.push(managed);
        }
        let object = self.object.clone();
        self.object = self.context.api.apply(Kind::CronJob, object)?;
        Ok(())
    }
}

fn object(context: &Context, cron: &CronJob) -> Value {
    let metadata = &cron.metadata;
    let mut spec = json!({
        "schedule": cron.schedule,
        "concurrencyPolicy": cron.policy,
        "suspend": cron.scheduling == Scheduling::Suspended,
        "successfulJobsHistoryLimit": HISTORY_LIMITS.0,
        "failedJobsHistoryLimit": HISTORY_LIMITS.1,
        "jobTemplate": {
            "metadata": {"labels": metadata.labels(), "annotations": metadata.annotations()},
            "spec": cron.options.spec(metadata),
        },
    });
    if let Some(time_zone) = cron.time_zone {
        spec["timeZone"] = json!(time_zone);
    }
    let now = context.api.clock().text();
    json!({
        "kind": "CronJob",
        "apiVersion": "batch/v1",
        "metadata": {
            "name": metadata.name,
            "namespace": metadata.namespace,
            "labels": metadata.labels(),
            "annotations": metadata.annotations(),
            "managedFields": [manifest::managed("kubectl-create", &now, &spec)],
        },
        "spec": spec,
        "status": {},
    })
}
