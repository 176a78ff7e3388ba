//! CronJobs through their states: created, running, idle, suspended. Their runs have the labels of the CronJob.

use serde_json::{Value, json};

use crate::{
    cluster::{Kind::CronJob, kubeconfig_of},
    expected::fields_of_cronjob,
    jobs::spec,
    metrics::Samples,
    testbed::Testbed,
    wait::{WATCH_LATENCY, eventually_equals},
};

#[tokio::test]
async fn watch_mode_shows_every_state_of_a_cronjob() {
    let testbed = Testbed::watching("cron", &kubeconfig_of("token-reader"), "").await;
    let namespace = &testbed.namespace;
    let template = json!({"spec": spec("succeed", &json!({"sim/delay": "5s"}), json!({}))});
    namespace.create(CronJob, "yearly", yearly(&template)).await;
    let minutely = json!({"schedule": "* * * * *", "jobTemplate": template});
    namespace.create(CronJob, "minutely", minutely).await;
    testbed.assert_cronjob_shown("yearly", |_| true).await;
    testbed.assert_cronjob_shown("minutely", |_| true).await;

    let active = |cronjob: &Value| cronjob["status"]["active"].as_array().map_or(0, Vec::len);
    testbed
        .assert_cronjob_shown("minutely", |cronjob| active(cronjob) == 1)
        .await;
    eventually_equals(
        "the runs shown with the labels of the CronJob",
        WATCH_LATENCY,
        1,
        async || {
            let labels = [
                ("namespace", namespace.name.as_str()),
                ("workload_type", "cronjob"),
                ("workload", "minutely"),
            ];
            let metrics = testbed.exporter.scrape().await;
            metrics.samples("batch_job_state", &labels).len()
        },
    )
    .await;
    namespace
        .patch(CronJob, "minutely", json!({"spec": {"suspend": true}}))
        .await;
    let idle = |cronjob: &Value| {
        active(cronjob) == 0 && !cronjob["status"]["lastSuccessfulTime"].is_null()
    };
    testbed.assert_cronjob_shown("minutely", idle).await;

    namespace.delete(CronJob, "yearly").await;
    eventually_equals(
        "the remaining series of the cronjob",
        WATCH_LATENCY,
        Samples::new(),
        async || {
            let labels = [
                ("namespace", namespace.name.as_str()),
                ("workload_type", "cronjob"),
                ("workload", "yearly"),
            ];
            // What was observed of the schedule stays with the workload for a while.
            let metrics = testbed.exporter.scrape().await;
            fields_of_cronjob(metrics.samples("batch_cronjob_", &labels))
        },
    )
    .await;
    testbed.tear_down().await;
}

/// The spec of a suspended CronJob with all optional fields.
pub(crate) fn yearly(template: &Value) -> Value {
    json!({
        "schedule": "30 4 1 1 *", "timeZone": "Europe/Berlin", "suspend": true, "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300, "successfulJobsHistoryLimit": 0, "jobTemplate": template,
    })
}
