//! Poll mode: configured jobs, whose states are shown within the interval plus 2 s, and lists in pages.

use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, Kind::Job, kubeconfig_of},
    expected::condition,
    jobs::{self, SCENARIOS, spec},
    metrics::Samples,
    testbed::Testbed,
};

/// The number of Jobs: more than two pages.
const JOBS: usize = 1_100;

#[tokio::test]
async fn poll_mode_shows_every_state_of_a_job() {
    let names: Vec<_> = SCENARIOS.iter().map(|(name, _)| *name).collect();
    let testbed = Testbed::polling_jobs("poll", &kubeconfig_of("token-reader"), &names).await;
    let metrics = testbed.exporter.scrape().await;
    for name in names {
        let labels = [
            ("namespace", testbed.namespace.name.as_str()),
            ("job_name", name),
        ];
        assert_eq!(
            metrics.value("batch_job_exists", &labels),
            Some(0.0),
            "{name}"
        );
    }
    jobs::run_all(&testbed, SCENARIOS).await;
    assert_eq!(testbed.exporter.log_at_level("WARN"), Vec::<Value>::new());
    testbed.tear_down().await;
}

#[tokio::test]
async fn poll_mode_lists_in_pages_and_by_selector() {
    let namespace = Cluster::from_env().await.namespace("lists").await;
    let create = async |name: &str| {
        let spec = spec("succeed", &json!({}), json!({"suspend": true}));
        namespace.create(Job, name, spec).await;
    };
    let start = Instant::now();
    stream::iter(0..JOBS)
        .for_each_concurrent(32, async |number| create(&format!("job-{number}")).await)
        .await;
    println!("{JOBS} jobs created in {:?}", start.elapsed());
    create("unwanted").await;

    // Each Job has its name in the label `e2e`.
    let reader = kubeconfig_of("token-reader");
    let testbed = Testbed::polling_lists(namespace.clone(), &reader, "e2e notin (unwanted)").await;
    let metrics = testbed.exporter.scrape().await;
    let successful_lists = [("verb", "list"), ("code", "200")];
    let requests = metrics.value("job_status_exporter_api_requests_total", &successful_lists);
    // Three pages of Jobs and one of CronJobs.
    assert!(requests >= Some(4.0), "{requests:?}");
    let states = metrics.samples("batch_job_state", &[("namespace", &namespace.name)]);
    assert_eq!(states.len(), JOBS);
    assert_eq!(testbed.job(&metrics, "unwanted"), Samples::new());

    create("late").await;
    let suspended = |job: &Value| condition(job, "Suspended").is_some();
    let state = [("state{state=\"suspended\"}", 1.0)];
    testbed.assert_job_shown("late", suspended, &state).await;
    testbed.assert_unfinished_job_dropped("late").await;
    testbed.tear_down().await;
}
