//! The status of workloads after updates from a source, at chosen times.

use std::{cell::Cell, sync::Arc};

use jiff::Timestamp;

use super::*;
use crate::{
    model::{
        Change, CronJob, FailureReason, FeedError, FeedHandle, FeedScope, Job, JobState, Seconds,
        Sink, Uid, Update, WorkloadAnnotations, WorkloadId, WorkloadRef,
    },
    store::{StoreSettings, TargetSnapshot, TargetStore},
};

mod contact;
mod detail;
mod findings;
mod overview;
mod rules;
mod states;
mod target;
mod workload;

thread_local! {
    static NOW: Cell<Seconds> = const { Cell::new(0) };
}

/// 2026-11-23T00:00:00Z, a Monday.
const MIDNIGHT: Seconds = 1_795_392_000;
const MINUTE: Seconds = 60;
const HOUR: Seconds = 3600;
const DAY: Seconds = 24 * HOUR;

fn clock() -> Timestamp {
    Timestamp::from_second(NOW.get()).unwrap()
}

/// A target with a clock. All times are in seconds after midnight, when it was first read.
struct Scene {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    cronjobs: FeedHandle,
}

impl Scene {
    /// A target that was read completely.
    fn new() -> Self {
        let scene = Self::unread(None, StoreSettings::default());
        scene.read();
        scene
    }

    fn unread(name: Option<&str>, settings: StoreSettings) -> Self {
        NOW.set(MIDNIGHT);
        let settings = StoreSettings { clock, ..settings };
        let store = Arc::new(TargetStore::new(name.map(Into::into), settings.into()));
        Self {
            jobs: store.clone().register(FeedScope::Jobs(None)),
            cronjobs: store.clone().register(FeedScope::CronJobs(None)),
            store,
        }
    }

    fn read(&self) -> &Self {
        self.jobs.push(Update::Jobs(Change::Replaced(Vec::new())));
        let none = Change::Replaced(Vec::new());
        self.cronjobs.push(Update::CronJobs(none));
        self.catch_up()
    }

    /// Everything until this time was received.
    fn at(&self, time: Seconds) -> &Self {
        NOW.set(MIDNIGHT + time);
        self.catch_up()
    }

    fn catch_up(&self) -> &Self {
        self.jobs.push(Update::CaughtUp(clock()));
        self.cronjobs.push(Update::CaughtUp(clock()));
        self
    }

    fn job(&self, job: Job) -> &Self {
        self.jobs.push(Update::Jobs(Change::Applied(job)));
        self
    }

    fn cronjob(&self, cronjob: CronJob) -> &Self {
        let change = Change::Applied(cronjob);
        self.cronjobs.push(Update::CronJobs(change));
        self.catch_up()
    }

    fn snapshot(&self) -> TargetSnapshot {
        self.store.complete_snapshot()
    }

    /// The status of the `CronJob` `tick`.
    fn tick(&self) -> WorkloadStatus {
        let id = WorkloadId {
            namespace: "ops".into(),
            kind: "cronjob".into(),
            name: "tick".into(),
        };
        WorkloadStatus::find(&self.snapshot(), &id).expect("the workload is known")
    }

    fn state(&self) -> OverallState {
        self.tick().state
    }

    /// What the alerts would say.
    fn alerts(&self) -> Vec<&'static str> {
        let tick = self.tick();
        tick.findings.iter().filter_map(Finding::alert).collect()
    }
}

/// A `CronJob` of every hour that was created at midnight.
fn cronjob() -> CronJob {
    CronJob {
        created: Some(MIDNIGHT),
        ..CronJob::new(
            "ops".into(),
            "tick".into(),
            Uid::parse("tick"),
            "0 * * * *".into(),
        )
    }
}

fn annotated(annotations: WorkloadAnnotations) -> CronJob {
    CronJob {
        annotations: Some(Box::new(annotations)),
        ..cronjob()
    }
}

/// The run of `tick` that is due at this time after midnight, and that starts and ends at once.
fn run(due: Seconds, state: JobState) -> Job {
    let workload = WorkloadRef {
        kind: "cronjob".into(),
        name: "tick".into(),
    };
    let (name, due) = (format!("tick-{due}"), MIDNIGHT + due);
    let finished = matches!(state, JobState::Complete | JobState::Failed);
    Job {
        state,
        due: Some(due).into(),
        created: Some(due).into(),
        start: Some(due).into(),
        state_since: finished.then_some(due).into(),
        failure: (state == JobState::Failed).then_some(FailureReason::DeadlineExceeded),
        ..Job::new(
            "ops".into(),
            name.as_str().into(),
            Uid::parse(&name),
            workload,
        )
    }
}

fn complete(due: Seconds) -> Job {
    run(due, JobState::Complete)
}

fn failed(due: Seconds) -> Job {
    run(due, JobState::Failed)
}

fn running(due: Seconds) -> Job {
    run(due, JobState::Running)
}

/// The same Job, as a run of another workload.
fn of(kind: &str, name: &str, job: Job) -> Job {
    let workload = WorkloadRef {
        kind: kind.into(),
        name: name.into(),
    };
    let job_name = format!("{name}-{}", job.name);
    let job = Job {
        uid: Uid::parse(&job_name),
        name: job_name.into(),
        ..job
    };
    job.with_workload(workload)
}
