//! What is known of one workload.

use super::*;
use crate::{
    config::{Override, OverrideMatch, OverridesConfig},
    model::ConcurrencyPolicy,
    store::{Threshold, ThresholdSource},
};

#[test]
fn a_cronjob_has_its_schedule_with_the_zone_in_which_it_is_evaluated() {
    let scene = Scene::new();
    scene.cronjob(CronJob {
        time_zone: Some("Europe/Berlin".into()),
        concurrency_policy: Some(ConcurrencyPolicy::Forbid),
        schedule: "30 2 * * *".into(),
        ..cronjob()
    });
    let tick = scene.tick();
    // 02:30 in Berlin.
    assert_eq!(tick.next_due(), Some(MIDNIGHT + 90 * MINUTE));
    let schedule = tick.schedule.unwrap();
    assert_eq!(&*schedule.written, "30 2 * * *");
    assert_eq!(schedule.zone.unwrap().name(), "Europe/Berlin");
    assert_eq!(schedule.policy, Some(ConcurrencyPolicy::Forbid));
    assert_eq!(
        (schedule.valid, schedule.overdue_runs),
        (Some(true), Some(0))
    );
    scene.cronjob(CronJob {
        suspended: true,
        ..cronjob()
    });
    let schedule = scene.tick().schedule.unwrap();
    assert_eq!(schedule.zone.unwrap().name(), "UTC");
    assert_eq!(
        (schedule.next, schedule.suspended_since),
        (None, Some(MIDNIGHT))
    );
}

#[test]
fn the_last_run_and_the_counts_are_those_of_the_metrics() {
    let scene = Scene::new();
    scene.cronjob(cronjob());
    scene.job(complete(HOUR)).job(failed(2 * HOUR));
    let deleted = Change::Deleted(running(3 * HOUR));
    scene
        .job(running(3 * HOUR))
        .jobs
        .push(Update::Jobs(deleted));
    scene.job(running(4 * HOUR)).at(4 * HOUR);
    let tick = scene.tick();
    assert_eq!(tick.runs, (1, 1, 1));
    assert_eq!(
        (tick.consecutive_failures, tick.consecutive_unsuccessful),
        (1, 2)
    );
    assert_eq!((tick.jobs, tick.active_runs), (3, 1));
    assert_eq!(tick.oldest_active_start, Some(MIDNIGHT + 4 * HOUR));
    let last = tick.last.unwrap();
    assert_eq!(last.reason, Some(FailureReason::DeadlineExceeded));
    assert_eq!(last.end, tick.last_failure);
    assert_eq!(tick.ticks.len(), 3);
    assert!(tick.exists);
}

#[test]
fn thresholds_tell_where_they_come_from() {
    let set = Override {
        max_failures: Some(2),
        severity: Some("page".into()),
        ..Override::default()
    };
    let overrides = OverridesConfig {
        entries: vec![(OverrideMatch::default(), set)],
    };
    let settings = StoreSettings {
        overrides: overrides.into(),
        ..StoreSettings::default()
    };
    let scene = Scene::unread(None, settings);
    scene.cronjob(annotated(WorkloadAnnotations {
        max_duration: Some(HOUR),
        runbook: Some("https://runbooks.example/tick".into()),
        ..WorkloadAnnotations::default()
    }));
    scene.job(of("workflow", "other", complete(HOUR)));
    let tick = scene.tick();
    let limits: Vec<_> = tick
        .limits
        .iter()
        .map(|it| (it.threshold, it.value, it.source))
        .collect();
    let expected = [
        (
            Threshold::MaxDuration,
            Some(HOUR),
            ThresholdSource::Annotation,
        ),
        (Threshold::MaxSuccessAge, None, ThresholdSource::Default),
        (Threshold::StartGrace, Some(60), ThresholdSource::Default),
        (
            Threshold::MaxFailures,
            Some(2),
            ThresholdSource::Override(0),
        ),
    ];
    assert_eq!(limits, expected);
    assert_eq!(tick.severity.as_deref(), Some("page"));
    assert_eq!(
        tick.runbook.as_deref(),
        Some("https://runbooks.example/tick")
    );
    // A start grace is for schedules.
    let overview = Overview::new(&[scene.snapshot()], &Query::default());
    let other = overview.rows.iter().find(|row| &*row.id.name == "other");
    let limits = &other.unwrap().limits;
    assert!(
        limits
            .iter()
            .all(|it| it.threshold != Threshold::StartGrace)
    );
}

#[test]
fn an_unknown_workload_is_not_found_and_a_gone_one_does_not_exist() {
    let scene = Scene::new();
    scene.job(complete(0));
    let id = WorkloadId {
        name: "other".into(),
        ..scene.tick().id
    };
    assert_eq!(WorkloadStatus::find(&scene.snapshot(), &id), None);
    let deleted = Change::Deleted(complete(0));
    scene.jobs.push(Update::Jobs(deleted));
    assert!(!scene.tick().exists);
}
