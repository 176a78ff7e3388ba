//! What is read of labels and annotations, and what is made of those that make no sense.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    decode::Decoder,
    model::{CronJob, Job, Name},
};

fn job(wanted: MetadataFilter, metadata: &Value) -> Job {
    let mut object = json!({"metadata": {"name": "pi-1", "namespace": "maths"}});
    for (key, value) in metadata.as_object().unwrap() {
        object["metadata"][key] = value.clone();
    }
    let mut decoder = Decoder::new(Arc::new(wanted));
    decoder.job(&object.to_string()).unwrap()
}

fn annotated(annotations: &Value) -> Job {
    job(
        MetadataFilter::default(),
        &json!({"annotations": annotations}),
    )
}

fn cronjob(annotations: &Value, template: &Value) -> CronJob {
    let object = json!({
        "metadata": {"name": "pi", "namespace": "maths", "annotations": annotations},
        "spec": {"schedule": "@daily", "jobTemplate": {"metadata": template, "spec": {}}},
    });
    Decoder::default().cronjob(&object.to_string()).unwrap()
}

fn labelled(wanted: &MetadataFilter, labels: &Value, annotations: &Value) -> Vec<String> {
    let metadata = json!({"labels": labels, "annotations": annotations});
    let values = job(wanted.clone(), &metadata).labels.unwrap();
    values.iter().map(ToString::to_string).collect()
}

#[test]
fn thresholds_and_words_are_read() {
    let annotations = annotated(&json!({
        "job-status-exporter/max-duration": "1h30m",
        "job-status-exporter/max-success-age": "2d",
        "job-status-exporter/start-grace": "0s",
        "job-status-exporter/severity": "page",
        "job-status-exporter/runbook": "https://runbooks.example/pi",
        "job-status-exporter.example/max-duration": "of somebody else",
    }));
    let expected = WorkloadAnnotations {
        max_duration: Some(5_400),
        max_success_age: Some(172_800),
        start_grace: Some(0),
        severity: Some("page".into()),
        runbook: Some("https://runbooks.example/pi".into()),
        invalid: Vec::new(),
    };
    assert_eq!(annotations.annotations.as_deref(), Some(&expected));
}

#[test]
fn what_makes_no_sense_is_told_with_its_value() {
    let long = "9".repeat(300);
    for (name, value, told) in [
        ("max-duration", "", ("max-duration", "")),
        ("max-duration", "90", ("max-duration", "90")),
        ("max-duration", "0s", ("max-duration", "0s")),
        ("max-duration", "999ms", ("max-duration", "999ms")),
        ("max-duration", "-1h", ("max-duration", "-1h")),
        ("max-duration", "½h", ("max-duration", "½h")),
        ("max-duration", &long, ("max-duration", &long[..TOLD])),
        ("max-success-age", "weekly", ("max-success-age", "weekly")),
        ("start-grace", "5 m", ("start-grace", "5 m")),
        ("ignore", "yes", ("ignore", "yes")),
        ("ignore", "True", ("ignore", "True")),
        (
            "max-duratoin",
            "1h",
            ("unknown", "job-status-exporter/max-duratoin"),
        ),
        ("", "1h", ("unknown", "job-status-exporter/")),
        (
            "Severity",
            "page",
            ("unknown", "job-status-exporter/Severity"),
        ),
    ] {
        let job = annotated(
            &json!({format!("{PREFIX}{name}"): value, format!("{PREFIX}severity"): "page"}),
        );
        let annotations = job.annotations.expect("something to tell");
        let expected = WorkloadAnnotations {
            severity: Some("page".into()),
            invalid: vec![(told.0, told.1.into())],
            ..WorkloadAnnotations::default()
        };
        assert_eq!(*annotations, expected, "{name}: {value}");
        assert!(!job.ignored, "{name}: {value}");
    }
}

#[test]
fn an_object_may_ask_to_be_left_out() {
    let asks = |value: &str| json!({"job-status-exporter/ignore": value});
    assert!(annotated(&asks("true")).ignored);
    let job = annotated(&asks("false"));
    assert!(!job.ignored && job.annotations.is_none());
    assert!(cronjob(&asks("true"), &json!({})).ignored);
    // The template asks for the Jobs that are made from it.
    assert!(!cronjob(&json!({}), &json!({"annotations": asks("true")})).ignored);
}

#[test]
fn a_cronjob_says_what_its_template_says_where_it_says_nothing_itself() {
    let own = json!({
        "job-status-exporter/max-duration": "1h",
        "job-status-exporter/start-grace": "soon",
        "job-status-exporter/severity": "page",
    });
    let template = json!({"annotations": {
        "job-status-exporter/max-duration": "2h",
        "job-status-exporter/start-grace": "soon",
        "job-status-exporter/max-success-age": "never",
        "job-status-exporter/runbook": "there",
    }});
    let expected = WorkloadAnnotations {
        max_duration: Some(3_600),
        severity: Some("page".into()),
        runbook: Some("there".into()),
        // The same nonsense in both is one.
        invalid: vec![
            ("start-grace", "soon".into()),
            ("max-success-age", "never".into()),
        ],
        ..WorkloadAnnotations::default()
    };
    let annotations = |own: &Value, template: &Value| cronjob(own, template).annotations;
    assert_eq!(annotations(&own, &template).as_deref(), Some(&expected));
    assert!(annotations(&json!(null), &json!(null)).is_none());
    assert!(annotations(&json!({}), &json!({"annotations": null})).is_none());
    let alone = annotations(&json!(null), &template).unwrap();
    assert_eq!(alone.max_duration, Some(7_200));
}

#[test]
fn when_a_run_was_due_and_who_made_it() {
    let due = |value: &str| annotated(&json!({DUE: value})).due;
    assert_eq!(due("2026-11-23T14:23:00Z"), Some(1_795_443_780));
    assert_eq!(due("2026-11-23T15:23:00+01:00"), Some(1_795_443_780));
    for nonsense in [
        "",
        "yesterday",
        "1795443780",
        "2026-11-23",
        "2026-13-01T00:00:00Z",
    ] {
        let job = annotated(&json!({DUE: nonsense}));
        assert_eq!((job.due, job.annotations), (None, None), "{nonsense}");
    }
    let manual = |value: &str| annotated(&json!({INSTANTIATE: value})).manual;
    assert!(manual("manual"));
    assert!(!manual("") && !manual("Manual"));
}

#[test]
fn configured_labels_have_their_values_in_their_order() {
    let wanted = MetadataFilter {
        mapped: vec![
            Origin::Label("team".to_owned()),
            Origin::Annotation("example.com/cost-centre".to_owned()),
            Origin::Label("app.kubernetes.io/name".to_owned()),
        ],
        workload_label: None,
        ..MetadataFilter::default()
    };
    let labels = json!({"app.kubernetes.io/name": "pi", "team": "caf\u{e9} \"A\"", "other": 5});
    let annotations = json!({"example.com/cost-centre": "42", "team": "not a label"});
    assert_eq!(
        labelled(&wanted, &labels, &annotations),
        ["café \"A\"", "42", "pi"]
    );
    let missing = ["", "", ""];
    assert_eq!(labelled(&wanted, &json!(null), &json!(null)), missing);
    assert_eq!(labelled(&wanted, &json!({}), &json!({"a": null})), missing);
    assert_eq!(
        labelled(&wanted, &json!({"team": null}), &json!({})),
        missing
    );
    // An annotation does not stand in for a label of that name, nor the other way round.
    let swapped = json!({"example.com/cost-centre": "42"});
    assert_eq!(labelled(&wanted, &swapped, &json!({"team": "a"})), missing);
    assert!(annotated(&json!({"team": "a"})).labels.is_none());
}

#[test]
fn objects_with_the_same_values_share_them() {
    let wanted = Arc::new(MetadataFilter {
        mapped: vec![Origin::Label("team".to_owned())],
        workload_label: None,
        ..MetadataFilter::default()
    });
    let mut decoder = Decoder::new(wanted);
    let mut labels = |name: &str| {
        let metadata = json!({"name": name, "namespace": "maths", "labels": {"team": "a"}});
        let job = decoder.job(&json!({"metadata": metadata}).to_string());
        job.unwrap().labels.unwrap()
    };
    assert!(Arc::ptr_eq(&labels("pi-1"), &labels("pi-2")));
}

#[test]
fn a_label_groups_jobs_that_do_not_belong_to_a_cronjob() {
    let grouping = MetadataFilter {
        workload_label: Some("example.com/group".to_owned()),
        ..MetadataFilter::default()
    };
    let owned = |kind: &str, controller: bool| json!([{"kind": kind, "name": "owner", "controller": controller}]);
    let (label, empty) = (
        json!({"example.com/group": "sums"}),
        json!({"example.com/group": ""}),
    );
    for (wanted, labels, owners, kind, name) in [
        (&grouping, &label, json!(null), "group", "sums"),
        (&grouping, &label, owned("Workflow", true), "group", "sums"),
        (
            &grouping,
            &label,
            owned("CronJob", true),
            "cronjob",
            "owner",
        ),
        (&grouping, &label, owned("CronJob", false), "group", "sums"),
        (
            &grouping,
            &empty,
            owned("Workflow", true),
            "workflow",
            "owner",
        ),
        (&grouping, &empty, json!(null), "job", "pi-1"),
        (&grouping, &json!(null), json!([]), "job", "pi-1"),
        (
            &MetadataFilter::default(),
            &label,
            json!(null),
            "job",
            "pi-1",
        ),
        (
            &MetadataFilter::default(),
            &label,
            owned("Workflow", true),
            "workflow",
            "owner",
        ),
    ] {
        let metadata = json!({"labels": labels, "ownerReferences": owners});
        let workload = job(wanted.clone(), &metadata).workload;
        let found = (&*workload.kind, &*workload.name);
        assert_eq!(found, (kind, name), "{metadata}");
    }
}

#[test]
fn what_is_not_wanted_may_be_anything() {
    let metadata = json!({
        "labels": {"anything": [1, {"deep": null}]},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": {"not": "a string"}},
    });
    let wanted = MetadataFilter {
        mapped: vec![Origin::Label("team".to_owned())],
        workload_label: Some("group".to_owned()),
        ..MetadataFilter::default()
    };
    let job = job(wanted, &metadata);
    assert_eq!(job.labels, Some([Name::from("")].into()));
}

#[test]
fn metadata_of_another_shape_is_an_error_that_names_the_object() {
    let wanted = Arc::new(MetadataFilter {
        mapped: vec![Origin::Label("team".to_owned())],
        workload_label: None,
        ..MetadataFilter::default()
    });
    for metadata in [
        json!({"annotations": "text"}),
        json!({"annotations": ["text"]}),
        json!({"annotations": {"job-status-exporter/severity": 3}}),
        json!({"labels": 7}),
        json!({"labels": {"team": ["a"]}}),
    ] {
        let mut object = json!({"metadata": {"name": "pi-1", "namespace": "maths"}});
        for (key, value) in metadata.as_object().unwrap() {
            object["metadata"][key] = value.clone();
        }
        let mut decoder = Decoder::new(wanted.clone());
        let error = decoder.job(&object.to_string()).unwrap_err();
        assert_eq!(error.to_string(), "decode maths/pi-1", "{metadata}");
    }
}

#[test]
fn many_and_huge_annotations_are_passed_over() {
    let mut annotations = serde_json::Map::new();
    for number in 0..10_000 {
        annotations.insert(format!("example.com/{number}"), json!("x".repeat(100)));
    }
    annotations.insert(
        format!("{PREFIX}max-duration"),
        json!("\u{1f41e}".repeat(100_000)),
    );
    annotations.insert(format!("{PREFIX}{}", "k".repeat(100_000)), json!("1h"));
    let invalid = annotated(&Value::Object(annotations))
        .annotations
        .unwrap()
        .invalid;
    assert_eq!(invalid.len(), 2);
    for (annotation, told) in invalid {
        assert_eq!(told.chars().count(), TOLD, "{annotation}");
    }
}
