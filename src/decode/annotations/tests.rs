//! Valid and invalid annotations of Jobs, `CronJobs` and their templates.

use serde_json::{Value, json};

use super::*;
use crate::{
    decode::Decoder,
    model::{CronJob, Job},
};

fn annotated(annotations: &Value) -> Job {
    let metadata = json!({"name": "pi-1", "namespace": "maths", "annotations": annotations});
    let object = json!({ "metadata": metadata });
    Decoder::default().job(&object.to_string()).unwrap()
}

fn cronjob(annotations: &Value, template: &Value) -> CronJob {
    let object = json!({
        "metadata": {"name": "pi", "namespace": "maths", "annotations": annotations},
        "spec": {"schedule": "@daily", "jobTemplate": {"metadata": template, "spec": {}}},
    });
    Decoder::default().cronjob(&object.to_string()).unwrap()
}

#[test]
fn thresholds_severity_and_runbook_are_parsed() {
    let annotations = annotated(&json!({
        "job-status-exporter/max-duration": "1h30m",
        "job-status-exporter/max-success-age": "2d",
        "job-status-exporter/start-grace": "0s",
        "job-status-exporter/max-failures": "2",
        "job-status-exporter/severity": "page",
        "job-status-exporter/runbook": "https://runbooks.example/pi",
        "job-status-exporter.example/max-duration": "of another program",
    }));
    let expected = WorkloadAnnotations {
        max_duration: Some(5_400),
        max_success_age: Some(172_800),
        start_grace: Some(0),
        max_failures: Some(2),
        ignore: None,
        severity: Some("page".into()),
        runbook: Some("https://runbooks.example/pi".into()),
        invalid: Vec::new(),
        truncated: Vec::new(),
    };
    assert_eq!(annotations.annotations(), Some(&expected));
}

#[test]
fn invalid_annotations_are_reported_with_their_values() {
    let long = "9".repeat(300);
    let reported_long = cut(&long, MAX_REPORTED_BYTES);
    for (name, value, reported) in [
        ("max-duration", "", ("max-duration", "")),
        ("max-duration", "90", ("max-duration", "90")),
        ("max-duration", "0s", ("max-duration", "0s")),
        ("max-duration", "999ms", ("max-duration", "999ms")),
        ("max-duration", "-1h", ("max-duration", "-1h")),
        ("max-duration", "½h", ("max-duration", "½h")),
        ("max-duration", &long, ("max-duration", &reported_long)),
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
        let annotations = job.annotations().expect("an invalid annotation");
        let expected = WorkloadAnnotations {
            severity: Some("page".into()),
            invalid: vec![(reported.0, reported.1.into())],
            ..WorkloadAnnotations::default()
        };
        assert_eq!(*annotations, expected, "{name}: {value}");
        assert!(!job.ignored, "{name}: {value}");
    }
}

#[test]
fn the_ignore_annotation_excludes_an_object() {
    let ignore = |value: &str| json!({"job-status-exporter/ignore": value});
    assert!(annotated(&ignore("true")).ignored);
    let job = annotated(&ignore("false"));
    assert!(!job.ignored && job.annotations().unwrap().ignore == Some(false));
    assert!(cronjob(&ignore("true"), &json!({})).ignored);
    // In the template it applies to the Jobs, not to the CronJob.
    assert!(!cronjob(&json!({}), &json!({"annotations": ignore("true")})).ignored);
}

#[test]
fn a_cronjob_inherits_annotations_from_its_template() {
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
        // The same problem in both is reported once.
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
fn kubernetes_annotations_give_the_due_time_and_mark_manual_runs() {
    let due = |value: &str| annotated(&json!({SCHEDULED_TIMESTAMP: value})).due.get();
    assert_eq!(due("2026-11-23T14:23:00Z"), Some(1_795_443_780));
    assert_eq!(due("2026-11-23T15:23:00+01:00"), Some(1_795_443_780));
    for invalid in [
        "",
        "yesterday",
        "1795443780",
        "2026-11-23",
        "2026-13-01T00:00:00Z",
    ] {
        let job = annotated(&json!({SCHEDULED_TIMESTAMP: invalid}));
        assert_eq!(
            (job.due.get(), job.annotations()),
            (None, None),
            "{invalid}"
        );
    }
    let manual = |value: &str| annotated(&json!({INSTANTIATE: value})).manual;
    assert!(manual("manual"));
    assert!(!manual("") && !manual("Manual"));
}

#[test]
fn many_and_huge_annotations_are_handled() {
    let mut annotations = serde_json::Map::new();
    for number in 0..10_000 {
        annotations.insert(format!("example.com/{number}"), json!("x".repeat(100)));
    }
    annotations.insert(
        format!("{PREFIX}max-duration"),
        json!("\u{1f41e}".repeat(100_000)),
    );
    annotations.insert(format!("{PREFIX}{}", "k".repeat(100_000)), json!("1h"));
    let job = annotated(&Value::Object(annotations));
    let invalid = &job.annotations().unwrap().invalid;
    assert_eq!(invalid.len(), 2);
    for (annotation, reported) in invalid {
        assert!(reported.len() <= MAX_REPORTED_BYTES, "{annotation}");
        assert!(reported.ends_with('…'), "{annotation}");
    }
}

#[test]
fn only_some_of_many_invalid_annotations_are_looked_at() {
    let mut annotations = serde_json::Map::new();
    for number in 0..9_000 {
        annotations.insert(format!("{PREFIX}a-{number}"), json!("1h"));
    }
    annotations.insert(format!("{PREFIX}severity"), json!("page"));
    let metadata = json!({ "annotations": annotations });
    let cronjob = cronjob(&metadata["annotations"], &metadata);
    let parsed = cronjob.annotations.unwrap();
    assert_eq!(parsed.invalid.len(), MAX_INVALID);
    // The others still count.
    assert_eq!(parsed.severity.as_deref(), Some("page"));
}

#[test]
fn exactly_the_known_annotations_have_a_meaning() {
    for key in KNOWN {
        let name = key.strip_prefix(PREFIX).unwrap();
        let job = annotated(&json!({ key: "7" }));
        let annotations = job.annotations().expect("an annotation");
        let is_unknown = annotations
            .invalid
            .iter()
            .any(|(reported, _)| *reported == UNKNOWN_ANNOTATION);
        assert!(!is_unknown, "{name}");
        assert!(known_annotations().contains(key));
    }
}
