//! The documents about the API itself: its version, the batch group, the core API and the resources.
//!
//! [`super::handler`] sends them. They were compared with recordings of a kube-apiserver 1.36, except those of the core API.

use serde_json::{Value, json};

use super::{CronJobsVersion, object::Kind};

/// The verbs of each resource.
const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// The response of `/version`.
pub(super) fn version(minor: u32) -> Value {
    json!({
        "major": "1",
        "minor": minor.to_string(),
        "emulationMajor": "1",
        "emulationMinor": minor.to_string(),
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": minor.saturating_sub(1).to_string(),
        "gitVersion": format!("v1.{minor}.3"),
        "gitCommit": "$Format:%H$",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go1.26.8",
        "compiler": "gc",
        "platform": "linux/amd64",
    })
}

/// The response of `/apis/batch`.
pub(super) fn group(cronjobs: CronJobsVersion) -> Value {
    let version = json!({"groupVersion": "batch/v1", "version": "v1"});
    let mut versions = vec![version.clone()];
    if cronjobs == CronJobsVersion::V1Beta1 {
        versions.push(json!({"groupVersion": "batch/v1beta1", "version": "v1beta1"}));
    }
    json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": "batch",
        "versions": versions,
        "preferredVersion": version,
    })
}

/// The response of `/apis/batch/v1` and `/apis/batch/v1beta1`.
pub(super) fn group_version(cronjobs_version: CronJobsVersion, beta: bool) -> Value {
    let mut cronjobs = json!({
        "name": "cronjobs", "singularName": "cronjob", "namespaced": true, "kind": "CronJob", "verbs": VERBS,
        "categories": ["all"], "storageVersionHash": "sd5LIXh4Fjs=",
    });
    let mut jobs = cronjobs.clone();
    cronjobs["shortNames"] = json!(["cj"]);
    jobs["name"] = json!("jobs");
    jobs["singularName"] = json!("job");
    jobs["kind"] = json!("Job");
    jobs["storageVersionHash"] = json!("mudhfqk/qZY=");
    let cronjobs = [cronjobs, status(Kind::CronJob)];
    let jobs = [jobs, status(Kind::Job)];
    let resources = match (cronjobs_version, beta) {
        (CronJobsVersion::V1, _) => [cronjobs, jobs].concat(),
        (_, true) => cronjobs.to_vec(),
        (_, false) => jobs.to_vec(),
    };
    let version = if beta { "batch/v1beta1" } else { "batch/v1" };
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version,
        "resources": resources,
    })
}

/// The response of `/api`. The server addresses are left out: they tell a client in which network it is.
pub(super) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

/// The response of `/api/v1`. Like a real server, it has no `apiVersion`.
pub(super) fn core_version() -> Value {
    let pods = json!({
        "name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod", "verbs": VERBS,
        "shortNames": ["po"], "categories": ["all"], "storageVersionHash": "xPOwRZ+Yhw8=",
    });
    let namespaces = json!({
        "name": "namespaces", "singularName": "namespace", "namespaced": false, "kind": "Namespace",
        "verbs": VERBS, "shortNames": ["ns"], "storageVersionHash": "Q3oi5N2YM8M=",
    });
    let resources = [namespaces, pods, status(Kind::Pod)];
    json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": resources})
}

fn status(kind: Kind) -> Value {
    json!({
        "name": format!("{}/status", kind.resource()), "singularName": "", "namespaced": true,
        "kind": kind.as_str(), "verbs": ["get", "patch", "update"],
    })
}
