//! CronJobs: created, running on the minute, done, suspended; and their runs, which belong to them.

use serde_json::{Value, json};

use crate::{
    cluster::{Kind::CronJob, kubeconfig_of},
    jobs::spec,
    metrics::Facts,
    patience::{SOON, becomes},
    scene::Scene,
};

#[tokio::test]
async fn every_state_of_a_cronjob_is_shown() {
    let scene = Scene::watched("cron", &kubeconfig_of("token-reader"), "").await;
    let namespace = &scene.namespace;
    let template = json!({"spec": spec("succeed", &json!({"sim/delay": "5s"}), json!({}))});
    let seldom = json!({
        "schedule": "30 4 1 1 *", "timeZone": "Europe/Berlin", "suspend": true, "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300, "successfulJobsHistoryLimit": 0, "jobTemplate": template,
    });
    namespace.create(CronJob, "seldom", seldom).await;
    let always = json!({"schedule": "* * * * *", "jobTemplate": template});
    namespace.create(CronJob, "always", always).await;
    scene.shows_cronjob("seldom", |_| true).await;
    scene.shows_cronjob("always", |_| true).await;

    let active = |cronjob: &Value| cronjob["status"]["active"].as_array().map_or(0, Vec::len);
    scene
        .shows_cronjob("always", |cronjob| active(cronjob) == 1)
        .await;
    becomes("the runs shown as the CronJob's", SOON, 1, async || {
        let labels = [
            ("namespace", namespace.name.as_str()),
            ("workload_type", "cronjob"),
            ("workload", "always"),
        ];
        let metrics = scene.exporter.scrape().await;
        metrics.facts("batch_job_state", &labels).len()
    })
    .await;
    namespace
        .patch(CronJob, "always", json!({"spec": {"suspend": true}}))
        .await;
    let done = |cronjob: &Value| {
        active(cronjob) == 0 && !cronjob["status"]["lastSuccessfulTime"].is_null()
    };
    scene.shows_cronjob("always", done).await;

    namespace.delete(CronJob, "seldom").await;
    becomes("what is left of it", SOON, Facts::new(), async || {
        let labels = [
            ("namespace", namespace.name.as_str()),
            ("cronjob", "seldom"),
        ];
        scene
            .exporter
            .scrape()
            .await
            .facts("batch_cronjob_", &labels)
    })
    .await;
    scene.end().await;
}
