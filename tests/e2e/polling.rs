//! Polling: single configured jobs, with their states within interval + 2 s, and whole lists in pages.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind::Job, kubeconfig_of},
    exporter::Exporter,
    jobs::{self, STORIES, spec},
    patience::{EVENTUALLY, SOON, eventually},
    scene::Scene,
};

/// More than two pages of a list.
const MANY: u32 = 1_100;

#[tokio::test]
async fn every_state_of_a_job_is_shown_when_polling() {
    let names: Vec<_> = STORIES.iter().map(|(name, _)| *name).collect();
    let scene = Scene::polled("poll", &kubeconfig_of("token-reader"), &names).await;
    let metrics = scene.exporter.scrape().await;
    for name in names {
        let labels = [
            ("namespace", scene.namespace.name.as_str()),
            ("job_name", name),
        ];
        assert_eq!(
            metrics.value("batch_job_exists", &labels),
            Some(0.0),
            "{name}"
        );
    }
    jobs::tell(&scene, STORIES).await;
    assert_eq!(scene.exporter.log_of("WARN"), Vec::<Value>::new());
    scene.end().await;
}

#[tokio::test]
async fn lists_are_polled_in_pages_and_by_selector() {
    let namespace = Cluster::given().await.namespace("lists").await;
    let suspended = || spec("succeed", &json!({}), json!({"suspend": true}));
    // The label `e2e` of a Job is its name.
    let names = (0..MANY).map(|number| format!("job-{number}"));
    let create = |name: String| {
        let namespace = &namespace;
        async move { namespace.create(Job, &name, suspended()).await }
    };
    let begin = std::time::Instant::now();
    stream::iter(names)
        .for_each_concurrent(32, async |name| drop(create(name).await))
        .await;
    println!("{MANY} jobs created in {:?}", begin.elapsed());
    namespace.create(Job, "unwanted", suspended()).await;
    let config = format!(
        "targets: [{{
            kubernetes: {{kubeconfig: '{}'}}, mode: poll, poll: {{interval: 2s, requests_per_second: 100}},
            namespaces: {{include: [{}]}}, label_selector: 'e2e notin (unwanted)',
        }}]",
        kubeconfig_of("token-reader").display(),
        namespace.name
    );
    let exporter = Exporter::configured(&config).await;
    exporter.is_ready().await;
    let states = async || {
        let labels = [("namespace", namespace.name.as_str())];
        exporter
            .scrape()
            .await
            .facts("batch_job_state", &labels)
            .len()
    };
    let requests = exporter.scrape().await;
    let requests = requests.value(
        "job_status_exporter_api_requests_total",
        &[("verb", "list"), ("code", "200")],
    );
    // Three pages of Jobs and one of CronJobs.
    assert!(requests >= Some(4.0), "{requests:?}");
    assert_eq!(states().await, MANY as usize);

    let interval = Duration::from_secs(2);
    namespace.create(Job, "late", suspended()).await;
    namespace.delete(Job, "job-0").await;
    namespace.delete(Job, "job-1").await;
    eventually("the API has deleted them", EVENTUALLY, async || {
        let left = namespace
            .get(Job, "job-0")
            .await
            .or(namespace.get(Job, "job-1").await);
        left.map_or(Ok(()), Err)
    })
    .await;
    eventually(
        "one more and two less",
        interval + SOON,
        async || match states().await {
            states if states == MANY as usize - 1 => Ok(()),
            states => Err(states),
        },
    )
    .await;
    exporter.stop().await;
    namespace.remove().await;
}
