//! The health of feeds after the updates of a source.

use std::sync::Arc;

use tokio::time::advance;

use super::*;
use crate::{
    model::{CronJob, FeedError, FeedHandle, Job, MAX_UNDECODABLE, Sink, Uid, WorkloadRef},
    store::{TargetStatus, TargetStore},
};

fn name_of(name: &str) -> ObjectName {
    ObjectName {
        namespace: "maths".into(),
        name: name.into(),
    }
}

fn job(name: &str) -> Job {
    let workload = WorkloadRef {
        kind: "job".into(),
        name: name.into(),
    };
    Job::new("maths".into(), name.into(), Uid::parse(name), workload)
}

fn cronjob(name: &str) -> CronJob {
    let schedule = "0 * * * *".into();
    CronJob::new("maths".into(), name.into(), Uid::parse(name), schedule)
}

fn undecodable(names: &[&str]) -> Update {
    let names = names.iter().copied().map(name_of);
    Update::Undecodable(Change::Replaced(names.collect()))
}

/// A store with a feed of each scope.
fn feeds(scopes: impl IntoIterator<Item = FeedScope>) -> (Arc<TargetStore>, Vec<FeedHandle>) {
    let store = Arc::new(TargetStore::new(None, Arc::default()));
    let register = |scope| store.clone().register(scope);
    let handles = scopes.into_iter().map(register).collect();
    (store, handles)
}

fn configured(name: &str) -> FeedScope {
    FeedScope::Job {
        namespace: "maths".into(),
        name: name.into(),
    }
}

#[tokio::test(start_paused = true)]
async fn the_failing_feeds_are_counted() {
    let (store, feeds) = feeds(["a", "b", "c"].map(configured));
    let health = || {
        let TargetStatus {
            up,
            feeds,
            failing_feeds,
            ..
        } = store.snapshot().status;
        (up, feeds, failing_feeds)
    };
    assert_eq!(health(), (false, 3, 0));
    for feed in &feeds {
        feed.push(Update::Contact);
    }
    assert_eq!(health(), (true, 3, 0));
    feeds[1].push(Update::Failed(FeedError::default()));
    assert_eq!(health(), (false, 3, 1));
    feeds[0].push(Update::Failed(FeedError::default()));
    assert_eq!(health(), (false, 3, 2));
    feeds[0].push(Update::Contact);
    feeds[1].push(Update::Contact);
    assert_eq!(health(), (true, 3, 0));
}

#[tokio::test(start_paused = true)]
async fn an_object_is_undecodable_until_it_is_decoded_deleted_or_no_longer_listed() {
    let (store, feeds) = feeds([FeedScope::Jobs(None), FeedScope::CronJobs(None)]);
    let count = || {
        let status = store.snapshot().status;
        (status.undecodable_jobs, status.undecodable_cronjobs)
    };
    let [jobs, cronjobs] = &feeds[..] else {
        panic!("two feeds")
    };
    jobs.push(undecodable(&["a", "b", "c", "d"]));
    jobs.push(Update::Jobs(Change::Replaced(vec![job("ok")])));
    cronjobs.push(undecodable(&["a"]));
    assert_eq!(count(), (4, 1));
    for again in ["a", "e"] {
        jobs.push(Update::Undecodable(Change::Applied(name_of(again))));
    }
    assert_eq!(count(), (5, 1));
    jobs.push(Update::Jobs(Change::Applied(job("a"))));
    jobs.push(Update::Jobs(Change::Deleted(job("b"))));
    jobs.push(Update::Undecodable(Change::Deleted(name_of("c"))));
    jobs.push(Update::Jobs(Change::Applied(job("other"))));
    assert_eq!(count(), (2, 1));
    jobs.push(undecodable(&["e"]));
    assert_eq!(count(), (1, 1));
    cronjobs.push(Update::CronJobs(Change::Applied(cronjob("a"))));
    jobs.push(undecodable(&[]));
    assert_eq!(count(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn undecodable_objects_take_a_bounded_amount_of_memory() {
    let (store, feeds) = feeds([FeedScope::Jobs(None)]);
    let names: Vec<_> = (0..=MAX_UNDECODABLE).map(|i| i.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    feeds[0].push(undecodable(&names));
    feeds[0].push(Update::Undecodable(Change::Applied(name_of("more"))));
    assert_eq!(store.snapshot().status.undecodable_jobs, MAX_UNDECODABLE);
}

#[tokio::test(start_paused = true)]
async fn an_undecodable_configured_job_exists() {
    let (store, feeds) = feeds([configured("a")]);
    let seen = || {
        let snapshot = store.snapshot();
        let exists = snapshot.configured[0].exists;
        (exists, snapshot.status.undecodable_jobs)
    };
    assert_eq!(seen(), (None, 0));
    feeds[0].push(Update::Undecodable(Change::Applied(name_of("a"))));
    assert_eq!(seen(), (Some(true), 1));
    assert!(store.is_synced());
    feeds[0].push(Update::JobAbsent);
    assert_eq!(seen(), (Some(false), 0));
}

#[tokio::test(start_paused = true)]
async fn a_configured_job_keeps_its_last_poll_when_its_data_are_stale() {
    let (store, feeds) = feeds([configured("a")]);
    let polled = || {
        let job = store.snapshot().configured.remove(0);
        (job.exists, job.poll_up, job.last_poll.is_some())
    };
    assert_eq!(polled(), (None, None, false));
    feeds[0].push(Update::Failed(FeedError::default()));
    assert_eq!(polled(), (None, Some(false), false));
    feeds[0].push(Update::Jobs(Change::Applied(job("a"))));
    feeds[0].push(Update::Contact);
    assert_eq!(polled(), (Some(true), Some(true), true));
    feeds[0].push(Update::Failed(FeedError::default()));
    assert_eq!(polled(), (Some(true), Some(false), true));
    advance(Duration::from_hours(1)).await;
    assert_eq!(polled(), (None, Some(false), true));
}
