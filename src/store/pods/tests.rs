//! Pods and Jobs arrive in any order, and each failed pod of a counted run counts once.

use std::time::Duration;

use super::*;
use crate::{
    model::{
        CauseGroup, FailureCause, FailureReason, FeedError, FeedHandle, FeedScope, JobState,
        JournalEntry, NoopJournal, PodCounts, PodState, RestoredState, RestoredWorkload, Seconds,
        Sink, Update, WaitReason, WorkloadRef,
    },
    store::{StoreSettings, TargetStore, memory_journal::MemoryJournal},
};

struct Target {
    store: Arc<TargetStore>,
    jobs: FeedHandle,
    pods: FeedHandle,
}

impl Target {
    fn new() -> Self {
        Self::restored(RestoredState::default(), Arc::new(NoopJournal))
    }

    fn restored(state: RestoredState, journal: Arc<dyn crate::model::Journal>) -> Self {
        let settings = StoreSettings {
            pods: true,
            events: true,
            ..StoreSettings::default()
        };
        let store = Arc::new(TargetStore::restored(None, settings.into(), state, journal));
        let [jobs, pods] = [FeedScope::Jobs(None), FeedScope::Pods(None)]
            .map(|scope| store.clone().register(scope));
        Self { store, jobs, pods }
    }

    fn job(&self, job: &Job) {
        self.jobs.push(Update::Jobs(Change::Applied(job.clone())));
    }

    fn list_jobs(&self, jobs: &[Job]) {
        self.jobs
            .push(Update::Jobs(Change::Replaced(jobs.to_vec())));
    }

    fn pod(&self, pod: &Pod) {
        self.pods.push(Update::Pods(Change::Applied(pod.clone())));
    }

    fn list_pods(&self, pods: &[Pod]) {
        self.pods
            .push(Update::Pods(Change::Replaced(pods.to_vec())));
    }

    fn observed(&self) -> Option<Arc<JobPods>> {
        let snapshot = self.store.snapshot();
        let job = snapshot.jobs.iter().next()?;
        job.observed_pods.clone()
    }

    fn failures(&self) -> Vec<(CauseGroup, u64)> {
        let snapshot = self.store.snapshot();
        let workload = snapshot.workloads.iter().next().expect("the workload");
        workload
            .state
            .totals
            .pod_failures
            .clone()
            .into_iter()
            .collect()
    }

    fn last_cause(&self) -> Option<(FailureCause, Option<i32>)> {
        let snapshot = self.store.snapshot();
        let workload = snapshot.workloads.iter().next().expect("the workload");
        let last = workload.state.totals.last.clone()?;
        Some((last.cause?, last.exit_code))
    }
}

fn running() -> Job {
    let workload = WorkloadRef {
        kind: "cronjob".into(),
        name: "load".into(),
    };
    Job {
        state: JobState::Running,
        start: Some(100).into(),
        due: Some(100).into(),
        ..Job::new("ops".into(), "load-1".into(), Uid::parse("j1"), workload)
    }
}

fn ended(state: JobState, failed: i32) -> Job {
    Job {
        state,
        failure: (state == JobState::Failed).then_some(FailureReason::BackoffLimitExceeded),
        state_since: Some(200).into(),
        pods: PodCounts {
            failed,
            ..PodCounts::default()
        },
        ..running()
    }
}

fn pod(uid: &str, state: PodState, since: Seconds) -> Pod {
    Pod {
        since: Some(since).into(),
        ..Pod::new(&running(), uid.into(), Uid::parse(uid), state)
    }
}

fn oom(uid: &str, at: Seconds) -> Pod {
    Pod {
        exit_code: Some(137),
        ..pod(uid, PodState::Failed(FailureCause::OomKilled), at)
    }
}

#[test]
fn pods_wait_for_their_job() {
    let target = Target::new();
    target.list_pods(&[oom("a", 150)]);
    assert_eq!(target.observed(), None);
    target.list_jobs(&[ended(JobState::Failed, 1)]);
    let observed = target.observed().expect("its pods");
    assert_eq!(observed.failed(9).total(), 1);
    assert_eq!(
        target.last_cause(),
        Some((FailureCause::OomKilled, Some(137)))
    );
    // A Job of the same name is another run.
    let next = Job {
        uid: Uid::parse("j2"),
        ..running()
    };
    target.job(&next);
    assert_eq!(target.observed(), None);
    target.pod(&oom("b", 300));
    assert_eq!(target.observed(), None);
}

/// Both feeds may be the first to see the end of a run, and the rest of what they see may come late.
#[test]
fn a_run_is_explained_in_whatever_order_its_end_is_seen() {
    let expected = (
        [(CauseGroup::Memory, 2)],
        Some((FailureCause::OomKilled, Some(137))),
    );
    let (first, last) = (oom("a", 150), oom("b", 199));
    let failed = ended(JobState::Failed, 2);
    let orders: [&dyn Fn(&Target); 5] = [
        &|it| (it.pod(&first), it.pod(&last), it.job(&failed)).2,
        &|it| (it.pod(&first), it.job(&failed), it.pod(&last)).2,
        &|it| (it.job(&failed), it.pod(&first), it.pod(&last)).2,
        &|it| {
            it.job(&failed);
            it.list_pods(&[first.clone(), last.clone()]);
            it.list_pods(std::slice::from_ref(&last));
            it.list_pods(&[]);
            it.pods.push(Update::Pods(Change::Deleted(last.clone())));
        },
        &|it| {
            it.pod(&first);
            it.pods.push(Update::Pods(Change::Deleted(first.clone())));
            it.pod(&last);
            it.job(&failed);
            it.job(&failed);
            it.list_jobs(std::slice::from_ref(&failed));
        },
    ];
    for (number, happen) in orders.into_iter().enumerate() {
        let target = Target::new();
        target.list_jobs(&[running()]);
        target.list_pods(&[]);
        happen(&target);
        let seen = (target.failures(), target.last_cause());
        assert_eq!(
            (&seen.0[..], seen.1),
            (&expected.0[..], expected.1),
            "order {number}"
        );
    }
}

#[test]
fn a_run_that_succeeded_keeps_the_cause_of_its_retry() {
    let target = Target::new();
    target.list_jobs(&[running()]);
    target.pod(&oom("a", 150));
    target.pod(&pod("b", PodState::Running, 160));
    target.pod(&pod("b", PodState::Succeeded, 190));
    target.job(&ended(JobState::Complete, 1));
    assert_eq!(target.failures(), [(CauseGroup::Memory, 1)]);
    assert_eq!(
        target.last_cause(),
        Some((FailureCause::OomKilled, Some(137)))
    );
}

#[test]
fn a_deadline_of_the_job_is_the_cause_whatever_its_pods_say() {
    let target = Target::new();
    target.list_jobs(&[running()]);
    target.pod(&pod("a", PodState::Failed(FailureCause::Deleted), 199));
    target.job(&Job {
        failure: Some(FailureReason::DeadlineExceeded),
        ..ended(JobState::Failed, 1)
    });
    assert_eq!(
        target.last_cause(),
        Some((FailureCause::DeadlineExceeded, None))
    );
    assert_eq!(target.failures(), [(CauseGroup::Other, 1)]);
}

#[test]
fn a_restart_counts_no_pod_again() {
    let journal = Arc::new(MemoryJournal::default());
    let first = Target::restored(RestoredState::default(), journal.clone());
    first.list_jobs(&[running()]);
    first.pod(&oom("a", 150));
    first.job(&ended(JobState::Failed, 1));
    let mut restored = RestoredState::default();
    for entry in journal.take() {
        if let JournalEntry::RunFinished {
            workload,
            run,
            state,
            ..
        } = entry
        {
            restored.runs.push(run.uid);
            restored.workloads = vec![RestoredWorkload {
                id: workload,
                state,
                last_existed: 200,
                departure: crate::model::Departure::Cleanup,
            }];
        }
    }
    assert_eq!(restored.runs.len(), 1);
    let second = Target::restored(restored, Arc::new(NoopJournal));
    second.list_jobs(&[ended(JobState::Failed, 1)]);
    second.list_pods(&[oom("a", 150)]);
    assert_eq!(second.failures(), [(CauseGroup::Memory, 1)]);
    assert_eq!(
        second.last_cause(),
        Some((FailureCause::OomKilled, Some(137)))
    );
}

#[test]
fn what_is_seen_late_is_written_to_the_journal() {
    let journal = Arc::new(MemoryJournal::default());
    let target = Target::restored(RestoredState::default(), journal.clone());
    target.list_jobs(&[running()]);
    target.job(&ended(JobState::Failed, 1));
    target.pod(&oom("a", 150));
    let runs = journal.take().into_iter().filter_map(|entry| match entry {
        JournalEntry::RunFinished { run, state, .. } => Some((run, state)),
        _ => None,
    });
    let (run, state) = runs.last().expect("the run");
    assert_eq!(run.explanation.cause, Some(FailureCause::OomKilled));
    assert_eq!(state.totals.pod_failures.get(&CauseGroup::Memory), Some(&1));
}

#[test]
fn an_event_has_no_cause_while_a_failed_pod_was_not_seen() {
    for (seen, cause) in [
        (vec![oom("a", 150)], None),
        (
            vec![
                oom("a", 150),
                pod("b", PodState::Failed(FailureCause::Error), 190),
            ],
            Some(FailureCause::Error),
        ),
    ] {
        let journal = Arc::new(MemoryJournal::default());
        let target = Target::restored(RestoredState::default(), journal.clone());
        target.list_jobs(&[running()]);
        target.list_pods(&seen);
        target.job(&ended(JobState::Failed, 2));
        let events = journal.take().into_iter().filter_map(|entry| match entry {
            JournalEntry::Counted(event) => event.run,
            _ => None,
        });
        let causes: Vec<_> = events.map(|run| run.explanation.cause).collect();
        assert_eq!(causes, [cause]);
    }
}

#[tokio::test(start_paused = true)]
async fn pods_that_nobody_can_read_wait_for_nothing_any_more() {
    let target = Target::new();
    target.list_jobs(&[running()]);
    let waiting = PodState::Waiting(WaitReason::Unschedulable);
    target.list_pods(&[oom("a", 150), pod("b", waiting, 160)]);
    let fail = || {
        target
            .pods
            .push(Update::Failed(FeedError::new("refused", None)))
    };
    fail();
    let waiting = |target: &Target| target.observed().expect("its pods").waiting().count();
    assert_eq!(waiting(&target), 1);
    for _ in 0..11 {
        tokio::time::advance(Duration::from_mins(1)).await;
        target.jobs.push(Update::Contact);
    }
    fail();
    assert_eq!(waiting(&target), 0);
    let observed = target.observed().expect("its pods");
    assert_eq!(observed.failed(9).total(), 1);
}

#[test]
fn the_health_of_the_target_does_not_depend_on_pods() {
    let target = Target::new();
    target.jobs.push(Update::Jobs(Change::Replaced(Vec::new())));
    let health = target.jobs.push(Update::Contact);
    assert!(!health.went_down);
    target.jobs.push(Update::CaughtUp(crate::model::now()));
    assert!(!target.store.is_synced() && !target.store.is_tried() && !target.store.is_read());
    let refused = || Update::Failed(FeedError::new("forbidden", None));
    assert!(target.pods.push(refused()).went_down);
    assert!(!target.pods.push(refused()).went_down);
    assert!(target.store.is_synced() && target.store.is_tried() && target.store.is_read());
    let status = target.store.snapshot().status;
    assert!(status.up && status.synced);
    assert_eq!((status.failing_feeds, status.pods_up), (0, Some(false)));
    target.list_pods(&[]);
    assert!(target.pods.push(Update::Contact).recovered);
    assert_eq!(target.store.snapshot().status.pods_up, Some(true));
}

/// Pods are read after their Jobs.
#[test]
fn pods_are_not_tried_if_their_jobs_cannot_be_read() {
    let target = Target::new();
    assert!(!target.store.is_tried());
    let refused = Update::Failed(FeedError::new("forbidden", None));
    target.jobs.push(refused);
    assert!(target.store.is_tried() && !target.store.is_read());
}

#[test]
fn a_target_that_reads_no_pods_any_more_forgets_them() {
    let target = Target::new();
    target.list_jobs(&[running()]);
    target.pod(&oom("a", 150));
    assert!(target.observed().is_some());
    target.store.configure(StoreSettings::default());
    assert_eq!(target.observed(), None);
}
