//! What anybody may write into an object, and what is kept of it.

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::config::LabelSource;

#[test]
fn label_values_of_any_length_are_cut_and_named() {
    let long = "ä".repeat(10_000);
    let filter = MetadataFilter {
        mapped_labels: vec![LabelSource::Annotation("example.com/note".to_owned())],
        label_value_bytes: 300,
        ..MetadataFilter::default()
    };
    let mut decoder = Decoder::new(Arc::new(filter));
    let annotations = json!({"example.com/note": long, "job-status-exporter/runbook": long, "job-status-exporter/severity": long});
    let job = json!({
        "metadata": {
            "name": "pi-1", "namespace": "maths", "annotations": annotations,
            "ownerReferences": [{"kind": long, "name": long, "controller": true}],
        },
        "spec": {"managedBy": long},
    });
    let job = decoder.job(&job.to_string()).unwrap();
    let annotated = job.annotations().unwrap().clone();
    let template = &*job.template;
    let mapped = template.labels.as_ref().unwrap()[0].clone();
    let values = [
        mapped,
        annotated.runbook.unwrap(),
        annotated.severity.unwrap(),
        template.workload_kind.clone(),
        template.workload_name.clone().unwrap(),
        template.managed_by.clone().unwrap(),
    ];
    for value in values {
        assert_eq!(*value, format!("{}…", "ä".repeat(148)));
    }
    let mut truncated: Vec<_> = annotated.truncated.iter().map(|it| &**it).collect();
    truncated.sort_unstable();
    truncated.dedup();
    assert_eq!(
        truncated,
        [
            "example.com/note",
            "job-status-exporter/runbook",
            "job-status-exporter/severity",
            "metadata.ownerReferences",
            "spec.managedBy",
        ]
    );
    let cronjob = json!({
        "metadata": {"name": "pi", "namespace": "maths"},
        "spec": {"schedule": "0,".repeat(500_000) + "0 * * * *", "timeZone": long},
    });
    let cronjob = decoder.cronjob(&cronjob.to_string()).unwrap();
    assert_eq!(cronjob.schedule.len(), 300);
    assert!(cronjob.time_zone.as_deref().unwrap().len() <= 300);
    assert_eq!(cronjob.evaluated_schedule(), None);
    assert!(cronjob.whole_schedule().len() < 10_000);
    let truncated = cronjob.annotations.unwrap().truncated;
    assert_eq!(truncated, ["spec.schedule".into(), "spec.timeZone".into()]);
}

#[test]
fn a_schedule_longer_than_a_label_is_still_evaluated() {
    let schedule = "0,".repeat(1_000) + "30 * * * *";
    let object = json!({
        "metadata": {"name": "pi", "namespace": "maths"},
        "spec": {"schedule": schedule},
    });
    let cronjob = Decoder::default().cronjob(&object.to_string()).unwrap();
    assert_eq!(cronjob.schedule.len(), 1024);
    assert_eq!(
        cronjob.evaluated_schedule().map(|it| &**it),
        Some(&*schedule)
    );
}

#[test]
fn names_beyond_the_limit_of_kubernetes_are_errors() {
    for (key, length, valid) in [
        ("name", 253, true),
        ("name", 254, false),
        ("namespace", 254, false),
        ("uid", 254, false),
    ] {
        let mut metadata = json!({"name": "pi", "namespace": "maths", "uid": "u"});
        metadata[key] = json!("x".repeat(length));
        let object = json!({ "metadata": metadata }).to_string();
        assert_eq!(Decoder::default().job(&object).is_ok(), valid, "{key}");
        assert_eq!(Decoder::default().cronjob(&object).is_ok(), valid, "{key}");
    }
}

#[test]
fn the_last_day_of_the_year_9999_is_a_date() {
    for (text, expected) in [
        ("9999-12-31T00:00:00Z", Some(Timestamp::MAX.as_second())),
        ("9999-12-31T23:59:59Z", Some(Timestamp::MAX.as_second())),
        ("9999-12-30T00:00:00Z", Some(253_402_128_000)),
        ("9999-12-32T00:00:00Z", None),
        ("10000-01-01T00:00:00Z", None),
    ] {
        let object =
            json!({"metadata": {"name": "pi-1", "namespace": "maths", "creationTimestamp": text}});
        let job = Decoder::default().job(&object.to_string()).ok();
        assert_eq!(
            job.map(|job| job.created.get()),
            expected.map(Some),
            "{text}"
        );
    }
}
