//! Polling: single configured jobs, with their states within interval + 2 s, and whole lists in pages.

use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind::Job, kubeconfig_of},
    expected::condition,
    jobs::{self, STORIES, spec},
    metrics::Facts,
    scene::Scene,
};

/// More than two pages of a list.
const MANY: usize = 1_100;

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
    let create = async |name: &str| {
        let spec = spec("succeed", &json!({}), json!({"suspend": true}));
        namespace.create(Job, name, spec).await;
    };
    let begin = Instant::now();
    stream::iter(0..MANY)
        .for_each_concurrent(32, async |number| create(&format!("job-{number}")).await)
        .await;
    println!("{MANY} jobs created in {:?}", begin.elapsed());
    create("unwanted").await;

    // The label `e2e` of a Job is its name.
    let reader = kubeconfig_of("token-reader");
    let scene = Scene::listed(namespace.clone(), &reader, "e2e notin (unwanted)").await;
    let metrics = scene.exporter.scrape().await;
    let good_lists = [("verb", "list"), ("code", "200")];
    let requests = metrics.value("job_status_exporter_api_requests_total", &good_lists);
    // Three pages of Jobs and one of CronJobs.
    assert!(requests >= Some(4.0), "{requests:?}");
    let states = metrics.facts("batch_job_state", &[("namespace", &namespace.name)]);
    assert_eq!(states.len(), MANY);
    assert_eq!(scene.job(&metrics, "unwanted"), Facts::new());

    create("late").await;
    let suspended = |job: &Value| condition(job, "Suspended").is_some();
    let state = [("state{state=\"suspended\"}", 1.0)];
    scene.shows_job("late", suspended, &state).await;
    scene.drops_unfinished_job("late").await;
    scene.end().await;
}
