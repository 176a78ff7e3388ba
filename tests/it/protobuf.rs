//! Scrapes in the protobuf format, and native histograms in them.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use jiff::Timestamp;
use job_status_exporter::{
    config::{LabelScope, LabelSource, MappedLabel, NativeHistograms},
    decode::Decoder,
    metrics::{Format, Metrics, MetricsSettings},
    model::{
        Change, CronJob, FeedScope, Job, Name, NoopJournal, RestoredState, Sink as _, Update,
        WorkloadRef,
    },
    store::{Store, StoreSettings, TargetStore},
};
use proptest::prelude::*;

use crate::{
    checker,
    metrics::{assert_golden, read, recorded},
    records,
};

mod decoder;
mod native;

use decoder::{Family, Metric, Value};

/// A series: its name, its labels in order, and its value.
type Series = (String, Vec<(String, String)>, f64);

fn clock() -> Timestamp {
    Timestamp::from_millisecond(1_795_445_760_125).unwrap()
}

fn settings(native_histograms: NativeHistograms) -> StoreSettings {
    StoreSettings {
        clock,
        native_histograms,
        // A single look at the records.
        settling_time: Duration::ZERO,
        ..StoreSettings::default()
    }
}

fn target(
    settings: StoreSettings,
    restored: RestoredState,
    jobs: Vec<Job>,
    cronjobs: Vec<CronJob>,
) -> Arc<TargetStore> {
    let name = Some(Name::from("prod"));
    let store = TargetStore::restored(name, settings.into(), restored, Arc::new(NoopJournal));
    let store = Arc::new(store);
    let [job_feed, cronjob_feed] = [FeedScope::Jobs(None), FeedScope::CronJobs(None)]
        .map(|scope| store.clone().register(scope));
    job_feed.push(Update::Jobs(Change::Replaced(jobs)));
    cronjob_feed.push(Update::CronJobs(Change::Replaced(cronjobs)));
    job_feed.push(Update::CaughtUp(clock()));
    cronjob_feed.push(Update::CaughtUp(clock()));
    store
}

fn metrics(targets: Vec<Arc<TargetStore>>) -> Metrics {
    let settings = MetricsSettings {
        label_scope: LabelScope::All,
        ..MetricsSettings::default()
    };
    Metrics::new(Arc::new(Store::new(targets)), &settings)
}

fn scrape(metrics: &Metrics) -> Vec<Family> {
    let body: Vec<u8> = metrics.scrape(Format::Protobuf).flatten().collect();
    decoder::families(&body)
}

fn is_volatile(name: &str) -> bool {
    let volatile = [
        "process_",
        "job_status_exporter_build_info",
        "job_status_exporter_config_last_reload_success_timestamp_seconds",
        "job_status_exporter_scrape_duration_seconds",
    ];
    volatile.iter().any(|prefix| name.starts_with(prefix))
}

/// The series that Prometheus makes of a scrape, in order of their names and labels, and the type of each family.
fn series(families: &[Family]) -> (Vec<Series>, BTreeMap<String, &'static str>) {
    let (mut series, mut kinds) = (Vec::new(), BTreeMap::new());
    for family in families.iter().filter(|family| !is_volatile(&family.name)) {
        let kind = match family.kind {
            0 => "counter",
            1 => "gauge",
            4 => "histogram",
            other => panic!("type {other}"),
        };
        let before = kinds.insert(family.name.clone(), kind);
        assert!(before.is_none_or(|before| before == kind));
        for Metric { labels, value } in &family.metrics {
            let name = &family.name;
            let mut add = |suffix: &str, le: Option<String>, value: f64| {
                let mut labels = labels.clone();
                labels.extend(le.map(|le| ("le".to_owned(), le)));
                series.push((format!("{name}{suffix}"), labels, value));
            };
            match value {
                Value::Gauge(value) | Value::Counter { value, .. } => add("", None, *value),
                Value::Histogram(histogram) => {
                    for (bound, below) in &histogram.classic {
                        add("_bucket", Some(format!("{bound:?}")), float(*below));
                    }
                    add("_bucket", Some("+Inf".to_owned()), float(histogram.count));
                    add("_sum", None, histogram.sum);
                    add("_count", None, float(histogram.count));
                }
            }
        }
    }
    series.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    (series, kinds)
}

#[allow(clippy::cast_precision_loss, reason = "counts of tests are small")]
fn float(count: u64) -> f64 {
    count as f64
}

/// The same of a scrape in the text format.
fn text_series(metrics: &Metrics) -> (Vec<Series>, BTreeMap<String, String>) {
    let families = checker::check(Format::Text, &read(metrics.scrape(Format::Text)));
    let families = families.iter().filter(|(name, _)| !is_volatile(name));
    let kinds = families.clone();
    let kinds = kinds.map(|(name, family)| (name.clone(), family.kind.clone()));
    let samples = families.flat_map(|(_, family)| &family.samples);
    let series = samples.map(|it| (it.name.clone(), it.labels.clone(), it.value));
    let mut series: Vec<Series> = series.collect();
    series.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    (series, kinds.collect())
}

fn assert_same_as_text(metrics: &Metrics) {
    let families = scrape(metrics);
    let (found, kinds) = series(&families);
    let (expected, expected_kinds) = text_series(metrics);
    let kinds: BTreeMap<_, _> = kinds.into_iter().map(|(k, v)| (k, v.to_owned())).collect();
    assert_eq!(kinds, expected_kinds);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}

#[test]
fn a_scrape_has_the_same_series_in_protobuf_as_in_text() {
    let jobs = || records::jobs(1_500);
    let cronjobs = || vec![records::cronjob("x"), records::cronjob("y")];
    for native in [NativeHistograms::None, NativeHistograms::Both] {
        let target = target(
            settings(native),
            RestoredState::default(),
            jobs(),
            cronjobs(),
        );
        let other = records::target(Some("other"), jobs(), Vec::new());
        assert_same_as_text(&metrics(vec![target, other]));
    }
}

#[test]
fn a_family_of_many_records_is_several_messages_in_a_row() {
    let target = records::target(None, records::jobs(5_000), Vec::new());
    let metrics = metrics(vec![target]);
    let chunks: Vec<_> = metrics.scrape(Format::Protobuf).collect();
    assert!(chunks.iter().all(|chunk| chunk.len() < 512 * 1024));
    let families = scrape(&metrics);
    assert!(families.iter().all(|family| family.metrics.len() <= 1024));
    let jobs: Vec<_> = families
        .iter()
        .filter(|it| it.name == "batch_job_info")
        .collect();
    assert_eq!(jobs.len(), 5, "blocks of 1,024 Jobs");
    let all: usize = jobs.iter().map(|family| family.metrics.len()).sum();
    assert_eq!(all, 5_000);
    let mut names: Vec<&str> = families.iter().map(|family| &*family.name).collect();
    names.dedup();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a family is not contiguous");
}

/// The objects were recorded from a real API server.
#[test]
fn recorded_objects_match_the_golden_file() {
    let mut decoder = Decoder::default();
    let jobs = recorded("jobs.json", |json| decoder.job(json));
    let cronjobs = recorded("cronjobs.json", |json| decoder.cronjob(json));
    let settings = settings(NativeHistograms::Both);
    let target = target(settings, RestoredState::default(), jobs, cronjobs);
    let families = scrape(&metrics(vec![target]));
    let families = families.iter().filter(|family| !is_volatile(&family.name));
    let text: String = families.map(decoded_text).collect();
    assert_golden("tests/golden/kubernetes-1.36.protobuf.txt", &text);
}

/// A message as text: a line for the family, and one for each metric.
fn decoded_text(family: &Family) -> String {
    let Family {
        name,
        help,
        kind,
        unit,
        metrics,
    } = family;
    let mut text = format!("{name} type={kind} unit={unit:?} help={help:?}\n");
    for Metric { labels, value } in metrics {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        let _ = writeln!(text, "  {{{}}} {value:?}", labels.join(","));
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_names_and_values_of_labels_come_back(
        names in proptest::collection::vec("\\PC{0,300}|[\\x00-\\x1f\"\\\\]{0,5}", 1..20),
        label in ".{0,2000}",
    ) {
        let mapped = MappedLabel {
            label: "team".to_owned(),
            source: LabelSource::Label("team".to_owned()),
        };
        let settings = StoreSettings {
            labels: [mapped].into(),
            ..settings(NativeHistograms::Both)
        };
        let jobs = names.iter().zip(0..).map(|(name, number)| {
            let workload = WorkloadRef { kind: "cronjob".into(), name: name.as_str().into() };
            let job = native::run(number, i64::from(number));
            let labels = Some([Name::from(label.as_str())].into());
            Job::new(name.as_str().into(), format!("{number}{name}").into(), job.uid, workload)
                .with_template(|template| template.labels = labels)
        });
        let target = target(settings, RestoredState::default(), jobs.collect(), Vec::new());
        assert_same_as_text(&metrics(vec![target]));
    }
}
