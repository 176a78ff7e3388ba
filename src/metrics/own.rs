//! What this process knows of itself, kept in a `prometheus` registry of its own.
//!
//! The registry is only asked for its families; they are written like all others, so that both formats have them.

use std::time::Duration;

use bytes::BytesMut;
use prometheus::{
    Gauge, Histogram, HistogramOpts, Opts, Registry,
    core::Collector,
    proto::{LabelPair, Metric, MetricFamily, MetricType},
};

use super::{
    Format,
    family::Kind,
    label::Label,
    samples::{Frame, Samples},
    writer,
};

/// Upper bounds in seconds: from a handful of Jobs to some million.
const RENDERING_BUCKETS: [f64; 11] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
];

/// The metrics of this process.
#[derive(Debug)]
pub(super) struct Own {
    registry: Registry,
    renderings: Histogram,
}

impl Own {
    /// Metrics of the running process and of this build.
    pub(super) fn of_this_process() -> Self {
        let revision = option_env!("JOB_STATUS_EXPORTER_REVISION").unwrap_or("unknown");
        let own = Self::new(env!("CARGO_PKG_VERSION"), revision);
        #[cfg(target_os = "linux")]
        own.register(prometheus::process_collector::ProcessCollector::for_self());
        own
    }

    /// Metrics of a build.
    #[allow(
        clippy::expect_used,
        reason = "names and buckets are constants, which every test of this module checks"
    )]
    pub(super) fn new(version: &str, revision: &str) -> Self {
        let build_info = Opts::new(
            "job_status_exporter_build_info",
            "Always 1. What is running here.",
        )
        .const_label("version", version)
        .const_label("revision", revision);
        let build_info = Gauge::with_opts(build_info).expect("a valid gauge");
        build_info.set(1.0);
        let renderings = HistogramOpts::new(
            "job_status_exporter_scrape_duration_seconds",
            "How long rendering took for whole scrapes, without compression and sending.",
        )
        .buckets(RENDERING_BUCKETS.to_vec());
        let renderings = Histogram::with_opts(renderings).expect("a valid histogram");
        let own = Self {
            registry: Registry::new(),
            renderings: renderings.clone(),
        };
        own.register(build_info);
        own.register(renderings);
        own
    }

    #[allow(
        clippy::expect_used,
        reason = "the collectors are constants, which every test of this module checks"
    )]
    fn register(&self, collector: impl Collector + 'static) {
        self.registry
            .register(Box::new(collector))
            .expect("names that are not taken");
    }

    /// Takes note of a scrape that was rendered to its end.
    pub(super) fn observe(&self, rendering: Duration) {
        self.renderings.observe(rendering.as_secs_f64());
    }

    /// The families as they are now.
    pub(super) fn families(&self) -> Vec<MetricFamily> {
        self.registry.gather()
    }

    /// The names of all families.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let families = self.families().into_iter();
        families.map(|family| family.name().to_owned())
    }

    /// Writes the families that are shown.
    pub(super) fn render(&self, format: Format, shows: impl Fn(&str) -> bool, page: &mut BytesMut) {
        for family in self.families() {
            if !shows(family.name()) {
                continue;
            }
            let (name, kind) = (family.name(), kind(&family));
            writer::header(format, name, kind, family.help(), page);
            samples(format, &family, page);
        }
    }
}

/// The type of a family of the registry.
pub(super) fn kind(family: &MetricFamily) -> Kind {
    match family.get_field_type() {
        MetricType::COUNTER => Kind::Counter,
        MetricType::HISTOGRAM => Kind::Histogram,
        // Nothing of the other types is registered.
        MetricType::GAUGE | MetricType::SUMMARY | MetricType::UNTYPED => Kind::Gauge,
    }
}

/// Writes the samples of a family of the registry.
pub(super) fn samples(format: Format, family: &MetricFamily, page: &mut BytesMut) {
    let frame = Frame::new(family.name(), None, std::iter::empty());
    for metric in family.get_metric() {
        let labels = metric.get_label();
        let names: Vec<&str> = labels.iter().map(LabelPair::name).collect();
        let values: Vec<&str> = labels.iter().map(LabelPair::value).collect();
        let values: Vec<&dyn Label> = values.iter().map(|value| value as &dyn Label).collect();
        let mut out = Samples::new(&frame, &[], &names, format, page);
        match kind(family) {
            Kind::Gauge => out.sample(&values, metric.get_gauge().get_value()),
            Kind::Counter => out.sample(&values, metric.get_counter().get_value()),
            Kind::Histogram => histogram(metric, &values, &mut out),
        }
    }
}

fn histogram(metric: &Metric, labels: &[&dyn Label], out: &mut Samples<'_>) {
    let histogram = metric.get_histogram();
    let buckets = histogram
        .get_bucket()
        .iter()
        .map(|bucket| (bucket.upper_bound(), bucket.cumulative_count()));
    let (count, sum) = (histogram.get_sample_count(), histogram.get_sample_sum());
    out.histogram(labels, buckets, count, sum);
}

#[cfg(test)]
mod tests;
