//! Unusual objects that the API could return.

use super::*;
use crate::metrics::assert_golden;

fn labels(families: &Families, family: &str) -> Vec<(String, String)> {
    families[family].samples[0].labels[2..].to_vec()
}

fn job(metadata: &Value, status: &Value) -> Value {
    let mut job = json!({"metadata": {"name": "a", "namespace": "b"}, "status": status});
    let metadata = metadata.as_object().unwrap().clone();
    job["metadata"].as_object_mut().unwrap().extend(metadata);
    job
}

/// The values of one family, each with the value of its last label.
fn values(families: &Families, family: &str) -> Vec<(String, f64)> {
    let Some(family) = families.get(family) else {
        return Vec::new();
    };
    let of = |sample: &Sample| (sample.labels.last().unwrap().1.clone(), sample.value);
    family.samples.iter().map(of).collect()
}

#[test]
fn label_values_are_shown_in_full() {
    let large = "x\"\\\n".repeat(16 * 1024);
    let values = [
        "",
        " ",
        "\"",
        "\\",
        "\n",
        "\\n",
        "a\r\n\"b\\\"\u{0}",
        "größe 大 \u{1f980}",
        "{\"a\":\"b\\n\"}",
        &large,
    ];
    for value in values {
        let metadata = json!({"labels": {"key": value}, "annotations": {"key": value}});
        let job = job(&metadata, &json!(null));
        let object = std::slice::from_ref(&job);
        let families = shown(object, object);
        for (family, name) in [
            ("kube_job_labels", "label_key"),
            ("kube_job_annotations", "annotation_key"),
            ("kube_cronjob_labels", "label_key"),
            ("kube_cronjob_annotations", "annotation_key"),
        ] {
            let expected = [(name.to_owned(), value.to_owned())];
            assert_eq!(labels(&families, family), expected, "{family}");
        }
    }
}

/// The checker rejects duplicate labels and invalid names.
#[test]
fn every_key_has_a_unique_label_name() {
    let names = |keys: &[&str]| {
        let pairs: serde_json::Map<_, _> = keys
            .iter()
            .map(|key| ((*key).to_owned(), json!(format!("value of {key}"))))
            .collect();
        let families = shown(&[job(&json!({"labels": pairs}), &json!(null))], &[]);
        let mut labels = labels(&families, "kube_job_labels");
        for (name, value) in &mut labels {
            *name = name.strip_prefix("label_").unwrap().to_owned();
            *value = value.strip_prefix("value of ").unwrap().to_owned();
        }
        let pairs = labels.iter().map(|(name, key)| format!("{key}={name}"));
        pairs.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names(&[]), "");
    assert_eq!(
        names(&["app.kubernetes.io/partOf", "1st", "__x", "größe", "aBCd9E"]),
        "1st=1st __x=__x aBCd9E=a_bcd9_e app.kubernetes.io/partOf=app_kubernetes_io_part_of größe=gr__e"
    );
    assert_eq!(
        names(&["a.b", "a/b", "c"]),
        "a.b=a_b_conflict1 a/b=a_b_conflict2 c=c"
    );
    assert_eq!(
        names(&["a.b", "a/b", "a_b", "aB"]),
        "a.b=a_b_conflict1 a/b=a_b_conflict2 aB=a_b_conflict3 a_b=a_b_conflict4"
    );
    // Keys that equal the numbered names of other keys.
    assert_eq!(
        names(&["a.b", "a/b", "a_b_conflict1"]),
        "a.b=a_b_conflict1_conflict1 a/b=a_b_conflict2 a_b_conflict1=a_b_conflict1_conflict2"
    );
    assert_eq!(
        names(&["a.b_conflict1", "a_b", "a~b"]),
        "a.b_conflict1=a_b_conflict1 a_b=a_b_conflict2 a~b=a_b_conflict3"
    );
}

#[test]
fn labels_do_not_replace_the_labels_of_the_table() {
    let metadata = json!({"labels": {"namespace": "x", "job_name": "y", "target": "z"}});
    let families = shown(&[job(&metadata, &json!(null))], &[]);
    let own = &families["kube_job_labels"].samples[0].labels[..2];
    assert_eq!(own[0], ("namespace".to_owned(), "b".to_owned()));
    assert_eq!(own[1], ("job_name".to_owned(), "a".to_owned()));
}

#[test]
fn failed_pods_are_a_number_or_a_flag() {
    let failed = |status: &Value| {
        values(
            &shown(&[job(&json!({}), status)], &[]),
            "kube_job_status_failed",
        )
    };
    let condition = |reason: &str| json!({"failed": 2, "conditions": [{"type": "Failed", "status": "True", "reason": reason}]});
    let series = |pairs: &[(&str, f64)]| -> Vec<(String, f64)> {
        let owned = |(reason, value): &(&str, f64)| ((*reason).to_owned(), *value);
        pairs.iter().map(owned).collect()
    };
    assert_eq!(failed(&json!(null)), series(&[("", 0.0)]));
    assert_eq!(failed(&json!({"failed": 2})), series(&[("", 2.0)]));
    assert_eq!(
        failed(&condition("DeadlineExceeded")),
        series(&[
            ("BackoffLimitExceeded", 0.0),
            ("DeadlineExceeded", 1.0),
            ("Evicted", 0.0),
        ])
    );
    assert_eq!(
        failed(&condition("PodFailurePolicy")),
        series(&[
            ("BackoffLimitExceeded", 0.0),
            ("DeadlineExceeded", 0.0),
            ("Evicted", 0.0),
            ("", 2.0),
        ])
    );
    // A Job can fail without a failed pod. Then the reason is not shown.
    let no_pods =
        json!({"conditions": [{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}]});
    assert_eq!(failed(&no_pods), series(&[("", 0.0)]));
}

#[test]
fn conditions_have_a_series_for_each_status() {
    for (status, expected) in [
        (json!("True"), [1.0, 0.0, 0.0]),
        (json!("False"), [0.0, 1.0, 0.0]),
        (json!("Unknown"), [0.0, 0.0, 1.0]),
        (json!("Maybe"), [0.0, 0.0, 0.0]),
        (json!(null), [0.0, 0.0, 0.0]),
    ] {
        let conditions =
            ["Complete", "Failed", "Suspended"].map(|kind| json!({"type": kind, "status": status}));
        let twice = [conditions.clone(), conditions].concat();
        let families = shown(&[job(&json!({}), &json!({"conditions": twice}))], &[]);
        for family in ["kube_job_complete", "kube_job_failed"] {
            let values = values(&families, family);
            let labels = ["true", "false", "unknown"].map(str::to_owned);
            let expected: Vec<_> = labels.into_iter().zip(expected).collect();
            assert_eq!(values, expected, "{family} {status}");
        }
        let suspended = families["kube_job_status_suspended"].samples[0].value;
        assert!((suspended - expected[0]).abs() < f64::EPSILON, "{status}");
    }
    let families = shown(&[job(&json!({}), &json!(null))], &[]);
    for absent in [
        "kube_job_complete",
        "kube_job_failed",
        "kube_job_status_suspended",
    ] {
        assert!(!families.contains_key(absent), "{absent}");
    }
}

#[test]
fn each_owner_is_shown_once() {
    let owner = |uid: u32, name: &str, controller: Value| json!({"apiVersion": "x/v1", "kind": "Work\"flow", "name": name, "uid": uid.to_string(), "controller": controller});
    let owners = [
        owner(1, "a", json!(true)),
        owner(2, "a", json!(false)),
        owner(3, "a", json!(null)),
        owner(4, "b", json!(null)),
    ];
    let families = shown(
        &[job(&json!({"ownerReferences": owners}), &json!(null))],
        &[],
    );
    let samples = families["kube_job_owner"].samples.iter();
    let owners = samples.map(|sample| {
        let values = sample.labels[2..].iter().map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(" ")
    });
    let expected = [
        "Work\"flow a true",
        "Work\"flow a false",
        "Work\"flow b false",
    ];
    assert_eq!(owners.collect::<Vec<_>>(), expected);
}

#[test]
fn a_resource_version_that_is_not_a_number_is_absent() {
    let version = |version: Value| {
        let families = shown(
            &[],
            &[job(&json!({"resourceVersion": version}), &json!(null))],
        );
        let family = families.get("kube_cronjob_metadata_resource_version");
        family.map(|family| family.samples[0].value.to_string())
    };
    assert_eq!(version(json!("4028")), Some("4028".to_owned()));
    assert_eq!(
        version(json!("18446744073709551615")),
        Some("18446744073709552000".to_owned())
    );
    assert_eq!(version(json!("")), None);
    assert_eq!(version(json!("abc")), None);
    assert_eq!(version(json!(null)), None);
}

/// `promtool check metrics` reads this file, too.
#[test]
fn unusual_objects_match_the_golden_file() {
    let pairs = json!({
        "a.b": "\"quoted\"", "a/b": "back\\slash", "a_b": "two\nlines", "camelCase": "größe \u{1f980}", "empty": "",
    });
    let object = json!({
        "metadata": {
            "name": "quote\"d", "namespace": "line\nfeed", "labels": pairs, "annotations": pairs,
            "resourceVersion": "4028", "creationTimestamp": "2026-11-23T14:23:26Z",
            "ownerReferences": [{"kind": "Work\\flow", "name": "größe", "controller": true}],
        },
        "spec": {
            "parallelism": 2, "completions": 3, "activeDeadlineSeconds": 60,
            "schedule": "0 0 30 2 *", "timeZone": "Europe/Berlin", "concurrencyPolicy": "Later",
            "startingDeadlineSeconds": 10, "successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 1,
        },
        "status": {
            "startTime": "1969-12-31T23:59:59Z", "completionTime": "2026-11-23T14:23:26Z", "failed": 2,
            "lastScheduleTime": "2026-11-23T14:23:26Z", "lastSuccessfulTime": "2026-11-23T14:23:26Z",
            "conditions": [
                {"type": "Complete", "status": "Unknown"},
                {"type": "Failed", "status": "False", "reason": "Evicted"},
                {"type": "Suspended", "status": "True"},
            ],
        },
    });
    let mut odd = object.clone();
    odd["metadata"]["name"] = json!("odd");
    odd["spec"]["schedule"] = json!("*/60 \"\\ * *");
    let mut decoder = decoder(&["*"]);
    let job = decoder.job(&object.to_string()).unwrap();
    let cronjobs = [object, odd].map(|cronjob| decoder.cronjob(&cronjob.to_string()).unwrap());
    let text = text(vec![job], cronjobs.to_vec());
    let families = checker::check(Format::Text, &text);
    assert_eq!(families.len(), 17 + 14);
    assert_golden("tests/golden/kube-state-metrics.prom", &text);
}
