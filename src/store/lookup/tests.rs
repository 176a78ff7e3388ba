//! What the store answers about runs and workloads.

use std::sync::Arc;

use tokio::time::advance;

use super::*;
use crate::model::{
    Change, CronJob, Departure, FeedError, FeedHandle, FeedScope, Job, JobState, NoopJournal,
    RestoredState, RestoredWorkload, Sink as _, Totals, UID_RETENTION, Update, WorkloadRef,
};

/// A target and its feeds.
struct Target {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    cronjobs: FeedHandle,
    configured: FeedHandle,
}

fn target(restored: RestoredState) -> Target {
    let configured = FeedScope::Job {
        namespace: "etl".into(),
        name: "polled".into(),
    };
    let journal = Arc::new(NoopJournal);
    let store = Arc::new(TargetStore::restored(
        None,
        Arc::default(),
        restored,
        journal,
    ));
    Target {
        jobs: store.clone().register(FeedScope::Jobs(None)),
        cronjobs: store.clone().register(FeedScope::CronJobs(None)),
        configured: store.clone().register(configured),
        store,
    }
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

fn list_jobs(target: &Target, jobs: Vec<Job>) {
    target.jobs.push(Update::Jobs(Change::Replaced(jobs)));
}

fn list_cronjobs(target: &Target, names: &[&str]) {
    let cronjob = |name: &&str| {
        CronJob::new(
            "etl".into(),
            (*name).into(),
            Uid::parse(name),
            "@daily".into(),
        )
    };
    let cronjobs = names.iter().map(cronjob).collect();
    target
        .cronjobs
        .push(Update::CronJobs(Change::Replaced(cronjobs)));
}

/// Whether the run is present and counted.
fn known(target: &Target, name: &str, uid: &str) -> (bool, bool) {
    let uid = Uid::parse(uid);
    (
        target.store.is_present("etl", name, &uid),
        target.store.is_counted("etl", name, &uid),
    )
}

#[tokio::test(start_paused = true)]
async fn a_run_is_counted_while_its_job_exists_and_for_the_retention_afterwards() {
    let target = target(RestoredState::default());
    assert_eq!(known(&target, "a", "1"), (false, false));
    list_jobs(&target, vec![job("a", "1", "nightly")]);
    advance(10 * UID_RETENTION).await;
    assert_eq!(known(&target, "a", "1"), (true, true));
    assert_eq!(known(&target, "b", "1"), (false, false), "another name");
    assert_eq!(known(&target, "a", "2"), (false, false), "another uid");
    // Another Job replaces it under the same name.
    list_jobs(&target, vec![job("a", "2", "nightly")]);
    assert_eq!(known(&target, "a", "1"), (false, true));
    assert_eq!(known(&target, "a", "2"), (true, true));
    advance(UID_RETENTION / 2).await;
    list_jobs(&target, Vec::new());
    assert_eq!(known(&target, "a", "2"), (false, true));
    advance(UID_RETENTION / 2).await;
    list_jobs(&target, Vec::new());
    assert_eq!(known(&target, "a", "1"), (false, false));
    assert_eq!(known(&target, "a", "2"), (false, true));
    advance(UID_RETENTION / 2).await;
    list_jobs(&target, Vec::new());
    assert_eq!(known(&target, "a", "2"), (false, false));
}

#[tokio::test(start_paused = true)]
async fn a_restored_run_is_counted_until_everything_was_read_and_for_the_retention_afterwards() {
    let target = target(RestoredState {
        runs: vec![Uid::parse("1"), Uid::parse("2")],
        ..RestoredState::default()
    });
    list_jobs(&target, vec![job("a", "1", "nightly")]);
    advance(10 * UID_RETENTION).await;
    list_cronjobs(&target, &[]);
    assert_eq!(known(&target, "a", "1"), (true, true));
    assert_eq!(known(&target, "b", "2"), (false, true));
    target.configured.push(Update::JobAbsent);
    let second = std::time::Duration::from_secs(1);
    advance(UID_RETENTION.checked_sub(second).unwrap()).await;
    target.jobs.push(Update::Contact);
    assert_eq!(known(&target, "b", "2"), (false, true));
    advance(second).await;
    target.jobs.push(Update::Contact);
    assert_eq!(known(&target, "a", "1"), (true, true));
    assert_eq!(known(&target, "b", "2"), (false, false));
}

#[tokio::test(start_paused = true)]
async fn a_workload_exists_with_a_job_or_a_cronjob_or_a_configured_job() {
    let now = crate::model::now().as_second();
    let restored = ["nightly", "hourly", "yearly", "polled"].map(|name| {
        let last_existed = if name == "yearly" { 0 } else { now };
        RestoredWorkload {
            id: id(name),
            state: Totals::new(1).into(),
            last_existed,
            departure: Departure::Cleanup,
        }
    });
    let target = target(RestoredState {
        workloads: restored.into(),
        ..RestoredState::default()
    });
    let existing = || {
        let all = ["nightly", "hourly", "yearly", "polled"];
        all.map(|name| target.store.has_workload(&id(name)))
    };
    assert_eq!(target.store.snapshot().workloads.iter().count(), 3);
    assert_eq!(existing(), [false; 4], "they were only restored");
    list_jobs(&target, vec![job("a", "1", "nightly")]);
    list_cronjobs(&target, &["hourly", "nightly"]);
    let polled = Change::Applied(job("polled", "2", "polled"));
    target.configured.push(Update::Jobs(polled));
    assert_eq!(existing(), [true, true, false, true]);
    list_jobs(&target, Vec::new());
    target.configured.push(Update::JobAbsent);
    assert_eq!(existing(), [true, true, false, true]);
    list_cronjobs(&target, &["yearly"]);
    assert_eq!(existing(), [false, false, true, true]);
}

#[test]
fn a_target_is_tried_once_each_feed_was_read_or_failed_and_read_once_schedules_can_be_judged() {
    let target = target(RestoredState::default());
    let is = || (target.store.is_tried(), target.store.is_read());
    assert_eq!(is(), (false, false));
    target.jobs.push(Update::Jobs(Change::Replaced(Vec::new())));
    target.configured.push(Update::JobAbsent);
    target.cronjobs.push(Update::Failed(FeedError::default()));
    assert_eq!(is(), (true, false));
    assert!(target.store.is_failing());
    let none = Change::Replaced(Vec::new());
    target.cronjobs.push(Update::CronJobs(none));
    assert_eq!(is(), (true, false), "the schedules are not judged yet");
    for feed in [&target.jobs, &target.cronjobs] {
        feed.push(Update::CaughtUp(crate::model::now()));
    }
    assert_eq!(is(), (true, true));
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_is_found_while_it_is_retained_and_an_active_one_until_it_is_deleted() {
    let target = target(RestoredState::default());
    let workload = WorkloadRef {
        kind: "job".into(),
        name: "a".into(),
    };
    let job = |name: &str, state| Job {
        state,
        ..Job::new(
            "etl".into(),
            name.into(),
            Uid::parse(name),
            workload.clone(),
        )
    };
    let state = |name| target.store.job("etl", name).map(|job| job.state);
    for (name, result, kept) in [
        ("done", JobState::Complete, Some(JobState::Complete)),
        ("active", JobState::Running, None),
    ] {
        target
            .jobs
            .push(Update::Jobs(Change::Applied(job(name, result))));
        assert_eq!(state(name), Some(result));
        target
            .jobs
            .push(Update::Jobs(Change::Deleted(job(name, result))));
        assert_eq!(state(name), kept, "{name}");
    }
    assert_eq!(state("absent"), None);
}
