//! Probes of single Jobs at an API over TCP: what the page shows, and which requests are sent.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use batch_simulator::api::{ApiOptions, Kind};
use job_status_exporter::{
    client::{Api, Endpoint, RateLimit},
    config::{
        Config, JobReference, KsmConfig, LabelScope, LabelSource, MappedLabel, Mode, PerJob,
        ProbeConfig, Selection,
    },
    metrics::{Format, Metrics, MetricsSettings},
    model::{Code, Verb},
    server::{ProbeRequest, ProbeTarget, Prober as _, TargetProber},
    source::{JobProber, ProbeSettings, Source, SourceSettings},
    store::{Store, StoreSettings, TargetStore},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    checker::{self, Families},
    server::client::TEST_TIMEOUT,
    sources::Cluster,
};

mod faults;

/// A target `prod` whose Jobs can all be probed.
struct Bench {
    config: Config,
    endpoint: Endpoint,
    store: Arc<TargetStore>,
    prober: Arc<TargetProber>,
}

impl Bench {
    fn new(endpoint: Endpoint) -> Self {
        Self::with_config(endpoint, Config::default())
    }

    fn with_config(endpoint: Endpoint, config: Config) -> Self {
        Self::with_limit(endpoint, config, None)
    }

    fn with_limit(endpoint: Endpoint, config: Config, limit: Option<RateLimit>) -> Self {
        let settings = Arc::new(StoreSettings::from_config(&config));
        let store = Arc::new(TargetStore::new(Some("prod".into()), settings));
        let all = Arc::new(Store::new(vec![store.clone()]));
        let metrics = Metrics::new(all, &MetricsSettings::from_config(&config));
        let prober = TargetProber::new(Arc::new(metrics));
        let allowed = ProbeConfig {
            any: true,
            timeout: TEST_TIMEOUT,
            ..ProbeConfig::default()
        };
        let settings = ProbeSettings::from_config(&config, &everything(), allowed);
        let api = Arc::new(Api::new(endpoint.clone(), store.clone(), limit));
        prober.replace_targets(vec![ProbeTarget {
            store: store.clone(),
            prober: Arc::new(JobProber::new("prod".to_owned(), settings, api)),
        }]);
        Self {
            config,
            endpoint,
            store,
            prober: Arc::new(prober),
        }
    }

    /// The page about a Job, given as `namespace/name`.
    async fn page(&self, job: &str, timeout: Option<Duration>, format: Format) -> String {
        let (namespace, name) = job.split_once('/').unwrap();
        let request = ProbeRequest {
            target: Some("prod".to_owned()),
            job: JobReference::parse(namespace, name).unwrap(),
            timeout,
        };
        let chunks = self.prober.probe(request, format).await.unwrap();
        String::from_utf8(chunks.flatten().collect()).unwrap()
    }

    async fn probe(&self, job: &str) -> Probed {
        Probed::parse(&self.page(job, None, Format::Text).await)
    }

    async fn probe_within(&self, job: &str, timeout: Duration) -> Probed {
        Probed::parse(&self.page(job, Some(timeout), Format::Text).await)
    }

    /// The number of requests for the status of a Job with this outcome.
    fn requests(&self, code: Code) -> u64 {
        let client_counters = self.store.snapshot().client_counters;
        let requests = client_counters.requests();
        let requests = requests.filter(|(v, c, _)| (*v, *c) == (Verb::Get, code));
        requests.map(|(_, _, count)| count).sum()
    }

    /// The lines of a scrape, after everything was read by a watch.
    async fn scrape(&self) -> BTreeSet<String> {
        let api = Api::new(self.endpoint.clone(), self.store.clone(), None);
        let settings = SourceSettings::from_config(&self.config, everything());
        let source = Source::new(
            "prod".to_owned(),
            settings,
            Arc::new(api),
            self.store.clone(),
        );
        let mut tasks = JoinSet::new();
        for task in source.start() {
            tasks.spawn(task.run);
        }
        while !self.store.is_synced() {
            tokio::task::yield_now().await;
        }
        let all = Arc::new(Store::new(vec![self.store.clone()]));
        let metrics = Metrics::new(all, &MetricsSettings::from_config(&self.config));
        let bytes: Vec<u8> = metrics.scrape(Format::Text).flatten().collect();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

/// The page of a probe.
#[derive(Debug)]
struct Probed {
    text: String,
    families: Families,
}

impl Probed {
    fn parse(text: &str) -> Self {
        Self {
            families: checker::check(Format::Text, text),
            text: text.to_owned(),
        }
    }

    /// The value of the only series of a family.
    fn value(&self, family: &str) -> Option<f64> {
        let samples = &self.families.get(family)?.samples;
        assert_eq!(samples.len(), 1, "{}", self.text);
        Some(samples[0].value)
    }

    /// The values of `probe_success`, `batch_job_poll_up` and `batch_job_exists`, and the number of families with others.
    fn summary(&self) -> (Option<f64>, Option<f64>, Option<f64>, usize) {
        let known = [
            "probe_success",
            "probe_duration_seconds",
            "batch_job_poll_up",
            "batch_job_exists",
            "batch_job_last_poll_timestamp_seconds",
        ];
        let others = self.families.keys();
        let others = others.filter(|name| !known.contains(&name.as_str()));
        (
            self.value("probe_success"),
            self.value("batch_job_poll_up"),
            self.value("batch_job_exists"),
            others.count(),
        )
    }
}

fn everything() -> Mode {
    Mode::Watch(Selection::default())
}

fn failed() -> (Option<f64>, Option<f64>, Option<f64>, usize) {
    (Some(0.0), Some(0.0), None, 0)
}

fn job(name: &str) -> Value {
    json!({
        "metadata": {
            "namespace": "etl",
            "name": name,
            "uid": "4ba7b5e6-d01a-4327-95ea-e845886801bc",
            "creationTimestamp": "2026-11-23T14:50:00Z",
            "labels": {"team": "data", "app": "\"quoted\""},
        },
        "spec": {"parallelism": 1, "completions": 1, "backoffLimit": 6},
        "status": {"active": 1, "ready": 1, "startTime": "2026-11-23T14:50:01Z"},
    })
}

/// Maps two labels to all families, and enables the families of kube-state-metrics.
fn rich_config() -> Config {
    let mut config = Config::default();
    let label = |key: &str| MappedLabel {
        label: key.to_owned(),
        source: LabelSource::Label(key.to_owned()),
    };
    config.labels.mapping = vec![label("team"), label("app")];
    config.labels.scope = LabelScope::All;
    config.metrics.kube_state_metrics = Some(KsmConfig::default());
    config
}

#[tokio::test]
async fn a_probe_has_the_series_that_a_scrape_has_of_the_same_job() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    cluster.api.apply(Kind::Job, job("load")).unwrap();
    cluster.api.apply(Kind::Job, job("other")).unwrap();
    let bench = Bench::with_config(cluster.endpoint(), rich_config());
    let probed = bench.probe("etl/load").await;
    assert_eq!(probed.value("probe_success"), Some(1.0));
    assert_eq!(probed.value("batch_job_exists"), Some(1.0));
    assert!(probed.value("probe_duration_seconds").unwrap() > 0.0);
    let info = "batch_job_info{target=\"prod\",namespace=\"etl\",job_name=\"load\",workload_type=\"job\",workload=\"load\",team=\"data\",app=\"\\\"quoted\\\"\",";
    assert!(probed.text.contains(info), "{}", probed.text);
    let scrape = bench.scrape().await;
    let is_of_load = |line: &&str| line.contains("job_name=\"load\"");
    let configured = [
        "batch_job_exists",
        "batch_job_poll_up",
        "batch_job_last_poll",
    ];
    let of_job = |line: &&str| !configured.iter().any(|name| line.starts_with(name));
    let lines: BTreeSet<&str> = probed
        .text
        .lines()
        .filter(is_of_load)
        .filter(of_job)
        .collect();
    let expected: BTreeSet<&str> = scrape
        .iter()
        .map(String::as_str)
        .filter(is_of_load)
        .filter(|line| line.starts_with("batch_job_") || line.starts_with("kube_job_"))
        .collect();
    assert!(expected.len() > 20, "{expected:?}");
    assert_eq!(lines, expected);
    // Nothing about other Jobs, workloads, the target or the process.
    let foreign = probed
        .text
        .lines()
        .find(|line| !line.starts_with('#') && !line.starts_with("probe_") && !is_of_load(line));
    assert_eq!(foreign, None);
}

#[tokio::test]
async fn a_job_that_does_not_exist_is_a_fact_and_no_failure() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    let bench = Bench::new(cluster.endpoint());
    let absent = (Some(1.0), Some(1.0), Some(0.0), 0);
    assert_eq!(bench.probe("etl/load").await.summary(), absent);
    cluster.api.apply(Kind::Job, job("load")).unwrap();
    assert_eq!(
        bench.probe("etl/load").await.value("batch_job_exists"),
        Some(1.0)
    );
    cluster.api.delete(Kind::Job, "etl", "load");
    assert_eq!(bench.probe("etl/load").await.summary(), absent);
    // The store learnt nothing of it.
    assert_eq!(bench.store.snapshot().jobs.iter().count(), 0);
    assert_eq!(bench.store.snapshot().status.feeds, 0);
}

#[tokio::test]
async fn the_page_is_valid_in_both_formats() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    cluster.api.apply(Kind::Job, job("load")).unwrap();
    let bench = Bench::with_config(cluster.endpoint(), rich_config());
    for format in [Format::Text, Format::OpenMetrics] {
        for name in ["etl/load", "etl/absent"] {
            let families = checker::check(format, &bench.page(name, None, format).await);
            assert!(families.contains_key("probe_success"), "{name}");
        }
    }
}

#[tokio::test]
async fn the_configuration_selects_families_but_never_hides_the_result() {
    let cluster = Cluster::start(ApiOptions::default()).await;
    cluster.api.apply(Kind::Job, job("load")).unwrap();
    let mut config = Config::default();
    // These are for scrapes, which have many Jobs.
    config.metrics.per_job = PerJob::None;
    config.metrics.families.include = vec!["batch_job_*".into()];
    config.metrics.families.exclude = vec!["batch_job_created_*".into(), "probe_*".into()];
    let probed = Bench::with_config(cluster.endpoint(), config)
        .probe("etl/load")
        .await;
    let names: Vec<_> = probed.families.keys().map(String::as_str).collect();
    assert!(names.contains(&"batch_job_state"), "{names:?}");
    assert!(names.contains(&"probe_success"), "{names:?}");
    assert!(names.contains(&"probe_duration_seconds"), "{names:?}");
    assert!(
        !names.contains(&"batch_job_created_timestamp_seconds"),
        "{names:?}"
    );
    assert!(!names.contains(&"kube_job_info"), "{names:?}");
}
