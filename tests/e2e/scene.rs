//! A namespace, and an exporter that should tell of it within a given time.
//!
//! Objects are compared as a whole: none of their series may be missing, and none may be there that the API does not warrant.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    cluster::{Cluster, Kind, Namespace},
    expected,
    exporter::Exporter,
    metrics::{Facts, Metrics},
    patience::{EVENTUALLY, SOON, becomes, eventually},
};

/// How single jobs and lists are polled, and the interval in it.
const POLL: &str = "{interval: 1s, requests_per_second: 100}";
const INTERVAL: Duration = Duration::from_secs(1);

pub(crate) struct Scene {
    pub(crate) namespace: Namespace,
    pub(crate) exporter: Exporter,
    /// How soon what the API says is shown.
    patience: Duration,
    /// Whether the configuration names each job.
    configured: bool,
}

impl Scene {
    /// An exporter that watches a new namespace.
    pub(crate) async fn watched(test: &str, kubeconfig: &Path, more: &str) -> Self {
        let namespace = Cluster::given().await.namespace(test).await;
        let config = format!(
            "targets: [{{kubernetes: {{kubeconfig: '{}'}}, namespaces: {{include: [{}]}}}}]\n{more}",
            kubeconfig.display(),
            namespace.name
        );
        Self::new(namespace, &config, SOON, false).await
    }

    /// An exporter that polls these jobs of a new namespace.
    pub(crate) async fn polled(test: &str, kubeconfig: &Path, jobs: &[&str]) -> Self {
        let namespace = Cluster::given().await.namespace(test).await;
        let job = |name: &&str| format!("{{namespace: {}, name: {name}}}", namespace.name);
        let config = format!(
            "targets: [{{kubernetes: {{kubeconfig: '{}'}}, poll: {POLL}, jobs: [{}]}}]",
            kubeconfig.display(),
            jobs.iter().map(job).collect::<Vec<_>>().join(", ")
        );
        Self::new(namespace, &config, INTERVAL + SOON, true).await
    }

    /// An exporter that polls lists of what is in a namespace.
    pub(crate) async fn listed(namespace: Namespace, kubeconfig: &Path, selector: &str) -> Self {
        let config = format!(
            "targets: [{{kubernetes: {{kubeconfig: '{}'}}, mode: poll, poll: {POLL}, \
             namespaces: {{include: [{}]}}, label_selector: '{selector}'}}]",
            kubeconfig.display(),
            namespace.name
        );
        Self::new(namespace, &config, INTERVAL + SOON, false).await
    }

    async fn new(namespace: Namespace, config: &str, patience: Duration, configured: bool) -> Self {
        let exporter = Exporter::configured(config).await;
        exporter.is_ready().await;
        Self {
            namespace,
            exporter,
            patience,
            configured,
        }
    }

    pub(crate) async fn end(self) {
        self.exporter.stop().await;
        self.namespace.remove().await;
    }

    /// Waits until the API has the Job in some state, and holds that all of it is shown soon after.
    ///
    /// `more` has the facts that take understanding: the state, the reason of a failure, counts of indexes.
    pub(crate) async fn shows_job(
        &self,
        name: &str,
        reached: impl Fn(&Value) -> bool,
        more: &[(&str, f64)],
    ) -> Value {
        let job = self.reaches(Kind::Job, name, &reached).await;
        let begin = Instant::now();
        let what = format!("job {name} is shown with {more:?}");
        eventually(&what, self.patience, async || {
            // The other fields may have moved on since.
            let job = self.namespace.get(Kind::Job, name).await.expect("the job");
            assert!(reached(&job), "{name} did not stay as it was: {job}");
            let mut expected = expected::job(&job);
            if self.configured {
                expected.insert("batch_job_exists".to_owned(), 1.0);
            }
            expected.extend(
                more.iter()
                    .map(|(fact, value)| (format!("batch_job_{fact}"), *value)),
            );
            expected::same(&expected, &self.job(&self.exporter.scrape().await, name))
        })
        .await;
        println!("{name}: {more:?} shown after {:?}", begin.elapsed());
        job
    }

    /// Deletes a Job that is finished, and holds that its series are still there when it must be known to be gone.
    pub(crate) async fn keeps_finished_job(&self, name: &str) {
        let mut facts = self.job(&self.exporter.scrape().await, name);
        self.namespace.delete(Kind::Job, name).await;
        self.is_gone(name).await;
        tokio::time::sleep(self.patience).await;
        if self.configured {
            facts.insert("batch_job_exists".to_owned(), 0.0);
        }
        let kept = self.job(&self.exporter.scrape().await, name);
        expected::same(&facts, &kept).expect("what there was when it was deleted");
    }

    /// Deletes a Job that is not finished, and holds that its series are soon gone.
    pub(crate) async fn drops_unfinished_job(&self, name: &str) {
        self.namespace.delete(Kind::Job, name).await;
        self.is_gone(name).await;
        let exists = ("batch_job_exists".to_owned(), 0.0);
        let left: Facts = self.configured.then_some(exists).into_iter().collect();
        let what = format!("what is left of job {name}");
        becomes(&what, self.patience, left, async || {
            self.job(&self.exporter.scrape().await, name)
        })
        .await;
    }

    /// Waits until the API has no such Job.
    pub(crate) async fn is_gone(&self, name: &str) {
        let what = format!("job {name} in the API");
        becomes(&what, EVENTUALLY, None, async || {
            self.namespace.get(Kind::Job, name).await
        })
        .await;
    }

    /// Waits until the API has the CronJob in some state, and holds that all of its fields are shown soon after.
    pub(crate) async fn shows_cronjob(&self, name: &str, reached: impl Fn(&Value) -> bool) {
        self.reaches(Kind::CronJob, name, &reached).await;
        let what = format!("cronjob {name} is shown");
        eventually(&what, self.patience, async || {
            let cronjob = self
                .namespace
                .get(Kind::CronJob, name)
                .await
                .expect("the cronjob");
            let labels = [
                ("namespace", self.namespace.name.as_str()),
                ("cronjob", name),
            ];
            let shown = self
                .exporter
                .scrape()
                .await
                .facts("batch_cronjob_", &labels);
            expected::same(
                &expected::cronjob(&cronjob),
                &expected::fields_of_cronjob(shown),
            )
        })
        .await;
    }

    /// What is shown of a Job that belongs to nothing but itself.
    pub(crate) fn job(&self, metrics: &Metrics, name: &str) -> Facts {
        let labels = [
            ("namespace", self.namespace.name.as_str()),
            ("job_name", name),
        ];
        let all = metrics.facts("batch_job_", &labels);
        let exists = metrics.value("batch_job_exists", &labels);
        let [namespace, job_name] = labels;
        let workload = [
            namespace,
            job_name,
            ("workload_type", "job"),
            ("workload", name),
        ];
        let mut facts = metrics.facts("batch_job_", &workload);
        facts.extend(exists.map(|exists| ("batch_job_exists".to_owned(), exists)));
        assert_eq!(
            all.len(),
            facts.len(),
            "series of another workload: {all:#?}"
        );
        facts
    }

    async fn reaches(&self, kind: Kind, name: &str, reached: impl Fn(&Value) -> bool) -> Value {
        let what = format!("the API has {name} in the state waited for");
        // A CronJob starts runs on the minute.
        eventually(
            &what,
            EVENTUALLY + Duration::from_secs(15),
            async || match self.namespace.get(kind, name).await {
                Some(object) if reached(&object) => Ok(object),
                other => Err(other),
            },
        )
        .await
    }
}
