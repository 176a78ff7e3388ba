//! Jobs of an owner that are polled one by one, and pods that are seen late.

use super::*;
use crate::model::{CauseGroup, FailureCause, Pod, PodCounts, PodState};

#[tokio::test(start_paused = true)]
async fn configured_jobs_of_one_owner_are_one_run() {
    let (target, journal) = synced();
    let [a, b] = ["a", "b"].map(|name| {
        target.store.clone().register(FeedScope::Job {
            namespace: "maths".into(),
            name: name.into(),
        })
    });
    let poll = |feed: &FeedHandle, job: Job| {
        feed.push(Update::Jobs(Change::Applied(job)));
        feed.push(Update::Contact);
    };
    poll(&a, owned("a", 0, JobState::Running));
    poll(&b, owned("b", 5, JobState::Running));
    assert_eq!(runs(&target), (0, 0, 0, 1));
    poll(&a, owned("a", 0, JobState::Complete));
    pass(10).await;
    poll(&b, owned("b", 5, JobState::Failed));
    pass(60).await;
    assert_eq!(runs(&target), (0, 1, 0, 0));
    assert_eq!(journal.runs().len(), 1);
    // A Job that is absent may have been deleted after it finished: nothing changes.
    a.push(Update::JobAbsent);
    b.push(Update::JobAbsent);
    pass(60).await;
    assert_eq!(runs(&target), (0, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn pods_that_are_seen_after_the_run_has_settled_explain_it() {
    NOW.set(SINCE);
    let settings = StoreSettings {
        pods: true,
        ..StoreSettings::default()
    };
    let (target, _) = settling_with(RestoredState::default(), settings);
    let pods = target.store.clone().register(FeedScope::Pods(None));
    list(&target, []);
    sync(&target);
    pods.push(Update::Pods(Change::Replaced(Vec::new())));
    apply(&target, owned("a", 0, JobState::Running));
    apply(&target, owned("b", 0, JobState::Running));
    apply(&target, owned("b", 0, JobState::Complete));
    pass(10).await;
    let failed = Job {
        pods: PodCounts {
            failed: 1,
            ..PodCounts::default()
        },
        ..owned("a", 0, JobState::Failed)
    };
    apply(&target, failed.clone());
    pass(60).await;
    assert_eq!(runs(&target), (0, 1, 0, 0));
    let cause = || bert(&target).state.totals.last.and_then(|last| last.cause);
    assert_eq!(cause(), None);
    let pod = Pod {
        since: Some(SINCE + 9).into(),
        exit_code: Some(137),
        ..Pod::new(
            &failed,
            "a-x".into(),
            Uid::parse("a-x"),
            PodState::Failed(FailureCause::OomKilled),
        )
    };
    for _ in 0..2 {
        pods.push(Update::Pods(Change::Applied(pod.clone())));
        assert_eq!(cause(), Some(FailureCause::OomKilled));
        let failures: Vec<_> = bert(&target)
            .state
            .totals
            .pod_failures
            .into_iter()
            .collect();
        assert_eq!(failures, [(CauseGroup::Memory, 1)]);
    }
    assert_eq!(runs(&target), (0, 1, 0, 0));
}
