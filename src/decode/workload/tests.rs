//! Which workload a Job belongs to.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    decode::{Decoder, MetadataFilter},
    model::{Name, Uid},
};

/// `kind/name` of the workload of Job `pi`, with `more` in its metadata. The label `team` groups Jobs.
fn workload(more: &[(&str, Value)]) -> String {
    let mut metadata = json!({"name": "pi", "namespace": "maths"});
    for (key, value) in more {
        metadata[key] = value.clone();
    }
    let filter = MetadataFilter {
        workload_label: Some("team".to_owned()),
        ..MetadataFilter::default()
    };
    let job = json!({"metadata": metadata}).to_string();
    let job = Decoder::new(Arc::new(filter)).job(&job).unwrap();
    format!("{}/{}", job.workload_kind(), job.workload_name())
}

/// `ownerReferences` with one controlling owner of this kind, named `owner`.
fn owned_by(version: &str, kind: &str) -> (&'static str, Value) {
    let owner = json!({"apiVersion": version, "kind": kind, "name": "owner", "controller": true});
    ("ownerReferences", json!([owner]))
}

#[test]
fn the_owner_comes_before_the_label_and_the_label_before_the_generated_name() {
    let owner = owned_by("argoproj.io/v1alpha1", "Workflow");
    let label = ("labels", json!({"team": "numbers"}));
    let generated = ("generateName", json!("pi-"));
    let cases = [
        (vec![&owner, &label, &generated], "workflow/owner"),
        (vec![&label, &generated], "group/numbers"),
        (vec![&generated], "generated/pi"),
        (vec![], "job/pi"),
    ];
    for (metadata, expected) in cases {
        let metadata: Vec<_> = metadata.into_iter().cloned().collect();
        assert_eq!(workload(&metadata), expected);
    }
}

#[test]
fn only_the_controlling_owner_counts() {
    let workflow = json!({"kind": "Workflow", "name": "w"});
    let controller = json!({"kind": "CronJob", "name": "c", "controller": true});
    for (owners, expected) in [
        (json!(null), "job/pi"),
        (json!([]), "job/pi"),
        (json!([workflow]), "job/pi"),
        (json!([workflow, controller]), "cronjob/c"),
    ] {
        let shown = workload(&[("ownerReferences", owners.clone())]);
        assert_eq!(shown, expected, "{owners}");
    }
}

#[test]
fn kinds_of_other_groups_do_not_merge_with_those_of_batch() {
    for (version, kind, expected) in [
        ("batch/v1", "CronJob", "cronjob"),
        ("batch/v1beta1", "CronJob", "cronjob"),
        ("batch/v1", "Job", "job"),
        ("example.com/v1", "CronJob", "cronjob.example.com"),
        ("batch.volcano.sh/v1alpha1", "Job", "job.batch.volcano.sh"),
        ("v1", "Job", "job.core"),
        ("example.com/v1", "Group", "group.example.com"),
        ("example.com/v1", "Generated", "generated.example.com"),
        ("jobset.x-k8s.io/v1alpha2", "JobSet", "jobset"),
    ] {
        let shown = workload(&[owned_by(version, kind)]);
        assert_eq!(shown, format!("{expected}/owner"), "{version} {kind}");
    }
}

#[test]
fn the_jobs_of_an_owner_are_one_run_unless_it_starts_jobs_again_and_again() {
    let uid = "6f1c2b7e-0f1a-4f5a-9b2e-1d3c4b5a6e7f";
    let owner_uid = |owner: Value| {
        let metadata = json!({"name": "pi", "namespace": "maths", "ownerReferences": [owner]});
        let job = Decoder::default().job(&json!({"metadata": metadata}).to_string());
        job.unwrap().template.owner_uid.as_deref().cloned()
    };
    for (version, kind, one_run) in [
        ("jobset.x-k8s.io/v1alpha2", "JobSet", true),
        ("argoproj.io/v1alpha1", "Workflow", true),
        ("kubeflow.org/v2beta1", "MPIJob", true),
        ("ray.io/v1", "RayJob", true),
        ("example.com/v1", "ScaledJob", true),
        ("batch.volcano.sh/v1alpha1", "Job", true),
        ("batch/v1", "CronJob", false),
        ("batch/v1", "Job", false),
        ("example.com/v1", "CronJob", false),
        ("keda.sh/v1alpha1", "ScaledJob", false),
        ("apps.kruise.io/v1alpha1", "AdvancedCronJob", false),
        ("batch.gresearch.co.uk/v1", "ControlledJob", false),
    ] {
        let owner = json!({"apiVersion": version, "kind": kind, "name": "o", "uid": uid, "controller": true});
        let expected = one_run.then(|| Uid::parse(uid));
        assert_eq!(owner_uid(owner), expected, "{version} {kind}");
    }
    for (uid, controller) in [("", true), (uid, false), (&*"u".repeat(2000), true)] {
        let owner = json!({"kind": "JobSet", "name": "o", "uid": uid, "controller": controller});
        assert_eq!(owner_uid(owner), None, "{uid} {controller}");
    }
}

#[test]
fn a_generated_name_loses_its_trailing_dash() {
    for (generate_name, expected) in [
        ("load-", "generated/load"),
        ("load", "generated/load"),
        ("load--", "generated/load-"),
        ("-", "job/pi"),
        ("", "job/pi"),
    ] {
        let shown = workload(&[("generateName", json!(generate_name))]);
        assert_eq!(shown, expected, "{generate_name}");
    }
    assert_eq!(workload(&[("generateName", json!(null))]), "job/pi");
}

#[test]
fn jobs_with_one_generated_name_share_it() {
    let mut decoder = Decoder::default();
    let mut name = |job: &str| {
        let metadata = json!({"name": job, "namespace": "maths", "generateName": "load-"});
        let job = decoder.job(&json!({"metadata": metadata}).to_string());
        job.unwrap().workload_id().name
    };
    assert!(Name::ptr_eq(&name("load-x"), &name("load-y")));
}
