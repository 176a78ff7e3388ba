//! Jobs that were running and have no ready pod now: paused, or crashed.

use serde_json::{Value, json};

use super::{counts, has_condition, is_running, spec};
use crate::{cluster::Kind::Job, testbed::Testbed};

const RUNNING: [(&str, f64); 1] = [("state{state=\"running\"}", 1.0)];
const SUSPENDED: [(&str, f64); 1] = [("state{state=\"suspended\"}", 1.0)];

/// The only pod crashes and waits for its restart. The Job reports what it reported before its first pod was ready.
pub(super) async fn crash(testbed: &Testbed, name: &str) {
    let namespace = &testbed.namespace;
    namespace
        .create(Job, name, spec("hang", &json!({}), json!({})))
        .await;
    testbed.assert_job_shown(name, is_running, &RUNNING).await;
    namespace.crash_pods(name).await;
    let crashed = |job: &Value| {
        counts(job, "active") == 1 && counts(job, "ready") == 0 && counts(job, "failed") == 0
    };
    testbed.assert_job_shown(name, crashed, &RUNNING).await;
}

/// With a parallelism of 0 the Job has started, and never has pods. It has no condition.
pub(super) async fn no_parallelism(testbed: &Testbed, name: &str) {
    let namespace = &testbed.namespace;
    let paused = spec("hang", &json!({}), json!({"parallelism": 0}));
    namespace.create(Job, name, paused).await;
    let started = |job: &Value| !job["status"]["startTime"].is_null();
    testbed.assert_job_shown(name, started, &SUSPENDED).await;
    namespace
        .patch(Job, name, json!({"spec": {"parallelism": 1}}))
        .await;
    testbed.assert_job_shown(name, is_running, &RUNNING).await;
}

/// A Job that is suspended and shrunk to the indexes that are complete. kubectl shows it as suspended.
pub(super) async fn shrunk(testbed: &Testbed, name: &str) {
    let namespace = &testbed.namespace;
    let more = json!({"completionMode": "Indexed", "completions": 2, "parallelism": 2});
    namespace
        .create(Job, name, spec("succeed.hang", &json!({}), more))
        .await;
    let half = |job: &Value| job["status"]["completedIndexes"] == "0" && is_running(job);
    let running = [RUNNING[0], ("completed_indexes", 1.0)];
    testbed.assert_job_shown(name, half, &running).await;
    namespace
        .patch(Job, name, json!({"spec": {"suspend": true}}))
        .await;
    let suspended = [SUSPENDED[0], ("completed_indexes", 1.0)];
    testbed
        .assert_job_shown(name, has_condition("Suspended"), &suspended)
        .await;
    namespace
        .patch(
            Job,
            name,
            json!({"spec": {"completions": 1, "parallelism": 1}}),
        )
        .await;
    let both =
        |job: &Value| has_condition("Suspended")(job) && has_condition("SuccessCriteriaMet")(job);
    testbed.assert_job_shown(name, both, &suspended).await;
}
