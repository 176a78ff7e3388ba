//! An example snapshot for the reference, and records for tests.
//!
//! Every family has a sample in it. A test of the reference checks this.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    registry::{ProcessSnapshot, ScrapeDurations},
    snapshot::{ProbeSnapshot, ScrapeSnapshot},
};
use crate::{
    history::StatusSnapshot,
    model::{
        Change, ClientEvent, Code, CompletionMode, ConcurrencyPolicy, Credential,
        CredentialExpiries, CredentialExpiry, CronJob, EventCounter as _, FailureCause,
        FailureReason, FeedScope, Job, JobExtra, JobState, NoopJournal, Pod, PodCounts, PodState,
        Renewable, RestoredState, Shard, Sink, Uid, Update, Verb, WaitReason, WorkloadAnnotations,
        WorkloadRef,
    },
    store::{StoreSettings, TargetSnapshot, TargetStore},
};

pub(super) mod ksm;

/// A snapshot in which every family has a sample, except those of kube-state-metrics.
pub(super) fn snapshot() -> ScrapeSnapshot {
    ScrapeSnapshot {
        targets: vec![target()],
        history: Some(history()),
        process: process(),
        probe: Some(probe()),
    }
}

fn probe() -> ProbeSnapshot {
    ProbeSnapshot {
        success: true,
        duration: Duration::from_millis(12),
    }
}

fn target() -> TargetSnapshot {
    let configured = FeedScope::Job {
        namespace: "reports".into(),
        name: "nightly-report".into(),
    };
    // Counts runs that ended at any time.
    let restored = RestoredState::default();
    let settings = StoreSettings {
        clock: date,
        pods: true,
        ..StoreSettings::default()
    };
    let target = TargetStore::restored(None, settings.into(), restored, Arc::new(NoopJournal));
    let target = Arc::new(target);
    let [jobs, cronjobs, pods, configured] = [
        FeedScope::Jobs(None),
        FeedScope::CronJobs(None),
        FeedScope::Pods(None),
        configured,
    ]
    .map(|scope| target.clone().register(scope));
    pods.push(Update::Pods(Change::Replaced(example_pods())));
    pods.push(Update::Contact);
    let all = vec![failed_job(), running_job(), suspended_job()];
    jobs.push(Update::Jobs(Change::Replaced(all)));
    let all = vec![cronjob(), suspended_cronjob(), blocked_cronjob()];
    cronjobs.push(Update::CronJobs(Change::Replaced(all)));
    jobs.push(Update::CaughtUp(date()));
    cronjobs.push(Update::CaughtUp(date()));
    configured.push(Update::JobAbsent);
    target.count(ClientEvent::Request {
        verb: Verb::List,
        code: Code::Ok,
        duration: Duration::from_millis(20),
    });
    if let Ok(at) = Timestamp::from_second(1_795_532_140) {
        let renewable = Renewable::Yes;
        let expiry = CredentialExpiry { at, renewable };
        target.count(ClientEvent::CredentialExpiry(CredentialExpiries::of(
            Credential::Token,
            expiry,
        )));
    }
    target.snapshot()
}

/// The date of the snapshot: the next night, five minutes after the next run was due.
fn date() -> Timestamp {
    Timestamp::from_second(1_795_483_200).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A failed Indexed run of a `CronJob`.
pub(super) fn failed_job() -> Job {
    let workload = WorkloadRef {
        kind: "cronjob".into(),
        name: "nightly-report".into(),
    };
    let name = "nightly-report-29924095".into();
    let uid = Uid::parse("4ba7b5e6-d01a-4327-95ea-e845886801bc");
    Job {
        state: JobState::Failed,
        failure: Some(FailureReason::FailedIndexes),
        pods: PodCounts {
            active: 0,
            succeeded: 4,
            failed: 2,
            ready: Some(0).into(),
            terminating: Some(0).into(),
        },
        created: Some(1_795_445_699).into(),
        start: Some(1_795_445_700).into(),
        state_since: Some(1_795_445_736).into(),
        due: Some(1_795_445_700).into(),
        ..Job::new("reports".into(), name, uid, workload)
    }
    .with_template(|template| {
        template.completion_mode = Some(CompletionMode::Indexed);
        template.active_deadline = Some(3600).into();
        template.parallelism = Some(3);
        template.completions = Some(5);
        template.backoff_limit = Some(6);
    })
    .with_extra(JobExtra {
        completed_indexes: Some(4),
        failed_indexes: Some(1),
        ..JobExtra::default()
    })
}

/// Two failed pods of the failed run, and one of the running one that waits.
fn example_pods() -> Vec<Pod> {
    let pod = |job: &Job, suffix: &str, state, since| {
        let name = format!("{}-{suffix}", job.name).into();
        Pod {
            since: Some(since).into(),
            ..Pod::new(job, name, Uid::parse(suffix), state)
        }
    };
    let (failed, running) = (failed_job(), running_job());
    let killed = PodState::Failed(FailureCause::OomKilled);
    let waiting = PodState::Waiting(WaitReason::Unschedulable);
    vec![
        Pod {
            exit_code: Some(137),
            restarts: 1,
            ..pod(&failed, "4-hq2vz", killed, 1_795_445_715)
        },
        Pod {
            exit_code: Some(137),
            ..pod(&failed, "4-x8kfd", killed, 1_795_445_735)
        },
        pod(&running, "7c9tw", waiting, 1_795_445_721),
    ]
}

/// A manual run of the same `CronJob`.
fn running_job() -> Job {
    let workload = WorkloadRef {
        kind: "cronjob".into(),
        name: "nightly-report".into(),
    };
    let uid = Uid::parse("5e0a6d0c-8c55-4c1f-9d3c-0c6f1f8a2b47");
    Job {
        state: JobState::Running,
        start: Some(1_795_445_720).into(),
        manual: true,
        ..Job::new(
            "reports".into(),
            "nightly-report-manual-x7k2p".into(),
            uid,
            workload,
        )
    }
}

/// A suspended Job without an owner.
pub(super) fn suspended_job() -> Job {
    let workload = WorkloadRef {
        kind: "job".into(),
        name: "import".into(),
    };
    let uid = Uid::parse("0c8aa9b5-5d5e-4b22-8a83-5f3cbb0a1ad4");
    Job {
        state: JobState::Suspended,
        state_since: Some(1_795_445_640).into(),
        ..Job::new("etl".into(), "import".into(), uid, workload)
    }
}

/// A `CronJob` with all fields.
pub(super) fn cronjob() -> CronJob {
    let uid = Uid::parse("9d3b5a52-52d8-4b0c-8f2d-6a1f6e0a7c11");
    let (name, schedule) = ("nightly-report".into(), "15 2 * * *".into());
    CronJob {
        time_zone: Some("Europe/Berlin".into()),
        concurrency_policy: Some(ConcurrencyPolicy::Forbid),
        created: Some(1_795_000_000),
        last_schedule: Some(1_795_445_700),
        last_success: Some(1_795_359_342),
        active_jobs: 2,
        starting_deadline: Some(600),
        successful_history_limit: Some(3),
        failed_history_limit: Some(1),
        annotations: Some(Box::new(WorkloadAnnotations {
            max_duration: Some(7200),
            max_success_age: Some(93_600),
            severity: Some("page".into()),
            runbook: Some("https://runbooks.example.com/nightly-report".into()),
            invalid: vec![("max-failures", "few".into())],
            ..WorkloadAnnotations::default()
        })),
        ..CronJob::new("reports".into(), name, uid, schedule)
    }
}

/// A suspended `CronJob`.
fn suspended_cronjob() -> CronJob {
    let uid = Uid::parse("1d4f6c3e-2b77-4a55-9a0e-52f3c0d7be21");
    CronJob {
        suspended: true,
        ..CronJob::new("etl".into(), "export".into(), uid, "0 * * * *".into())
    }
}

/// A `CronJob` whose active run holds up the next one.
fn blocked_cronjob() -> CronJob {
    let uid = Uid::parse("7f0a9e1b-64c8-4f0d-8d7e-0b9a5d6c3e42");
    CronJob {
        concurrency_policy: Some(ConcurrencyPolicy::Forbid),
        last_schedule: Some(1_795_478_400),
        active_jobs: 1,
        ..CronJob::new("etl".into(), "load".into(), uid, "0 * * * *".into())
    }
}

/// A history with one failed write.
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

/// A process with all values.
pub(super) fn process() -> ProcessSnapshot {
    ProcessSnapshot {
        version: "0.1.0",
        revision: "1f0c9ab",
        config_loaded: Some(1_795_443_600.5),
        config_successful: Some(1.0),
        scrape_durations: ScrapeDurations {
            buckets: vec![(0.001, 1)],
            count: 1,
            sum: 0.0007,
        },
        dropped_log_lines: 12,
        shard: Shard::new(2, 4),
        dropped_events: 3,
        cpu_seconds: Some(42.0),
        max_fds: Some(1_048_576.0),
        open_fds: Some(17.0),
        resident_memory: Some(58_720_256.0),
        start_time: Some(1_795_443_600.0),
        threads: Some(4.0),
        virtual_memory: Some(136_314_880.0),
    }
}
