//! What the store answers about runs and workloads.

use std::sync::Arc;

use tokio::time::advance;

use super::*;
use crate::model::{
    Change, CronJob, FeedId, FeedScope, Job, JobState, NoopJournal, RestoredState, Sink as _,
    Totals, UID_RETENTION, Update, WorkloadRef,
};

const JOBS: FeedId = FeedId(0);
const CRONJOBS: FeedId = FeedId(1);
const CONFIGURED: FeedId = FeedId(2);

fn store(restored: RestoredState) -> TargetStore {
    let configured = FeedScope::Job {
        namespace: "etl".into(),
        name: "polled".into(),
    };
    let feeds = vec![FeedScope::Jobs, FeedScope::CronJobs, configured];
    TargetStore::remembering(None, feeds, Arc::default(), restored, Arc::new(NoopJournal))
}

fn job(name: &str, uid: &str, owner: &str) -> Job {
    let workload = WorkloadRef {
        kind: "cronjob".into(),
        name: owner.into(),
    };
    Job {
        state: JobState::Complete,
        ..Job::new("etl".into(), name.into(), Uid::parse(uid), workload)
    }
}

fn id(name: &str) -> WorkloadId {
    WorkloadId {
        namespace: "etl".into(),
        kind: "cronjob".into(),
        name: name.into(),
    }
}

fn list_jobs(store: &TargetStore, jobs: Vec<Job>) {
    store.push(JOBS, Update::Jobs(Change::Replaced(jobs)));
}

fn list_cronjobs(store: &TargetStore, names: &[&str]) {
    let cronjob = |name: &&str| {
        CronJob::new(
            "etl".into(),
            (*name).into(),
            Uid::parse(name),
            "@daily".into(),
        )
    };
    let cronjobs = names.iter().map(cronjob).collect();
    store.push(CRONJOBS, Update::CronJobs(Change::Replaced(cronjobs)));
}

/// Whether the run is present and counted.
fn known(store: &TargetStore, name: &str, uid: &str) -> (bool, bool) {
    let uid = Uid::parse(uid);
    (
        store.is_present("etl", name, &uid),
        store.is_counted("etl", name, &uid),
    )
}

#[tokio::test(start_paused = true)]
async fn a_run_is_counted_while_its_job_exists_and_for_the_retention_afterwards() {
    let store = store(RestoredState::default());
    assert_eq!(known(&store, "a", "1"), (false, false));
    list_jobs(&store, vec![job("a", "1", "nightly")]);
    advance(10 * UID_RETENTION).await;
    assert_eq!(known(&store, "a", "1"), (true, true));
    assert_eq!(known(&store, "b", "1"), (false, false), "another name");
    assert_eq!(known(&store, "a", "2"), (false, false), "another uid");
    // Another Job replaces it under the same name.
    list_jobs(&store, vec![job("a", "2", "nightly")]);
    assert_eq!(known(&store, "a", "1"), (false, true));
    assert_eq!(known(&store, "a", "2"), (true, true));
    advance(UID_RETENTION / 2).await;
    list_jobs(&store, Vec::new());
    assert_eq!(known(&store, "a", "2"), (false, true));
    advance(UID_RETENTION / 2).await;
    list_jobs(&store, Vec::new());
    assert_eq!(known(&store, "a", "1"), (false, false));
    assert_eq!(known(&store, "a", "2"), (false, true));
    advance(UID_RETENTION / 2).await;
    list_jobs(&store, Vec::new());
    assert_eq!(known(&store, "a", "2"), (false, false));
}

#[tokio::test(start_paused = true)]
async fn a_restored_run_is_counted_until_everything_was_read_and_for_the_retention_afterwards() {
    let store = store(RestoredState {
        runs: vec![Uid::parse("1"), Uid::parse("2")],
        ..RestoredState::default()
    });
    list_jobs(&store, vec![job("a", "1", "nightly")]);
    advance(10 * UID_RETENTION).await;
    list_cronjobs(&store, &[]);
    assert_eq!(known(&store, "a", "1"), (true, true));
    assert_eq!(known(&store, "b", "2"), (false, true));
    store.push(CONFIGURED, Update::JobAbsent);
    let second = std::time::Duration::from_secs(1);
    advance(UID_RETENTION.checked_sub(second).unwrap()).await;
    store.push(JOBS, Update::Contact);
    assert_eq!(known(&store, "b", "2"), (false, true));
    advance(second).await;
    store.push(JOBS, Update::Contact);
    assert_eq!(known(&store, "a", "1"), (true, true));
    assert_eq!(known(&store, "b", "2"), (false, false));
}

#[tokio::test(start_paused = true)]
async fn a_workload_exists_with_a_job_or_a_cronjob_or_a_configured_job() {
    let now = crate::model::now().as_second();
    let restored = ["nightly", "hourly", "yearly", "polled"].map(|name| {
        let last_existed = if name == "yearly" { 0 } else { now };
        (id(name), Totals::new(1), last_existed)
    });
    let store = store(RestoredState {
        workloads: restored.into(),
        ..RestoredState::default()
    });
    let existing = || {
        let all = ["nightly", "hourly", "yearly", "polled"];
        all.map(|name| store.has_workload(&id(name)))
    };
    assert_eq!(store.snapshot().workloads.iter().count(), 3);
    assert_eq!(existing(), [false; 4], "they were only restored");
    list_jobs(&store, vec![job("a", "1", "nightly")]);
    list_cronjobs(&store, &["hourly", "nightly"]);
    let polled = Change::Applied(job("polled", "2", "polled"));
    store.push(CONFIGURED, Update::Jobs(polled));
    assert_eq!(existing(), [true, true, false, true]);
    list_jobs(&store, Vec::new());
    store.push(CONFIGURED, Update::JobAbsent);
    assert_eq!(existing(), [true, true, false, true]);
    list_cronjobs(&store, &["yearly"]);
    assert_eq!(existing(), [false, false, true, true]);
}
