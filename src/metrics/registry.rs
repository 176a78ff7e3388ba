//! The adapter to the `prometheus` crate, which collects the metrics of this process.
//!
//! Only this module uses the crate. The [`process`](super::families) table reads a [`ProcessSnapshot`], so these
//! metrics are rendered like all others.

use std::time::Duration;

use prometheus::{
    Gauge, Histogram, HistogramOpts,
    core::Collector,
    proto::{Metric, MetricFamily, MetricType},
};

use crate::model::{self, Shard};

/// Upper bounds in seconds. They cover scrapes from a few Jobs to some millions.
const SCRAPE_DURATION_BUCKETS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];

const CONFIG_LOADED: &str = "job_status_exporter_config_last_reload_success_timestamp_seconds";
const CONFIG_SUCCESSFUL: &str = "job_status_exporter_config_last_reload_successful";
const SCRAPE_DURATION: &str = "job_status_exporter_scrape_duration_seconds";

/// The metrics of this process.
#[derive(Debug)]
pub(super) struct Registry {
    collectors: prometheus::Registry,
    scrape_durations: Histogram,
    config_loaded: Gauge,
    config_successful: Gauge,
}

/// The metrics of this process at one moment. Values that the platform does not provide are `None`.
#[derive(Debug, Default)]
pub(super) struct ProcessSnapshot {
    /// The version of this build.
    pub(super) version: &'static str,
    /// The source revision of this build.
    pub(super) revision: &'static str,
    /// Which of several exporters this is.
    pub(super) shard: Option<Shard>,
    /// When the configuration was last loaded without an error, in seconds since the epoch.
    pub(super) config_loaded: Option<f64>,
    /// 1 if the last attempt to load the configuration was without an error, else 0.
    pub(super) config_successful: Option<f64>,
    /// How long complete scrapes took to render.
    pub(super) scrape_durations: ScrapeDurations,
    /// Log lines that were dropped.
    pub(super) dropped_log_lines: u64,
    /// Events that were dropped.
    pub(super) dropped_events: u64,
    /// User and system CPU time.
    pub(super) cpu_seconds: Option<f64>,
    /// The limit of open file descriptors.
    pub(super) max_fds: Option<f64>,
    /// Open file descriptors.
    pub(super) open_fds: Option<f64>,
    /// Resident memory in bytes.
    pub(super) resident_memory: Option<f64>,
    /// The start time in seconds since the epoch.
    pub(super) start_time: Option<f64>,
    /// Operating system threads.
    pub(super) threads: Option<f64>,
    /// Virtual memory in bytes.
    pub(super) virtual_memory: Option<f64>,
}

/// A histogram of durations in seconds.
#[derive(Debug, Default)]
pub(super) struct ScrapeDurations {
    /// Upper bounds with cumulative counts, without the infinite bucket.
    pub(super) buckets: Vec<(f64, u64)>,
    /// Number of observations.
    pub(super) count: u64,
    /// Sum of observations.
    pub(super) sum: f64,
}

// === impl Registry ===

impl Registry {
    /// A registry with all metrics of this process. Its creation counts as a successful load of the configuration: a process
    /// with an invalid one does not get here.
    #[allow(
        clippy::expect_used,
        reason = "names and buckets are constants, which every test of this module checks"
    )]
    pub(super) fn new() -> Self {
        let options = HistogramOpts::new(SCRAPE_DURATION, "Duration of complete scrapes.")
            .buckets(SCRAPE_DURATION_BUCKETS.to_vec());
        let scrape_durations = Histogram::with_opts(options).expect("a valid histogram");
        let registry = Self {
            collectors: prometheus::Registry::new(),
            scrape_durations: scrape_durations.clone(),
            config_loaded: gauge(CONFIG_LOADED),
            config_successful: gauge(CONFIG_SUCCESSFUL),
        };
        registry.register(scrape_durations);
        registry.register(registry.config_loaded.clone());
        registry.register(registry.config_successful.clone());
        registry.set_config_loaded(true);
        #[cfg(target_os = "linux")]
        registry.register(prometheus::process_collector::ProcessCollector::for_self());
        registry
    }

    /// Records whether the configuration in force is the one in the files, as of now.
    pub(super) fn set_config_loaded(&self, loaded: bool) {
        if loaded {
            let now = model::now().as_duration().as_secs_f64();
            self.config_loaded.set(now);
        }
        self.config_successful.set(f64::from(u8::from(loaded)));
    }

    #[allow(
        clippy::expect_used,
        reason = "the collectors are constants, which every test of this module checks"
    )]
    fn register(&self, collector: impl Collector + 'static) {
        self.collectors
            .register(Box::new(collector))
            .expect("unique names");
    }

    /// Observes a scrape that was rendered completely.
    pub(super) fn observe_scrape(&self, duration: Duration) {
        self.scrape_durations.observe(duration.as_secs_f64());
    }

    /// The current values, except for those that others count. On Linux this reads `/proc`.
    pub(super) fn snapshot(&self) -> ProcessSnapshot {
        let families = self.collectors.gather();
        let metric = |name: &str| {
            let family = families.iter().find(|family| family.name() == name)?;
            Some((family, family.get_metric().first()?))
        };
        let value = |name| metric(name).map(|(family, metric)| value(family, metric));
        let scrape_durations = metric(SCRAPE_DURATION).map(|(_, metric)| durations(metric));
        ProcessSnapshot {
            version: env!("CARGO_PKG_VERSION"),
            revision: option_env!("JOB_STATUS_EXPORTER_REVISION").unwrap_or("unknown"),
            shard: None,
            config_loaded: value(CONFIG_LOADED),
            config_successful: value(CONFIG_SUCCESSFUL),
            scrape_durations: scrape_durations.unwrap_or_default(),
            dropped_log_lines: 0,
            dropped_events: 0,
            cpu_seconds: value("process_cpu_seconds_total"),
            max_fds: value("process_max_fds"),
            open_fds: value("process_open_fds"),
            resident_memory: value("process_resident_memory_bytes"),
            start_time: value("process_start_time_seconds"),
            threads: value("process_threads"),
            virtual_memory: value("process_virtual_memory_bytes"),
        }
    }
}

#[allow(
    clippy::expect_used,
    reason = "names are constants, which every test of this module checks"
)]
fn gauge(name: &str) -> Gauge {
    Gauge::new(name, name).expect("a valid gauge")
}

fn value(family: &MetricFamily, metric: &Metric) -> f64 {
    match family.get_field_type() {
        MetricType::COUNTER => metric.get_counter().get_value(),
        _ => metric.get_gauge().get_value(),
    }
}

fn durations(metric: &Metric) -> ScrapeDurations {
    let histogram = metric.get_histogram();
    let buckets = histogram.get_bucket().iter();
    let buckets = buckets.map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    ScrapeDurations {
        buckets: buckets.collect(),
        count: histogram.get_sample_count(),
        sum: histogram.get_sample_sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrapes_are_observed() {
        let registry = Registry::new();
        registry.observe_scrape(Duration::from_millis(250));
        registry.observe_scrape(Duration::from_secs(4));
        let durations = registry.snapshot().scrape_durations;
        let bounds: Vec<f64> = durations.buckets.iter().map(|(bound, _)| *bound).collect();
        assert_eq!(bounds, SCRAPE_DURATION_BUCKETS);
        let counts: Vec<u64> = durations.buckets.iter().map(|(_, count)| *count).collect();
        assert_eq!(counts, [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
        assert_eq!(durations.count, 2);
        assert!((durations.sum - 4.25).abs() < f64::EPSILON);
    }

    #[test]
    fn a_start_is_a_successful_load_of_the_configuration() {
        let before = model::now().as_duration().as_secs_f64();
        let registry = Registry::new();
        let after = model::now().as_duration().as_secs_f64();
        let snapshot = registry.snapshot();
        assert_eq!(snapshot.config_successful, Some(1.0));
        let loaded = snapshot.config_loaded.unwrap();
        assert!((before..=after).contains(&loaded), "{loaded}");
    }

    #[test]
    fn a_failed_load_keeps_the_time_of_the_last_success() {
        let registry = Registry::new();
        let start = registry.snapshot().config_loaded;
        registry.set_config_loaded(false);
        let failed = registry.snapshot();
        assert_eq!(failed.config_successful, Some(0.0));
        assert_eq!(failed.config_loaded, start);
        registry.set_config_loaded(true);
        let loaded = registry.snapshot();
        assert_eq!(loaded.config_successful, Some(1.0));
        assert!(loaded.config_loaded >= start);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_has_all_values() {
        let snapshot = Registry::new().snapshot();
        for (name, value) in [
            ("cpu_seconds", snapshot.cpu_seconds),
            ("max_fds", snapshot.max_fds),
            ("open_fds", snapshot.open_fds),
            ("resident_memory", snapshot.resident_memory),
            ("start_time", snapshot.start_time),
            ("threads", snapshot.threads),
            ("virtual_memory", snapshot.virtual_memory),
        ] {
            assert!(value.is_some(), "{name}");
        }
        assert!(snapshot.resident_memory > Some(0.0));
        assert!(snapshot.start_time > Some(1_700_000_000.0));
        assert_eq!(snapshot.version, env!("CARGO_PKG_VERSION"));
    }
}
