//! Complete scrapes in both formats, and the reference of their families.

use std::{collections::HashSet, fs, path::Path, sync::Arc};

use job_status_exporter::{
    config::{self, LabelScope, LabelSource, MappedLabel},
    decode::{self, Decoder, MetadataFilter},
    metrics::{self, Format, Metrics, Scrape, reference},
    model::{
        Change, ClientEvent, CompletionMode, CronJob, EventCounter as _, FailureReason, FeedScope,
        Job, JobState, Name, Resource, Sink, Uid, Update, WorkloadRef,
    },
    store::{Store, StoreSettings, TargetStore},
};
use proptest::prelude::*;

use crate::{
    checker::{self, Families},
    records,
};

mod compressed;
mod owners;
mod pods;
mod scrapes;
mod selection;

const FORMATS: [Format; 2] = [Format::Text, Format::OpenMetrics];

fn metrics(targets: Vec<Arc<TargetStore>>) -> Metrics {
    scoped(targets, LabelScope::Info)
}

/// The metrics with the mapped labels on these families.
fn scoped(targets: Vec<Arc<TargetStore>>, label_scope: LabelScope) -> Metrics {
    let settings = metrics::MetricsSettings {
        label_scope,
        ..metrics::MetricsSettings::default()
    };
    Metrics::new(Arc::new(Store::new(targets)), &settings)
}

/// A mapped label with the value of the Kubernetes label of the same name.
fn mapped(label: &str) -> MappedLabel {
    MappedLabel {
        label: label.to_owned(),
        source: LabelSource::Label(label.to_owned()),
    }
}

pub(crate) fn read(scrape: Scrape) -> String {
    let bytes: Vec<u8> = scrape.flatten().collect();
    String::from_utf8(bytes).unwrap()
}

fn label<'a>(sample: &'a checker::Sample, name: &str) -> &'a str {
    let found = sample.labels.iter().find(|(label, _)| label == name);
    &found.unwrap_or_else(|| panic!("no {name} in {sample:?}")).1
}

fn check(metrics: &Metrics, format: Format) -> Families {
    checker::check(format, &read(metrics.scrape(format)))
}

/// Compares with a file of the repository, or writes it.
pub(crate) fn assert_golden(path: &str, actual: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, actual).unwrap();
    }
    let expected = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        actual == expected,
        "{path} is stale: run `UPDATE_GOLDEN=1 cargo test` and read the diff"
    );
}

#[test]
fn the_reference_is_up_to_date() {
    assert_golden("docs/metrics.md", &reference());
}

#[test]
fn the_reference_has_an_example_of_every_family() {
    let reference = reference();
    let rows = reference
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let mut names = HashSet::new();
    for name in rows {
        let example = |line: &str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with(['{', ' ']) || rest.starts_with("_bucket{"))
        };
        assert!(reference.lines().any(example), "no example of {name}");
        assert!(names.insert(name), "{name} is there twice");
    }
    assert!(names.len() > 30, "{names:?}");
}

/// The objects were recorded from a real API server.
#[test]
fn recorded_objects_match_the_golden_files() {
    let mut decoder = Decoder::default();
    let jobs = recorded("jobs.json", |json| decoder.job(json));
    let cronjobs = recorded("cronjobs.json", |json| decoder.cronjob(json));
    let (jobs_count, cronjobs_count) = (jobs.len(), cronjobs.len());
    let metrics = metrics(vec![records::target(None, jobs, cronjobs)]);
    for (format, extension) in [(Format::Text, "prom"), (Format::OpenMetrics, "openmetrics")] {
        let text = read(metrics.scrape(format));
        let families = checker::check(format, &text);
        let samples = |family: &str| families[family].samples.len();
        assert_eq!(samples("batch_job_state"), jobs_count);
        assert_eq!(samples("batch_cronjob_info"), cronjobs_count);
        let golden = format!("tests/golden/kubernetes-1.36.{extension}");
        assert_golden(&golden, &without_volatile(&text));
    }
}

/// The items of a recorded list.
pub(crate) fn recorded<T>(
    file: &str,
    mut decode: impl FnMut(&str) -> Result<T, decode::DecodeError>,
) -> Vec<T> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kubernetes-1.36");
    let list: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join(file)).unwrap()).unwrap();
    let items = list["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| decode(&item.to_string()).unwrap())
        .collect()
}

/// Removes the families whose values differ between runs or builds.
pub(crate) fn without_volatile(text: &str) -> String {
    let volatile = [
        "process_",
        "job_status_exporter_build_info",
        "job_status_exporter_config_last_reload_success_timestamp_seconds",
        "job_status_exporter_scrape_duration_seconds",
    ];
    let stays = |line: &&str| {
        let words: Vec<&str> = line.split(' ').collect();
        let name = if line.starts_with("# ") && words.len() > 2 {
            words[2]
        } else {
            line
        };
        !volatile.iter().any(|prefix| name.starts_with(prefix))
    };
    text.split_inclusive('\n').filter(stays).collect()
}

#[test]
fn several_targets_share_families_and_differ_in_their_label() {
    let jobs = || records::jobs(3);
    let targets = vec![
        records::target(Some("a"), jobs(), vec![records::cronjob("x")]),
        records::target(Some("b"), jobs(), vec![records::cronjob("x")]),
    ];
    targets[1].count(ClientEvent::DecodeError(Resource::Jobs));
    let metrics = metrics(targets);
    for format in FORMATS {
        let families = check(&metrics, format);
        let state = &families["batch_job_state"].samples;
        let targets: Vec<&str> = state.iter().map(|sample| label(sample, "target")).collect();
        assert_eq!(targets, ["a", "a", "a", "b", "b", "b"]);
        assert_eq!(families["batch_cronjob_info"].samples.len(), 2);
    }
}

#[test]
fn a_family_without_samples_has_no_header() {
    let metrics = metrics(vec![records::target(None, Vec::new(), Vec::new())]);
    for format in FORMATS {
        let families = check(&metrics, format);
        assert!(families.keys().all(|name| !name.starts_with("batch_")));
        assert!(families.contains_key("job_status_exporter_target_up"));
    }
}

#[test]
fn a_configured_job_keeps_its_series_when_it_appears() {
    let job = records::jobs(1).remove(0);
    let scope = FeedScope::Job {
        namespace: job.namespace().clone(),
        name: job.name.to_shared(),
    };
    let target = Arc::new(TargetStore::new(None, Arc::default()));
    let feed = target.clone().register(scope);
    let metrics = metrics(vec![target]);
    let exists = || {
        let families = check(&metrics, Format::Text);
        families["batch_job_exists"].samples[0].clone()
    };
    feed.push(Update::JobAbsent);
    let before = exists();
    feed.push(Update::Jobs(Change::Applied(job)));
    let after = exists();
    assert_eq!((before.value, after.value), (0.0, 1.0));
    assert_eq!(before.labels, after.labels);
}

/// A configured job has no mapped labels, because it may not exist.
#[test]
fn mapped_labels_are_on_all_series_of_the_families_in_their_scope() {
    let values = |values: [&str; 2]| Some(values.map(Name::from).into());
    let mut jobs = records::jobs(2);
    let labelled = jobs.remove(0);
    let labels = values(["billing", "we\"b"]);
    jobs.insert(
        0,
        labelled.with_template(|template| template.labels = labels),
    );
    let cronjob = CronJob {
        labels: values(["ops", ""]),
        ..records::cronjob("nightly")
    };
    let configured = FeedScope::Job {
        namespace: "reports".into(),
        name: "weekly".into(),
    };
    let settings = StoreSettings {
        labels: ["team", "app"].map(mapped).into(),
        ..StoreSettings::default()
    };
    let target = Arc::new(TargetStore::new(Some("prod".into()), settings.into()));
    let [job_feed, cronjob_feed, configured] =
        [FeedScope::Jobs(None), FeedScope::CronJobs(None), configured]
            .map(|scope| target.clone().register(scope));
    job_feed.push(Update::Jobs(Change::Replaced(jobs)));
    cronjob_feed.push(Update::CronJobs(Change::Applied(cronjob)));
    configured.push(Update::JobAbsent);
    let of_configured_jobs = [
        "batch_job_exists",
        "batch_job_poll_up",
        "batch_job_last_poll_timestamp_seconds",
    ];
    for scope in [LabelScope::Info, LabelScope::All] {
        let metrics = scoped(vec![target.clone()], scope);
        for format in FORMATS {
            let families = check(&metrics, format);
            for (name, family) in &families {
                let of_an_object =
                    name.starts_with("batch_") && !of_configured_jobs.contains(&name.as_str());
                let expected =
                    of_an_object && (scope == LabelScope::All || name.ends_with("_info"));
                for sample in &family.samples {
                    let names = sample.labels.iter().map(|(name, _)| name.as_str());
                    let mapped: Vec<&str> = names
                        .filter(|name| ["team", "app"].contains(name))
                        .collect();
                    let all: &[&str] = if expected { &["team", "app"] } else { &[] };
                    assert_eq!(mapped, all, "{scope:?}: {sample:?}");
                }
            }
            let of = |family: &str| -> Vec<[&str; 2]> {
                let samples = families[family].samples.iter();
                let values = samples.map(|sample| [label(sample, "team"), label(sample, "app")]);
                values.collect()
            };
            let (job, bare, cronjob) = (["billing", "we\"b"], ["", ""], ["ops", ""]);
            assert_eq!(of("batch_job_info"), [job, bare]);
            assert_eq!(of("batch_cronjob_info"), [cronjob]);
            assert_eq!(of("batch_workload_info"), [job, bare, cronjob]);
        }
    }
}

/// The decoder and the renderer must use the same order of labels.
#[test]
fn mapped_labels_have_the_values_of_the_objects() {
    let mapped = |label: &str, source| MappedLabel {
        label: label.to_owned(),
        source,
    };
    let app = LabelSource::Label("app.kubernetes.io/name".to_owned());
    let on_call = LabelSource::Annotation("example.com/on-call".to_owned());
    let settings = config::Config {
        labels: config::LabelsConfig {
            mapping: vec![mapped("app", app), mapped("on_call", on_call)],
            scope: LabelScope::All,
        },
        ..config::Config::default()
    };
    let job = r#"{"metadata": {"namespace": "etl", "name": "import", "uid": "1",
        "labels": {"app.kubernetes.io/name": "warehouse", "app": "x"},
        "annotations": {"example.com/on-call": "data", "example.com/name": "y"}}}"#;
    let mut decoder = Decoder::new(Arc::new(MetadataFilter::from_config(&settings)));
    let jobs = vec![decoder.job(job).unwrap()];
    let target = records::labelled_target(None, &settings.labels.mapping, jobs, Vec::new());
    let metrics = scoped(vec![target], settings.labels.scope);
    let families = check(&metrics, Format::Text);
    for family in ["batch_job_state", "batch_workload_active_runs"] {
        let sample = &families[family].samples[0];
        let values = [label(sample, "app"), label(sample, "on_call")];
        assert_eq!(values, ["warehouse", "data"], "{family}");
    }
}

#[test]
fn a_huge_name_is_shown_in_full() {
    let name = "\"\\\n".repeat(64 * 1024 / 3);
    let cronjob = CronJob {
        schedule: name.as_str().into(),
        ..records::cronjob("x")
    };
    let metrics = metrics(vec![records::target(None, Vec::new(), vec![cronjob])]);
    for format in FORMATS {
        let families = check(&metrics, format);
        let info = &families["batch_cronjob_info"].samples[0];
        assert_eq!(label(info, "schedule"), name);
    }
}

/// Any string, with more of the characters that are special in the formats.
fn text() -> impl Strategy<Value = String> {
    let char = prop_oneof![
        any::<char>(),
        prop::sample::select(
            &[
                '"', '\\', '\n', '\r', '\0', '{', '}', ',', '=', ' ', '#', 'n'
            ][..]
        ),
    ];
    prop::collection::vec(char, 0..24).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn every_string_is_preserved(texts in prop::array::uniform9(text())) {
        let [target, namespace, name, kind, workload, uid, managed_by, schedule, team] = texts;
        let owner = WorkloadRef { kind: kind.as_str().into(), name: workload.as_str().into() };
        let job = Job {
            name: name.as_str().into(),
            uid: Uid::parse(&uid),
            state: JobState::Failed,
            failure: Some(FailureReason::Other),
            ..records::jobs(1).remove(0)
        };
        let job = job.with_workload(owner).with_template(|template| {
            template.namespace = namespace.as_str().into();
            template.managed_by = Some(managed_by.as_str().into());
            template.completion_mode = Some(CompletionMode::Other);
            template.labels = Some([team.as_str().into()].into());
        });
        let cronjob = CronJob { schedule: schedule.as_str().into(), ..records::cronjob(&name) };
        let store =
            records::labelled_target(Some(&target), &[mapped("team")], vec![job], vec![cronjob]);
        let metrics = scoped(vec![store], LabelScope::All);
        for format in FORMATS {
            let families = check(&metrics, format);
            let info = &families["batch_job_info"].samples[0];
            let expected = [
                ("target", &target),
                ("namespace", &namespace),
                ("job_name", &name),
                ("workload_type", &kind),
                ("workload", &workload),
                ("uid", &uid),
                ("managed_by", &managed_by),
                ("team", &team),
            ];
            for (name, value) in expected {
                prop_assert_eq!(label(info, name), value);
            }
            let info = &families["batch_cronjob_info"].samples[0];
            prop_assert_eq!(label(info, "schedule"), &schedule);
        }
    }
}
