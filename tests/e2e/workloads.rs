//! CronJobs as workloads: the results of their runs, also of deleted Jobs, and overdue and missed runs.
//!
//! Schedules take real minutes, so all scenarios on the shared control plane run at the same time.

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
    jobs::{self, Scenario},
    testbed::Testbed,
    wait::{TIMEOUT, WATCH_LATENCY, eventually, eventually_equals},
    workload::{GRACE, RUN_TIMEOUT, WorkloadRef, ago, due, now},
};

const SUCCEEDED: &str = "workload_runs_total{result=\"succeeded\"}";
const FAILED: &str = "workload_runs_total{result=\"failed\"}";

/// The reasons why the last due time started no run.
const FORBIDDEN: &str = "cronjob_not_started{reason=\"forbidden_by_active_run\"}";
const SUSPENDED: &str = "cronjob_not_started{reason=\"suspended\"}";
const UNEXPLAINED: &str = "cronjob_not_started{reason=\"unexplained\"}";

/// A run that has not started after this time is overdue.
const PAST_GRACE: Duration = Duration::from_secs(GRACE + 2);

#[allow(clippy::cast_precision_loss, reason = "a small number")]
const GRACE_SECONDS: f64 = GRACE as f64;

/// The API server sends a bookmark about every minute. Without other events, schedules are judged as of the last one.
const BOOKMARKS: Duration = Duration::from_secs(75);

/// The number of due times without controllers.
const MISSED_RUNS: f64 = 3.0;

const SCENARIOS: &[(&str, Scenario)] = &[
    ("results-alternate", |testbed, name| {
        results_alternate(testbed, name).boxed_local()
    }),
    ("runs-overlap", |testbed, name| {
        runs_overlap(testbed, name).boxed_local()
    }),
    ("forbid-policy", |testbed, name| {
        forbid_policy(testbed, name).boxed_local()
    }),
    ("suspended", |testbed, name| {
        suspended(testbed, name).boxed_local()
    }),
    ("zero-ttl", |testbed, name| {
        zero_ttl(testbed, name).boxed_local()
    }),
    ("manual-run", |testbed, name| {
        manual_run(testbed, name).boxed_local()
    }),
];

#[tokio::test]
async fn the_results_of_the_runs_of_cronjobs_are_shown() {
    let testbed = Testbed::watching("workloads", &kubeconfig_of("token-reader"), "").await;
    jobs::run_all(&testbed, SCENARIOS).await;
    assert_eq!(testbed.exporter.log_at_level("WARN"), Vec::<Value>::new());
    testbed.tear_down().await;
}

/// The policy is Forbid, and the status names a run that is over: it holds up nothing.
#[tokio::test]
async fn runs_are_overdue_and_missed_while_no_controller_runs() {
    let plane = ControlPlane::with_controllers().await;
    let namespace = plane.cluster().await.namespace("missed").await;
    let exporter = Exporter::with_config(&format!(
        "targets: [{{kubernetes: {{kubeconfig: '{}'}}}}]",
        plane.kubeconfig().display()
    ))
    .await;
    exporter.wait_until_ready().await;
    let workload = WorkloadRef {
        exporter: &exporter,
        namespace: &namespace,
        name: "missed",
        nothing_overdue: false,
    };
    let forbid = json!({"concurrencyPolicy": "Forbid"});
    workload.create("succeed", forbid, json!({})).await;
    let first = workload.wait_for_finished_run(&[]).await;
    let on_time = [
        (SUCCEEDED, Some(1.0)),
        ("cronjob_overdue_runs", Some(0.0)),
        ("cronjob_overdue_since_timestamp_seconds", None),
        ("cronjob_missed_runs_total", Some(0.0)),
        (UNEXPLAINED, None),
    ];
    workload.expect(WATCH_LATENCY, &on_time).await;

    plane.kill_controllers();
    let active = json!({
        "apiVersion": "batch/v1", "kind": "Job", "namespace": namespace.name,
        "name": first["metadata"]["name"], "uid": first["metadata"]["uid"],
    });
    let stale = json!({"status": {"active": [active]}});
    namespace.patch(CronJob, "missed/status", stale).await;
    let first_due = due(&first);
    let limit = RUN_TIMEOUT * 3 + BOOKMARKS;
    eventually("three runs are overdue", limit, async || {
        let samples = workload.samples().await;
        let value = |family: &str| samples.get(&format!("batch_{family}")).copied();
        let overdue = value("cronjob_overdue_runs").expect("a number");
        let missed = value("cronjob_missed_runs_total");
        assert_eq!(missed, Some(overdue), "{samples:#?}");
        let unsuccessful = value("workload_consecutive_unsuccessful");
        assert_eq!(unsuccessful, Some(overdue), "{samples:#?}");
        // As many as there were due times at the last contact, whenever that was.
        let late = now() - first_due;
        assert!(overdue <= ((late - GRACE_SECONDS) / 60.0).floor(), "{late}");
        if overdue < MISSED_RUNS {
            return Err(samples);
        }
        assert_eq!(value(UNEXPLAINED), Some(1.0));
        assert_eq!(value("cronjob_blocked_since_timestamp_seconds"), None);
        assert_eq!(value("workload_last_run_succeeded"), Some(1.0));
        let since = value("cronjob_overdue_since_timestamp_seconds");
        assert_eq!(since, Some(first_due + 60.0));
        Ok(())
    })
    .await;

    plane.up().await;
    // The controller starts one run, for the last due time.
    let second = workload.wait_for_finished_run(&[&first]).await;
    let cleared = [
        (SUCCEEDED, Some(2.0)),
        ("cronjob_overdue_runs", Some(0.0)),
        ("cronjob_overdue_since_timestamp_seconds", None),
        ("workload_consecutive_unsuccessful", Some(0.0)),
        (UNEXPLAINED, None),
    ];
    workload.expect(WATCH_LATENCY, &cleared).await;
    let missed = workload.samples().await["batch_cronjob_missed_runs_total"];
    assert!(missed >= MISSED_RUNS, "{missed} are missed for ever");
    assert!(due(&second) >= first_due + MISSED_RUNS * 60.0, "{second}");
    exporter.stop().await;
}

/// The last run is the newest one. Results survive the deletion of the Jobs of failed runs.
async fn results_alternate(testbed: &Testbed, name: &str) {
    let workload = WorkloadRef::of(testbed, name);
    workload
        .create("fail", json!({}), json!({"backoffLimit": 0}))
        .await;
    let first = workload.wait_for_finished_run(&[]).await;
    let failed = [
        (FAILED, Some(1.0)),
        (SUCCEEDED, Some(0.0)),
        ("workload_last_run_succeeded", Some(0.0)),
        ("workload_consecutive_failures", Some(1.0)),
        (
            "workload_last_run_failure_reason{reason=\"BackoffLimitExceeded\"}",
            Some(1.0),
        ),
        ("workload_last_failure_timestamp_seconds", end(&first)),
        ("workload_last_success_timestamp_seconds", None),
    ];
    workload.expect_last_run(&first, &failed).await;

    workload.set_outcome("succeed").await;
    let second = workload.wait_for_finished_run(&[&first]).await;
    let succeeded = [
        (FAILED, Some(1.0)),
        (SUCCEEDED, Some(1.0)),
        ("workload_last_run_succeeded", Some(1.0)),
        ("workload_consecutive_failures", Some(0.0)),
        ("workload_last_failure_timestamp_seconds", end(&first)),
        ("workload_last_success_timestamp_seconds", end(&second)),
    ];
    workload.expect_last_run(&second, &succeeded).await;

    workload.set_outcome("fail").await;
    let third = workload.wait_for_finished_run(&[&first, &second]).await;
    testbed
        .wait_until_deleted(first["metadata"]["name"].as_str().expect("a name"))
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
    workload.expect_last_run(&third, &failed).await;
}

/// A run that was due before another and ends after it is counted, but it is not the last run.
async fn runs_overlap(testbed: &Testbed, name: &str) {
    let workload = WorkloadRef::of(testbed, name);
    let owner = workload
        .create("succeed", json!({"suspend": true}), json!({}))
        .await;
    let older = json!({"batch.kubernetes.io/cronjob-scheduled-timestamp": ago(120)});
    workload.create_run(&owner, "older", older, "hang").await;
    let newer = json!({"batch.kubernetes.io/cronjob-scheduled-timestamp": ago(60)});
    workload.create_run(&owner, "newer", newer, "fail").await;
    let newer = workload.wait_for_finished_run(&[]).await;
    let failed = [
        (FAILED, Some(1.0)),
        (SUCCEEDED, Some(0.0)),
        ("workload_active_runs", Some(1.0)),
        ("workload_last_run_succeeded", Some(0.0)),
    ];
    workload.expect_last_run(&newer, &failed).await;

    // The end times must differ by at least a second.
    tokio::time::sleep(WATCH_LATENCY).await;
    testbed
        .namespace
        .finish_pods(&format!("{name}-older"))
        .await;
    let older = workload.wait_for_finished_run(&[&newer]).await;
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
    workload.expect_last_run(&newer, &counted).await;
}

/// A due time that an active run holds up is reported as forbidden, not as overdue.
async fn forbid_policy(testbed: &Testbed, name: &str) {
    let workload = WorkloadRef::of(testbed, name);
    let forbid = json!({"concurrencyPolicy": "Forbid"});
    workload.create("hang", forbid, json!({})).await;
    let running = [("workload_active_runs", Some(1.0)), (FORBIDDEN, None)];
    workload.expect(RUN_TIMEOUT, &running).await;
    let forbidden = [(FORBIDDEN, Some(1.0)), ("workload_active_runs", Some(1.0))];
    workload.expect(RUN_TIMEOUT + BOOKMARKS, &forbidden).await;
    tokio::time::sleep(PAST_GRACE).await;
    let mut first = testbed.namespace.list(Job).await;
    first.retain(|job| workload.owns(job));
    let [first] = &first[..] else {
        panic!("not exactly one run: {first:#?}");
    };
    let still = [
        (FORBIDDEN, Some(1.0)),
        (
            "cronjob_blocked_since_timestamp_seconds",
            Some(due(first) + 60.0),
        ),
        ("workload_active_runs", Some(1.0)),
        (
            "workload_oldest_active_run_start_timestamp_seconds",
            seconds(&first["status"]["startTime"]),
        ),
    ];
    workload.expect(Duration::ZERO, &still).await;
    testbed
        .namespace
        .finish_pods(first["metadata"]["name"].as_str().expect("a name"))
        .await;
    let first = workload.wait_for_finished_run(&[]).await;
    // The run that was held up starts at once.
    let released = [
        (SUCCEEDED, Some(1.0)),
        ("workload_active_runs", Some(1.0)),
        (FORBIDDEN, None),
        ("cronjob_blocked_since_timestamp_seconds", None),
        (UNEXPLAINED, None),
    ];
    workload.expect_last_run(&first, &released).await;
}

/// Nothing is overdue while a CronJob is suspended.
async fn suspended(testbed: &Testbed, name: &str) {
    let workload = WorkloadRef::of(testbed, name);
    let suspend = json!({"suspend": true});
    workload.create("succeed", suspend, json!({})).await;
    let while_suspended = [
        (SUSPENDED, Some(1.0)),
        ("cronjob_suspended", Some(1.0)),
        ("cronjob_next_schedule_timestamp_seconds", None),
        (SUCCEEDED, Some(0.0)),
    ];
    workload
        .expect(RUN_TIMEOUT + BOOKMARKS, &while_suspended)
        .await;
    tokio::time::sleep(PAST_GRACE).await;
    workload.expect(Duration::ZERO, &while_suspended).await;
    let resume = json!({"spec": {"suspend": false}});
    testbed.namespace.patch(CronJob, name, resume).await;
    // Without a deadline, the controller starts a run for the last due time.
    let first = workload.wait_for_finished_run(&[]).await;
    let resumed = [
        (SUCCEEDED, Some(1.0)),
        ("cronjob_suspended", Some(0.0)),
        (SUSPENDED, None),
        (UNEXPLAINED, None),
        (
            "cronjob_next_schedule_timestamp_seconds",
            Some(due(&first) + 60.0),
        ),
    ];
    workload.expect_last_run(&first, &resumed).await;
}

/// Each run is counted once although its Job is deleted as soon as it ends.
async fn zero_ttl(testbed: &Testbed, name: &str) {
    let workload = WorkloadRef::of(testbed, name);
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
        workload.expect(RUN_TIMEOUT, &counted).await;
        eventually_equals("the number of remaining jobs", TIMEOUT, 0, async || {
            let jobs = testbed.namespace.list(Job).await.into_iter();
            jobs.filter(|job| workload.owns(job)).count()
        })
        .await;
        tokio::time::sleep(WATCH_LATENCY).await;
        workload.expect(Duration::ZERO, &counted).await;
    }
}

/// A manual run counts as a run, but not as a scheduled run.
async fn manual_run(testbed: &Testbed, name: &str) {
    let workload = WorkloadRef::of(testbed, name);
    let owner = workload
        .create("succeed", json!({"suspend": true}), json!({}))
        .await;
    let due = json!({"batch.kubernetes.io/cronjob-scheduled-timestamp": ago(60)});
    workload.create_run(&owner, "due", due, "succeed").await;
    let due = workload.wait_for_finished_run(&[]).await;
    let manual = json!({"cronjob.kubernetes.io/instantiate": "manual"});
    workload.create_run(&owner, "manual", manual, "fail").await;
    let manual = workload.wait_for_finished_run(&[&due]).await;
    let counted = [
        (SUCCEEDED, Some(1.0)),
        (FAILED, Some(1.0)),
        ("workload_last_run_succeeded", Some(1.0)),
        ("workload_consecutive_failures", Some(0.0)),
        ("workload_start_delay_seconds_count", Some(1.0)),
        ("workload_last_failure_timestamp_seconds", end(&manual)),
    ];
    workload.expect_last_run(&due, &counted).await;
}
