//! Why runs fail and wait, by their pods. The kubelet of the test cluster is simulated; it writes the statuses of a real one.

use std::time::Duration;

use futures_util::{FutureExt as _, future::join_all};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind::Job, kubeconfig_of},
    events::expect_events,
    exporter::Exporter,
    jobs::{Scenario, run_all, spec},
    testbed::Testbed,
    wait::{TIMEOUT, WATCH_LATENCY, eventually},
};

/// The Job controller waits for 10 s before it retries.
const WITH_RETRIES: Duration = TIMEOUT.saturating_add(Duration::from_secs(30));

const SCENARIOS: &[(&str, Scenario)] = &[
    ("exit-code", |testbed, name| {
        exit_code(testbed, name).boxed_local()
    }),
    ("several-causes", |testbed, name| {
        several_causes(testbed, name).boxed_local()
    }),
    ("retried-oom", |testbed, name| {
        retried_after_oom(testbed, name).boxed_local()
    }),
    ("restarted-oom", |testbed, name| {
        restarted_after_oom(testbed, name).boxed_local()
    }),
    ("image", |testbed, name| {
        image_cannot_be_pulled(testbed, name).boxed_local()
    }),
    ("parallel", |testbed, name| {
        many_pods_wait(testbed, name).boxed_local()
    }),
    ("evicted", |testbed, name| {
        evicted(testbed, name).boxed_local()
    }),
    ("every-cause", |testbed, _| {
        every_cause(testbed).boxed_local()
    }),
    ("every-reason", |testbed, _| {
        every_reason(testbed).boxed_local()
    }),
    ("gated", |testbed, name| {
        held_back_by_gates(testbed, name).boxed_local()
    }),
    ("gone-at-once", |testbed, name| {
        gone_at_once(testbed, name).boxed_local()
    }),
];

#[tokio::test]
async fn pods_explain_runs() {
    let cluster = Cluster::from_env().await;
    let testbed = Testbed::watching_pods("pods", cluster.kubeconfig()).await;
    run_all(&testbed, SCENARIOS).await;
    let pods_up = testbed.exporter.scrape().await;
    let pods_up = pods_up.value("job_status_exporter_target_pods_up", &[]);
    assert_eq!(pods_up, Some(1.0));
    assert_eq!(testbed.exporter.log_at_level("WARN"), Vec::<Value>::new());
    let seen = testbed.exporter.scrape().await;
    expect_events(&testbed, &seen);
    // Another exporter that starts now sees the same of the Jobs that are left.
    let config = Testbed::config_with_pods(&testbed.namespace, cluster.kubeconfig());
    let other = Exporter::with_config(&config).await;
    other.wait_until_ready().await;
    for job in ["exit-code", "several-causes", "retried-oom", "evicted"] {
        let labels = [
            ("namespace", &*testbed.namespace.name),
            ("job_name", job),
            ("workload_type", "job"),
            ("workload", job),
        ];
        let causes = seen.samples("batch_job_failed_pods_by_cause", &labels);
        assert!(!causes.is_empty(), "{job}");
        eventually("the same causes", WATCH_LATENCY, async || {
            let shown = other.scrape().await;
            let shown = shown.samples("batch_job_failed_pods_by_cause", &labels);
            if shown == causes {
                Ok(())
            } else {
                Err(format!("{job}: {shown:?}"))
            }
        })
        .await;
    }
    other.stop().await;
    testbed.tear_down().await;
}

#[tokio::test]
async fn without_the_right_to_read_pods_all_else_goes_on() {
    let testbed = Testbed::watching_pods("no-pods", &kubeconfig_of("token-reader")).await;
    let job = spec("fail", &json!({}), json!({"backoffLimit": 0}));
    testbed.namespace.create(Job, "fails", job).await;
    expect(
        &testbed,
        "fails",
        TIMEOUT,
        &[
            ("job_failed{reason=\"BackoffLimitExceeded\"}", Some(1.0)),
            (
                "workload_last_run_failure_cause{cause=\"Unknown\"}",
                Some(1.0),
            ),
            ("workload_last_run_exit_code", None),
        ],
    )
    .await;
    let scrape = testbed.exporter.scrape().await;
    let value = |family| scrape.value(family, &[]);
    assert_eq!(value("job_status_exporter_target_up"), Some(1.0));
    assert_eq!(value("job_status_exporter_target_pods_up"), Some(0.0));
    let warnings = testbed.exporter.log_at_level("WARN");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    let warning = warnings[0].to_string();
    assert!(
        warning.contains("grant `list` and `watch` on `pods`"),
        "{warning}"
    );
    testbed.tear_down().await;
}

/// Waits until the series of a Job, or of the workload that it is, have these values, each without the prefix `batch_`.
async fn expect(testbed: &Testbed, name: &str, limit: Duration, expected: &[(&str, Option<f64>)]) {
    let namespace = ("namespace", &*testbed.namespace.name);
    let workload = [namespace, ("workload_type", "job"), ("workload", name)];
    let job = [workload[0], workload[1], workload[2], ("job_name", name)];
    eventually(&format!("{name} has {expected:?}"), limit, async || {
        let scrape = testbed.exporter.scrape().await;
        let mut samples = scrape.samples("batch_job_", &job);
        samples.extend(scrape.samples("batch_workload_", &workload));
        for (series, value) in expected {
            let shown = samples.get(&format!("batch_{series}")).copied();
            if shown != *value {
                return Err(format!("{series} is {shown:?}: {samples:#?}"));
            }
        }
        Ok(())
    })
    .await;
}

async fn exit_code(testbed: &Testbed, name: &str) {
    let spec = spec(
        "fail",
        &json!({"sim/exit-code": "3"}),
        json!({"backoffLimit": 0}),
    );
    testbed.namespace.create(Job, name, spec).await;
    let expected = [
        ("job_failed_pods_by_cause{cause=\"Error\"}", Some(1.0)),
        (
            "workload_last_run_failure_cause{cause=\"Error\"}",
            Some(1.0),
        ),
        ("workload_last_run_exit_code", Some(3.0)),
        (
            "workload_pod_failures_total{cause=\"exit_code\"}",
            Some(1.0),
        ),
        ("workload_pod_failures_total{cause=\"memory\"}", Some(0.0)),
    ];
    expect(testbed, name, TIMEOUT, &expected).await;
}

/// The pod that failed last decides.
async fn several_causes(testbed: &Testbed, name: &str) {
    let spec = spec("oom.fail", &json!({}), json!({"backoffLimit": 1}));
    testbed.namespace.create(Job, name, spec).await;
    let expected = [
        ("job_failed_pods", Some(2.0)),
        ("job_failed_pods_by_cause{cause=\"OOMKilled\"}", Some(1.0)),
        ("job_failed_pods_by_cause{cause=\"Error\"}", Some(1.0)),
        (
            "workload_last_run_failure_cause{cause=\"Error\"}",
            Some(1.0),
        ),
        ("workload_last_run_exit_code", Some(1.0)),
        (
            "workload_pod_failures_total{cause=\"exit_code\"}",
            Some(1.0),
        ),
        ("workload_pod_failures_total{cause=\"memory\"}", Some(1.0)),
    ];
    expect(testbed, name, WITH_RETRIES, &expected).await;
}

async fn retried_after_oom(testbed: &Testbed, name: &str) {
    let spec = spec("oom.succeed", &json!({}), json!({"backoffLimit": 2}));
    testbed.namespace.create(Job, name, spec).await;
    let expected = [
        ("job_state{state=\"complete\"}", Some(1.0)),
        ("job_failed_pods_by_cause{cause=\"OOMKilled\"}", Some(1.0)),
        ("workload_last_run_succeeded", Some(1.0)),
        ("workload_last_run_failure_cause{cause=\"OOMKilled\"}", None),
        ("workload_pod_failures_total{cause=\"memory\"}", Some(1.0)),
    ];
    expect(testbed, name, WITH_RETRIES, &expected).await;
}

/// The kubelet restarts the container. The Job controller deletes the pod when its Job has no retries left.
async fn restarted_after_oom(testbed: &Testbed, name: &str) {
    let mut spec = spec(
        "oom",
        &json!({"sim/delay": "3s"}),
        json!({"backoffLimit": 1}),
    );
    spec["template"]["spec"]["restartPolicy"] = json!("OnFailure");
    testbed.namespace.create(Job, name, spec).await;
    expect(
        testbed,
        name,
        TIMEOUT,
        &[("job_container_restarts", Some(1.0))],
    )
    .await;
    let expected = [
        ("job_state{state=\"failed\"}", Some(1.0)),
        (
            "workload_last_run_failure_cause{cause=\"OOMKilled\"}",
            Some(1.0),
        ),
        ("workload_last_run_exit_code", Some(137.0)),
    ];
    expect(testbed, name, WITH_RETRIES, &expected).await;
}

async fn image_cannot_be_pulled(testbed: &Testbed, name: &str) {
    let spec = spec("imagepull", &json!({}), json!({"activeDeadlineSeconds": 8}));
    testbed.namespace.create(Job, name, spec).await;
    let waiting = ("job_waiting_pods{reason=\"ImagePullBackOff\"}", Some(1.0));
    expect(testbed, name, TIMEOUT, &[waiting]).await;
    let expected = [
        ("job_state{state=\"failed\"}", Some(1.0)),
        ("job_waiting_pods{reason=\"ImagePullBackOff\"}", None),
        (
            "workload_last_run_failure_cause{cause=\"DeadlineExceeded\"}",
            Some(1.0),
        ),
    ];
    expect(testbed, name, TIMEOUT, &expected).await;
}

async fn many_pods_wait(testbed: &Testbed, name: &str) {
    let spec = spec(
        "pending",
        &json!({}),
        json!({"parallelism": 200, "completions": 200}),
    );
    testbed.namespace.create(Job, name, spec).await;
    let expected = [("job_waiting_pods{reason=\"Unschedulable\"}", Some(200.0))];
    expect(testbed, name, WITH_RETRIES, &expected).await;
    testbed.namespace.delete(Job, name).await;
    let expected = [("job_waiting_pods{reason=\"Unschedulable\"}", None)];
    expect(testbed, name, TIMEOUT, &expected).await;
}

/// Creates a Job with a running pod.
async fn create_running(testbed: &Testbed, name: &str) {
    let spec = spec("hang", &json!({}), json!({"backoffLimit": 0}));
    testbed.namespace.create(Job, name, spec).await;
    let running = ("job_state{state=\"running\"}", Some(1.0));
    expect(testbed, name, TIMEOUT, &[running]).await;
}

/// The kubelet evicts a pod. Its status is patched, because the simulated one does not.
async fn evicted(testbed: &Testbed, name: &str) {
    create_running(testbed, name).await;
    let status = json!({"phase": "Failed", "reason": "Evicted"});
    testbed.namespace.patch_pod_status(name, &status).await;
    let expected = [
        ("job_failed_pods_by_cause{cause=\"Evicted\"}", Some(1.0)),
        (
            "workload_last_run_failure_cause{cause=\"Evicted\"}",
            Some(1.0),
        ),
        ("workload_last_run_exit_code", None),
        ("workload_pod_failures_total{cause=\"eviction\"}", Some(1.0)),
    ];
    expect(testbed, name, TIMEOUT, &expected).await;
}

/// The status of the only container in this state.
fn in_state(state: &Value) -> Value {
    json!([{
        "name": "main", "image": "registry.example/pipeline:1", "imageID": "", "ready": false,
        "restartCount": 0, "state": state,
    }])
}

/// The statuses that kubelets and controllers write, one after the other, and the causes that follow.
async fn every_cause(testbed: &Testbed) {
    let by_reason = |reason: &str| json!({"phase": "Failed", "reason": reason});
    let disrupted = |reason: &str| {
        let condition = json!({"type": "DisruptionTarget", "status": "True", "reason": reason});
        json!({"phase": "Failed", "conditions": [condition]})
    };
    let ended = |exit_code: i32, reason: &str| {
        let ended = json!({"exitCode": exit_code, "reason": reason});
        json!({"phase": "Failed", "containerStatuses": in_state(&json!({"terminated": ended}))})
    };
    let waited = |reason: &str| {
        let waiting = json!({"waiting": {"reason": reason}});
        json!({"phase": "Failed", "containerStatuses": in_state(&waiting)})
    };
    let cases = [
        ("Preempted", by_reason("Preempting")),
        ("NodeShutdown", by_reason("Terminated")),
        ("DeadlineExceeded", by_reason("DeadlineExceeded")),
        ("Unschedulable", by_reason("OutOfcpu")),
        ("NodeLost", disrupted("DeletionByPodGC")),
        ("DisruptionTarget", disrupted("EvictionByEvictionAPI")),
        ("ContainerCannotRun", ended(127, "ContainerCannotRun")),
        ("StartError", ended(128, "StartError")),
        ("ImagePull", waited("ImagePullBackOff")),
        (
            "CreateContainerConfig",
            waited("CreateContainerConfigError"),
        ),
    ];
    let cases = cases.iter().map(async |(cause, status)| {
        let name = &format!("fails-{}", cause.to_lowercase());
        create_running(testbed, name).await;
        testbed.namespace.patch_pod_status(name, status).await;
        let pods = format!("job_failed_pods_by_cause{{cause=\"{cause}\"}}");
        let run = format!("workload_last_run_failure_cause{{cause=\"{cause}\"}}");
        expect(
            testbed,
            name,
            TIMEOUT,
            &[(&pods, Some(1.0)), (&run, Some(1.0))],
        )
        .await;
    });
    join_all(cases).await;
}

/// The same for what pods wait for.
async fn every_reason(testbed: &Testbed) {
    let waits = |reason: &str| json!({"containerStatuses": in_state(&json!({"waiting": {"reason": reason}}))});
    let not_ready = json!({"type": "Ready", "status": "False", "reason": "ContainersNotReady"});
    let cases = [
        ("CrashLoopBackOff", waits("CrashLoopBackOff")),
        ("ImagePullBackOff", waits("ErrImagePull")),
        ("CreateContainerConfigError", waits("CreateContainerError")),
        ("ContainerCreating", waits("ContainerCreating")),
        ("NotReady", json!({"conditions": [not_ready]})),
    ];
    let cases = cases.iter().map(async |(reason, status)| {
        let name = &format!("waits-{}", reason.to_lowercase());
        create_running(testbed, name).await;
        testbed.namespace.patch_pod_status(name, status).await;
        let pods = format!("job_waiting_pods{{reason=\"{reason}\"}}");
        expect(testbed, name, TIMEOUT, &[(&pods, Some(1.0))]).await;
        testbed.namespace.delete(Job, name).await;
        expect(testbed, name, TIMEOUT, &[(&pods, None)]).await;
    });
    join_all(cases).await;
}

/// The API server refuses to bind the pod.
async fn held_back_by_gates(testbed: &Testbed, name: &str) {
    let mut spec = spec("hang", &json!({}), json!({}));
    spec["template"]["spec"]["schedulingGates"] = json!([{"name": "example.com/quota"}]);
    testbed.namespace.create(Job, name, spec).await;
    let waiting = ("job_waiting_pods{reason=\"SchedulingGated\"}", Some(1.0));
    expect(testbed, name, TIMEOUT, &[waiting]).await;
}

/// Job and pod are deleted as soon as the run has ended.
async fn gone_at_once(testbed: &Testbed, name: &str) {
    let more = json!({"backoffLimit": 0, "ttlSecondsAfterFinished": 0});
    let spec = spec("fail", &json!({"sim/exit-code": "7"}), more);
    testbed.namespace.create(Job, name, spec).await;
    let expected = [
        (
            "workload_last_run_failure_cause{cause=\"Error\"}",
            Some(1.0),
        ),
        ("workload_last_run_exit_code", Some(7.0)),
        (
            "workload_pod_failures_total{cause=\"exit_code\"}",
            Some(1.0),
        ),
    ];
    expect(testbed, name, TIMEOUT, &expected).await;
}
