//! The API server stops and comes back, with its old data or with a new, empty etcd.
//!
//! One exporter reads it in both modes.

use std::time::Duration;

use serde_json::json;

use crate::{
    cluster::{Kind::Job, Namespace},
    control_plane::ControlPlane,
    exporter::Exporter,
    jobs::spec,
    metrics::Samples,
    wait::{TIMEOUT, WATCH_LATENCY, eventually_equals},
};

/// The period over which CPU time is measured without an API server.
const OUTAGE: Duration = Duration::from_secs(10);

/// The longest time from a change in the API to `/metrics`, per target.
const TARGETS: [(&str, Duration); 2] = [
    ("watched", WATCH_LATENCY),
    ("polled", INTERVAL.saturating_add(WATCH_LATENCY)),
];

/// The poll interval.
const INTERVAL: Duration = Duration::from_secs(1);

/// The length of a watch: half of `stale_after`.
const LONGEST_WATCH: Duration = Duration::from_mins(1);

#[tokio::test]
async fn all_series_survive_a_restart_of_the_api_server() {
    let (plane, exporter, namespace) = start().await;
    let before = samples(&exporter).await;
    plane.kill_api_server();
    wait_until_down(&exporter).await;
    let restart = async {
        plane.up().await;
        wait_until_up(&exporter).await;
    };
    let scrapes = async {
        loop {
            assert_eq!(samples(&exporter).await, before);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = restart => {}
        () = scrapes => {}
    }
    assert_eq!(samples(&exporter).await, before);
    create(&namespace, "late").await;
    assert_jobs_shown(&exporter, &["early", "late"]).await;
    exporter.stop().await;
}

#[tokio::test]
async fn the_exporter_follows_an_api_server_that_returns_with_a_new_etcd() {
    let (plane, exporter, _) = start().await;
    let before = samples(&exporter).await;
    plane.kill_api_server();
    wait_until_down(&exporter).await;
    let before_outage = exporter.cpu_time();
    tokio::time::sleep(OUTAGE).await;
    let used = exporter.cpu_time().saturating_sub(before_outage);
    println!("used {used:?} of CPU time in {OUTAGE:?} without an API server");
    assert!(used < OUTAGE / 50, "{used:?} of CPU time in {OUTAGE:?}");
    assert_eq!(samples(&exporter).await, before);
    assert_eq!(exporter.target_up().await, [0.0, 0.0]);

    plane.down();
    plane.delete_data();
    plane.up().await;
    let namespace = plane.cluster().await.namespace("new").await;
    create(&namespace, "other").await;
    wait_until_up(&exporter).await;
    assert_jobs_shown(&exporter, &["other"]).await;
    create(&namespace, "later").await;
    assert_jobs_shown(&exporter, &["later", "other"]).await;
    exporter.stop().await;
}

/// The watch resumes from a resource version that the new etcd does not reach for a long time. Until then it sends no events.
#[tokio::test]
async fn the_exporter_follows_a_new_etcd_without_having_seen_the_outage() {
    let (plane, exporter, namespace) = start().await;
    for number in 0..200 {
        let job = format!("early-{number}");
        create(&namespace, &job).await;
        namespace.delete(Job, &job).await;
    }
    assert_jobs_shown(&exporter, &["early"]).await;
    exporter.freeze();
    plane.down();
    plane.delete_data();
    plane.up().await;
    let namespace = plane.cluster().await.namespace("new").await;
    create(&namespace, "other").await;
    exporter.thaw();
    for target in ["polled", "watched"] {
        // The exporter lists again when the watch has been silent for its whole minute.
        let limit = LONGEST_WATCH + TIMEOUT;
        let other = vec!["other".to_owned()];
        eventually_equals(target, limit, other, async || jobs(&exporter, target).await).await;
    }
    exporter.stop().await;
}

/// Starts a control plane with one Job, and an exporter that shows it.
async fn start() -> (ControlPlane, Exporter, Namespace) {
    let plane = ControlPlane::start().await;
    let namespace = plane.cluster().await.namespace("outage").await;
    create(&namespace, "early").await;
    let kubernetes = format!("{{kubeconfig: '{}'}}", plane.kubeconfig().display());
    let config = format!(
        "{{stale_after: {}s, targets: [
            {{name: watched, kubernetes: {kubernetes}}},
            {{name: polled, kubernetes: {kubernetes}, mode: poll, poll: {{interval: {}s}}}},
        ]}}",
        2 * LONGEST_WATCH.as_secs(),
        INTERVAL.as_secs()
    );
    let exporter = Exporter::with_config(&config).await;
    exporter.wait_until_ready().await;
    assert_jobs_shown(&exporter, &["early"]).await;
    (plane, exporter, namespace)
}

async fn create(namespace: &Namespace, job: &str) {
    namespace
        .create(Job, job, spec("succeed", &json!({}), json!({})))
        .await;
}

/// All series about objects.
async fn samples(exporter: &Exporter) -> Samples {
    exporter.scrape().await.samples("batch_", &[])
}

/// Asserts that both targets soon show exactly these Jobs.
async fn assert_jobs_shown(exporter: &Exporter, expected: &[&str]) {
    let expected: Vec<_> = expected.iter().map(|&job| job.to_owned()).collect();
    for (target, limit) in TARGETS {
        let what = format!("the jobs of target {target}");
        eventually_equals(&what, limit, expected.clone(), async || {
            jobs(exporter, target).await
        })
        .await;
    }
}

/// The names of a target's Jobs on `/metrics`.
async fn jobs(exporter: &Exporter, target: &str) -> Vec<String> {
    let metrics = exporter.scrape().await;
    let samples = metrics.samples("batch_job_created_", &[("target", target)]);
    let name = |series: &String| {
        Some(
            series
                .split_once("job_name=\"")?
                .1
                .split_once('"')?
                .0
                .to_owned(),
        )
    };
    samples.keys().filter_map(name).collect()
}

async fn wait_until_down(exporter: &Exporter) {
    let limit = INTERVAL + WATCH_LATENCY;
    eventually_equals("target_up", limit, vec![0.0, 0.0], async || {
        exporter.target_up().await
    })
    .await;
}

async fn wait_until_up(exporter: &Exporter) {
    // The backoff of a watch is at most 30 s. That of a poll is at most the length of the outage.
    eventually_equals("target_up", TIMEOUT, vec![1.0, 1.0], async || {
        exporter.target_up().await
    })
    .await;
}
