//! A CronJob that is due each minute, and its series as a workload.

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
    metrics::Samples,
    testbed::Testbed,
    wait::{TIMEOUT, WATCH_LATENCY, eventually},
};

/// The time within which a run is due and ends.
pub(crate) const RUN_TIMEOUT: Duration = TIMEOUT.saturating_add(Duration::from_secs(20));

/// The start grace in seconds. Controllers on a busy machine start runs late.
pub(crate) const GRACE: u64 = 15;

/// A CronJob, and the exporter that shows it.
pub(crate) struct WorkloadRef<'a> {
    pub(crate) exporter: &'a Exporter,
    pub(crate) namespace: &'a Namespace,
    pub(crate) name: &'a str,
    /// Makes [`expect`](Self::expect) assert with every scrape that no run is overdue.
    pub(crate) nothing_overdue: bool,
}

/// Expected samples of a workload or CronJob, without the prefix `batch_`. `None` means that the series is absent.
pub(crate) type Expected<'a> = [(&'a str, Option<f64>)];

impl<'a> WorkloadRef<'a> {
    pub(crate) fn of(testbed: &'a Testbed, name: &'a str) -> Self {
        Self {
            exporter: &testbed.exporter,
            namespace: &testbed.namespace,
            name,
            nothing_overdue: true,
        }
    }

    /// Creates a CronJob that is due each minute.
    pub(crate) async fn create(&self, outcome: &str, more: Value, job: Value) -> Value {
        let template = json!({"spec": spec(outcome, &json!({}), job)});
        let mut spec = json!({"schedule": "* * * * *", "jobTemplate": template});
        if let (Some(spec), Value::Object(more)) = (spec.as_object_mut(), more) {
            spec.extend(more);
        }
        let grace = json!({"job-status-exporter/start-grace": format!("{GRACE}s")});
        let grace = json!({"annotations": grace});
        self.namespace
            .create_with_metadata(CronJob, self.name, grace, spec)
            .await
    }

    /// Creates a run of this CronJob in place of the controller.
    pub(crate) async fn create_run(
        &self,
        cronjob: &Value,
        run: &str,
        annotations: Value,
        outcome: &str,
    ) {
        let owner = json!({
            "apiVersion": "batch/v1", "kind": "CronJob", "name": self.name, "controller": true,
            "uid": cronjob["metadata"]["uid"],
        });
        let metadata = json!({"annotations": annotations, "ownerReferences": [owner]});
        let spec = spec(outcome, &json!({}), json!({"backoffLimit": 0}));
        let name = format!("{}-{run}", self.name);
        self.namespace
            .create_with_metadata(Job, &name, metadata, spec)
            .await;
    }

    /// Sets what the pods do, from the next run on.
    pub(crate) async fn set_outcome(&self, outcome: &str) {
        let template = json!({"metadata": {"labels": {"sim/outcome": outcome}}});
        let change = json!({"spec": {"jobTemplate": {"spec": {"template": template}}}});
        self.namespace.patch(CronJob, self.name, change).await;
    }

    pub(crate) fn owns(&self, job: &Value) -> bool {
        job["metadata"]["ownerReferences"][0]["name"] == self.name
    }

    /// Waits until a run ends that is not among `known`.
    pub(crate) async fn wait_for_finished_run(&self, known: &[&Value]) -> Value {
        let uid = |job: &Value| job["metadata"]["uid"].clone();
        let known: Vec<_> = known.iter().map(|job| uid(job)).collect();
        let what = format!("a run of {} ends", self.name);
        eventually(&what, RUN_TIMEOUT, async || {
            let mut jobs = self.namespace.list(Job).await;
            jobs.retain(|job| self.owns(job));
            let ended = |job: &Value| {
                condition(job, "Complete")
                    .or(condition(job, "Failed"))
                    .is_some()
            };
            let job = jobs
                .iter()
                .find(|job| ended(job) && !known.contains(&uid(job)));
            job.cloned().ok_or(jobs)
        })
        .await
    }

    /// The current samples of the workload and the CronJob.
    pub(crate) async fn samples(&self) -> Samples {
        let metrics = self.exporter.scrape().await;
        let workload = [
            ("namespace", self.namespace.name.as_str()),
            ("workload_type", "cronjob"),
            ("workload", self.name),
        ];
        let mut samples = metrics.samples("batch_workload_", &workload);
        samples.extend(metrics.samples("batch_cronjob_", &workload));
        samples
    }

    /// Waits until the exporter shows these samples.
    pub(crate) async fn expect(&self, limit: Duration, expected: &Expected<'_>) {
        let what = format!("{} is shown with {expected:?}", self.name);
        let start = Instant::now();
        eventually(&what, limit, async || {
            let samples = self.samples().await;
            let overdue = samples.get("batch_cronjob_overdue_runs");
            let is_overdue = self.nothing_overdue && overdue.is_some_and(|overdue| *overdue != 0.0);
            assert!(!is_overdue, "overdue runs of {}: {samples:#?}", self.name);
            let shown = |series: &str| samples.get(&format!("batch_{series}")).copied();
            let differ = expected
                .iter()
                .filter(|(series, value)| shown(series) != *value);
            let differ: Vec<_> = differ.map(|(series, _)| (*series, shown(series))).collect();
            if differ.is_empty() {
                Ok(())
            } else {
                Err(differ)
            }
        })
        .await;
        println!("{what} after {:?}", start.elapsed());
    }

    /// Asserts that the exporter soon shows these samples, with `job` as the last run.
    pub(crate) async fn expect_last_run(&self, job: &Value, more: &Expected<'_>) {
        let (start, end) = (seconds(&job["status"]["startTime"]), end(job));
        let duration = end.zip(start).map(|(end, start)| end - start);
        let last = [
            ("workload_last_run_start_timestamp_seconds", start),
            ("workload_last_run_end_timestamp_seconds", end),
            ("workload_last_run_duration_seconds", duration),
        ];
        self.expect(WATCH_LATENCY, &[&last, more].concat()).await;
    }
}

/// The due time of a run.
pub(crate) fn due(job: &Value) -> f64 {
    let due = &job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    seconds(due).expect("a due time")
}

/// The timestamp of some seconds ago.
pub(crate) fn ago(seconds: i64) -> String {
    let time = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(seconds);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(crate) fn now() -> f64 {
    jiff::Timestamp::now().as_duration().as_secs_f64()
}
