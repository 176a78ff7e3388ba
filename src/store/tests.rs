//! What a scrape sees after a source pushed updates.

use std::time::Duration;

use tokio::time::advance;

use super::*;
use crate::model::{
    Change, Code, EventKind, FeedError, Job, JobState, Resource, Seconds, Uid, Verb, WorkloadRef,
};

fn retention() -> Retention {
    StoreSettings::default().retention
}

/// A store with two feeds of Jobs.
struct Target {
    store: Arc<TargetStore>,
    feed: FeedHandle,
    other: FeedHandle,
}

fn target() -> Target {
    let store = Arc::new(TargetStore::new(None, Arc::default()));
    Target {
        feed: store.clone().register(FeedScope::Jobs(None)),
        other: store.clone().register(FeedScope::Jobs(None)),
        store,
    }
}

fn job(name: &str, uid: &str, state: JobState) -> Job {
    let workload = WorkloadRef {
        kind: "job".into(),
        name: name.into(),
    };
    Job {
        state,
        ..Job::new("maths".into(), name.into(), Uid::parse(uid), workload)
    }
}

fn running(name: &str) -> Job {
    job(name, name, JobState::Running)
}

fn complete(name: &str) -> Job {
    job(name, name, JobState::Complete)
}

fn jobs(change: Change<Job>) -> Update {
    Update::Jobs(change)
}

/// `name/uid/state` of each Job that a scrape shows.
fn shown(store: &TargetStore) -> Vec<String> {
    let snapshot = store.snapshot();
    let line = |job: &Job| format!("{}/{}/{}", job.name, job.uid, job.state.as_str());
    let mut shown: Vec<_> = snapshot.jobs.iter().map(line).collect();
    shown.sort();
    shown
}

#[tokio::test(start_paused = true)]
async fn events_are_applied_in_place() {
    let Target { store, feed, .. } = target();
    feed.push(jobs(Change::Replaced(vec![running("a"), running("b")])));
    feed.push(jobs(Change::Applied(complete("a"))));
    feed.push(jobs(Change::Applied(running("c"))));
    feed.push(jobs(Change::Deleted(running("b"))));
    assert_eq!(shown(&store), ["a/a/complete", "c/c/running"]);
    assert_eq!(store.snapshot().status.jobs, 2);
}

#[tokio::test(start_paused = true)]
async fn a_relist_replaces_the_objects_of_its_own_feed_only() {
    let Target { store, feed, other } = target();
    feed.push(jobs(Change::Replaced(vec![running("a"), running("b")])));
    other.push(jobs(Change::Replaced(vec![running("x")])));
    feed.push(jobs(Change::Replaced(vec![running("b"), running("c")])));
    assert_eq!(shown(&store), ["b/b/running", "c/c/running", "x/x/running"]);
    other.push(jobs(Change::Replaced(Vec::new())));
    assert_eq!(shown(&store), ["b/b/running", "c/c/running"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_in_parts_changes_objects_at_once_and_removes_the_missing_ones_at_its_end() {
    let Target { store, feed, other } = target();
    feed.push(jobs(Change::Replaced(vec![running("a"), running("b")])));
    other.push(jobs(Change::Replaced(vec![running("x")])));
    feed.push(jobs(Change::ListStarted));
    feed.push(jobs(Change::Listed(vec![complete("b")])));
    assert_eq!(
        shown(&store),
        ["a/a/running", "b/b/complete", "x/x/running"]
    );
    feed.push(jobs(Change::Listed(vec![running("c")])));
    feed.push(jobs(Change::Replaced(vec![running("d")])));
    let all = ["b/b/complete", "c/c/running", "d/d/running", "x/x/running"];
    assert_eq!(shown(&store), all);
}

#[tokio::test(start_paused = true)]
async fn what_a_list_had_that_broke_off_does_not_count_for_the_next_one() {
    let Target { store, feed, .. } = target();
    feed.push(jobs(Change::Replaced(vec![running("a"), running("b")])));
    feed.push(jobs(Change::ListStarted));
    feed.push(jobs(Change::Listed(vec![running("a"), running("b")])));
    feed.push(jobs(Change::ListStarted));
    feed.push(jobs(Change::Replaced(vec![running("b")])));
    assert_eq!(shown(&store), ["b/b/running"]);
    // The source was stopped within a list. The next one begins with a whole list.
    feed.push(jobs(Change::ListStarted));
    feed.push(jobs(Change::Listed(vec![running("b"), running("c")])));
    store.restart_feeds(ObjectSelection::Same);
    let feed = store.clone().register(FeedScope::Jobs(None));
    feed.push(jobs(Change::Replaced(vec![running("c")])));
    assert_eq!(shown(&store), ["c/c/running"]);
}

#[tokio::test(start_paused = true)]
async fn a_part_of_a_list_does_not_confirm_the_other_objects() {
    let Target { store, feed, .. } = target();
    feed.push(jobs(Change::Replaced(vec![running("a"), running("b")])));
    advance(retention().stale_after).await;
    feed.push(jobs(Change::ListStarted));
    feed.push(jobs(Change::Listed(vec![running("a")])));
    advance(Duration::from_secs(1)).await;
    assert_eq!(shown(&store), Vec::<String>::new());
    feed.push(jobs(Change::Replaced(vec![running("b")])));
    assert_eq!(shown(&store), ["a/a/running", "b/b/running"]);
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_is_kept_after_its_deletion_and_an_unfinished_one_is_not() {
    let Target { store, feed, .. } = target();
    feed.push(jobs(Change::Replaced(vec![
        running("a"),
        running("b"),
        complete("c"),
    ])));
    feed.push(jobs(Change::Deleted(complete("a")))); // finished and deleted in one event, as with TTL 0
    feed.push(jobs(Change::Deleted(running("b"))));
    feed.push(jobs(Change::Replaced(Vec::new()))); // deleted without an event
    assert_eq!(shown(&store), ["a/a/complete", "c/c/complete"]);
    assert_eq!(store.snapshot().status.jobs, 0);
    advance(
        retention()
            .deleted
            .checked_sub(Duration::from_millis(1))
            .unwrap(),
    )
    .await;
    assert_eq!(shown(&store), ["a/a/complete", "c/c/complete"]);
    advance(Duration::from_millis(1)).await;
    assert_eq!(shown(&store), Vec::<String>::new());
}

/// Its pod crashes, so none is ready. It was not suspended in between, which would have changed its start.
#[tokio::test(start_paused = true)]
async fn a_running_job_does_not_become_pending_again() {
    let pending = |name: &str, uid: &str, start: Option<Seconds>| Job {
        start: start.into(),
        ..job(name, uid, JobState::Pending)
    };
    let Target { store, feed, .. } = target();
    let started = ["a", "b", "c", "d"].map(|name| Job {
        start: Some(1).into(),
        ..running(name)
    });
    feed.push(jobs(Change::Replaced(started.to_vec())));
    feed.push(jobs(Change::Applied(pending("a", "a", Some(1)))));
    feed.push(jobs(Change::Applied(pending("b", "b", Some(2))))); // it was resumed
    feed.push(jobs(Change::Applied(pending("c", "new", Some(1)))));
    feed.push(jobs(Change::Applied(job("d", "d", JobState::Suspended))));
    feed.push(jobs(Change::Applied(pending("d", "d", Some(1)))));
    let expected = ["a/a/running", "b/b/pending", "c/new/pending", "d/d/pending"];
    assert_eq!(shown(&store), expected);
    // A list is no different.
    feed.push(jobs(Change::Replaced(vec![pending("a", "a", Some(1))])));
    assert_eq!(shown(&store), ["a/a/running"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_job_replaces_a_deleted_one_of_the_same_name() {
    let Target { store, feed, .. } = target();
    feed.push(jobs(Change::Replaced(vec![job(
        "a",
        "1",
        JobState::Failed,
    )])));
    feed.push(jobs(Change::Deleted(job("a", "1", JobState::Failed))));
    feed.push(jobs(Change::Applied(job("a", "2", JobState::Running))));
    assert_eq!(shown(&store), ["a/2/running"]);
    // The end of the retention of the first Job does not remove the second.
    advance(retention().deleted * 2).await;
    feed.push(Update::Contact);
    assert_eq!(shown(&store), ["a/2/running"]);
    // Neither does a late deletion event of the first.
    feed.push(jobs(Change::Deleted(job("a", "1", JobState::Failed))));
    assert_eq!(shown(&store), ["a/2/running"]);
    assert_eq!(store.snapshot().status.jobs, 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_contains_a_name_twice_yields_one_job() {
    let Target { store, feed, other } = target();
    let twice = vec![
        job("a", "1", JobState::Running),
        job("a", "2", JobState::Failed),
        running("b"),
    ];
    feed.push(jobs(Change::Replaced(twice)));
    other.push(jobs(Change::Applied(job("b", "3", JobState::Failed))));
    assert_eq!(shown(&store), ["a/2/failed", "b/3/failed"]);
    assert_eq!(store.snapshot().status.jobs, 2);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_does_not_change() {
    let Target { store, feed, .. } = target();
    feed.push(jobs(Change::Replaced(vec![running("a")])));
    let before = store.snapshot();
    feed.push(jobs(Change::Applied(complete("a"))));
    feed.push(jobs(Change::Replaced(vec![running("b")])));
    assert_eq!(
        before.jobs.iter().map(|job| job.state).collect::<Vec<_>>(),
        [JobState::Running]
    );
}

#[tokio::test(start_paused = true)]
async fn objects_of_a_stale_feed_are_hidden_until_its_next_contact() {
    let Target { store, feed, other } = target();
    feed.push(jobs(Change::Replaced(vec![running("a")])));
    other.push(jobs(Change::Replaced(vec![running("x")])));
    advance(retention().stale_after).await;
    feed.push(Update::Failed(FeedError::default()));
    other.push(Update::Contact);
    assert_eq!(shown(&store), ["a/a/running", "x/x/running"]);
    advance(Duration::from_millis(1)).await;
    assert_eq!(shown(&store), ["x/x/running"]);
    assert!(!store.snapshot().status.up);
    feed.push(Update::Contact);
    assert_eq!(shown(&store), ["a/a/running", "x/x/running"]);
    assert!(store.snapshot().status.up);
}

#[tokio::test(start_paused = true)]
async fn slots_are_reused_and_memory_is_freed() {
    let Target { store, feed, .. } = target();
    let many: Vec<_> = (0..5_000).map(|i| running(&format!("job-{i}"))).collect();
    feed.push(jobs(Change::Replaced(many.clone())));
    assert_eq!(store.snapshot().jobs.blocks(), 5);
    for round in 0..10 {
        for i in 0..1_000 {
            feed.push(jobs(Change::Deleted(running(&format!("job-{i}")))));
        }
        for i in 0..1_000 {
            let name = format!("job-{i}");
            feed.push(jobs(Change::Applied(job(
                &name,
                &format!("{name}-{round}"),
                JobState::Running,
            ))));
            feed.push(jobs(Change::Applied(running(&name))));
        }
    }
    assert_eq!(store.snapshot().jobs.blocks(), 5);
    assert_eq!(shown(&store).len(), 5_000);
    feed.push(jobs(Change::Replaced(many[..10].to_vec())));
    assert_eq!(store.snapshot().jobs.blocks(), 1);
    assert_eq!(shown(&store).len(), 10);
    feed.push(jobs(Change::Replaced(many)));
    assert_eq!(shown(&store).len(), 5_000);
}

#[tokio::test(start_paused = true)]
async fn a_target_is_up_if_no_feed_failed_and_synced_if_all_were_listed() {
    let Target { store, feed, other } = target();
    let status = || store.snapshot().status;
    assert!(!status().up && !status().synced);
    feed.push(Update::Contact);
    assert!(status().up && !status().synced);
    feed.push(jobs(Change::Replaced(Vec::new())));
    assert!(!status().synced);
    other.push(Update::Failed(FeedError::default()));
    assert!(!status().up);
    assert_eq!(status().last_success, None);
    other.push(jobs(Change::Replaced(Vec::new())));
    assert!(status().synced && status().last_success.is_some());
    assert!(!status().up, "a list alone does not end an outage");
    other.push(Update::Contact);
    assert!(status().up);
    other.push(Update::Failed(FeedError::default()));
    assert!(!status().up && status().synced && status().last_success.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_configured_job_exists_or_is_absent_or_unknown() {
    let scope = FeedScope::Job {
        namespace: "maths".into(),
        name: "a".into(),
    };
    let store = Arc::new(TargetStore::new(None, Arc::default()));
    let feed = store.clone().register(scope);
    let exists = || store.snapshot().configured[0].exists;
    feed.push(Update::Failed(FeedError::default()));
    assert_eq!(exists(), None);
    feed.push(Update::JobAbsent);
    assert_eq!(exists(), Some(false));
    assert!(store.snapshot().status.synced);
    feed.push(jobs(Change::Applied(complete("a"))));
    assert_eq!(exists(), Some(true));
    feed.push(Update::JobAbsent);
    assert_eq!(exists(), Some(false));
    assert_eq!(shown(&store), ["a/a/complete"]); // kept so that a scrape sees its result
    advance(retention().stale_after + Duration::from_secs(1)).await;
    assert_eq!((exists(), shown(&store)), (None, Vec::new()));
}

#[test]
fn requests_and_events_are_counted_by_label() {
    let store = target().store;
    let request = |milliseconds| ClientEvent::Request {
        verb: Verb::List,
        code: Code::of_status(429),
        duration: Duration::from_millis(milliseconds),
    };
    store.count(request(5));
    store.count(request(60_000));
    store.count(ClientEvent::Event(Resource::Jobs, EventKind::Added));
    let counts = store.snapshot().client_counters;
    let requests: Vec<_> = counts.requests().collect();
    assert_eq!(requests, [(Verb::List, Code::TooManyRequests, 2)]);
    let (_, durations) = counts.durations().next().unwrap();
    assert_eq!(
        (
            durations.buckets[0],
            durations.buckets[11],
            durations.count()
        ),
        (1, 1, 2)
    );
    assert!((durations.sum - 60.005).abs() < 1e-9);
    assert_eq!(counts.events().map(|(_, _, count)| count).sum::<u64>(), 1);
}
