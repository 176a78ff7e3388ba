//! The API server goes away and comes back: with what it had, or with another day's state.
//!
//! One exporter follows it in both modes.

use std::time::Duration;

use serde_json::json;

use crate::{
    cluster::{Kind::Job, Namespace},
    control_plane::ControlPlane,
    exporter::Exporter,
    jobs::spec,
    metrics::Facts,
    patience::{EVENTUALLY, SOON, becomes},
};

/// For how long the processor is looked at while there is no API server.
const IDLE: Duration = Duration::from_secs(10);

/// How soon each target has to show what is new.
const TARGETS: [(&str, Duration); 2] =
    [("watched", SOON), ("polled", INTERVAL.saturating_add(SOON))];

const INTERVAL: Duration = Duration::from_secs(1);

/// A watch lasts half as long as it takes for facts to turn stale.
const LONGEST_WATCH: Duration = Duration::from_mins(1);

#[tokio::test]
async fn nothing_is_lost_when_the_api_server_is_restarted() {
    let (plane, exporter, namespace) = begin().await;
    let before = facts(&exporter).await;
    plane.kill_api_server();
    goes_down(&exporter).await;
    let restart = async {
        plane.up().await;
        comes_up(&exporter).await;
    };
    let scrapes = async {
        loop {
            assert_eq!(facts(&exporter).await, before);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = restart => {}
        () = scrapes => {}
    }
    assert_eq!(facts(&exporter).await, before);
    create(&namespace, "late").await;
    shows(&exporter, &["early", "late"]).await;
    exporter.stop().await;
}

#[tokio::test]
async fn another_days_state_is_followed() {
    let (plane, exporter, _) = begin().await;
    let before = facts(&exporter).await;
    plane.kill_api_server();
    goes_down(&exporter).await;
    let begin = exporter.cpu();
    tokio::time::sleep(IDLE).await;
    let used = exporter.cpu().saturating_sub(begin);
    println!("used {used:?} of processor time in {IDLE:?} without API server");
    assert!(used < IDLE / 50, "{used:?} of processor time in {IDLE:?}");
    assert_eq!(facts(&exporter).await, before);
    assert_eq!(exporter.up().await, [0.0, 0.0]);

    plane.down();
    plane.forget();
    plane.up().await;
    let namespace = plane.cluster().await.namespace("new").await;
    create(&namespace, "other").await;
    comes_up(&exporter).await;
    shows(&exporter, &["other"]).await;
    create(&namespace, "later").await;
    shows(&exporter, &["later", "other"]).await;
    exporter.stop().await;
}

/// The version from which the watch goes on is one that the new state will not reach for long: nothing is told of what
/// happens until then.
#[tokio::test]
async fn another_days_state_is_followed_though_the_outage_went_by_unseen() {
    let (plane, exporter, namespace) = begin().await;
    for number in 0..200 {
        let job = format!("early-{number}");
        create(&namespace, &job).await;
        namespace.delete(Job, &job).await;
    }
    shows(&exporter, &["early"]).await;
    exporter.freeze();
    plane.down();
    plane.forget();
    plane.up().await;
    let namespace = plane.cluster().await.namespace("new").await;
    create(&namespace, "other").await;
    exporter.thaw();
    for target in ["polled", "watched"] {
        // The watch has a minute to find out that it is told nothing.
        let limit = LONGEST_WATCH + EVENTUALLY;
        let other = vec!["other".to_owned()];
        becomes(target, limit, other, async || jobs(&exporter, target).await).await;
    }
    exporter.stop().await;
}

/// A control plane with one Job, which is shown.
async fn begin() -> (ControlPlane, Exporter, Namespace) {
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
    let exporter = Exporter::configured(&config).await;
    exporter.is_ready().await;
    shows(&exporter, &["early"]).await;
    (plane, exporter, namespace)
}

async fn create(namespace: &Namespace, job: &str) {
    namespace
        .create(Job, job, spec("succeed", &json!({}), json!({})))
        .await;
}

/// All that is shown of objects.
async fn facts(exporter: &Exporter) -> Facts {
    exporter.scrape().await.facts("batch_", &[])
}

/// Holds that both targets soon show these Jobs and no others.
async fn shows(exporter: &Exporter, expected: &[&str]) {
    let expected: Vec<_> = expected.iter().map(|&job| job.to_owned()).collect();
    for (target, limit) in TARGETS {
        let what = format!("the jobs of target {target}");
        becomes(&what, limit, expected.clone(), async || {
            jobs(exporter, target).await
        })
        .await;
    }
}

/// The names of the Jobs shown of a target.
async fn jobs(exporter: &Exporter, target: &str) -> Vec<String> {
    let metrics = exporter.scrape().await;
    let facts = metrics.facts("batch_job_created_", &[("target", target)]);
    let name = |fact: &String| {
        Some(
            fact.split_once("job_name=\"")?
                .1
                .split_once('"')?
                .0
                .to_owned(),
        )
    };
    facts.keys().filter_map(name).collect()
}

async fn goes_down(exporter: &Exporter) {
    let limit = INTERVAL + SOON;
    becomes("target_up", limit, vec![0.0, 0.0], async || {
        exporter.up().await
    })
    .await;
}

async fn comes_up(exporter: &Exporter) {
    // Watches pause for 30 s at most; polls, for as long as the outage took.
    becomes("target_up", EVENTUALLY, vec![1.0, 1.0], async || {
        exporter.up().await
    })
    .await;
}
