//! The records of workloads after updates from a source.

use std::time::Duration;

use tokio::time::advance;

use crate::{
    model::{
        Change, CronJob, Departure, FailureReason, FeedHandle, FeedScope, Job, JobState, Journal,
        JournalEntry, LastRun, Name, NoopJournal, RestoredState, RestoredWorkload, Seconds, Sink,
        StoreLookup as _, Totals, UID_RETENTION, Uid, Update, WorkloadAnnotations, WorkloadId,
        WorkloadRef as Owner,
    },
    store::{Retention, StoreSettings, TargetStore, WorkloadRecord},
};
use std::sync::Arc;

mod adopted;
mod annotations;
mod budget;
mod events;
mod leaving;
mod owner_runs;
mod persistence;
mod ticks;
mod transitions;

/// When the target was first read.
const SINCE: Seconds = 1_000_000;

/// A target and its feeds.
struct Target {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    other_jobs: FeedHandle,
    cronjobs: FeedHandle,
    configured: FeedHandle,
}

fn target_with(restored: RestoredState, journal: Arc<dyn Journal>, last_jobs_only: bool) -> Target {
    let settings = StoreSettings {
        last_jobs_only,
        ..StoreSettings::default()
    };
    target_of(settings, restored, journal)
}

fn target_of(
    settings: StoreSettings,
    restored: RestoredState,
    journal: Arc<dyn Journal>,
) -> Target {
    let settings = StoreSettings {
        retention: Retention {
            stale_after: Duration::MAX,
            ..settings.retention
        },
        ..settings
    };
    let restored = RestoredState {
        since: restored.since.max(SINCE),
        ..restored
    };
    let store = Arc::new(TargetStore::restored(
        None,
        settings.into(),
        restored,
        journal,
    ));
    let configured = FeedScope::Job {
        namespace: "maths".into(),
        name: "polled".into(),
    };
    Target {
        jobs: store.clone().register(FeedScope::Jobs(None)),
        other_jobs: store.clone().register(FeedScope::Jobs(None)),
        cronjobs: store.clone().register(FeedScope::CronJobs(None)),
        configured: store.clone().register(configured),
        store,
    }
}

fn target() -> Target {
    target_with(RestoredState::default(), Arc::new(NoopJournal), false)
}

/// The run of the `CronJob` `tick` that is due at `number` minutes; its uid is its name.
fn run(number: Seconds, state: JobState) -> Job {
    let name = format!("tick-{number}");
    let workload = Owner {
        kind: "cronjob".into(),
        name: "tick".into(),
    };
    let due = SINCE + 60 * number;
    let finished = matches!(state, JobState::Complete | JobState::Failed);
    Job {
        state,
        due: Some(due).into(),
        created: Some(due + 1).into(),
        start: (state != JobState::Suspended).then_some(due + 2).into(),
        state_since: finished.then_some(due + 12).into(),
        failure: (state == JobState::Failed).then_some(FailureReason::DeadlineExceeded),
        ..Job::new(
            "maths".into(),
            name.as_str().into(),
            Uid::parse(&name),
            workload,
        )
    }
}

fn running(number: Seconds) -> Job {
    run(number, JobState::Running)
}

fn complete(number: Seconds) -> Job {
    run(number, JobState::Complete)
}

fn failed(number: Seconds) -> Job {
    run(number, JobState::Failed)
}

/// The same run of another workload.
fn of(kind: &str, name: &str, job: Job) -> Job {
    let workload = Owner {
        kind: kind.into(),
        name: name.into(),
    };
    job.with_workload(workload)
}

fn named(name: &str, uid: &str, job: Job) -> Job {
    Job {
        name: name.into(),
        uid: Uid::parse(uid),
        ..job
    }
}

fn ignored(job: Job) -> Job {
    Job {
        ignored: true,
        ..job
    }
}

fn cronjob(uid: &str) -> CronJob {
    CronJob::new(
        "maths".into(),
        "tick".into(),
        Uid::parse(uid),
        "* * * * *".into(),
    )
}

fn apply(target: &Target, job: Job) {
    target.jobs.push(Update::Jobs(Change::Applied(job)));
}

fn delete(target: &Target, job: Job) {
    target.jobs.push(Update::Jobs(Change::Deleted(job)));
}

fn list(target: &Target, jobs: impl Into<Vec<Job>>) {
    target
        .jobs
        .push(Update::Jobs(Change::Replaced(jobs.into())));
}

fn apply_cronjob(target: &Target, cronjob: CronJob) {
    target
        .cronjobs
        .push(Update::CronJobs(Change::Applied(cronjob)));
}

/// Reads all feeds once, except that of `list`.
fn sync(target: &Target) {
    target
        .other_jobs
        .push(Update::Jobs(Change::Replaced(Vec::new())));
    target
        .cronjobs
        .push(Update::CronJobs(Change::Replaced(Vec::new())));
    target.configured.push(Update::JobAbsent);
}

/// A workload by name, if it is shown.
fn workload(target: &Target, name: &str) -> Option<WorkloadRecord> {
    let snapshot = target.store.snapshot();
    let workload = snapshot.workloads.iter().find(|it| &*it.id.name == name);
    workload.cloned()
}

fn tick(target: &Target) -> WorkloadRecord {
    workload(target, "tick").expect("the workload is shown")
}

/// Succeeded, failed, deleted, active.
fn counts(target: &Target) -> (u64, u64, u64, usize) {
    counts_of(&tick(target))
}

fn counts_of(workload: &WorkloadRecord) -> (u64, u64, u64, usize) {
    let totals = &workload.state.totals;
    (
        totals.succeeded,
        totals.failed,
        totals.deleted,
        workload.active_runs(),
    )
}

/// Kind and name of the workloads that are shown.
fn shown(target: &Target) -> Vec<String> {
    let snapshot = target.store.snapshot();
    let name = |workload: &WorkloadRecord| format!("{}/{}", workload.id.kind, workload.id.name);
    let mut shown: Vec<_> = snapshot.workloads.iter().map(name).collect();
    shown.sort();
    shown
}

/// Names of the Jobs that are shown.
fn jobs_shown(target: &Target) -> Vec<String> {
    let snapshot = target.store.snapshot();
    let mut shown: Vec<_> = snapshot
        .jobs
        .iter()
        .map(|job| job.name.to_string())
        .collect();
    shown.sort();
    shown
}

fn retention() -> Duration {
    StoreSettings::default().retention.workloads
}
