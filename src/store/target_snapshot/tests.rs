//! Where thresholds come from, and what a complete snapshot has in addition.

use std::time::Duration;

use tokio::time::advance;

use super::*;
use crate::{
    config::{Override, OverrideMatch, Pattern},
    model::{
        Change, CronJob, FeedScope, Job, JobState, Sink as _, Uid, Update, WorkloadAnnotations,
        WorkloadRef,
    },
    store::{StoreSettings, TargetStore},
};

fn cronjob(name: &str, annotations: WorkloadAnnotations) -> CronJob {
    CronJob {
        annotations: Some(Box::new(annotations)),
        ..CronJob::new(
            "maths".into(),
            name.into(),
            Uid::parse(name),
            "@hourly".into(),
        )
    }
}

#[tokio::test]
async fn a_threshold_is_from_an_annotation_else_from_the_first_override_that_sets_it() {
    let minutes = |minutes| Some(Duration::from_mins(minutes));
    let named = |pattern: &str| OverrideMatch {
        workload: Some(Pattern::from(pattern)),
        ..OverrideMatch::default()
    };
    let sets = |max_duration, start_grace| Override {
        max_duration,
        start_grace,
        ..Override::default()
    };
    let entries = vec![
        (named("other"), sets(minutes(1), minutes(1))),
        (named("tick"), sets(None, minutes(2))),
        (named("t*"), sets(minutes(3), minutes(3))),
    ];
    let settings = StoreSettings {
        overrides: OverridesConfig { entries }.into(),
        ..StoreSettings::default()
    };
    let store = Arc::new(TargetStore::new(None, settings.into()));
    let feed = store.clone().register(FeedScope::CronJobs(None));
    let annotations = WorkloadAnnotations {
        max_failures: Some(0),
        ..WorkloadAnnotations::default()
    };
    let change = Change::Replaced(vec![cronjob("tick", annotations)]);
    feed.push(Update::CronJobs(change));
    let snapshot = store.snapshot();
    let workload = snapshot.workloads.iter().next().unwrap();
    let sources = Threshold::ALL.map(|it| snapshot.threshold_source(workload, it));
    let expected = [
        ThresholdSource::Override(2),
        ThresholdSource::Default,
        ThresholdSource::Override(1),
        ThresholdSource::Annotation,
    ];
    assert_eq!(sources, expected);
}

#[tokio::test(start_paused = true)]
async fn a_complete_snapshot_has_the_objects_of_stale_feeds_and_all_finished_jobs() {
    let settings = StoreSettings {
        last_jobs_only: true,
        ..StoreSettings::default()
    };
    let stale_after = settings.retention.stale_after;
    let store = Arc::new(TargetStore::new(None, settings.into()));
    let feed = store.clone().register(FeedScope::Jobs(None));
    let job = |name: &str, due| {
        let workload = WorkloadRef {
            kind: "cronjob".into(),
            name: "tick".into(),
        };
        Job {
            state: JobState::Complete,
            due: Some(due).into(),
            ..Job::new("maths".into(), name.into(), Uid::parse(name), workload)
        }
    };
    feed.push(Update::Jobs(Change::Replaced(vec![
        job("a", 1),
        job("b", 2),
    ])));
    let counts = |snapshot: TargetSnapshot| {
        (
            snapshot.jobs.iter().count(),
            snapshot.workloads.iter().count(),
        )
    };
    assert_eq!(counts(store.snapshot()), (1, 1));
    assert_eq!(counts(store.complete_snapshot()), (2, 1));
    advance(stale_after + Duration::from_secs(1)).await;
    assert_eq!(counts(store.snapshot()), (0, 0));
    assert_eq!(counts(store.complete_snapshot()), (2, 1));
}
