//! A made-up target, from which the reference takes its examples and tests their records.
//!
//! Every family has something to show of it; a test of the reference sees to that.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use crate::{
    history::StatusSnapshot,
    model::{
        Change, ClientEvent, Code, CompletionMode, ConcurrencyPolicy, CronJob, EventCounter as _,
        FailureReason, FeedId, FeedScope, Job, JobState, NoopJournal, PodCounts, RestoredState,
        Sink, Uid, Update, Verb, WorkloadAnnotations, WorkloadRef,
    },
    store::{StoreSettings, TargetSnapshot, TargetStore},
};

/// A target of which every family has something to show.
pub(super) fn target() -> TargetSnapshot {
    let configured = FeedScope::Job {
        namespace: "reports".into(),
        name: "nightly-report".into(),
    };
    let feeds = vec![FeedScope::Jobs, FeedScope::CronJobs, configured];
    // Runs of whatever date are counted.
    let memory = RestoredState::default();
    let settings = StoreSettings {
        clock: date,
        ..StoreSettings::default()
    };
    let slice =
        TargetStore::remembering(None, feeds, settings.into(), memory, Arc::new(NoopJournal));
    let jobs = vec![failed_job(), running_job(), suspended_job()];
    slice.push(FeedId(0), Update::Jobs(Change::Replaced(jobs)));
    let cronjobs = vec![cronjob()];
    slice.push(FeedId(1), Update::CronJobs(Change::Replaced(cronjobs)));
    slice.push(FeedId(2), Update::JobAbsent);
    slice.count(ClientEvent::Request {
        verb: Verb::List,
        code: Code::Ok,
        duration: Duration::from_millis(20),
    });
    if let Ok(end) = Timestamp::from_second(1_795_532_140) {
        slice.count(ClientEvent::CredentialExpiry(end));
    }
    slice.snapshot()
}

/// When all this is: the night after, five minutes after the next run was due.
fn date() -> Timestamp {
    Timestamp::from_second(1_795_483_200).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// An Indexed run of a `CronJob` that failed.
pub(super) fn failed_job() -> Job {
    Job {
        namespace: "reports".into(),
        name: "nightly-report-29924095".into(),
        uid: Uid::parse("4ba7b5e6-d01a-4327-95ea-e845886801bc"),
        workload: WorkloadRef {
            kind: "cronjob".into(),
            name: "nightly-report".into(),
        },
        managed_by: None,
        state: JobState::Failed,
        failure: Some(FailureReason::FailedIndexes),
        completion_mode: Some(CompletionMode::Indexed),
        pods: PodCounts {
            active: 0,
            succeeded: 4,
            failed: 2,
            ready: Some(0),
            terminating: Some(0),
        },
        created: Some(1_795_445_699),
        start: Some(1_795_445_700),
        end: Some(1_795_445_736),
        suspended: None,
        active_deadline: Some(3600),
        parallelism: Some(3),
        completions: Some(5),
        backoff_limit: Some(6),
        completed_indexes: Some(4),
        failed_indexes: Some(1),
        due: Some(1_795_445_700),
        manual: false,
        ignored: false,
        labels: None,
        annotations: None,
        ksm: None,
    }
}

/// A run of the same `CronJob`, made by hand.
fn running_job() -> Job {
    let Job {
        namespace,
        workload,
        ..
    } = failed_job();
    let uid = Uid::parse("5e0a6d0c-8c55-4c1f-9d3c-0c6f1f8a2b47");
    Job {
        state: JobState::Running,
        start: Some(1_795_445_720),
        manual: true,
        ..Job::new(
            namespace,
            "nightly-report-manual-x7k2p".into(),
            uid,
            workload,
        )
    }
}

/// A Job of its own that nobody has let run yet.
pub(super) fn suspended_job() -> Job {
    let workload = WorkloadRef {
        kind: "job".into(),
        name: "import".into(),
    };
    let uid = Uid::parse("0c8aa9b5-5d5e-4b22-8a83-5f3cbb0a1ad4");
    Job {
        state: JobState::Suspended,
        suspended: Some(1_795_445_640),
        ..Job::new("etl".into(), "import".into(), uid, workload)
    }
}

/// A `CronJob` with everything set.
pub(super) fn cronjob() -> CronJob {
    CronJob {
        namespace: "reports".into(),
        name: "nightly-report".into(),
        uid: Uid::parse("9d3b5a52-52d8-4b0c-8f2d-6a1f6e0a7c11"),
        schedule: "15 2 * * *".into(),
        time_zone: Some("Europe/Berlin".into()),
        concurrency_policy: Some(ConcurrencyPolicy::Forbid),
        suspended: false,
        created: Some(1_795_000_000),
        last_schedule: Some(1_795_445_700),
        last_success: Some(1_795_359_342),
        active_jobs: 2,
        starting_deadline: Some(600),
        successful_history_limit: Some(3),
        failed_history_limit: Some(1),
        ignored: false,
        labels: None,
        annotations: Some(Box::new(WorkloadAnnotations {
            max_duration: Some(7200),
            severity: Some("page".into()),
            runbook: Some("https://runbooks.example.com/nightly-report".into()),
            invalid: vec![("max-success-age", "a day".into())],
            ..WorkloadAnnotations::default()
        })),
        ksm: None,
    }
}

/// A history that had one bad moment.
pub(super) fn history() -> StatusSnapshot {
    StatusSnapshot {
        up: true,
        errors: 1,
        last_write: Some(1_795_445_736),
        file_size: 2_158_592,
        runs: 4_120,
        waiting: 0,
        dropped: 0,
    }
}
