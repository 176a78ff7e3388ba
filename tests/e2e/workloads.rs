//! What is told of CronJobs as workloads: how their runs ended, whatever became of the Jobs, and which runs are missing.
//!
//! Schedules go by real minutes, so all stories that need only the shared control plane are told at the same time.

use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::{
    cluster::{
        Kind::{CronJob, Job},
        kubeconfig_of,
    },
    control_plane::ControlPlane,
    expected::{end, seconds},
    exporter::Exporter,
    jobs::{self, Story},
    patience::{EVENTUALLY, SOON, becomes},
    scene::Scene,
    workload::{A_MINUTE, GRACE, WorkloadRef, ago, due, now},
};

const SUCCEEDED: &str = "workload_runs_total{result=\"succeeded\"}";
const FAILED: &str = "workload_runs_total{result=\"failed\"}";

/// Why the last due time started nothing.
const FORBIDDEN: &str = "cronjob_not_started{reason=\"forbidden_by_active_run\"}";
const SLEPT: &str = "cronjob_not_started{reason=\"suspended\"}";
const UNEXPLAINED: &str = "cronjob_not_started{reason=\"unexplained\"}";

/// A run that is late by this much is missed.
const PAST_GRACE: Duration = Duration::from_secs(GRACE + 2);

/// How many due times the controllers are away for.
const AWAY: f64 = 3.0;

const STORIES: &[(&str, Story)] = &[
    ("alternates", |scene, name| {
        alternates(scene, name).boxed_local()
    }),
    ("overlaps", |scene, name| {
        overlaps(scene, name).boxed_local()
    }),
    ("is-forbidden", |scene, name| {
        is_forbidden(scene, name).boxed_local()
    }),
    ("sleeps", |scene, name| sleeps(scene, name).boxed_local()),
    ("leaves-nothing", |scene, name| {
        leaves_nothing(scene, name).boxed_local()
    }),
    ("by-hand", |scene, name| by_hand(scene, name).boxed_local()),
];

#[tokio::test]
async fn runs_of_cronjobs_are_told_as_they_end() {
    let scene = Scene::watched("workloads", &kubeconfig_of("token-reader"), "").await;
    jobs::tell(&scene, STORIES).await;
    assert_eq!(scene.exporter.log_of("WARN"), Vec::<Value>::new());
    scene.end().await;
}

#[tokio::test]
async fn runs_are_missed_while_the_controllers_are_away() {
    let plane = ControlPlane::with_controllers().await;
    let namespace = plane.cluster().await.namespace("missed").await;
    let exporter = Exporter::configured(&format!(
        "targets: [{{kubernetes: {{kubeconfig: '{}'}}}}]",
        plane.kubeconfig().display()
    ))
    .await;
    exporter.is_ready().await;
    let workload = WorkloadRef {
        exporter: &exporter,
        namespace: &namespace,
        name: "waits",
        on_time: false,
    };
    workload.create("succeed", json!({}), json!({})).await;
    let first = workload.ends(&[]).await;
    let on_time = [
        (SUCCEEDED, Some(1.0)),
        ("cronjob_missed_runs", Some(0.0)),
        ("cronjob_late_seconds", Some(0.0)),
        (UNEXPLAINED, None),
    ];
    workload.shows(SOON, &on_time).await;

    plane.kill_controllers();
    let first_due = due(&first);
    for missed in (1..).map(f64::from).take_while(|missed| *missed <= AWAY) {
        let late = [
            ("cronjob_missed_runs", Some(missed)),
            (UNEXPLAINED, Some(1.0)),
            ("workload_last_run_succeeded", Some(1.0)),
        ];
        workload.shows(A_MINUTE, &late).await;
        let late = workload.facts().await["batch_cronjob_late_seconds"];
        let since_first = now() - (first_due + 60.0);
        assert!((late - since_first).abs() < 3.0, "{late} {since_first}");
        println!("missed {missed}, {late} s late");
    }

    plane.up().await;
    // The controller makes one run, for the last due time.
    let second = workload.ends(&[&first]).await;
    let cleared = [
        (SUCCEEDED, Some(2.0)),
        ("cronjob_missed_runs", Some(0.0)),
        ("cronjob_late_seconds", Some(0.0)),
        (UNEXPLAINED, None),
    ];
    workload.shows(SOON, &cleared).await;
    assert!(due(&second) >= first_due + AWAY * 60.0, "{second}");
    exporter.stop().await;
}

/// The last run is the newest, and nothing is forgotten though the Jobs of failed runs are deleted.
async fn alternates(scene: &Scene, name: &str) {
    let workload = WorkloadRef::of(scene, name);
    workload
        .create("fail", json!({}), json!({"backoffLimit": 0}))
        .await;
    let first = workload.ends(&[]).await;
    let failed = [
        (FAILED, Some(1.0)),
        (SUCCEEDED, Some(0.0)),
        ("workload_last_run_succeeded", Some(0.0)),
        ("workload_consecutive_failures", Some(1.0)),
        (
            "workload_last_failure_reason{reason=\"BackoffLimitExceeded\"}",
            Some(1.0),
        ),
        ("workload_last_failure_timestamp_seconds", end(&first)),
        ("workload_last_success_timestamp_seconds", None),
    ];
    workload.shows_last(&first, &failed).await;

    workload.outcome("succeed").await;
    let second = workload.ends(&[&first]).await;
    let succeeded = [
        (FAILED, Some(1.0)),
        (SUCCEEDED, Some(1.0)),
        ("workload_last_run_succeeded", Some(1.0)),
        ("workload_consecutive_failures", Some(0.0)),
        ("workload_last_failure_timestamp_seconds", end(&first)),
        ("workload_last_success_timestamp_seconds", end(&second)),
    ];
    workload.shows_last(&second, &succeeded).await;

    workload.outcome("fail").await;
    let third = workload.ends(&[&first, &second]).await;
    scene
        .is_gone(first["metadata"]["name"].as_str().expect("a name"))
        .await;
    let failed = [
        (FAILED, Some(2.0)),
        (SUCCEEDED, Some(1.0)),
        ("workload_deleted_runs_total", Some(0.0)),
        (
            "workload_run_duration_seconds_count{result=\"failed\"}",
            Some(2.0),
        ),
        ("workload_start_delay_seconds_count", Some(3.0)),
        ("workload_last_run_succeeded", Some(0.0)),
        ("workload_consecutive_failures", Some(1.0)),
        ("workload_last_failure_timestamp_seconds", end(&third)),
        ("workload_last_success_timestamp_seconds", end(&second)),
    ];
    workload.shows_last(&third, &failed).await;
}

/// A run that was due before another and ends after it is counted, but is not the last.
async fn overlaps(scene: &Scene, name: &str) {
    let workload = WorkloadRef::of(scene, name);
    let owner = workload
        .create("succeed", json!({"suspend": true}), json!({}))
        .await;
    let older = json!({"batch.kubernetes.io/cronjob-scheduled-timestamp": ago(120)});
    workload.run(&owner, "older", older, "hang").await;
    let newer = json!({"batch.kubernetes.io/cronjob-scheduled-timestamp": ago(60)});
    workload.run(&owner, "newer", newer, "fail").await;
    let newer = workload.ends(&[]).await;
    let failed = [
        (FAILED, Some(1.0)),
        (SUCCEEDED, Some(0.0)),
        ("workload_active_runs", Some(1.0)),
        ("workload_last_run_succeeded", Some(0.0)),
    ];
    workload.shows_last(&newer, &failed).await;

    // To be told apart by their seconds.
    tokio::time::sleep(SOON).await;
    scene.namespace.release(&format!("{name}-older")).await;
    let older = workload.ends(&[&newer]).await;
    assert!(end(&older) > end(&newer), "{older} {newer}");
    let counted = [
        (FAILED, Some(1.0)),
        (SUCCEEDED, Some(1.0)),
        ("workload_active_runs", Some(0.0)),
        ("workload_last_run_succeeded", Some(0.0)),
        ("workload_consecutive_failures", Some(1.0)),
        ("workload_last_failure_timestamp_seconds", end(&newer)),
        ("workload_last_success_timestamp_seconds", end(&older)),
    ];
    workload.shows_last(&newer, &counted).await;
}

/// What waits for an active run is said so, and not missed.
async fn is_forbidden(scene: &Scene, name: &str) {
    let workload = WorkloadRef::of(scene, name);
    let forbid = json!({"concurrencyPolicy": "Forbid"});
    workload.create("hang", forbid, json!({})).await;
    let runs = [("workload_active_runs", Some(1.0)), (FORBIDDEN, None)];
    workload.shows(A_MINUTE, &runs).await;
    let forbidden = [(FORBIDDEN, Some(1.0)), ("workload_active_runs", Some(1.0))];
    workload.shows(A_MINUTE, &forbidden).await;
    tokio::time::sleep(PAST_GRACE).await;
    let mut first = scene.namespace.list(Job).await;
    first.retain(|job| workload.owns(job));
    let [first] = &first[..] else {
        panic!("more than one run: {first:#?}");
    };
    let still = [
        (FORBIDDEN, Some(1.0)),
        ("workload_active_runs", Some(1.0)),
        (
            "workload_oldest_active_run_start_timestamp_seconds",
            seconds(&first["status"]["startTime"]),
        ),
    ];
    workload.shows(Duration::ZERO, &still).await;
    scene
        .namespace
        .release(first["metadata"]["name"].as_str().expect("a name"))
        .await;
    let first = workload.ends(&[]).await;
    // The run that waited begins at once.
    let released = [
        (SUCCEEDED, Some(1.0)),
        ("workload_active_runs", Some(1.0)),
        (FORBIDDEN, None),
        (UNEXPLAINED, None),
    ];
    workload.shows_last(&first, &released).await;
}

/// Nothing is missed in its sleep.
async fn sleeps(scene: &Scene, name: &str) {
    let workload = WorkloadRef::of(scene, name);
    let suspended = json!({"suspend": true});
    workload.create("succeed", suspended, json!({})).await;
    let asleep = [
        (SLEPT, Some(1.0)),
        ("cronjob_suspended", Some(1.0)),
        ("cronjob_next_schedule_timestamp_seconds", None),
        (SUCCEEDED, Some(0.0)),
    ];
    workload.shows(A_MINUTE, &asleep).await;
    tokio::time::sleep(PAST_GRACE).await;
    workload.shows(Duration::ZERO, &asleep).await;
    let resume = json!({"spec": {"suspend": false}});
    scene.namespace.patch(CronJob, name, resume).await;
    // Without a deadline, the controller makes good for the last due time.
    let first = workload.ends(&[]).await;
    let awake = [
        (SUCCEEDED, Some(1.0)),
        ("cronjob_suspended", Some(0.0)),
        (SLEPT, None),
        (UNEXPLAINED, None),
        (
            "cronjob_next_schedule_timestamp_seconds",
            Some(due(&first) + 60.0),
        ),
    ];
    workload.shows_last(&first, &awake).await;
}

/// Runs are counted, once, though their Jobs are deleted as soon as they end.
async fn leaves_nothing(scene: &Scene, name: &str) {
    let workload = WorkloadRef::of(scene, name);
    workload
        .create("succeed", json!({}), json!({"ttlSecondsAfterFinished": 0}))
        .await;
    for runs in [1.0, 2.0] {
        let counted = [
            (SUCCEEDED, Some(runs)),
            (FAILED, Some(0.0)),
            ("workload_deleted_runs_total", Some(0.0)),
            ("workload_active_runs", Some(0.0)),
            ("workload_last_run_succeeded", Some(1.0)),
            (
                "workload_run_duration_seconds_count{result=\"succeeded\"}",
                Some(runs),
            ),
        ];
        workload.shows(A_MINUTE, &counted).await;
        becomes("Jobs left", EVENTUALLY, 0, async || {
            let jobs = scene.namespace.list(Job).await.into_iter();
            jobs.filter(|job| workload.owns(job)).count()
        })
        .await;
        tokio::time::sleep(SOON).await;
        workload.shows(Duration::ZERO, &counted).await;
    }
}

/// A run made by hand counts, but says nothing of the schedule.
async fn by_hand(scene: &Scene, name: &str) {
    let workload = WorkloadRef::of(scene, name);
    let owner = workload
        .create("succeed", json!({"suspend": true}), json!({}))
        .await;
    let due = json!({"batch.kubernetes.io/cronjob-scheduled-timestamp": ago(60)});
    workload.run(&owner, "due", due, "succeed").await;
    let due = workload.ends(&[]).await;
    let manual = json!({"cronjob.kubernetes.io/instantiate": "manual"});
    workload.run(&owner, "manual", manual, "fail").await;
    let manual = workload.ends(&[&due]).await;
    let counted = [
        (SUCCEEDED, Some(1.0)),
        (FAILED, Some(1.0)),
        ("workload_last_run_succeeded", Some(1.0)),
        ("workload_consecutive_failures", Some(0.0)),
        ("workload_start_delay_seconds_count", Some(1.0)),
        ("workload_last_failure_timestamp_seconds", end(&manual)),
    ];
    workload.shows_last(&due, &counted).await;
}
