//! A made-up target for the reference, with objects that were mirrored.

use std::sync::Arc;

use crate::{
    exposition::example,
    model::{
        Change, ConditionStatus, CronJob, CronJobMirror, FeedId, FeedScope, Job, JobMirror, Name,
        Owner, Sink, Update,
    },
    store::{Slice, SliceSnapshot},
};

/// A target of which every family has something to show.
pub(in crate::exposition) fn target() -> SliceSnapshot {
    let feeds = vec![FeedScope::Jobs, FeedScope::CronJobs];
    let slice = Slice::new(None, feeds, Arc::default());
    let jobs = vec![failed_job(), complete_job(), suspended_job()];
    slice.push(FeedId(0), Update::Jobs(Change::Replaced(jobs)));
    let cronjobs = vec![cronjob(), unreadable_cronjob()];
    slice.push(FeedId(1), Update::CronJobs(Change::Replaced(cronjobs)));
    slice.snapshot()
}

fn failed_job() -> Job {
    let owner = Owner {
        kind: "CronJob".into(),
        name: "nightly-report".into(),
        controller: true,
    };
    mirrored(
        example::failed_job(),
        JobMirror {
            labels: Some(label("label_team", "controlling")),
            annotations: Some(label(
                "annotation_example_com_contact",
                "reports@example.com",
            )),
            owners: Box::new([owner]),
            failed: Some(ConditionStatus::True),
            failed_reason: Some("FailedIndexes".into()),
            ..JobMirror::default()
        },
    )
}

fn complete_job() -> Job {
    let job = Job {
        name: "import-2".into(),
        ..example::suspended_job()
    };
    mirrored(
        job,
        JobMirror {
            complete: Some(ConditionStatus::True),
            completion_time: Some(1_795_445_736),
            ..JobMirror::default()
        },
    )
}

fn suspended_job() -> Job {
    mirrored(
        example::suspended_job(),
        JobMirror {
            suspended: Some(ConditionStatus::True),
            ..JobMirror::default()
        },
    )
}

fn mirrored(job: Job, mirror: JobMirror) -> Job {
    Job {
        mirror: Some(Box::new(mirror)),
        ..job
    }
}

fn cronjob() -> CronJob {
    CronJob {
        mirror: Some(Box::new(CronJobMirror {
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

fn unreadable_cronjob() -> CronJob {
    CronJob {
        name: "hourly-report".into(),
        schedule: "*/60 * * * *".into(),
        mirror: Some(Box::default()),
        ..example::cronjob()
    }
}

fn label(name: &str, value: &str) -> Arc<[(Name, Name)]> {
    Arc::new([(name.into(), value.into())])
}
