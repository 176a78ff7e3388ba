//! Which labels and annotations are kept, and what they are used for.

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    decode::Decoder,
    model::{Job, Name},
};

fn job(filter: MetadataFilter, metadata: &Value) -> Job {
    let mut object = json!({"metadata": {"name": "pi-1", "namespace": "maths"}});
    for (key, value) in metadata.as_object().unwrap() {
        object["metadata"][key] = value.clone();
    }
    let mut decoder = Decoder::new(Arc::new(filter));
    decoder.job(&object.to_string()).unwrap()
}

fn mapped_labels(filter: &MetadataFilter, labels: &Value, annotations: &Value) -> Vec<String> {
    let metadata = json!({"labels": labels, "annotations": annotations});
    let values = job(filter.clone(), &metadata)
        .template
        .labels
        .clone()
        .unwrap();
    values.iter().map(ToString::to_string).collect()
}

fn mapped(labels: &[&str]) -> MetadataFilter {
    let source = |label: &&str| LabelSource::Label((*label).to_owned());
    MetadataFilter {
        mapped_labels: labels.iter().map(source).collect(),
        ..MetadataFilter::default()
    }
}

#[test]
fn mapped_labels_have_values_in_the_order_of_the_configuration() {
    let filter = MetadataFilter {
        mapped_labels: vec![
            LabelSource::Label("team".to_owned()),
            LabelSource::Annotation("example.com/cost-centre".to_owned()),
            LabelSource::Label("app.kubernetes.io/name".to_owned()),
        ],
        ..MetadataFilter::default()
    };
    let labels = json!({"app.kubernetes.io/name": "pi", "team": "caf\u{e9} \"A\"", "other": 5});
    let annotations = json!({"example.com/cost-centre": "42", "team": "not a label"});
    assert_eq!(
        mapped_labels(&filter, &labels, &annotations),
        ["café \"A\"", "42", "pi"]
    );
    let missing = ["", "", ""];
    assert_eq!(mapped_labels(&filter, &json!(null), &json!(null)), missing);
    assert_eq!(
        mapped_labels(&filter, &json!({}), &json!({"a": null})),
        missing
    );
    assert_eq!(
        mapped_labels(&filter, &json!({"team": null}), &json!({})),
        missing
    );
    // A label and an annotation with the same key are different sources.
    let swapped = json!({"example.com/cost-centre": "42"});
    assert_eq!(
        mapped_labels(&filter, &swapped, &json!({"team": "a"})),
        missing
    );
    assert!(
        job(
            MetadataFilter::default(),
            &json!({"annotations": {"team": "a"}})
        )
        .template
        .labels
        .is_none()
    );
}

#[test]
fn objects_with_the_same_values_share_them() {
    let filter = Arc::new(mapped(&["team"]));
    let mut decoder = Decoder::new(filter);
    let mut labels = |name: &str| {
        let metadata = json!({"name": name, "namespace": "maths", "labels": {"team": "a"}});
        let job = decoder.job(&json!({"metadata": metadata}).to_string());
        job.unwrap().template.labels.clone().unwrap()
    };
    assert_eq!(labels("pi-1").as_ptr(), labels("pi-2").as_ptr());
}

#[test]
fn the_workload_label_groups_jobs_without_an_owner() {
    let grouping = MetadataFilter {
        workload_label: Some("example.com/group".to_owned()),
        ..MetadataFilter::default()
    };
    let none = MetadataFilter::default();
    let label = |group: &str| json!({"example.com/group": group});
    let owned =
        |controller: bool| json!([{"kind": "Workflow", "name": "owner", "controller": controller}]);
    for (filter, labels, owners, kind, name) in [
        (&grouping, label("sums"), json!(null), "group", "sums"),
        (&grouping, label("sums"), owned(true), "workflow", "owner"),
        (&grouping, label("sums"), owned(false), "group", "sums"),
        (&grouping, label(""), json!(null), "job", "pi-1"),
        (&grouping, json!(null), json!([]), "job", "pi-1"),
        (&none, label("sums"), json!(null), "job", "pi-1"),
    ] {
        let metadata = json!({"labels": labels, "ownerReferences": owners});
        let job = job(filter.clone(), &metadata);
        let found = (&**job.workload_kind(), job.workload_name());
        assert_eq!(found, (kind, name), "{metadata}");
    }
}

#[test]
fn skipped_values_may_have_any_type() {
    let metadata = json!({
        "labels": {"anything": [1, {"deep": null}]},
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": {"not": "a string"}},
    });
    let filter = MetadataFilter {
        workload_label: Some("group".to_owned()),
        ..mapped(&["team"])
    };
    let job = job(filter, &metadata);
    assert_eq!(job.template.labels, Some([Name::from("")].into()));
}

#[test]
fn invalid_labels_and_annotations_are_an_error_that_names_the_object() {
    let filter = Arc::new(mapped(&["team"]));
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
        let mut decoder = Decoder::new(filter.clone());
        let error = decoder.job(&object.to_string()).unwrap_err();
        assert_eq!(error.to_string(), "decode maths/pi-1", "{metadata}");
    }
}
