//! Watch mode: every state of a Job is on `/metrics` within 2 s. The user may only get, list and watch.

use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::{
    cluster::{Kind::Job, kubeconfig_of},
    jobs::{self, SCENARIOS, Scenario, counts, spec},
    metrics::Samples,
    testbed::Testbed,
    wait::{WATCH_LATENCY, eventually, eventually_equals},
};

/// A Job that may end between two polls.
const SHORT_LIVED: (&str, Scenario) = ("zero-ttl", |testbed, name| {
    zero_ttl(testbed, name).boxed_local()
});

#[tokio::test]
async fn watch_mode_shows_every_state_of_a_job() {
    let testbed = Testbed::watching("watch", &kubeconfig_of("token-reader"), "").await;
    let scenarios: Vec<_> = SCENARIOS.iter().copied().chain([SHORT_LIVED]).collect();
    jobs::run_all(&testbed, &scenarios).await;
    assert_eq!(testbed.exporter.log_at_level("WARN"), Vec::<Value>::new());
    testbed.tear_down().await;
}

/// With a TTL of 0 the Job is deleted as soon as it is complete. The exporter still shows its result.
async fn zero_ttl(testbed: &Testbed, name: &str) {
    let more = json!({"ttlSecondsAfterFinished": 0});
    testbed
        .namespace
        .create(
            Job,
            name,
            spec("succeed", &json!({"sim/delay": "3s"}), more),
        )
        .await;
    let running = |job: &Value| counts(job, "ready") == 1;
    testbed
        .assert_job_shown(name, running, &[("state{state=\"running\"}", 1.0)])
        .await;
    testbed.wait_until_deleted(name).await;
    eventually(
        "the end of the deleted job is shown",
        WATCH_LATENCY,
        async || {
            let samples = testbed.job(&testbed.exporter.scrape().await, name);
            let complete = samples.get("batch_job_state{state=\"complete\"}") == Some(&1.0)
                && samples.get("batch_job_succeeded_pods") == Some(&1.0);
            let times = ["start", "end"]
                .map(|time| samples.get(&format!("batch_job_{time}_timestamp_seconds")));
            match times {
                [Some(start), Some(end)] if complete && end - start >= 3.0 => Ok(()),
                _ => Err(samples),
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_deleted_job_disappears_after_retain_deleted() {
    let testbed = Testbed::watching(
        "retain",
        &kubeconfig_of("token-reader"),
        "retain_deleted: 5s",
    )
    .await;
    let name = "finished";
    testbed
        .namespace
        .create(Job, name, spec("succeed", &json!({}), json!({})))
        .await;
    let complete =
        |job: &Value| counts(job, "succeeded") == 1 && !job["status"]["completionTime"].is_null();
    testbed
        .assert_job_shown(name, complete, &[("state{state=\"complete\"}", 1.0)])
        .await;
    testbed.assert_finished_job_kept(name).await;
    eventually_equals(
        "the remaining series of the job",
        Duration::from_secs(7),
        Samples::new(),
        async || testbed.job(&testbed.exporter.scrape().await, name),
    )
    .await;
    testbed.tear_down().await;
}
