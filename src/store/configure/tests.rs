//! A store whose settings and feeds change.

use std::{cell::Cell, time::Duration};

use tokio::time::advance;

use super::*;
use crate::{
    config::{LabelSource, MappedLabel},
    model::{
        Change, CronJob, FeedError, FeedHandle, FeedScope, Job, JobState, Name, RestoredState,
        Seconds, Sink as _, Uid, Update, WorkloadRef,
    },
    store::{
        Snapshot, TargetSnapshot, TargetStatus, WorkloadRecord, memory_journal::MemoryJournal,
        objects::Record,
    },
};

mod endurance;
mod health;
mod labels;
mod scopes;
mod settings;
mod shards;

/// 2026-11-23T00:00:00Z, when each test starts.
const MIDNIGHT: Seconds = 1_795_392_000;

thread_local! {
    static NOW: Cell<Seconds> = const { Cell::new(MIDNIGHT) };
}

fn clock() -> Timestamp {
    Timestamp::from_second(NOW.get()).unwrap()
}

/// Both clocks go on.
async fn pass(seconds: u64) {
    NOW.set(NOW.get() + i64::try_from(seconds).unwrap());
    advance(Duration::from_secs(seconds)).await;
}

fn defaults() -> StoreSettings {
    StoreSettings {
        clock,
        ..StoreSettings::default()
    }
}

fn target_of(settings: StoreSettings) -> Arc<TargetStore> {
    Arc::new(TargetStore::new(None, settings.into()))
}

fn target() -> Arc<TargetStore> {
    target_of(defaults())
}

fn feeds<const N: usize>(store: &Arc<TargetStore>, scopes: [FeedScope; N]) -> [FeedHandle; N] {
    scopes.map(|scope| store.clone().register(scope))
}

/// Restarts the source with these feeds.
fn restart<const N: usize>(
    store: &Arc<TargetStore>,
    selection: ObjectSelection,
    scopes: [FeedScope; N],
) -> [FeedHandle; N] {
    store.restart_feeds(selection);
    feeds(store, scopes)
}

/// The scope of the Jobs of a namespace; of all for an empty name.
fn jobs_in(namespace: &str) -> FeedScope {
    FeedScope::Jobs((!namespace.is_empty()).then(|| namespace.into()))
}

fn cronjobs_in(namespace: &str) -> FeedScope {
    FeedScope::CronJobs((!namespace.is_empty()).then(|| namespace.into()))
}

fn polled(namespace: &str, name: &str) -> FeedScope {
    FeedScope::Job {
        namespace: namespace.into(),
        name: name.into(),
    }
}

/// A run of the `CronJob` `tick` in this namespace; its uid is that and its name. It is due at midnight and ends 10 seconds
/// later.
fn job(namespace: &str, name: &str, state: JobState) -> Job {
    let workload = WorkloadRef {
        kind: "cronjob".into(),
        name: "tick".into(),
    };
    let finished = matches!(state, JobState::Complete | JobState::Failed);
    let uid = Uid::parse(&format!("{namespace}-{name}"));
    Job {
        state,
        created: Some(MIDNIGHT).into(),
        start: Some(MIDNIGHT).into(),
        state_since: (finished.then_some(MIDNIGHT + 10)).into(),
        ..Job::new(namespace.into(), name.into(), uid, workload)
    }
}

fn running(namespace: &str, name: &str) -> Job {
    job(namespace, name, JobState::Running)
}

fn complete(namespace: &str, name: &str) -> Job {
    job(namespace, name, JobState::Complete)
}

fn cronjob(namespace: &str) -> CronJob {
    CronJob {
        created: Some(MIDNIGHT),
        ..CronJob::new(
            namespace.into(),
            "tick".into(),
            Uid::parse(namespace),
            "0 3 * * *".into(),
        )
    }
}

fn list(feed: &FeedHandle, jobs: impl Into<Vec<Job>>) {
    feed.push(Update::Jobs(Change::Replaced(jobs.into())));
    feed.push(Update::CaughtUp(clock()));
    feed.push(Update::Contact);
}

fn list_cronjobs(feed: &FeedHandle, cronjobs: impl Into<Vec<CronJob>>) {
    feed.push(Update::CronJobs(Change::Replaced(cronjobs.into())));
    feed.push(Update::CaughtUp(clock()));
    feed.push(Update::Contact);
}

fn apply(feed: &FeedHandle, job: Job) {
    feed.push(Update::Jobs(Change::Applied(job)));
}

/// `namespace/name` of the Jobs that a scrape shows.
fn shown_in(snapshot: &TargetSnapshot) -> Vec<String> {
    let name = |job: &Job| format!("{}/{}", job.namespace(), job.name);
    let mut shown: Vec<_> = snapshot.jobs.iter().map(name).collect();
    shown.sort();
    shown
}

fn shown(store: &TargetStore) -> Vec<String> {
    shown_in(&store.snapshot())
}

/// The workload in this namespace, if it is shown.
fn workload(store: &TargetStore, namespace: &str) -> Option<WorkloadRecord> {
    let snapshot = store.snapshot();
    let mut workloads = snapshot.workloads.iter();
    workloads.find(|it| &*it.id.namespace == namespace).cloned()
}

/// Succeeded, deleted, active.
fn counts(store: &TargetStore, namespace: &str) -> (u64, u64, usize) {
    let workload = workload(store, namespace).expect("a workload");
    let totals = &workload.state.totals;
    (totals.succeeded, totals.deleted, workload.active_runs())
}

/// Whether both snapshots have the same records in the same memory.
fn share<T: Record>(one: &Snapshot<T>, other: &Snapshot<T>) -> bool {
    one.iter().count() == other.iter().count()
        && one
            .iter()
            .zip(other.iter())
            .all(|(a, b)| std::ptr::eq(a, b))
}

const NONE: Vec<String> = Vec::new();
