//! Behaviour of the store: what a scrape sees after what a source pushed.

use std::time::Duration;

use tokio::time::advance;

use super::*;
use crate::model::{Code, EventKind, JobState, Resource, Uid, Verb, WorkloadRef};

fn retention() -> Retention {
    StoreSettings::default().retention
}

const FEED: FeedId = FeedId(0);
const OTHER: FeedId = FeedId(1);

fn slice() -> TargetStore {
    TargetStore::new(None, vec![FeedScope::Jobs, FeedScope::Jobs], Arc::default())
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

/// `name/uid/state` of what a scrape shows.
fn shown(slice: &TargetStore) -> Vec<String> {
    let snapshot = slice.snapshot();
    let line = |job: &Job| format!("{}/{}/{}", job.name, job.uid, job.state.as_str());
    let mut shown: Vec<_> = snapshot.jobs.iter().map(line).collect();
    shown.sort();
    shown
}

#[tokio::test(start_paused = true)]
async fn events_are_applied_in_place() {
    let slice = slice();
    slice.push(
        FEED,
        jobs(Change::Replaced(vec![running("a"), running("b")])),
    );
    slice.push(FEED, jobs(Change::Applied(complete("a"))));
    slice.push(FEED, jobs(Change::Applied(running("c"))));
    slice.push(FEED, jobs(Change::Deleted(running("b"))));
    assert_eq!(shown(&slice), ["a/a/complete", "c/c/running"]);
    assert_eq!(slice.snapshot().status.jobs, 2);
}

#[tokio::test(start_paused = true)]
async fn a_relist_replaces_the_objects_of_its_own_feed_only() {
    let slice = slice();
    slice.push(
        FEED,
        jobs(Change::Replaced(vec![running("a"), running("b")])),
    );
    slice.push(OTHER, jobs(Change::Replaced(vec![running("x")])));
    slice.push(
        FEED,
        jobs(Change::Replaced(vec![running("b"), running("c")])),
    );
    assert_eq!(shown(&slice), ["b/b/running", "c/c/running", "x/x/running"]);
    slice.push(OTHER, jobs(Change::Replaced(Vec::new())));
    assert_eq!(shown(&slice), ["b/b/running", "c/c/running"]);
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_outlives_its_deletion_and_an_unfinished_one_does_not() {
    let slice = slice();
    slice.push(
        FEED,
        jobs(Change::Replaced(vec![
            running("a"),
            running("b"),
            complete("c"),
        ])),
    );
    slice.push(FEED, jobs(Change::Deleted(complete("a")))); // finished and gone in one event, as with TTL 0
    slice.push(FEED, jobs(Change::Deleted(running("b"))));
    slice.push(FEED, jobs(Change::Replaced(Vec::new()))); // gone without an event
    assert_eq!(shown(&slice), ["a/a/complete", "c/c/complete"]);
    assert_eq!(slice.snapshot().status.jobs, 0);
    advance(
        retention()
            .deleted
            .checked_sub(Duration::from_millis(1))
            .unwrap(),
    )
    .await;
    assert_eq!(shown(&slice), ["a/a/complete", "c/c/complete"]);
    advance(Duration::from_millis(1)).await;
    assert_eq!(shown(&slice), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_new_run_of_the_same_name_takes_the_place_of_the_deleted_one() {
    let slice = slice();
    slice.push(
        FEED,
        jobs(Change::Replaced(vec![job("a", "1", JobState::Failed)])),
    );
    slice.push(FEED, jobs(Change::Deleted(job("a", "1", JobState::Failed))));
    slice.push(
        FEED,
        jobs(Change::Applied(job("a", "2", JobState::Running))),
    );
    assert_eq!(shown(&slice), ["a/2/running"]);
    // The end of the first one's retention is not the end of the second.
    advance(retention().deleted * 2).await;
    slice.push(FEED, Update::Contact);
    assert_eq!(shown(&slice), ["a/2/running"]);
    // A late deletion of the first is not one of the second either.
    slice.push(FEED, jobs(Change::Deleted(job("a", "1", JobState::Failed))));
    assert_eq!(shown(&slice), ["a/2/running"]);
    assert_eq!(slice.snapshot().status.jobs, 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_with_the_same_name_twice_gives_one_job() {
    let slice = slice();
    let twice = vec![
        job("a", "1", JobState::Running),
        job("a", "2", JobState::Failed),
        running("b"),
    ];
    slice.push(FEED, jobs(Change::Replaced(twice)));
    slice.push(
        OTHER,
        jobs(Change::Applied(job("b", "3", JobState::Failed))),
    );
    assert_eq!(shown(&slice), ["a/2/failed", "b/3/failed"]);
    assert_eq!(slice.snapshot().status.jobs, 2);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_stays_as_it_was() {
    let slice = slice();
    slice.push(FEED, jobs(Change::Replaced(vec![running("a")])));
    let before = slice.snapshot();
    slice.push(FEED, jobs(Change::Applied(complete("a"))));
    slice.push(FEED, jobs(Change::Replaced(vec![running("b")])));
    assert_eq!(
        before.jobs.iter().map(|job| job.state).collect::<Vec<_>>(),
        [JobState::Running]
    );
}

#[tokio::test(start_paused = true)]
async fn objects_of_a_feed_without_contact_leave_and_come_back() {
    let slice = slice();
    slice.push(FEED, jobs(Change::Replaced(vec![running("a")])));
    slice.push(OTHER, jobs(Change::Replaced(vec![running("x")])));
    advance(retention().stale_after).await;
    slice.push(FEED, Update::Failed);
    slice.push(OTHER, Update::Contact);
    assert_eq!(shown(&slice), ["a/a/running", "x/x/running"]);
    advance(Duration::from_millis(1)).await;
    assert_eq!(shown(&slice), ["x/x/running"]);
    assert!(!slice.snapshot().status.up);
    slice.push(FEED, Update::Contact);
    assert_eq!(shown(&slice), ["a/a/running", "x/x/running"]);
    assert!(slice.snapshot().status.up);
}

#[tokio::test(start_paused = true)]
async fn slots_are_used_again_and_memory_is_given_back() {
    let slice = slice();
    let many: Vec<_> = (0..5_000).map(|i| running(&format!("job-{i}"))).collect();
    slice.push(FEED, jobs(Change::Replaced(many.clone())));
    assert_eq!(slice.snapshot().jobs.blocks(), 5);
    for round in 0..10 {
        for i in 0..1_000 {
            slice.push(FEED, jobs(Change::Deleted(running(&format!("job-{i}")))));
        }
        for i in 0..1_000 {
            let name = format!("job-{i}");
            slice.push(
                FEED,
                jobs(Change::Applied(job(
                    &name,
                    &format!("{name}-{round}"),
                    JobState::Running,
                ))),
            );
            slice.push(FEED, jobs(Change::Applied(running(&name))));
        }
    }
    assert_eq!(slice.snapshot().jobs.blocks(), 5);
    assert_eq!(shown(&slice).len(), 5_000);
    slice.push(FEED, jobs(Change::Replaced(many[..10].to_vec())));
    assert_eq!(slice.snapshot().jobs.blocks(), 1);
    assert_eq!(shown(&slice).len(), 10);
    slice.push(FEED, jobs(Change::Replaced(many)));
    assert_eq!(shown(&slice).len(), 5_000);
}

#[tokio::test(start_paused = true)]
async fn a_target_is_up_when_no_feed_failed_and_synced_when_all_were_read() {
    let slice = slice();
    let status = || slice.snapshot().status;
    assert!(!status().up && !status().synced);
    slice.push(FEED, Update::Contact);
    assert!(status().up && !status().synced);
    slice.push(FEED, jobs(Change::Replaced(Vec::new())));
    assert!(!status().synced);
    slice.push(OTHER, Update::Failed);
    assert!(!status().up);
    assert_eq!(status().last_success, None);
    slice.push(OTHER, jobs(Change::Replaced(Vec::new())));
    assert!(status().synced && status().last_success.is_some());
    assert!(!status().up, "a list alone does not end an outage");
    slice.push(OTHER, Update::Contact);
    assert!(status().up);
    slice.push(OTHER, Update::Failed);
    assert!(!status().up && status().synced && status().last_success.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_configured_job_exists_or_not_or_it_is_not_known() {
    let scope = FeedScope::Job {
        namespace: "maths".into(),
        name: "a".into(),
    };
    let slice = TargetStore::new(None, vec![scope], Arc::default());
    let exists = || slice.snapshot().configured.first().map(|job| job.exists);
    slice.push(FEED, Update::Failed);
    assert_eq!(exists(), None);
    slice.push(FEED, Update::JobAbsent);
    assert_eq!(exists(), Some(false));
    assert!(slice.snapshot().status.synced);
    slice.push(FEED, jobs(Change::Applied(complete("a"))));
    assert_eq!(exists(), Some(true));
    slice.push(FEED, Update::JobAbsent);
    assert_eq!(exists(), Some(false));
    assert_eq!(shown(&slice), ["a/a/complete"]); // its end is still to be seen
    advance(retention().stale_after + Duration::from_secs(1)).await;
    assert_eq!((exists(), shown(&slice)), (None, Vec::new()));
}

#[test]
fn activity_is_counted_by_closed_labels() {
    let slice = slice();
    let request = |milliseconds| ClientEvent::Request {
        verb: Verb::List,
        code: Code::of_status(429),
        duration: Duration::from_millis(milliseconds),
    };
    slice.count(request(5));
    slice.count(request(60_000));
    slice.count(ClientEvent::Event(Resource::Jobs, EventKind::Added));
    let counts = slice.snapshot().client_counters;
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
