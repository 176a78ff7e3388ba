//! The `CronJob` controller: starts runs at their time, minds the concurrency policy, keeps the history short.
//!
//! Told what to do by [`super::cast`]; awaits the [`Run`]s it starts. Which slot is started when is reckoned as the real
//! controller does, with what Forbid holds up being started late; most schedules are short, so that there is something to see.

use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    future::Future,
    pin::Pin,
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::{Value, json};

use super::{
    Stage,
    manifest::{self, Identity, Shape},
    run::{Birth, Ending, Plot, Run},
};
use kube_cron::{Schedule, Seconds, Window, Zone};

use crate::{
    api::{InvalidObject, Kind},
    clock::timestamp_text,
};

/// A `CronJob`.
#[derive(Debug)]
pub(super) struct Cron {
    pub(super) identity: Identity,
    pub(super) schedule: &'static str,
    pub(super) time_zone: Option<&'static str>,
    /// `Allow`, `Forbid` or `Replace`.
    pub(super) policy: &'static str,
    /// Whether it may start anything.
    pub(super) fate: Fate,
    pub(super) shape: Shape,
    /// What can happen to a run; drawn anew each time.
    pub(super) plots: &'static [Plot],
    /// How many seconds a pod takes, about.
    pub(super) pace: f64,
}

/// What the controller makes of a `CronJob`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It starts runs when they are due.
    Runs,
    /// It is suspended.
    Suspended,
    /// Its Jobs are refused, as by a quota: it starts nothing, and says nothing of it.
    Refused,
}

/// How many succeeded and how many failed Jobs are kept: the API's own defaults.
const HISTORY_LIMITS: (usize, usize) = (3, 1);

type Playing = Pin<Box<dyn Future<Output = Result<(Run, Ending), InvalidObject>> + Send>>;

/// The controller's view of one `CronJob`.
struct Controller<'a> {
    cron: &'a Cron,
    schedule: Schedule,
    /// The slot started last, or the creation.
    since: Seconds,
    stage: Stage,
    object: Value,
    playing: FuturesUnordered<Playing>,
    /// References to active Jobs by their names, as in the status.
    active: BTreeMap<String, Value>,
    succeeded: VecDeque<Run>,
    failed: VecDeque<Run>,
}

/// Creates the `CronJob` and starts its runs.
pub(super) async fn control(stage: Stage, cron: &Cron) -> Result<Infallible, InvalidObject> {
    let object = stage.api.apply(Kind::CronJob, object(&stage, cron))?;
    if cron.fate != Fate::Runs {
        return std::future::pending().await;
    }
    let schedule = Schedule::parse(cron.schedule, cron.time_zone, &Zone::default());
    let Ok(schedule) = schedule else {
        return std::future::pending().await;
    };
    let mut controller = Controller {
        cron,
        schedule,
        since: stage.api.clock().seconds(),
        stage,
        object,
        playing: FuturesUnordered::new(),
        active: BTreeMap::new(),
        succeeded: VecDeque::new(),
        failed: VecDeque::new(),
    };
    let clock = controller.stage.api.clock();
    loop {
        let next = controller.sync(clock.seconds())?;
        // Nothing more to come: as far off as makes no difference.
        let next = next.unwrap_or(Seconds::from(u32::MAX));
        let left = u64::try_from(next - clock.seconds()).unwrap_or(0);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(left)) => {}
            Some(ended) = controller.playing.next() => {
                let (run, ending) = ended?;
                controller.finish(run, ending)?;
            }
        }
    }
}

// === impl Controller ===

impl Controller<'_> {
    /// Starts what is due. Gives the time when there is more.
    fn sync(&mut self, now: Seconds) -> Result<Option<Seconds>, InvalidObject> {
        let window = Window {
            since: self.since,
            starting_deadline: None,
            now,
        };
        let Some(due) = self.schedule.due(window, 0) else {
            return Ok(None);
        };
        let held_up = self.cron.policy == "Forbid" && !self.active.is_empty();
        if let Some(slot) = due.start.filter(|_| !held_up) {
            self.start(slot)?;
            self.since = slot;
        }
        Ok(due.next)
    }

    fn start(&mut self, due: Seconds) -> Result<(), InvalidObject> {
        let cron = self.cron;
        let namespace = cron.identity.namespace;
        if cron.policy == "Replace" {
            for name in std::mem::take(&mut self.active).into_keys() {
                self.stage.api.delete(Kind::Job, namespace, &name);
            }
        }
        let metadata = &self.object["metadata"];
        let name = format!("{}-{due}", cron.identity.name);
        let due = timestamp_text(due);
        let owner = json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "name": metadata["name"], "uid": metadata["uid"],
            "controller": true, "blockOwnerDeletion": true,
        });
        let birth = Birth {
            identity: &cron.identity,
            shape: cron.shape,
            name: &name,
            pace: cron.pace,
            owner: Some(owner),
            annotations: &[(
                "batch.kubernetes.io/cronjob-scheduled-timestamp",
                due.clone(),
            )],
        };
        let plot = self.stage.rng.choice(cron.plots).copied();
        let run = Run::create(self.stage.fork(), birth)?;
        let metadata = &run.object()["metadata"];
        let reference = json!({
            "kind": "Job", "apiVersion": "batch/v1", "namespace": namespace, "name": name,
            "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"],
        });
        self.active.insert(name, reference);
        self.object["status"]["lastScheduleTime"] = json!(due);
        self.write()?;
        let playing = run.play(plot.unwrap_or(Plot::Succeed));
        self.playing.push(Box::pin(playing));
        Ok(())
    }

    /// A run has ended.
    fn finish(&mut self, run: Run, ending: Ending) -> Result<(), InvalidObject> {
        let name = run.object()["metadata"]["name"].as_str();
        self.active.remove(name.unwrap_or_default());
        let (kept, limit) = match ending {
            Ending::Succeeded => {
                let end = run.object()["status"]["completionTime"].clone();
                self.object["status"]["lastSuccessfulTime"] = end;
                (&mut self.succeeded, HISTORY_LIMITS.0)
            }
            Ending::Failed => (&mut self.failed, HISTORY_LIMITS.1),
            Ending::Deleted => return self.write(),
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
        let now = self.stage.api.clock().text();
        let managed = manifest::managed_status(&now, &self.object["status"]);
        if let Some(all) = self.object["metadata"]["managedFields"].as_array_mut() {
            all.truncate(1);
            all.push(managed);
        }
        let object = self.object.clone();
        self.object = self.stage.api.apply(Kind::CronJob, object)?;
        Ok(())
    }
}

fn object(stage: &Stage, cron: &Cron) -> Value {
    let identity = &cron.identity;
    let mut spec = json!({
        "schedule": cron.schedule,
        "concurrencyPolicy": cron.policy,
        "suspend": cron.fate == Fate::Suspended,
        "successfulJobsHistoryLimit": HISTORY_LIMITS.0,
        "failedJobsHistoryLimit": HISTORY_LIMITS.1,
        "jobTemplate": {
            "metadata": {"labels": identity.labels(), "annotations": identity.annotations()},
            "spec": cron.shape.spec(identity),
        },
    });
    if let Some(time_zone) = cron.time_zone {
        spec["timeZone"] = json!(time_zone);
    }
    let now = stage.api.clock().text();
    json!({
        "kind": "CronJob",
        "apiVersion": "batch/v1",
        "metadata": {
            "name": identity.name,
            "namespace": identity.namespace,
            "labels": identity.labels(),
            "annotations": identity.annotations(),
            "managedFields": [manifest::managed("kubectl-create", &now, &spec)],
        },
        "spec": spec,
        "status": {},
    })
}
