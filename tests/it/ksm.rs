//! The families of kube-state-metrics, compared with its own output, and with unusual objects.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    sync::Arc,
};

use job_status_exporter::{
    config::{AllowList, KsmConfig, Pattern},
    decode::{Decoder, MetadataFilter},
    metrics::{Format, Metrics, MetricsSettings},
    model::{CronJob, Job},
    store::{Store, TargetStore},
};
use serde_json::{Value, json};

use crate::{
    checker::{self, Families, Sample},
    metrics::{read, recorded},
    records,
};

mod hostile;
mod rules;

/// Labels without their order and without empty ones, which Prometheus treats as missing.
type Series = BTreeMap<String, String>;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kubernetes-1.36")
}

fn allow(keys: &[&str]) -> AllowList {
    let keys = keys.iter().map(|key| Pattern::from(*key)).collect();
    AllowList { keys }
}

fn decoder(keys: &[&str]) -> Decoder {
    Decoder::new(Arc::new(MetadataFilter {
        kube_state_metrics: Some(KsmConfig {
            job_labels: allow(keys),
            job_annotations: allow(keys),
            cronjob_labels: allow(keys),
            cronjob_annotations: allow(keys),
        }),
        ..MetadataFilter::default()
    }))
}

fn metrics(targets: Vec<Arc<TargetStore>>) -> Metrics {
    let settings = MetricsSettings {
        kube_state_metrics: true,
        ..MetricsSettings::default()
    };
    Metrics::new(Arc::new(Store::new(targets)), &settings)
}

/// Only the families of kube-state-metrics, as text.
fn text(jobs: Vec<Job>, cronjobs: Vec<CronJob>) -> String {
    let target = records::target(None, jobs, cronjobs);
    let text = read(metrics(vec![target]).scrape(Format::Text));
    let of_kube = |line: &&str| {
        let name = line
            .trim_start_matches("# HELP ")
            .trim_start_matches("# TYPE ");
        name.starts_with("kube_")
    };
    text.split_inclusive('\n').filter(of_kube).collect()
}

/// The families about objects, with all labels and annotations.
fn shown(jobs: &[Value], cronjobs: &[Value]) -> Families {
    let mut decoder = decoder(&["*"]);
    let jobs = jobs
        .iter()
        .map(|job| decoder.job(&job.to_string()).unwrap());
    let jobs = jobs.collect();
    let cronjobs = cronjobs
        .iter()
        .map(|cronjob| decoder.cronjob(&cronjob.to_string()).unwrap());
    checker::check(Format::Text, &text(jobs, cronjobs.collect()))
}

/// The values of the series of each family. Families without series are omitted.
fn series<'a>(
    samples: impl Iterator<Item = &'a Sample>,
) -> BTreeMap<String, BTreeMap<Series, f64>> {
    let mut families: BTreeMap<String, BTreeMap<Series, f64>> = BTreeMap::new();
    for sample in samples {
        let labels = sample.labels.iter().filter(|(_, value)| !value.is_empty());
        let family = families.entry(sample.name.clone()).or_default();
        let earlier = family.insert(labels.cloned().collect(), sample.value);
        assert_eq!(earlier, None, "there twice: {sample:?}");
    }
    families
}

/// The missing and the unexpected series of each family. Empty if there are none.
fn difference(expected: &str, actual: &Families) -> String {
    let lines = expected.lines().filter(|line| !line.starts_with('#'));
    let expected: Vec<Sample> = lines.map(checker::read_sample).collect();
    let (expected, actual) = (
        series(expected.iter()),
        series(actual.values().flat_map(|family| &family.samples)),
    );
    let mut report = String::new();
    let names: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    for name in names {
        let none = BTreeMap::new();
        let expected = expected.get(name).unwrap_or(&none);
        let actual = actual.get(name).unwrap_or(&none);
        let mut list = |sign, these: &BTreeMap<Series, f64>, others: &BTreeMap<Series, f64>| {
            for (labels, value) in these {
                if others.get(labels) != Some(value) {
                    writeln!(report, "{sign} {name}{labels:?} {value}").unwrap();
                }
            }
        };
        list('-', expected, actual);
        list('+', actual, expected);
    }
    report
}

#[test]
fn recorded_objects_are_shown_as_kube_state_metrics_shows_them() {
    for (file, keys) in [
        ("kube-state-metrics.prom", &[][..]),
        ("kube-state-metrics-labels.prom", &["*"]),
    ] {
        let mut decoder = decoder(keys);
        let jobs = recorded("jobs.json", |json| decoder.job(json));
        let cronjobs = recorded("cronjobs.json", |json| decoder.cronjob(json));
        let expected = fs::read_to_string(folder().join(file)).unwrap();
        let actual = checker::check(Format::Text, &text(jobs, cronjobs));
        let difference = difference(&expected, &actual);
        assert!(difference.is_empty(), "not as in {file}:\n{difference}");

        let types = expected
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "));
        for (name, kind) in types.filter_map(|line| line.split_once(' ')) {
            if let Some(family) = actual.get(name) {
                assert_eq!(family.kind, kind, "{name}");
            }
        }
    }
}

#[test]
fn a_difference_is_reported_for_each_family() {
    let expected = "kube_a{x=\"1\",y=\"\"} 1e+09\nkube_a{x=\"2\"} 1\nkube_b 3\n";
    let same =
        "# HELP kube_a a\n# TYPE kube_a gauge\nkube_a{x=\"2\"} 1\nkube_a{x=\"1\"} 1000000000\n";
    let b = "# HELP kube_b b\n# TYPE kube_b gauge\nkube_b 4\n";
    let check = |text: &str| checker::check(Format::Text, text);
    assert_eq!(difference(expected, &check(same)), "- kube_b{} 3\n");
    assert_eq!(
        difference(expected, &check(&format!("{same}{b}"))),
        "- kube_b{} 3\n+ kube_b{} 4\n"
    );
}

#[test]
fn only_selected_labels_are_shown() {
    let object = json!({"metadata": {
        "name": "a", "namespace": "b",
        "labels": {"team": "x", "tier": "y"},
        "annotations": {"example.com/owner": "z", "example.com/note": "", "other": "w"},
    }});
    let mut decoder = decoder(&["team", "example.com/*", "absent"]);
    let job = decoder.job(&object.to_string()).unwrap();
    let families = checker::check(Format::Text, &text(vec![job], Vec::new()));
    let labels = |family: &str| families[family].samples[0].labels[2..].to_vec();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(labels("kube_job_labels"), [pair("label_team", "x")]);
    assert_eq!(
        labels("kube_job_annotations"),
        [
            pair("annotation_example_com_note", ""),
            pair("annotation_example_com_owner", "z"),
        ]
    );
}

#[test]
fn they_are_shown_only_if_enabled() {
    let mut decoder = decoder(&["*"]);
    let jobs = recorded("jobs.json", |json| decoder.job(json));
    let target = records::target(None, jobs, Vec::new());
    let plain = Metrics::new(
        Arc::new(Store::new(vec![target.clone()])),
        &MetricsSettings::default(),
    );
    assert!(!read(plain.scrape(Format::Text)).contains("kube_"));
    assert!(read(metrics(vec![target]).scrape(Format::Text)).contains("kube_"));
}

#[test]
fn objects_of_several_targets_differ_in_their_label() {
    let object = json!({"metadata": {"name": "a", "namespace": "b"}}).to_string();
    let target = |target| {
        let mut decoder = decoder(&["*"]);
        let (job, cronjob) = (decoder.job(&object), decoder.cronjob(&object));
        records::target(Some(target), vec![job.unwrap()], vec![cronjob.unwrap()])
    };
    let metrics = metrics(vec![target("x"), target("y")]);
    for format in [Format::Text, Format::OpenMetrics] {
        let families = checker::check(format, &read(metrics.scrape(format)));
        for name in ["kube_job_info", "kube_job_labels", "kube_cronjob_info"] {
            let samples = &families[name].samples;
            let targets: Vec<_> = samples.iter().map(|sample| &sample.labels[0]).collect();
            let target = |value: &str| ("target".to_owned(), value.to_owned());
            assert_eq!(targets, [&target("x"), &target("y")], "{name}");
        }
    }
}
