//! The families of kube-state-metrics while Jobs run: the scrape matches what the API lists at the same moment.
//!
//! The test computes the expected series from the objects as JSON, without code of the exporter. It lists before and after
//! each scrape, and compares only if both lists are equal.

use std::{collections::BTreeSet, time::Instant};

use serde_json::{Value, json};

use crate::{
    cluster::{
        Kind::{CronJob, Job},
        Namespace, kubeconfig_of,
    },
    cronjobs::yearly,
    expected::{compare, condition, seconds},
    jobs::{counts, spec},
    metrics::Samples,
    testbed::Testbed,
    wait::{TIMEOUT, WATCH_LATENCY},
};

/// The fewest states with active pods to compare. There are about thirty, but a busy machine skips many.
const MIN_ACTIVE_STATES: usize = 5;

/// The failure reasons that have their own series.
const REASONS: [&str; 3] = ["BackoffLimitExceeded", "DeadlineExceeded", "Evicted"];

#[tokio::test]
async fn the_families_of_kube_state_metrics_match_the_api() {
    let enabled = "metrics: {kube_state_metrics: {enabled: true}}";
    let testbed = Testbed::watching("ksm", &kubeconfig_of("token-reader"), enabled).await;
    create_all(&testbed.namespace).await;
    let start = Instant::now();
    let (mut matched, mut active_states) = (BTreeSet::new(), 0);
    let mut mismatch: Option<(Instant, String)> = None;
    loop {
        let before = objects(&testbed.namespace).await;
        let metrics = testbed.exporter.scrape().await;
        if versions(&before) == versions(&objects(&testbed.namespace).await) {
            let state = versions(&before);
            let shown = metrics.samples("kube_", &[("namespace", &testbed.namespace.name)]);
            if let Err(difference) = compare(&expected(&before), &shown) {
                let (since, mismatched_state) =
                    mismatch.get_or_insert_with(|| (Instant::now(), state.clone()));
                if *mismatched_state != state {
                    (*since, *mismatched_state) = (Instant::now(), state);
                }
                assert!(since.elapsed() < WATCH_LATENCY, "differs: {difference}");
            } else {
                if matched.insert(state) && before.0.iter().any(|job| counts(job, "active") > 0) {
                    active_states += 1;
                }
                if before.0.len() > 7 && before.0.iter().all(has_ended) {
                    break;
                }
            }
        }
        let waited = start.elapsed();
        assert!(
            waited < 2 * TIMEOUT,
            "some jobs have not ended: {before:#?}"
        );
        tokio::time::sleep(WATCH_LATENCY / 40).await;
    }
    println!(
        "{} states compared, {active_states} of them with active pods",
        matched.len()
    );
    assert!(active_states >= MIN_ACTIVE_STATES, "{active_states}");
    testbed.tear_down().await;
}

async fn create_all(namespace: &Namespace) {
    let slow = json!({"sim/delay": "3s"});
    let indexed = json!({"completionMode": "Indexed", "completions": 6, "parallelism": 2});
    let policy =
        json!({"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}}]});
    for (name, spec) in [
        (
            "succeeds",
            spec("succeed", &slow, json!({"activeDeadlineSeconds": 600})),
        ),
        (
            "is-indexed",
            spec("succeed", &json!({"sim/delay": "2s"}), indexed),
        ),
        ("is-retried", spec("fail.succeed", &slow, json!({}))),
        (
            "is-suspended",
            spec("hang", &json!({}), json!({"suspend": true})),
        ),
        ("fails", spec("fail", &slow, json!({"backoffLimit": 0}))),
        (
            "fails-by-policy",
            spec("fail", &slow, json!({"podFailurePolicy": policy})),
        ),
        (
            "is-late",
            spec("hang", &slow, json!({"activeDeadlineSeconds": 4})),
        ),
    ] {
        namespace.create(Job, name, spec).await;
    }
    let template = json!({"spec": spec("succeed", &slow, json!({}))});
    let minutely = json!({"schedule": "* * * * *", "jobTemplate": template});
    namespace.create(CronJob, "minutely", minutely).await;
    namespace.create(CronJob, "yearly", yearly(&template)).await;
}

/// All Jobs and all CronJobs.
type Objects = (Vec<Value>, Vec<Value>);

async fn objects(namespace: &Namespace) -> Objects {
    (namespace.list(Job).await, namespace.list(CronJob).await)
}

/// Identifies a state by all resource versions.
fn versions((jobs, cronjobs): &Objects) -> String {
    let version = |object: &Value| object["metadata"]["resourceVersion"].to_string();
    let versions: Vec<_> = jobs.iter().chain(cronjobs).map(version).collect();
    versions.join(" ")
}

fn has_ended(job: &Value) -> bool {
    let mut ends = ["Complete", "Failed", "Suspended"].into_iter();
    ends.any(|end| condition(job, end).is_some())
}

fn expected((jobs, cronjobs): &Objects) -> Samples {
    let mut samples = Samples::new();
    for job in jobs {
        add_job(&mut Series::of("job", "job_name", job, &mut samples), job);
    }
    for cronjob in cronjobs {
        add_cronjob(
            &mut Series::of("cronjob", "cronjob", cronjob, &mut samples),
            cronjob,
        );
    }
    samples
}

fn add_job(series: &mut Series<'_>, job: &Value) {
    let (spec, status) = (&job["spec"], &job["status"]);
    series.add("info", Some(1.0));
    series.add("created", seconds(&job["metadata"]["creationTimestamp"]));
    series.add("spec_parallelism", spec["parallelism"].as_f64());
    series.add("spec_completions", spec["completions"].as_f64());
    let deadline = spec["activeDeadlineSeconds"].as_f64();
    series.add("spec_active_deadline_seconds", deadline);
    for count in ["active", "ready", "succeeded"] {
        let family = format!("status_{count}");
        series.add(&family, Some(status[count].as_f64().unwrap_or(0.0)));
    }
    series.add("status_start_time", seconds(&status["startTime"]));
    series.add("status_completion_time", seconds(&status["completionTime"]));
    let conditions = status["conditions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    for condition in conditions {
        let is = |status: &str| Some(f64::from(u8::from(condition["status"] == status)));
        match condition["type"].as_str() {
            Some(kind @ ("Complete" | "Failed")) => {
                for (label, status) in
                    [("true", "True"), ("false", "False"), ("unknown", "Unknown")]
                {
                    series.labelled(&kind.to_lowercase(), &[("condition", label)], is(status));
                }
            }
            Some("Suspended") => series.add("status_suspended", is("True")),
            _ => {}
        }
    }
    add_failed_pods(series, job);
    for owner in job["metadata"]["ownerReferences"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let labels = [
            (
                "owner_is_controller",
                if owner["controller"] == true {
                    "true"
                } else {
                    "false"
                },
            ),
            ("owner_kind", owner["kind"].as_str().expect("a kind")),
            ("owner_name", owner["name"].as_str().expect("a name")),
        ];
        series.labelled("owner", &labels, Some(1.0));
    }
    if job["metadata"]["ownerReferences"].is_null() {
        series.add("owner", Some(1.0));
    }
}

/// Adds the number of failed pods or, once the Job failed, a flag for each known reason.
fn add_failed_pods(series: &mut Series<'_>, job: &Value) {
    let failed = job["status"]["failed"].as_f64().unwrap_or(0.0);
    let condition = condition(job, "Failed").filter(|_| failed > 0.0);
    let reason = condition.and_then(|condition| condition["reason"].as_str());
    for known in REASONS.into_iter().filter(|_| condition.is_some()) {
        let value = f64::from(u8::from(reason == Some(known)));
        series.labelled("status_failed", &[("reason", known)], Some(value));
    }
    if !reason.is_some_and(|reason| REASONS.contains(&reason)) {
        series.add("status_failed", Some(failed));
    }
}

fn add_cronjob(series: &mut Series<'_>, cronjob: &Value) {
    let (metadata, spec, status) = (&cronjob["metadata"], &cronjob["spec"], &cronjob["status"]);
    let labels = [
        (
            "concurrency_policy",
            spec["concurrencyPolicy"].as_str().expect("a policy"),
        ),
        ("schedule", spec["schedule"].as_str().expect("a schedule")),
        ("timezone", spec["timeZone"].as_str().unwrap_or("local")),
    ];
    series.labelled("info", &labels, Some(1.0));
    let created = seconds(&metadata["creationTimestamp"]);
    series.add("created", created);
    let active = status["active"].as_array().map_or(0, Vec::len);
    series.add("status_active", u32::try_from(active).ok().map(f64::from));
    let last = seconds(&status["lastScheduleTime"]);
    series.add("status_last_schedule_time", last);
    series.add(
        "status_last_successful_time",
        seconds(&status["lastSuccessfulTime"]),
    );
    let suspended = spec["suspend"] == true;
    series.add("spec_suspend", Some(f64::from(u8::from(suspended))));
    let deadline = spec["startingDeadlineSeconds"].as_f64();
    series.add("spec_starting_deadline_seconds", deadline);
    // Every CronJob that is not suspended is due each minute.
    let since = last.or(created).filter(|_| !suspended);
    let next = since.map(|since| ((since / 60.0).floor() + 1.0) * 60.0);
    series.add("next_schedule_time", next);
    let version = metadata["resourceVersion"].as_str();
    let version = version.and_then(|version| version.parse().ok());
    series.add("metadata_resource_version", version);
    for (family, field) in [
        (
            "spec_successful_job_history_limit",
            "successfulJobsHistoryLimit",
        ),
        ("spec_failed_job_history_limit", "failedJobsHistoryLimit"),
    ] {
        series.add(family, spec[field].as_f64());
    }
}

/// The series of one object.
struct Series<'a> {
    resource: &'static str,
    /// The label that has the object's name.
    label: (&'static str, &'a str),
    samples: &'a mut Samples,
}

impl<'a> Series<'a> {
    fn of(
        resource: &'static str,
        label: &'static str,
        object: &'a Value,
        samples: &'a mut Samples,
    ) -> Self {
        let name = object["metadata"]["name"].as_str().expect("a name");
        Self {
            resource,
            label: (label, name),
            samples,
        }
    }

    fn add(&mut self, family: &str, value: Option<f64>) {
        self.labelled(family, &[], value);
    }

    fn labelled(&mut self, family: &str, labels: &[(&str, &str)], value: Option<f64>) {
        let mut labels = [&[self.label], labels].concat();
        labels.sort_unstable();
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let series = format!("kube_{}_{family}{{{}}}", self.resource, labels.join(","));
        self.samples.extend(value.map(|value| (series, value)));
    }
}
