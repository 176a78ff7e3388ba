//! The families of kube-state-metrics while Jobs run: what is shown is what the API lists at the same moment.
//!
//! They are rebuilt here from the objects as JSON, with nothing of the exporter in between. Two equal lists, one before and
//! one after the scrape, tell that nothing has changed meanwhile.

use std::{collections::BTreeSet, time::Instant};

use serde_json::{Value, json};

use crate::{
    cluster::{
        Kind::{CronJob, Job},
        Namespace, kubeconfig_of,
    },
    expected::{condition, same, seconds},
    jobs::{counts, spec},
    metrics::Facts,
    patience::{EVENTUALLY, SOON},
    scene::Scene,
};

/// States with pods at work that are to be compared. There are some thirty; on a busy machine many are over too soon.
const STATES: usize = 5;

/// The reasons of a failure that have a series of their own.
const REASONS: [&str; 3] = ["BackoffLimitExceeded", "DeadlineExceeded", "Evicted"];

#[tokio::test]
async fn the_families_of_kube_state_metrics_follow_the_api() {
    let on = "metrics: {kube_state_metrics: {enabled: true}}";
    let scene = Scene::watched("ksm", &kubeconfig_of("token-reader"), on).await;
    create_all(&scene.namespace).await;
    let begin = Instant::now();
    let (mut agreed, mut at_work) = (BTreeSet::new(), 0);
    let mut differs: Option<(Instant, String)> = None;
    loop {
        let before = objects(&scene.namespace).await;
        let metrics = scene.exporter.scrape().await;
        if versions(&before) == versions(&objects(&scene.namespace).await) {
            let state = versions(&before);
            let shown = metrics.facts("kube_", &[("namespace", &scene.namespace.name)]);
            if let Err(difference) = same(&rebuilt(&before), &shown) {
                let (since, of) = differs.get_or_insert_with(|| (Instant::now(), state.clone()));
                if *of != state {
                    (*since, *of) = (Instant::now(), state);
                }
                assert!(since.elapsed() < SOON, "differs: {difference}");
            } else {
                if agreed.insert(state) && before.0.iter().any(|job| counts(job, "active") > 0) {
                    at_work += 1;
                }
                if before.0.len() > 7 && before.0.iter().all(is_over) {
                    break;
                }
            }
        }
        let waited = begin.elapsed();
        assert!(waited < 2 * EVENTUALLY, "not all is over: {before:#?}");
        tokio::time::sleep(SOON / 40).await;
    }
    println!(
        "{} states compared, {at_work} of them with pods at work",
        agreed.len()
    );
    assert!(at_work >= STATES, "{at_work}");
    scene.end().await;
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
    let always = json!({"schedule": "* * * * *", "jobTemplate": template});
    namespace.create(CronJob, "always", always).await;
    let seldom = json!({
        "schedule": "30 4 1 1 *", "timeZone": "Europe/Berlin", "suspend": true, "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 300, "successfulJobsHistoryLimit": 0, "jobTemplate": template,
    });
    namespace.create(CronJob, "seldom", seldom).await;
}

/// All Jobs and all CronJobs.
type Objects = (Vec<Value>, Vec<Value>);

async fn objects(namespace: &Namespace) -> Objects {
    (namespace.list(Job).await, namespace.list(CronJob).await)
}

/// Tells two states apart.
fn versions((jobs, cronjobs): &Objects) -> String {
    let version = |object: &Value| object["metadata"]["resourceVersion"].to_string();
    let versions: Vec<_> = jobs.iter().chain(cronjobs).map(version).collect();
    versions.join(" ")
}

fn is_over(job: &Value) -> bool {
    let mut ends = ["Complete", "Failed", "Suspended"].into_iter();
    ends.any(|end| condition(job, end).is_some())
}

fn rebuilt((jobs, cronjobs): &Objects) -> Facts {
    let mut facts = Facts::new();
    for job in jobs {
        add_job(&mut Series::of("job", "job_name", job, &mut facts), job);
    }
    for cronjob in cronjobs {
        add_cronjob(
            &mut Series::of("cronjob", "cronjob", cronjob, &mut facts),
            cronjob,
        );
    }
    facts
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

/// A number of pods, or a flag for each known reason once the Job failed.
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
    // All that are not suspended are due on the minute.
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
    /// The label with the object's name.
    label: (&'static str, &'a str),
    facts: &'a mut Facts,
}

impl<'a> Series<'a> {
    fn of(
        resource: &'static str,
        label: &'static str,
        object: &'a Value,
        facts: &'a mut Facts,
    ) -> Self {
        let name = object["metadata"]["name"].as_str().expect("a name");
        Self {
            resource,
            label: (label, name),
            facts,
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
        self.facts.extend(value.map(|value| (series, value)));
    }
}
