//! Records and stores built by hand, for tests and benches.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use job_status_exporter::{
    config::MappedLabel,
    model::{
        Change, CompletionMode, ConcurrencyPolicy, CronJob, FeedScope, Job, JobState, Name,
        NoopJournal, PodCounts, RestoredState, Sink, Uid, Update, WorkloadRef,
    },
    store::{StoreSettings, TargetStore},
};

/// The date at which all records are first seen, shortly after the recorded lists.
fn date() -> Timestamp {
    Timestamp::from_millisecond(1_795_445_760_125).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The store of a target that watches all namespaces. It counts runs that ended at any time.
pub(crate) fn target(
    name: Option<&str>,
    jobs: Vec<Job>,
    cronjobs: Vec<CronJob>,
) -> Arc<TargetStore> {
    labelled_target(name, &[], jobs, cronjobs)
}

/// A target that was read just now, whose records have these mapped labels.
pub(crate) fn labelled_target(
    name: Option<&str>,
    labels: &[MappedLabel],
    jobs: Vec<Job>,
    cronjobs: Vec<CronJob>,
) -> Arc<TargetStore> {
    let settings = StoreSettings {
        clock: date,
        labels: labels.into(),
        // A single look at the records.
        settling_time: Duration::ZERO,
        ..StoreSettings::default()
    };
    let target = TargetStore::restored(
        name.map(Name::from),
        settings.into(),
        RestoredState::default(),
        Arc::new(NoopJournal),
    );
    let target = Arc::new(target);
    let [job_feed, cronjob_feed] = [FeedScope::Jobs(None), FeedScope::CronJobs(None)]
        .map(|scope| target.clone().register(scope));
    job_feed.push(Update::Jobs(Change::Replaced(jobs)));
    cronjob_feed.push(Update::CronJobs(Change::Replaced(cronjobs)));
    job_feed.push(Update::CaughtUp(date()));
    cronjob_feed.push(Update::CaughtUp(date()));
    target
}

/// A completed run of a `CronJob`.
pub(crate) fn job(namespace: &Name, workload: &WorkloadRef, number: u32) -> Job {
    let name = format!("{}-{}", workload.name, 29_924_095 + number);
    let uid = Uid::parse(&format!("4ba7b5e6-d01a-4327-95ea-e845{number:08x}"));
    Job {
        state: JobState::Complete,
        pods: PodCounts {
            active: 0,
            succeeded: 1,
            failed: 0,
            ready: Some(0).into(),
            terminating: Some(0).into(),
        },
        created: Some(1_795_445_700 + i64::from(number)).into(),
        start: Some(1_795_445_700 + i64::from(number)).into(),
        state_since: Some(1_795_445_742 + i64::from(number)).into(),
        due: Some(1_795_445_700 + i64::from(number)).into(),
        ..Job::new(namespace.clone(), name.into(), uid, workload.clone())
    }
    .with_template(|template| {
        template.completion_mode = Some(CompletionMode::NonIndexed);
        template.parallelism = Some(1);
        template.completions = Some(1);
        template.backoff_limit = Some(6);
    })
}

/// Completed runs of 1,000 workloads in 50 namespaces.
pub(crate) fn jobs(count: u32) -> Vec<Job> {
    let namespaces: Vec<Name> = (0..50)
        .map(|n| format!("namespace-{n:02}").into())
        .collect();
    let workloads: Vec<WorkloadRef> = (0..1000)
        .map(|n| WorkloadRef {
            kind: "cronjob".into(),
            name: format!("nightly-report-{n:03}").into(),
        })
        .collect();
    let spread = |n: u32| (n as usize % namespaces.len(), n as usize % workloads.len());
    (0..count)
        .map(|n| (n, spread(n)))
        .map(|(n, (namespace, workload))| job(&namespaces[namespace], &workloads[workload], n))
        .collect()
}

/// A `CronJob` with a run every minute.
pub(crate) fn cronjob(name: &str) -> CronJob {
    let uid = Uid::parse("9d3b5a52-52d8-4b0c-8f2d-6a1f6e0a7c11");
    CronJob {
        concurrency_policy: Some(ConcurrencyPolicy::Allow),
        created: Some(1_795_443_804),
        last_schedule: Some(1_795_445_700),
        last_success: Some(1_795_445_702),
        successful_history_limit: Some(3),
        failed_history_limit: Some(1),
        ..CronJob::new("ops".into(), name.into(), uid, "* * * * *".into())
    }
}
