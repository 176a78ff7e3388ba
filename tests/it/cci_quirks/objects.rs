//! Objects of Kubernetes 1.19 with the additional fields of CCI.

use super::*;
use crate::{
    checker,
    metrics::{assert_golden, without_volatile},
};
use job_status_exporter::{config::PollConfig, metrics::Format};

/// The whole of `/metrics` after one poll.
#[tokio::test]
async fn the_documented_job_gives_the_documented_values() {
    let server = Server::start(|_| Answer::whole(200, &[], documented())).await;
    let poll = PollConfig::default();
    let mode = polled(&["namespace-test/pi"], poll);
    let mut exporter = Exporter::start(server.endpoint(), mode);
    exporter.eventually(Exporter::up, true).await;
    let text = exporter.metrics();
    let families = checker::check(Format::Text, &text);
    for (family, value) in [
        ("batch_job_exists", 1),
        ("batch_job_active_pods", 1),
        ("batch_job_succeeded_pods", 0),
        ("batch_job_failed_pods", 0),
        ("batch_job_start_timestamp_seconds", 1_536_109_859),
        ("batch_job_created_timestamp_seconds", 1_536_109_859),
        ("batch_job_parallelism", 1),
        ("batch_job_completions", 1),
        ("batch_job_backoff_limit", 6),
    ] {
        let samples = &families[family].samples;
        assert_eq!(samples.len(), 1, "{family}");
        assert!(
            (samples[0].value - f64::from(value)).abs() < f64::EPSILON,
            "{family}: {:?}",
            samples[0]
        );
        for (label, expected) in [("namespace", "namespace-test"), ("job_name", "pi")] {
            let pair = (label.to_owned(), expected.to_owned());
            assert!(samples[0].labels.contains(&pair), "{:?}", samples[0]);
        }
    }
    for absent in [
        "batch_job_ready_pods",
        "batch_job_terminating_pods",
        "batch_job_end_timestamp_seconds",
    ] {
        assert!(!families.contains_key(absent), "{absent}");
    }
    // These values depend on the clock of the machine.
    let timed = [
        "job_status_exporter_api_request_duration_seconds",
        "job_status_exporter_target_last_success_timestamp_seconds",
        "batch_job_last_poll_timestamp_seconds",
    ];
    let text: String = without_volatile(&text)
        .split_inclusive('\n')
        .filter(|line| !timed.iter().any(|family| line.contains(family)))
        .collect();
    assert_golden("tests/golden/cci.prom", &text);
    assert_eq!(
        server.requests("")[0].target,
        "/apis/batch/v1/namespaces/namespace-test/jobs/pi/status"
    );
}

/// Null, absent and empty fields are equal, and unknown fields are ignored.
#[tokio::test]
async fn sparse_objects_are_read() {
    let sparse = |status: Value| {
        json!({
            "metadata": {
                "namespace": "reports", "name": "nightly", "creationTimestamp": null, "enable": false,
                "selfLink": "", "clusterName": "x", "initializers": null, "ownerReferences": null, "labels": null,
            },
            "spec": {"parallelism": null, "completions": 1, "template": {"spec": {"processes": [1]}}, "later": {"a": [{}]}},
            "status": status,
        })
    };
    for (status, state) in [
        (Value::Null, "pending"),
        (json!({}), "pending"),
        (
            json!({"startTime": null, "active": null, "conditions": null}),
            "pending",
        ),
        (
            json!({"startTime": "2018-09-05T01:10:59Z", "active": 1}),
            "running",
        ),
        (
            json!({"conditions": [{"type": "Failed", "status": "True", "lastTransitionTime": null, "lastProbeTime": null}]}),
            "failed",
        ),
    ] {
        let server = Server::start(move |_| Answer::json(&sparse(status.clone()))).await;
        let mode = polled(&["reports/nightly"], POLL);
        let mut exporter = Exporter::start(server.endpoint(), mode);
        let expected = vec![format!("nightly: {state}")];
        exporter.eventually(Exporter::states, expected).await;
        assert_eq!(exporter.decode_errors(), 0);
        let metrics = exporter.metrics();
        assert!(!metrics.contains("batch_job_parallelism"), "{metrics}");
    }
}
