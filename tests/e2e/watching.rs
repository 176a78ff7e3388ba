//! Watching Jobs: every state is on `/metrics` within 2 s, with a user who may get, list and watch, and nothing else.

use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::{
    cluster::{Kind::Job, kubeconfig_of},
    jobs::{self, STORIES, Story, counts, spec},
    metrics::Facts,
    patience::{SOON, becomes, eventually},
    scene::Scene,
};

/// What polling cannot be sure to see.
const FLEETING: (&str, Story) = ("leaves-at-once", |scene, name| {
    leaves_at_once(scene, name).boxed_local()
});

#[tokio::test]
async fn every_state_of_a_job_is_shown_when_watching() {
    let scene = Scene::watched("watch", &kubeconfig_of("token-reader"), "").await;
    let stories: Vec<_> = STORIES.iter().copied().chain([FLEETING]).collect();
    jobs::tell(&scene, &stories).await;
    assert_eq!(scene.exporter.log_of("WARN"), Vec::<Value>::new());
    scene.end().await;
}

/// With a time to live of 0 the Job is deleted as soon as it is complete. Its end is shown nonetheless.
async fn leaves_at_once(scene: &Scene, name: &str) {
    let more = json!({"ttlSecondsAfterFinished": 0});
    scene
        .namespace
        .create(
            Job,
            name,
            spec("succeed", &json!({"sim/delay": "3s"}), more),
        )
        .await;
    let running = |job: &Value| counts(job, "ready") == 1;
    scene
        .shows_job(name, running, &[("state{state=\"running\"}", 1.0)])
        .await;
    scene.is_gone(name).await;
    eventually("its end is shown", SOON, async || {
        let facts = scene.job(&scene.exporter.scrape().await, name);
        let complete = facts.get("batch_job_state{state=\"complete\"}") == Some(&1.0)
            && facts.get("batch_job_succeeded_pods") == Some(&1.0);
        let times =
            ["start", "end"].map(|time| facts.get(&format!("batch_job_{time}_timestamp_seconds")));
        match times {
            [Some(start), Some(end)] if complete && end - start >= 3.0 => Ok(()),
            _ => Err(facts),
        }
    })
    .await;
}

#[tokio::test]
async fn a_deleted_job_leaves_when_its_time_is_over() {
    let scene = Scene::watched(
        "retain",
        &kubeconfig_of("token-reader"),
        "retain_deleted: 5s",
    )
    .await;
    let name = "finished";
    scene
        .namespace
        .create(Job, name, spec("succeed", &json!({}), json!({})))
        .await;
    let complete =
        |job: &Value| counts(job, "succeeded") == 1 && !job["status"]["completionTime"].is_null();
    scene
        .shows_job(name, complete, &[("state{state=\"complete\"}", 1.0)])
        .await;
    scene.keeps_finished_job(name).await;
    becomes(
        "what is left of it",
        Duration::from_secs(7),
        Facts::new(),
        async || scene.job(&scene.exporter.scrape().await, name),
    )
    .await;
    scene.end().await;
}
