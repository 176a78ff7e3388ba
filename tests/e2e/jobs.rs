//! The lives that a Job can have, for whatever mode of reading: each state is made, then held against `/metrics`.
//!
//! All of one scene's stories run at the same time, each with a Job of its own by the story's name. Where a state passes by
//! itself it lasts 5 s, longer than any mode may take to show it.

use std::panic::AssertUnwindSafe;

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, join_all},
};
use serde_json::{Value, json};

use crate::{cluster::Kind::Job, expected::condition, scene::Scene};

/// What happens to the Job of this name.
pub(crate) type Story = for<'a> fn(&'a Scene, &'a str) -> LocalBoxFuture<'a, ()>;

/// Every way through the states that all modes have to show.
pub(crate) const STORIES: &[(&str, Story)] = &[
    ("succeeds", |scene, name| {
        succeeds(scene, name).boxed_local()
    }),
    ("is-pending", |scene, name| {
        is_pending(scene, name).boxed_local()
    }),
    ("is-retried", |scene, name| {
        is_retried(scene, name).boxed_local()
    }),
    ("is-suspended", |scene, name| {
        is_suspended(scene, name).boxed_local()
    }),
    ("is-indexed", |scene, name| {
        is_indexed(scene, name).boxed_local()
    }),
    ("succeeds-early", |scene, name| {
        succeeds_early(scene, name).boxed_local()
    }),
    ("backoff-limit", |scene, name| {
        backoff_limit(scene, name).boxed_local()
    }),
    ("deadline", |scene, name| {
        deadline(scene, name).boxed_local()
    }),
    ("pod-failure", |scene, name| {
        pod_failure(scene, name).boxed_local()
    }),
    ("failed-indexes", |scene, name| {
        failed_indexes(scene, name).boxed_local()
    }),
    ("max-failed", |scene, name| {
        max_failed(scene, name).boxed_local()
    }),
    ("is-foreign", |scene, name| {
        is_foreign(scene, name).boxed_local()
    }),
    ("comes-again", |scene, name| {
        comes_again(scene, name).boxed_local()
    }),
];

/// Tells the stories at the same time. All of them come to their end, whichever of them fail.
pub(crate) async fn tell(scene: &Scene, stories: &[(&str, Story)]) {
    let told = stories.iter().map(async |(name, story)| {
        let outcome = AssertUnwindSafe(story(scene, name)).catch_unwind().await;
        outcome.is_err().then_some(*name)
    });
    let failed: Vec<_> = join_all(told).await.into_iter().flatten().collect();
    assert!(failed.is_empty(), "these failed, see above: {failed:?}");
}

/// A Job's spec: what its pods do, as template labels and annotations, and what else is to be in it.
pub(crate) fn spec(outcome: &str, annotations: &Value, more: Value) -> Value {
    let mut spec = json!({"template": {
        "metadata": {"labels": {"sim/outcome": outcome}, "annotations": annotations},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "main", "image": "registry.example/pipeline:1"}],
        },
    }});
    if let (Some(spec), Value::Object(more)) = (spec.as_object_mut(), more) {
        spec.extend(more);
    }
    spec
}

pub(crate) fn counts(job: &Value, field: &str) -> i64 {
    job["status"][field].as_i64().unwrap_or(0)
}

fn is(kind: &str) -> impl Fn(&Value) -> bool {
    move |job| condition(job, kind).is_some()
}

fn is_running(job: &Value) -> bool {
    counts(job, "ready") == 1
}

async fn succeeds(scene: &Scene, name: &str) {
    let spec = spec(
        "succeed",
        &json!({"sim/delay": "5s"}),
        json!({"activeDeadlineSeconds": 600}),
    );
    scene.namespace.create(Job, name, spec).await;
    scene
        .shows_job(name, is_running, &[("state{state=\"running\"}", 1.0)])
        .await;
    let complete = [("state{state=\"complete\"}", 1.0)];
    scene.shows_job(name, is("Complete"), &complete).await;
    scene.keeps_finished_job(name).await;
}

async fn is_pending(scene: &Scene, name: &str) {
    scene
        .namespace
        .create(Job, name, spec("pending", &json!({}), json!({})))
        .await;
    let pending = |job: &Value| counts(job, "active") == 1 && counts(job, "ready") == 0;
    scene
        .shows_job(name, pending, &[("state{state=\"pending\"}", 1.0)])
        .await;
    scene.drops_unfinished_job(name).await;
}

async fn is_retried(scene: &Scene, name: &str) {
    // The second pod comes only after 10 s: between the two the Job is at work, although it has no pod.
    let spec = spec(
        "fail.succeed",
        &json!({"sim/delay": "1s"}),
        json!({"backoffLimit": 3}),
    );
    scene.namespace.create(Job, name, spec).await;
    let waits = |job: &Value| counts(job, "failed") == 1 && counts(job, "active") == 0;
    scene
        .shows_job(name, waits, &[("state{state=\"running\"}", 1.0)])
        .await;
    let complete = [("state{state=\"complete\"}", 1.0)];
    scene.shows_job(name, is("Complete"), &complete).await;
}

async fn is_suspended(scene: &Scene, name: &str) {
    let suspended = [("state{state=\"suspended\"}", 1.0)];
    scene
        .namespace
        .create(
            Job,
            name,
            spec("hang", &json!({}), json!({"suspend": true})),
        )
        .await;
    scene.shows_job(name, is("Suspended"), &suspended).await;
    scene
        .namespace
        .patch(Job, name, json!({"spec": {"suspend": false}}))
        .await;
    scene
        .shows_job(name, is_running, &[("state{state=\"running\"}", 1.0)])
        .await;
    scene
        .namespace
        .patch(Job, name, json!({"spec": {"suspend": true}}))
        .await;
    let stopped = |job: &Value| {
        is("Suspended")(job) && counts(job, "active") == 0 && counts(job, "terminating") == 0
    };
    scene.shows_job(name, stopped, &suspended).await;
}

async fn is_indexed(scene: &Scene, name: &str) {
    let more = json!({"completionMode": "Indexed", "completions": 3, "parallelism": 2});
    scene
        .namespace
        .create(Job, name, spec("succeed.hang.succeed", &json!({}), more))
        .await;
    let hangs = |job: &Value| job["status"]["completedIndexes"] == "0,2" && is_running(job);
    let running = [
        ("state{state=\"running\"}", 1.0),
        ("completed_indexes", 2.0),
    ];
    scene.shows_job(name, hangs, &running).await;
    scene.namespace.release(name).await;
    let complete = [
        ("state{state=\"complete\"}", 1.0),
        ("completed_indexes", 3.0),
    ];
    scene.shows_job(name, is("Complete"), &complete).await;
}

async fn succeeds_early(scene: &Scene, name: &str) {
    let more = json!({
        "completionMode": "Indexed", "completions": 2, "parallelism": 2,
        "successPolicy": {"rules": [{"succeededIndexes": "0"}]},
    });
    // The other pod is not needed any more, and takes its time to stop.
    let slow = json!({"sim/stop-delay": "5s"});
    scene
        .namespace
        .create(Job, name, spec("succeed.hang", &slow, more))
        .await;
    let stopping = |job: &Value| is("SuccessCriteriaMet")(job) && counts(job, "terminating") == 1;
    let succeeding = [
        ("state{state=\"succeeding\"}", 1.0),
        ("completed_indexes", 1.0),
    ];
    scene.shows_job(name, stopping, &succeeding).await;
    let complete = [
        ("state{state=\"complete\"}", 1.0),
        ("completed_indexes", 1.0),
    ];
    scene.shows_job(name, is("Complete"), &complete).await;
}

async fn backoff_limit(scene: &Scene, name: &str) {
    let more = json!({"backoffLimit": 0});
    scene
        .namespace
        .create(Job, name, spec("fail", &json!({}), more))
        .await;
    fails(scene, name, "BackoffLimitExceeded", &[]).await;
    scene.keeps_finished_job(name).await;
}

async fn deadline(scene: &Scene, name: &str) {
    let more = json!({"activeDeadlineSeconds": 2});
    scene
        .namespace
        .create(
            Job,
            name,
            spec("hang", &json!({"sim/stop-delay": "5s"}), more),
        )
        .await;
    let stopping = |job: &Value| is("FailureTarget")(job) && counts(job, "terminating") == 1;
    scene
        .shows_job(name, stopping, &[("state{state=\"failing\"}", 1.0)])
        .await;
    fails(scene, name, "DeadlineExceeded", &[]).await;
}

async fn pod_failure(scene: &Scene, name: &str) {
    let rule = json!({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}});
    let more = json!({"podFailurePolicy": {"rules": [rule]}});
    scene
        .namespace
        .create(
            Job,
            name,
            spec("fail", &json!({"sim/exit-code": "42"}), more),
        )
        .await;
    fails(scene, name, "PodFailurePolicy", &[]).await;
}

async fn failed_indexes(scene: &Scene, name: &str) {
    let more = json!({
        "completionMode": "Indexed", "completions": 3, "parallelism": 3, "backoffLimitPerIndex": 0,
    });
    scene
        .namespace
        .create(Job, name, spec("succeed.fail.succeed", &json!({}), more))
        .await;
    let indexes = [("completed_indexes", 2.0), ("failed_indexes", 1.0)];
    fails(scene, name, "FailedIndexes", &indexes).await;
}

async fn max_failed(scene: &Scene, name: &str) {
    let more = json!({
        "completionMode": "Indexed", "completions": 3, "parallelism": 3, "backoffLimitPerIndex": 0,
        "maxFailedIndexes": 1,
    });
    scene
        .namespace
        .create(Job, name, spec("fail.fail.hang", &json!({}), more))
        .await;
    let indexes = [("completed_indexes", 0.0), ("failed_indexes", 2.0)];
    fails(scene, name, "MaxFailedIndexesExceeded", &indexes).await;
}

/// A Job that another controller looks after, with a reason of its own.
async fn is_foreign(scene: &Scene, name: &str) {
    let more = json!({"managedBy": "example.com/elsewhere"});
    scene
        .namespace
        .create(Job, name, spec("hang", &json!({}), more))
        .await;
    let now = jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let condition = |kind| json!({"type": kind, "status": "True", "reason": "LostInTransit", "lastTransitionTime": now});
    let conditions = json!([condition("FailureTarget"), condition("Failed")]);
    let status = json!({"status": {"startTime": now, "failed": 7, "conditions": conditions}});
    scene
        .namespace
        .patch(Job, &format!("{name}/status"), status)
        .await;
    fails(scene, name, "Other", &[]).await;
}

/// The same name is another run when it is there again.
async fn comes_again(scene: &Scene, name: &str) {
    scene
        .namespace
        .create(Job, name, spec("succeed", &json!({}), json!({})))
        .await;
    let complete = [("state{state=\"complete\"}", 1.0)];
    let first = scene.shows_job(name, is("Complete"), &complete).await;
    scene.keeps_finished_job(name).await;
    scene
        .namespace
        .create(Job, name, spec("hang", &json!({}), json!({})))
        .await;
    let second = scene
        .shows_job(name, is_running, &[("state{state=\"running\"}", 1.0)])
        .await;
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
}

async fn fails(scene: &Scene, name: &str, reason: &str, indexes: &[(&str, f64)]) {
    let reason = format!("failed{{reason={reason:?}}}");
    let mut failed = vec![("state{state=\"failed\"}", 1.0), (reason.as_str(), 1.0)];
    failed.extend(indexes);
    scene.shows_job(name, is("Failed"), &failed).await;
}
