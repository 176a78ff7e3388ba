//! A CronJob that is due each minute, and what is told of it as a workload.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{
    cluster::{
        Kind::{CronJob, Job},
        Namespace,
    },
    expected::{condition, end, seconds},
    exporter::Exporter,
    jobs::spec,
    metrics::Facts,
    patience::{EVENTUALLY, SOON, eventually},
    scene::Scene,
};

/// A run is due within this time, and has had its time to end.
pub(crate) const A_MINUTE: Duration = EVENTUALLY.saturating_add(Duration::from_secs(20));

/// How many seconds late a run may start. Controllers on a busy machine do need some.
pub(crate) const GRACE: u64 = 15;

/// A CronJob, and what is shown of it.
pub(crate) struct WorkloadRef<'a> {
    pub(crate) exporter: &'a Exporter,
    pub(crate) namespace: &'a Namespace,
    pub(crate) name: &'a str,
    /// Whether no run of it may ever be shown as missed.
    pub(crate) on_time: bool,
}

/// Facts of a workload or CronJob, without `batch_`, and their values; those that must not be there have none.
pub(crate) type Expected<'a> = [(&'a str, Option<f64>)];

impl<'a> WorkloadRef<'a> {
    pub(crate) fn of(scene: &'a Scene, name: &'a str) -> Self {
        Self {
            exporter: &scene.exporter,
            namespace: &scene.namespace,
            name,
            on_time: true,
        }
    }

    /// Makes a CronJob that is due each minute.
    pub(crate) async fn create(&self, outcome: &str, more: Value, job: Value) -> Value {
        let template = json!({"spec": spec(outcome, &json!({}), job)});
        let mut spec = json!({"schedule": "* * * * *", "jobTemplate": template});
        if let (Some(spec), Value::Object(more)) = (spec.as_object_mut(), more) {
            spec.extend(more);
        }
        let grace = json!({"job-status-exporter/start-grace": format!("{GRACE}s")});
        let grace = json!({"annotations": grace});
        self.namespace
            .create_with(CronJob, self.name, grace, spec)
            .await
    }

    /// Makes a run of this CronJob in place of the controller.
    pub(crate) async fn run(&self, cronjob: &Value, run: &str, annotations: Value, outcome: &str) {
        let owner = json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "name": self.name, "controller": true,
            "uid": cronjob["metadata"]["uid"],
        });
        let metadata = json!({"annotations": annotations, "ownerReferences": [owner]});
        let spec = spec(outcome, &json!({}), json!({"backoffLimit": 0}));
        let name = format!("{}-{run}", self.name);
        self.namespace.create_with(Job, &name, metadata, spec).await;
    }

    /// What pods do from the next run on.
    pub(crate) async fn outcome(&self, outcome: &str) {
        let template = json!({"metadata": {"labels": {"sim/outcome": outcome}}});
        let change = json!({"spec": {"jobTemplate": {"spec": {"template": template}}}});
        self.namespace.patch(CronJob, self.name, change).await;
    }

    pub(crate) fn owns(&self, job: &Value) -> bool {
        job["metadata"]["ownerReferences"][0]["name"] == self.name
    }

    /// Waits for a run to end that is none of `known`.
    pub(crate) async fn ends(&self, known: &[&Value]) -> Value {
        let uid = |job: &Value| job["metadata"]["uid"].clone();
        let known: Vec<_> = known.iter().map(|job| uid(job)).collect();
        let what = format!("a run of {} ends", self.name);
        eventually(&what, A_MINUTE, async || {
            let mut jobs = self.namespace.list(Job).await;
            jobs.retain(|job| self.owns(job));
            let over = |job: &Value| {
                condition(job, "Complete")
                    .or(condition(job, "Failed"))
                    .is_some()
            };
            let job = jobs
                .iter()
                .find(|job| over(job) && !known.contains(&uid(job)));
            job.cloned().ok_or(jobs)
        })
        .await
    }

    pub(crate) async fn facts(&self) -> Facts {
        let metrics = self.exporter.scrape().await;
        let namespace = ("namespace", self.namespace.name.as_str());
        let workload = [
            namespace,
            ("workload_type", "cronjob"),
            ("workload", self.name),
        ];
        let mut facts = metrics.facts("batch_workload_", &workload);
        facts.extend(metrics.facts("batch_cronjob_", &[namespace, ("cronjob", self.name)]));
        facts
    }

    /// Waits until this is shown.
    pub(crate) async fn shows(&self, limit: Duration, expected: &Expected<'_>) {
        let what = format!("{} is shown with {expected:?}", self.name);
        let begin = Instant::now();
        eventually(&what, limit, async || {
            let facts = self.facts().await;
            let missed = facts.get("batch_cronjob_missed_runs");
            let late = self.on_time && missed.is_some_and(|missed| *missed != 0.0);
            assert!(!late, "missed runs of {}: {facts:#?}", self.name);
            let shown = |fact: &str| facts.get(&format!("batch_{fact}")).copied();
            let differ = expected
                .iter()
                .filter(|(fact, value)| shown(fact) != *value);
            let differ: Vec<_> = differ.map(|(fact, _)| (*fact, shown(fact))).collect();
            if differ.is_empty() {
                Ok(())
            } else {
                Err(differ)
            }
        })
        .await;
        println!("{what} after {:?}", begin.elapsed());
    }

    /// Holds that this is shown soon, with that Job as the last run.
    pub(crate) async fn shows_last(&self, job: &Value, more: &Expected<'_>) {
        let (start, end) = (seconds(&job["status"]["startTime"]), end(job));
        let duration = end.zip(start).map(|(end, start)| end - start);
        let last = [
            ("workload_last_run_start_timestamp_seconds", start),
            ("workload_last_run_end_timestamp_seconds", end),
            ("workload_last_run_duration_seconds", duration),
        ];
        self.shows(SOON, &[&last, more].concat()).await;
    }
}

/// When the controller had a run due.
pub(crate) fn due(job: &Value) -> f64 {
    let due = &job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    seconds(due).expect("a due time")
}

pub(crate) fn ago(seconds: i64) -> String {
    let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}
