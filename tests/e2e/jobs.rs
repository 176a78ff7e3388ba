//! Scenarios that take a Job through its states, for every mode of the exporter. Each state is compared with `/metrics`.
//!
//! All scenarios of a testbed run at the same time. Each has its own Job, named after the scenario. A state that ends by itself
//! lasts 5 s, which is longer than the latency of any mode.

use std::panic::AssertUnwindSafe;

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, join_all},
};
use serde_json::{Value, json};

use crate::{cluster::Kind::Job, expected::condition, testbed::Testbed};

mod without_ready_pods;

/// A scenario for the Job of this name.
pub(crate) type Scenario = for<'a> fn(&'a Testbed, &'a str) -> LocalBoxFuture<'a, ()>;

/// The scenarios that all modes have to show.
pub(crate) const SCENARIOS: &[(&str, Scenario)] = &[
    ("succeeds", |testbed, name| {
        succeeds(testbed, name).boxed_local()
    }),
    ("pending", |testbed, name| {
        pending(testbed, name).boxed_local()
    }),
    ("retried", |testbed, name| {
        retried(testbed, name).boxed_local()
    }),
    ("suspended", |testbed, name| {
        suspended(testbed, name).boxed_local()
    }),
    ("indexed", |testbed, name| {
        indexed(testbed, name).boxed_local()
    }),
    ("success-policy", |testbed, name| {
        success_policy(testbed, name).boxed_local()
    }),
    ("backoff-limit", |testbed, name| {
        backoff_limit(testbed, name).boxed_local()
    }),
    ("deadline", |testbed, name| {
        deadline(testbed, name).boxed_local()
    }),
    ("pod-failure", |testbed, name| {
        pod_failure(testbed, name).boxed_local()
    }),
    ("failed-indexes", |testbed, name| {
        failed_indexes(testbed, name).boxed_local()
    }),
    ("max-failed-indexes", |testbed, name| {
        max_failed_indexes(testbed, name).boxed_local()
    }),
    ("managed-by", |testbed, name| {
        managed_by(testbed, name).boxed_local()
    }),
    ("crash", |testbed, name| {
        without_ready_pods::crash(testbed, name).boxed_local()
    }),
    ("no-parallelism", |testbed, name| {
        without_ready_pods::no_parallelism(testbed, name).boxed_local()
    }),
    ("shrunk", |testbed, name| {
        without_ready_pods::shrunk(testbed, name).boxed_local()
    }),
    ("recreated", |testbed, name| {
        recreated(testbed, name).boxed_local()
    }),
];

/// Runs the scenarios at the same time. A failed scenario does not end the others.
pub(crate) async fn run_all(testbed: &Testbed, scenarios: &[(&str, Scenario)]) {
    let runs = scenarios.iter().map(async |(name, scenario)| {
        let outcome = AssertUnwindSafe(scenario(testbed, name))
            .catch_unwind()
            .await;
        outcome.is_err().then_some(*name)
    });
    let failed: Vec<_> = join_all(runs).await.into_iter().flatten().collect();
    assert!(failed.is_empty(), "failed scenarios, see above: {failed:?}");
}

/// The spec of a Job. `outcome` and `annotations` set what its pods do, and `more` is added to the spec.
pub(crate) fn spec(outcome: &str, annotations: &Value, more: Value) -> Value {
    let mut spec = json!({"template": {
        "metadata": {"labels": {"sim/outcome": outcome}, "annotations": annotations},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example/pipeline:1"}],
        },
    }});
    if let (Some(spec), Value::Object(more)) = (spec.as_object_mut(), more) {
        spec.extend(more);
    }
    spec
}

pub(crate) fn counts(job: &Value, field: &str) -> i64 {
    job["status"][field].as_i64().unwrap_or(0)
}

fn has_condition(kind: &str) -> impl Fn(&Value) -> bool {
    move |job| condition(job, kind).is_some()
}

fn is_running(job: &Value) -> bool {
    counts(job, "ready") == 1
}

async fn succeeds(testbed: &Testbed, name: &str) {
    let spec = spec(
        "succeed",
        &json!({"sim/delay": "5s"}),
        json!({"activeDeadlineSeconds": 600}),
    );
    testbed.namespace.create(Job, name, spec).await;
    testbed
        .assert_job_shown(name, is_running, &[("state{state=\"running\"}", 1.0)])
        .await;
    let complete = [("state{state=\"complete\"}", 1.0)];
    testbed
        .assert_job_shown(name, has_condition("Complete"), &complete)
        .await;
    testbed.assert_finished_job_kept(name).await;
}

async fn pending(testbed: &Testbed, name: &str) {
    testbed
        .namespace
        .create(Job, name, spec("pending", &json!({}), json!({})))
        .await;
    let pending = |job: &Value| counts(job, "active") == 1 && counts(job, "ready") == 0;
    testbed
        .assert_job_shown(name, pending, &[("state{state=\"pending\"}", 1.0)])
        .await;
    testbed.assert_unfinished_job_dropped(name).await;
}

async fn retried(testbed: &Testbed, name: &str) {
    // The second pod starts only after 10 s. In between, the Job is running although it has no pod.
    let spec = spec(
        "fail.succeed",
        &json!({"sim/delay": "1s"}),
        json!({"backoffLimit": 3}),
    );
    testbed.namespace.create(Job, name, spec).await;
    let between_pods = |job: &Value| counts(job, "failed") == 1 && counts(job, "active") == 0;
    testbed
        .assert_job_shown(name, between_pods, &[("state{state=\"running\"}", 1.0)])
        .await;
    let complete = [("state{state=\"complete\"}", 1.0)];
    testbed
        .assert_job_shown(name, has_condition("Complete"), &complete)
        .await;
}

async fn suspended(testbed: &Testbed, name: &str) {
    let suspended = [("state{state=\"suspended\"}", 1.0)];
    testbed
        .namespace
        .create(
            Job,
            name,
            spec("hang", &json!({}), json!({"suspend": true})),
        )
        .await;
    testbed
        .assert_job_shown(name, has_condition("Suspended"), &suspended)
        .await;
    testbed
        .namespace
        .patch(Job, name, json!({"spec": {"suspend": false}}))
        .await;
    testbed
        .assert_job_shown(name, is_running, &[("state{state=\"running\"}", 1.0)])
        .await;
    testbed
        .namespace
        .patch(Job, name, json!({"spec": {"suspend": true}}))
        .await;
    let stopped = |job: &Value| {
        has_condition("Suspended")(job)
            && counts(job, "active") == 0
            && counts(job, "terminating") == 0
    };
    testbed.assert_job_shown(name, stopped, &suspended).await;
}

async fn indexed(testbed: &Testbed, name: &str) {
    let more = json!({"completionMode": "Indexed", "completions": 3, "parallelism": 2});
    testbed
        .namespace
        .create(Job, name, spec("succeed.hang.succeed", &json!({}), more))
        .await;
    let last_pod_hangs =
        |job: &Value| job["status"]["completedIndexes"] == "0,2" && is_running(job);
    let running = [
        ("state{state=\"running\"}", 1.0),
        ("completed_indexes", 2.0),
    ];
    testbed
        .assert_job_shown(name, last_pod_hangs, &running)
        .await;
    testbed.namespace.finish_pods(name).await;
    let complete = [
        ("state{state=\"complete\"}", 1.0),
        ("completed_indexes", 3.0),
    ];
    testbed
        .assert_job_shown(name, has_condition("Complete"), &complete)
        .await;
}

async fn success_policy(testbed: &Testbed, name: &str) {
    let more = json!({
        "completionMode": "Indexed", "completions": 2, "parallelism": 2,
        "successPolicy": {"rules": [{"succeededIndexes": "0"}]},
    });
    // The other pod is no longer needed, and stops slowly.
    let slow = json!({"sim/stop-delay": "5s"});
    testbed
        .namespace
        .create(Job, name, spec("succeed.hang", &slow, more))
        .await;
    let stopping =
        |job: &Value| has_condition("SuccessCriteriaMet")(job) && counts(job, "terminating") == 1;
    let succeeding = [
        ("state{state=\"succeeding\"}", 1.0),
        ("completed_indexes", 1.0),
    ];
    testbed.assert_job_shown(name, stopping, &succeeding).await;
    let complete = [
        ("state{state=\"complete\"}", 1.0),
        ("completed_indexes", 1.0),
    ];
    testbed
        .assert_job_shown(name, has_condition("Complete"), &complete)
        .await;
}

async fn backoff_limit(testbed: &Testbed, name: &str) {
    let more = json!({"backoffLimit": 0});
    testbed
        .namespace
        .create(Job, name, spec("fail", &json!({}), more))
        .await;
    assert_failed_job_shown(testbed, name, "BackoffLimitExceeded", &[]).await;
    testbed.assert_finished_job_kept(name).await;
}

async fn deadline(testbed: &Testbed, name: &str) {
    let more = json!({"activeDeadlineSeconds": 2});
    testbed
        .namespace
        .create(
            Job,
            name,
            spec("hang", &json!({"sim/stop-delay": "5s"}), more),
        )
        .await;
    let stopping =
        |job: &Value| has_condition("FailureTarget")(job) && counts(job, "terminating") == 1;
    testbed
        .assert_job_shown(name, stopping, &[("state{state=\"failing\"}", 1.0)])
        .await;
    assert_failed_job_shown(testbed, name, "DeadlineExceeded", &[]).await;
}

async fn pod_failure(testbed: &Testbed, name: &str) {
    let rule = json!({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}});
    let more = json!({"podFailurePolicy": {"rules": [rule]}});
    testbed
        .namespace
        .create(
            Job,
            name,
            spec("fail", &json!({"sim/exit-code": "42"}), more),
        )
        .await;
    assert_failed_job_shown(testbed, name, "PodFailurePolicy", &[]).await;
}

async fn failed_indexes(testbed: &Testbed, name: &str) {
    let more = json!({
        "completionMode": "Indexed", "completions": 3, "parallelism": 3, "backoffLimitPerIndex": 0,
    });
    testbed
        .namespace
        .create(Job, name, spec("succeed.fail.succeed", &json!({}), more))
        .await;
    let indexes = [("completed_indexes", 2.0), ("failed_indexes", 1.0)];
    assert_failed_job_shown(testbed, name, "FailedIndexes", &indexes).await;
}

async fn max_failed_indexes(testbed: &Testbed, name: &str) {
    let more = json!({
        "completionMode": "Indexed", "completions": 3, "parallelism": 3, "backoffLimitPerIndex": 0,
        "maxFailedIndexes": 1,
    });
    testbed
        .namespace
        .create(Job, name, spec("fail.fail.hang", &json!({}), more))
        .await;
    let indexes = [("completed_indexes", 0.0), ("failed_indexes", 2.0)];
    assert_failed_job_shown(testbed, name, "MaxFailedIndexesExceeded", &indexes).await;
}

/// Another controller manages the Job, and fails it with its own reason.
async fn managed_by(testbed: &Testbed, name: &str) {
    let more = json!({"managedBy": "example.com/elsewhere"});
    testbed
        .namespace
        .create(Job, name, spec("hang", &json!({}), more))
        .await;
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let condition = |kind| json!({"type": kind, "status": "True", "reason": "LostInTransit", "lastTransitionTime": now});
    let conditions = json!([condition("FailureTarget"), condition("Failed")]);
    let status = json!({"status": {"startTime": now, "failed": 7, "conditions": conditions}});
    testbed
        .namespace
        .patch(Job, &format!("{name}/status"), status)
        .await;
    assert_failed_job_shown(testbed, name, "Other", &[]).await;
}

/// A new Job of the same name is another run.
async fn recreated(testbed: &Testbed, name: &str) {
    testbed
        .namespace
        .create(Job, name, spec("succeed", &json!({}), json!({})))
        .await;
    let complete = [("state{state=\"complete\"}", 1.0)];
    let first = testbed
        .assert_job_shown(name, has_condition("Complete"), &complete)
        .await;
    testbed.assert_finished_job_kept(name).await;
    testbed
        .namespace
        .create(Job, name, spec("hang", &json!({}), json!({})))
        .await;
    let second = testbed
        .assert_job_shown(name, is_running, &[("state{state=\"running\"}", 1.0)])
        .await;
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
}

async fn assert_failed_job_shown(
    testbed: &Testbed,
    name: &str,
    reason: &str,
    indexes: &[(&str, f64)],
) {
    let reason = format!("failed{{reason={reason:?}}}");
    let mut failed = vec![("state{state=\"failed\"}", 1.0), (reason.as_str(), 1.0)];
    failed.extend(indexes);
    testbed
        .assert_job_shown(name, has_condition("Failed"), &failed)
        .await;
}
