//! Which Job a pod belongs to.

use super::*;

fn job(metadata: &Value) -> Option<(String, String)> {
    let pod = object(metadata, &json!({}), &json!({"phase": "Running"}));
    let pod = try_decode(&pod).unwrap()?;
    Some((pod.job_name.to_string(), pod.job_uid.to_string()))
}

fn owner(api_version: &str, kind: &str, controller: Option<bool>) -> Value {
    json!({"apiVersion": api_version, "kind": kind, "name": "pi", "uid": "u-1", "controller": controller})
}

#[test]
fn the_controlling_job_is_the_job() {
    let set = owner("apps/v1", "ReplicaSet", None);
    let owners = json!({"ownerReferences": [set, owner("batch/v1", "Job", Some(true))]});
    assert_eq!(job(&owners), Some(("pi".into(), "u-1".into())));
    let beta = json!({"ownerReferences": [owner("batch/v1beta1", "Job", Some(true))]});
    assert!(job(&beta).is_some());
}

#[test]
fn the_labels_name_the_job_of_a_pod_without_a_controller() {
    for prefix in ["batch.kubernetes.io/", ""] {
        let labels = json!({
            (format!("{prefix}job-name")): "pi",
            (format!("{prefix}controller-uid")): "u-2",
            "other": null,
        });
        let owners = [
            json!(null),
            json!([]),
            json!([owner("batch/v1", "Job", None)]),
        ];
        for owners in owners {
            let metadata = json!({"ownerReferences": owners, "labels": labels});
            assert_eq!(job(&metadata), Some(("pi".into(), "u-2".into())));
        }
    }
    let nameless = json!([{"apiVersion": "batch/v1", "kind": "Job", "controller": true}]);
    let labels = json!({"job-name": "pi", "controller-uid": "u-2"});
    let metadata = json!({"ownerReferences": nameless, "labels": labels});
    assert_eq!(job(&metadata), Some(("pi".into(), "u-2".into())));
}

#[test]
fn other_pods_belong_to_no_job() {
    let labels = json!({"job-name": "pi", "controller-uid": "u-2"});
    for owner in [
        owner("apps/v1", "ReplicaSet", Some(true)),
        owner("batch.volcano.sh/v1alpha1", "Job", Some(true)),
        owner("v1", "Job", Some(true)),
        owner("batch/v1", "CronJob", Some(true)),
    ] {
        let metadata = json!({"ownerReferences": [owner], "labels": labels});
        assert_eq!(job(&metadata), None, "{metadata}");
    }
    for labels in [
        json!(null),
        json!({}),
        json!({"job-name": "pi"}),
        json!({"controller-uid": "u-2"}),
        json!({"job-name": "", "controller-uid": "u-2"}),
    ] {
        let metadata = json!({"ownerReferences": null, "labels": labels});
        assert_eq!(job(&metadata), None, "{metadata}");
    }
}
