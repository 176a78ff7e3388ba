//! The example snapshot for the families of kube-state-metrics.

use std::sync::Arc;

use crate::{
    metrics::{example, registry::ProcessSnapshot, snapshot::ScrapeSnapshot},
    model::{
        Change, ConditionStatus, CronJob, FeedScope, Job, JobExtra, KsmCronJob, KsmJob, Name,
        Owner, Sink, Update,
    },
    store::{TargetSnapshot, TargetStore},
};

/// A snapshot in which every family of kube-state-metrics has a sample.
pub(in crate::metrics) fn snapshot() -> ScrapeSnapshot {
    ScrapeSnapshot {
        targets: vec![target()],
        history: None,
        process: ProcessSnapshot::default(),
        probe: None,
    }
}

fn target() -> TargetSnapshot {
    let target = Arc::new(TargetStore::new(None, Arc::default()));
    let [jobs, cronjobs] = [FeedScope::Jobs(None), FeedScope::CronJobs(None)]
        .map(|scope| target.clone().register(scope));
    let all = vec![failed_job(), complete_job(), suspended_job()];
    jobs.push(Update::Jobs(Change::Replaced(all)));
    let all = vec![cronjob(), invalid_cronjob()];
    cronjobs.push(Update::CronJobs(Change::Replaced(all)));
    target.snapshot()
}

fn failed_job() -> Job {
    let owner = Owner {
        kind: "CronJob".into(),
        name: "nightly-report".into(),
        controller: true,
    };
    with_ksm(
        example::failed_job(),
        KsmJob {
            labels: Some(label("label_team", "controlling")),
            annotations: Some(label(
                "annotation_example_com_contact",
                "reports@example.com",
            )),
            owners: Box::new([owner]),
            failed: Some(ConditionStatus::True),
            failed_reason: Some("FailedIndexes".into()),
            ..KsmJob::default()
        },
    )
}

fn complete_job() -> Job {
    let job = Job {
        name: "import-2".into(),
        ..example::suspended_job()
    };
    with_ksm(
        job,
        KsmJob {
            complete: Some(ConditionStatus::True),
            completion_time: Some(1_795_445_736),
            ..KsmJob::default()
        },
    )
}

fn suspended_job() -> Job {
    with_ksm(
        example::suspended_job(),
        KsmJob {
            suspended: Some(ConditionStatus::True),
            ..KsmJob::default()
        },
    )
}

fn with_ksm(job: Job, ksm: KsmJob) -> Job {
    job.with_extra(JobExtra {
        ksm: Some(ksm),
        ..JobExtra::default()
    })
}

fn cronjob() -> CronJob {
    CronJob {
        ksm: Some(Box::new(KsmCronJob {
            labels: Some(label("label_team", "controlling")),
            annotations: Some(label(
                "annotation_example_com_contact",
                "reports@example.com",
            )),
            resource_version: Some(4028),
            concurrency_policy: Some("Forbid".into()),
            schedule_valid: true,
            next_schedule: Some(1_795_483_800),
        })),
        ..example::cronjob()
    }
}

fn invalid_cronjob() -> CronJob {
    CronJob {
        name: "hourly-report".into(),
        schedule: "*/60 * * * *".into(),
        ksm: Some(Box::default()),
        ..example::cronjob()
    }
}

fn label(name: &str, value: &str) -> Arc<[(Name, Name)]> {
    Arc::new([(name.into(), value.into())])
}
