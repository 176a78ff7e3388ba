//! Jobs that leave the run of their owner without being deleted.

use super::*;
use crate::store::ObjectSelection;

#[tokio::test(start_paused = true)]
async fn a_job_may_leave_its_owner() {
    let (target, _) = synced();
    let orphaned = |job: Job| {
        let workload = Owner {
            kind: "job".into(),
            name: job.name.to_shared(),
        };
        let job = job.with_template(|template| template.owner_uid = None);
        job.with_workload(workload)
    };
    apply(&target, owned("a", 0, JobState::Running));
    apply(&target, owned("b", 0, JobState::Running));
    apply(&target, orphaned(owned("a", 0, JobState::Running)));
    apply(&target, owned("b", 0, JobState::Complete));
    apply(&target, orphaned(owned("a", 0, JobState::Failed)));
    pass(60).await;
    assert_eq!(runs(&target), (1, 0, 0, 0));
    let own = workload(&target, "a").unwrap();
    assert_eq!((own.state.totals.failed, own.active_runs()), (1, 0));
    // One that asks to be ignored is no part of the run.
    apply(&target, owned("c", 70, JobState::Running));
    assert_eq!(runs(&target), (1, 0, 0, 1));
    apply(&target, ignored(owned("c", 70, JobState::Running)));
    pass(60).await;
    assert_eq!(runs(&target), (1, 0, 0, 0));
    delete(&target, ignored(owned("c", 70, JobState::Running)));
    assert_eq!(bert(&target).jobs, 1);
}

#[tokio::test(start_paused = true)]
async fn jobs_that_are_deselected_and_return_are_the_same_run() {
    let (target, journal) = synced();
    apply(&target, owned("a", 0, JobState::Running));
    apply(&target, owned_by("u2", "b", 0, JobState::Running));
    apply(&target, owned("a", 0, JobState::Failed));
    let ended = owned("a", 0, JobState::Failed);
    pass(60).await;
    assert_eq!(runs(&target), (0, 1, 0, 1));
    let select = |jobs: Vec<Job>| {
        target.store.restart_feeds(ObjectSelection::Changed);
        let feed = target.store.clone().register(FeedScope::Jobs(None));
        let other = target.store.clone().register(FeedScope::Jobs(None));
        let cronjobs = target.store.clone().register(FeedScope::CronJobs(None));
        feed.push(Update::Jobs(Change::Replaced(jobs)));
        other.push(Update::Jobs(Change::Replaced(Vec::new())));
        cronjobs.push(Update::CronJobs(Change::Replaced(Vec::new())));
        feed
    };
    select(Vec::new());
    assert_eq!((runs(&target), bert(&target).jobs), ((0, 1, 0, 0), 0));
    let feed = select(vec![ended, owned_by("u2", "b", 0, JobState::Running)]);
    assert_eq!((runs(&target), bert(&target).jobs), ((0, 1, 0, 1), 2));
    pass(60).await;
    let complete = owned_by("u2", "b", 0, JobState::Complete);
    feed.push(Update::Jobs(Change::Applied(complete)));
    pass(60).await;
    assert_eq!((runs(&target), journal.runs().len()), ((1, 1, 0, 0), 2));
}

#[tokio::test(start_paused = true)]
async fn a_result_outlives_jobs_that_leave_before_the_run_has_settled() {
    NOW.set(SINCE);
    let mut settings = StoreSettings::default();
    settings.retention.workloads = Duration::ZERO;
    settings.retention.deleted = Duration::ZERO;
    let (target, journal) = settling_with(RestoredState::default(), settings);
    list(&target, []);
    sync(&target);
    apply(&target, owned("a", 0, JobState::Running));
    apply(&target, owned("a", 0, JobState::Complete));
    delete(&target, owned("a", 0, JobState::Complete));
    pass(60).await;
    assert_eq!(runs(&target), (1, 0, 0, 0));
    assert_eq!(journal.runs().len(), 1);
    pass(60).await;
    assert!(workload(&target, "bert").is_none());
}
