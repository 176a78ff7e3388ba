use proptest::prelude::*;

use super::*;
use crate::model::Uid;

const FEED: FeedId = FeedId(3);
const OTHER: FeedId = FeedId(4);

fn pod(state: PodState, since: Seconds) -> Pod {
    Pod {
        namespace: "ops".into(),
        name: "load-x7k2p".into(),
        uid: Uid::parse("p"),
        job_name: "load".into(),
        job_uid: Uid::parse("j"),
        state,
        since: Some(since).into(),
        exit_code: None,
        restarts: 0,
        retried: None,
    }
}

fn failed(cause: FailureCause, at: Seconds) -> Pod {
    pod(PodState::Failed(cause), at)
}

fn counts(pods: &JobPods, most: i32) -> Vec<(FailureCause, u32)> {
    pods.failed(most).iter().collect()
}

#[cfg(target_pointer_width = "64")]
#[test]
fn a_pod_takes_32_bytes() {
    assert_eq!(size_of::<KnownPod>(), 32);
    assert_eq!(size_of::<JobPods>(), 40);
}

#[test]
fn a_pod_counts_once_and_stays_counted_when_it_is_gone() {
    let mut pods = JobPods::default();
    let oom = failed(FailureCause::OomKilled, 10);
    for _ in 0..2 {
        pods.apply(1, FEED, &oom);
    }
    assert_eq!(counts(&pods, 5), [(FailureCause::OomKilled, 1)]);
    assert!(pods.remove(1));
    assert!(!pods.remove(1));
    assert_eq!(counts(&pods, 5), [(FailureCause::OomKilled, 1)]);
    // An API server that lags behind shows it again.
    assert!(!pods.apply(1, FEED, &oom));
    assert_eq!(counts(&pods, 5), [(FailureCause::OomKilled, 1)]);
}

#[test]
fn no_more_pods_have_a_cause_than_the_job_reports_as_failed() {
    let mut pods = JobPods::default();
    pods.apply(2, FEED, &failed(FailureCause::Error, 30));
    pods.apply(1, FEED, &failed(FailureCause::OomKilled, 10));
    pods.apply(3, FEED, &failed(FailureCause::Evicted, 20));
    let (oom, evicted) = ((FailureCause::OomKilled, 1), (FailureCause::Evicted, 1));
    assert_eq!(counts(&pods, 0), []);
    assert_eq!(counts(&pods, -1), []);
    assert_eq!(counts(&pods, 2), [oom, evicted]);
    assert_eq!(pods.failed(9).total(), 3);
    pods.remove(2);
    assert_eq!(counts(&pods, 1), [(FailureCause::Error, 1)]);
}

#[test]
fn the_last_failure_is_the_latest_one_or_else_that_of_the_last_restart() {
    let mut pods = JobPods::default();
    assert_eq!(pods.last_failure(), None);
    let crashing = Pod {
        retried: Some(FailureCause::OomKilled),
        exit_code: Some(137),
        restarts: 4,
        ..pod(PodState::Running, 0)
    };
    pods.apply(1, FEED, &crashing);
    let last = pods.last_failure().unwrap();
    assert_eq!(
        (last.cause, last.exit_code),
        (FailureCause::OomKilled, Some(137))
    );
    pods.apply(2, FEED, &failed(FailureCause::Evicted, 20));
    pods.apply(3, FEED, &failed(FailureCause::Error, 10));
    assert_eq!(pods.last_failure().unwrap().cause, FailureCause::Evicted);
    for id in 1..4 {
        pods.remove(id);
    }
    assert_eq!(pods.last_failure().unwrap().cause, FailureCause::Evicted);
    assert_eq!(pods.restarts(), 4);
}

/// The Job controller deletes the pods that still run when it has decided that the run fails.
#[test]
fn a_deletion_decides_only_if_there_is_nothing_else() {
    let mut pods = JobPods::default();
    pods.apply(1, FEED, &failed(FailureCause::Deleted, 30));
    assert_eq!(pods.last_failure().unwrap().cause, FailureCause::Deleted);
    pods.apply(2, FEED, &failed(FailureCause::NodeShutdown, 10));
    assert_eq!(
        pods.last_failure().unwrap().cause,
        FailureCause::NodeShutdown
    );
    pods.remove(1);
    assert_eq!(
        pods.last_failure().unwrap().cause,
        FailureCause::NodeShutdown
    );
    assert_eq!(counts(&pods, 1), [(FailureCause::NodeShutdown, 1)]);
    assert_eq!(pods.failed(2).total(), 2);
}

#[test]
fn the_first_cause_of_a_pod_stays() {
    let mut pods = JobPods::default();
    pods.apply(1, FEED, &failed(FailureCause::Unknown, 10));
    assert!(pods.apply(1, FEED, &failed(FailureCause::OomKilled, 10)));
    assert!(!pods.apply(1, FEED, &failed(FailureCause::Deleted, 20)));
    assert_eq!(counts(&pods, 1), [(FailureCause::OomKilled, 1)]);
}

#[test]
fn a_pod_that_succeeds_leaves_its_restarts() {
    let mut pods = JobPods::default();
    let with_restarts = |state, restarts| Pod {
        restarts,
        ..pod(state, 0)
    };
    pods.apply(1, FEED, &with_restarts(PodState::Running, 1));
    pods.apply(1, FEED, &with_restarts(PodState::Succeeded, 2));
    assert_eq!(pods.restarts(), 2);
    assert!(!pods.has_known());
    assert!(!pods.apply(1, FEED, &with_restarts(PodState::Succeeded, 2)));
    assert_eq!(pods.restarts(), 2);
    // It leaves nothing without restarts.
    let mut pods = JobPods::default();
    pods.apply(1, FEED, &with_restarts(PodState::Running, 0));
    pods.apply(1, FEED, &with_restarts(PodState::Succeeded, 0));
    assert!(pods.is_empty());
}

#[test]
fn waiting_pods_count_by_reason_and_the_first_of_them_tells_since_when() {
    let mut pods = JobPods::default();
    for (id, reason, since) in [
        (1, WaitReason::Unschedulable, 30),
        (2, WaitReason::ImagePullBackOff, 20),
        (3, WaitReason::Unschedulable, 40),
    ] {
        pods.apply(id, FEED, &pod(PodState::Waiting(reason), since));
    }
    let waiting: Vec<_> = pods.waiting().collect();
    assert_eq!(
        waiting,
        [
            (WaitReason::Unschedulable, 2),
            (WaitReason::ImagePullBackOff, 1)
        ]
    );
    assert_eq!(
        pods.pending_since(),
        Some((20, WaitReason::ImagePullBackOff))
    );
    pods.apply(2, FEED, &pod(PodState::Running, 50));
    assert_eq!(pods.pending_since(), Some((30, WaitReason::Unschedulable)));
}

#[test]
fn a_list_removes_only_the_pods_of_its_own_feed() {
    let mut pods = JobPods::default();
    pods.apply(1, FEED, &failed(FailureCause::Error, 10));
    pods.apply(2, FEED, &pod(PodState::Running, 0));
    pods.apply(3, OTHER, &pod(PodState::Running, 0));
    assert!(pods.retain(FEED, |id| id == 1));
    assert!(!pods.retain(FEED, |id| id == 1));
    assert!(pods.known.iter().any(|pod| pod.feed == OTHER));
    assert!(pods.forget_live(OTHER));
    assert!(pods.known.iter().all(|pod| pod.feed != OTHER));
    assert_eq!(pods.failed(9).total(), 1);
}

#[test]
fn the_pods_of_a_job_are_limited() {
    let mut pods = JobPods::default();
    for id in 0..MAX_KNOWN as u64 + 10 {
        pods.apply(id, FEED, &failed(FailureCause::Error, 1));
    }
    assert_eq!(pods.failed(i32::MAX).total(), 10_000);
    pods.retain(FEED, |_| false);
    pods.apply(u64::MAX, FEED, &failed(FailureCause::Error, 1));
    assert_eq!(pods.failed(i32::MAX).total(), 10_001);
    pods.remove(u64::MAX);
    assert_eq!(pods.failed(i32::MAX).total(), 10_000);
}

/// The states that a pod goes through, and whether it is listed again, deleted or shown late in between.
#[derive(Clone, Debug)]
enum Event {
    Seen(u64, PodState, u32),
    Deleted(u64),
    Listed(Vec<u64>),
}

fn event() -> impl Strategy<Value = Event> {
    let id = 0..6_u64;
    let states = prop_oneof![
        Just(PodState::Running),
        Just(PodState::Waiting(WaitReason::Init)),
        Just(PodState::Succeeded),
        proptest::sample::select(FailureCause::ALL).prop_map(PodState::Failed),
    ];
    prop_oneof![
        4 => (id.clone(), states, 0..3_u32).prop_map(|(id, state, restarts)| Event::Seen(id, state, restarts)),
        1 => id.clone().prop_map(Event::Deleted),
        1 => proptest::collection::vec(id, 0..6).prop_map(Event::Listed),
    ]
}

proptest! {
    /// Each pod fails at most once, so causes never outnumber pods, whatever is seen in which order.
    #[test]
    fn nothing_is_counted_twice(events in proptest::collection::vec(event(), 0..40), most in 0..8_i32) {
        let mut pods = JobPods::default();
        for event in events {
            match event {
                Event::Seen(id, state, restarts) => {
                    let pod = Pod { restarts, ..pod(state, 1) };
                    pods.apply(id, FEED, &pod);
                }
                Event::Deleted(id) => {
                    pods.remove(id);
                }
                Event::Listed(ids) => {
                    pods.retain(FEED, |id| ids.contains(&id));
                }
            }
            prop_assert!(pods.failed(i32::MAX).total() <= 6);
            prop_assert!(pods.failed(most).total() <= most.cast_unsigned());
            prop_assert!(pods.restarts() <= 12);
        }
    }
}
