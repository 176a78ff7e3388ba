//! A namespace, and an exporter that has to show its objects within a given time.
//!
//! Objects are compared as a whole: a missing series is an error, and so is an extra one.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    cluster::{Cluster, Kind, Namespace},
    expected,
    exporter::Exporter,
    metrics::{Metrics, Samples},
    wait::{TIMEOUT, WATCH_LATENCY, eventually, eventually_equals},
};

/// Settings for polling single jobs and lists.
const POLL: &str = "{interval: 1s, requests_per_second: 100}";
/// The interval in [`POLL`].
const INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Testbed {
    pub(crate) namespace: Namespace,
    pub(crate) exporter: Exporter,
    /// The longest time from a change in the API to `/metrics`.
    latency: Duration,
    /// The configuration lists each job by name.
    polls_jobs: bool,
}

impl Testbed {
    /// Creates a namespace and an exporter that watches it.
    pub(crate) async fn watching(test: &str, kubeconfig: &Path, more: &str) -> Self {
        let namespace = Cluster::from_env().await.namespace(test).await;
        let config = format!(
            "targets: [{{kubernetes: {{kubeconfig: '{}'}}, namespaces: {{include: [{}]}}}}]\n{more}",
            kubeconfig.display(),
            namespace.name
        );
        Self::new(namespace, &config, WATCH_LATENCY, false).await
    }

    /// Creates a namespace and an exporter that watches it with its pods.
    pub(crate) async fn watching_pods(test: &str, kubeconfig: &Path) -> Self {
        let namespace = Cluster::from_env().await.namespace(test).await;
        let config = Self::config_with_pods(&namespace, kubeconfig);
        Self::new(namespace, &config, WATCH_LATENCY, false).await
    }

    /// The configuration for that.
    pub(crate) fn config_with_pods(namespace: &Namespace, kubeconfig: &Path) -> String {
        format!(
            "targets: [{{kubernetes: {{kubeconfig: '{}'}}, namespaces: {{include: [{}]}}, pods: {{enabled: true}}}}]\nevents: {{log: true}}",
            kubeconfig.display(),
            namespace.name
        )
    }

    /// Creates a namespace and an exporter that polls these jobs in it.
    pub(crate) async fn polling_jobs(test: &str, kubeconfig: &Path, jobs: &[&str]) -> Self {
        let namespace = Cluster::from_env().await.namespace(test).await;
        let job = |name: &&str| format!("{{namespace: {}, name: {name}}}", namespace.name);
        let config = format!(
            "targets: [{{kubernetes: {{kubeconfig: '{}'}}, poll: {POLL}, jobs: [{}]}}]",
            kubeconfig.display(),
            jobs.iter().map(job).collect::<Vec<_>>().join(", ")
        );
        Self::new(namespace, &config, INTERVAL + WATCH_LATENCY, true).await
    }

    /// Starts an exporter that polls lists of a namespace.
    pub(crate) async fn polling_lists(
        namespace: Namespace,
        kubeconfig: &Path,
        selector: &str,
    ) -> Self {
        let config = format!(
            "targets: [{{kubernetes: {{kubeconfig: '{}'}}, mode: poll, poll: {POLL}, \
             namespaces: {{include: [{}]}}, label_selector: '{selector}'}}]",
            kubeconfig.display(),
            namespace.name
        );
        Self::new(namespace, &config, INTERVAL + WATCH_LATENCY, false).await
    }

    async fn new(namespace: Namespace, config: &str, latency: Duration, polls_jobs: bool) -> Self {
        let exporter = Exporter::with_config(config).await;
        exporter.wait_until_ready().await;
        Self {
            namespace,
            exporter,
            latency,
            polls_jobs,
        }
    }

    /// Stops the exporter and deletes the namespace.
    pub(crate) async fn tear_down(self) {
        self.exporter.stop().await;
        self.namespace.remove().await;
    }

    /// Waits until the Job satisfies `reached` in the API, and asserts that the exporter shows all of it soon after.
    ///
    /// `more` has the values that the exporter derives: the state, the failure reason, counts of indexes.
    pub(crate) async fn assert_job_shown(
        &self,
        name: &str,
        reached: impl Fn(&Value) -> bool,
        more: &[(&str, f64)],
    ) -> Value {
        let job = self.wait_for_state(Kind::Job, name, &reached).await;
        let start = Instant::now();
        let what = format!("job {name} is shown with {more:?}");
        eventually(&what, self.latency, async || {
            // Other fields may have changed meanwhile.
            let job = self.namespace.get(Kind::Job, name).await.expect("the job");
            assert!(reached(&job), "{name} left the state: {job}");
            let mut expected = expected::job(&job);
            if self.polls_jobs {
                expected.insert("batch_job_exists".to_owned(), 1.0);
            }
            expected.extend(
                more.iter()
                    .map(|(series, value)| (format!("batch_job_{series}"), *value)),
            );
            expected::compare(&expected, &self.job(&self.exporter.scrape().await, name))
        })
        .await;
        println!("{name}: {more:?} shown after {:?}", start.elapsed());
        job
    }

    /// Deletes a finished Job, and asserts that its series are still there after the exporter has seen the deletion.
    pub(crate) async fn assert_finished_job_kept(&self, name: &str) {
        let mut samples = self.job(&self.exporter.scrape().await, name);
        self.namespace.delete(Kind::Job, name).await;
        self.wait_until_deleted(name).await;
        tokio::time::sleep(self.latency).await;
        if self.polls_jobs {
            samples.insert("batch_job_exists".to_owned(), 0.0);
        }
        let kept = self.job(&self.exporter.scrape().await, name);
        expected::compare(&samples, &kept).expect("the same series as before the deletion");
    }

    /// Deletes an unfinished Job, and asserts that its series disappear soon.
    pub(crate) async fn assert_unfinished_job_dropped(&self, name: &str) {
        self.namespace.delete(Kind::Job, name).await;
        self.wait_until_deleted(name).await;
        let exists = ("batch_job_exists".to_owned(), 0.0);
        let left: Samples = self.polls_jobs.then_some(exists).into_iter().collect();
        let what = format!("the remaining series of job {name}");
        eventually_equals(&what, self.latency, left, async || {
            self.job(&self.exporter.scrape().await, name)
        })
        .await;
    }

    /// Waits until the Job is gone from the API.
    pub(crate) async fn wait_until_deleted(&self, name: &str) {
        let what = format!("job {name} in the API");
        eventually_equals(&what, TIMEOUT, None, async || {
            self.namespace.get(Kind::Job, name).await
        })
        .await;
    }

    /// Waits until the CronJob satisfies `reached` in the API, and asserts that the exporter shows all of its fields soon after.
    pub(crate) async fn assert_cronjob_shown(&self, name: &str, reached: impl Fn(&Value) -> bool) {
        self.wait_for_state(Kind::CronJob, name, &reached).await;
        let what = format!("cronjob {name} is shown");
        eventually(&what, self.latency, async || {
            let cronjob = self
                .namespace
                .get(Kind::CronJob, name)
                .await
                .expect("the cronjob");
            let labels = [
                ("namespace", self.namespace.name.as_str()),
                ("workload_type", "cronjob"),
                ("workload", name),
            ];
            let shown = self
                .exporter
                .scrape()
                .await
                .samples("batch_cronjob_", &labels);
            expected::compare(
                &expected::cronjob(&cronjob),
                &expected::fields_of_cronjob(shown),
            )
        })
        .await;
    }

    /// The series of a Job without an owner.
    pub(crate) fn job(&self, metrics: &Metrics, name: &str) -> Samples {
        let labels = [
            ("namespace", self.namespace.name.as_str()),
            ("job_name", name),
        ];
        let mut all = metrics.samples("batch_job_", &labels);
        all.retain(|series, _| !series.contains("poll")); // about the requests, not the Job
        let exists = metrics.value("batch_job_exists", &labels);
        let [namespace, job_name] = labels;
        let workload = [
            namespace,
            job_name,
            ("workload_type", "job"),
            ("workload", name),
        ];
        let mut samples = metrics.samples("batch_job_", &workload);
        samples.extend(exists.map(|exists| ("batch_job_exists".to_owned(), exists)));
        assert_eq!(
            all.len(),
            samples.len(),
            "series of another workload: {all:#?}"
        );
        samples
    }

    async fn wait_for_state(
        &self,
        kind: Kind,
        name: &str,
        reached: impl Fn(&Value) -> bool,
    ) -> Value {
        let what = format!("{name} reaches the expected state in the API");
        // A CronJob starts its runs at full minutes.
        eventually(
            &what,
            TIMEOUT + Duration::from_secs(15),
            async || match self.namespace.get(kind, name).await {
                Some(object) if reached(&object) => Ok(object),
                other => Err(other),
            },
        )
        .await
    }
}
