//! CronJobs: created, running on the minute, done, suspended; and their runs, which belong to them.

use serde_json::{Value, json};

use crate::{
    cluster::{Kind::CronJob, kubeconfig_of},
    jobs::spec,
    patience::{SOON, eventually},
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
    eventually("the run is shown as the CronJob's", SOON, async || {
        let labels = [
            ("namespace", namespace.name.as_str()),
            ("workload_type", "cronjob"),
            ("workload", "always"),
        ];
        let states = scene
            .exporter
            .scrape()
            .await
            .facts("batch_job_state", &labels);
        if states.len() == 1 {
            Ok(())
        } else {
            Err(states)
        }
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
    eventually("it is gone", SOON, async || {
        let labels = [
            ("namespace", namespace.name.as_str()),
            ("cronjob", "seldom"),
        ];
        let left = scene
            .exporter
            .scrape()
            .await
            .facts("batch_cronjob_", &labels);
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    scene.end().await;
}
