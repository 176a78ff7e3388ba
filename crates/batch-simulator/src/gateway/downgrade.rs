//! Turns responses of the simulated 1.36 API into those of CCI: Kubernetes 1.19 with a few additional fields.
//!
//! It removes the fields that later versions added, and adds those that later versions removed.

use std::fmt::Write as _;

use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, Full};
use serde_json::{Map, Value, json};

use crate::api::{Body, Kind};

/// Fields of a Job's spec that 1.19 does not have.
const LATER_SPEC: [&str; 9] = [
    "suspend",
    "completionMode",
    "podFailurePolicy",
    "podReplacementPolicy",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
    "successPolicy",
    "managedBy",
    "ttlSecondsAfterFinished",
];

/// Fields of a Job's status that 1.19 does not have.
const LATER_STATUS: [&str; 5] = [
    "ready",
    "terminating",
    "uncountedTerminatedPods",
    "completedIndexes",
    "failedIndexes",
];

/// The versions of the batch group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GroupVersion {
    /// Has jobs.
    V1,
    /// Has cronjobs.
    V1Beta1,
}

/// The request whose response is converted.
#[derive(Debug)]
pub(super) struct Downgrade {
    pub(super) kind: Kind,
    pub(super) version: GroupVersion,
    /// The path that the client requested.
    pub(super) path: String,
}

/// The response of `/apis/batch`.
pub(super) fn group() -> Value {
    let version = |version: GroupVersion| json!({"groupVersion": version.group_version(), "version": version.as_str()});
    json!({
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": "batch",
        "versions": [version(GroupVersion::V1), version(GroupVersion::V1Beta1)],
        "preferredVersion": version(GroupVersion::V1),
    })
}

/// The response of `/apis/batch/v1` and `/apis/batch/v1beta1`.
pub(super) fn resources(version: GroupVersion) -> Value {
    let kind = match version {
        GroupVersion::V1 => Kind::Job,
        GroupVersion::V1Beta1 => Kind::CronJob,
    };
    let name = kind.resource();
    json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": version.group_version(),
        "resources": [
            {
                "name": name, "singularName": "", "namespaced": true, "kind": kind.as_str(),
                "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
            },
            {
                "name": format!("{name}/status"), "singularName": "", "namespaced": true, "kind": kind.as_str(),
                "verbs": ["get", "patch", "update"],
            },
        ],
    })
}

// === impl GroupVersion ===

impl GroupVersion {
    fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1",
            Self::V1Beta1 => "v1beta1",
        }
    }

    fn group_version(self) -> &'static str {
        match self {
            Self::V1 => "batch/v1",
            Self::V1Beta1 => "batch/v1beta1",
        }
    }
}

// === impl Downgrade ===

impl Downgrade {
    /// Converts a response.
    pub(super) async fn response(self, response: Response<Body>, watch: bool) -> Response<Body> {
        let (parts, body) = response.into_parts();
        if watch && parts.status.is_success() {
            // A frame of a watch has complete lines.
            let body =
                body.map_frame(move |frame| frame.map_data(|data| Bytes::from(self.lines(&data))));
            return Response::from_parts(parts, body.boxed_unsync());
        }
        let body = collect(body).await;
        let body = match serde_json::from_slice(&body) {
            Ok(mut value) => {
                self.document(&mut value);
                Bytes::from(value.to_string())
            }
            Err(_) => body,
        };
        Response::from_parts(parts, Full::new(body).boxed_unsync())
    }

    fn lines(&self, lines: &[u8]) -> String {
        let mut converted = String::new();
        for line in lines.split(|&byte| byte == b'\n') {
            if let Ok(mut event) = serde_json::from_slice::<Value>(line) {
                self.document(&mut event["object"]);
                let (kind, object) = (&event["type"], &event["object"]);
                // Servers write the type first.
                let _ = writeln!(converted, "{{\"type\":{kind},\"object\":{object}}}");
            }
        }
        converted
    }

    /// Converts an object or a list of objects. Errors are not changed.
    fn document(&self, document: &mut Value) {
        if document["kind"] == "Status" {
            return;
        }
        document["apiVersion"] = json!(self.version.group_version());
        let Some(items) = document.get_mut("items").and_then(Value::as_array_mut) else {
            return self.object(document);
        };
        for item in items {
            self.object(item);
        }
        document["metadata"]["selfLink"] = json!(self.path);
    }

    fn object(&self, object: &mut Value) {
        let link = self.self_link(object);
        if let Some(metadata) = object["metadata"].as_object_mut() {
            metadata.remove("generation");
            // They name fields, including the removed ones.
            metadata.remove("managedFields");
            metadata.insert("enable".to_owned(), json!(true));
            metadata.insert("selfLink".to_owned(), json!(link));
        }
        remove_later_names(object, "/metadata/labels");
        remove_later_names(object, "/metadata/annotations");
        refer_to_beta(object);
        match self.kind {
            Kind::Job => job(object),
            Kind::CronJob => cronjob(object),
            // The gateway does not publish pods.
            Kind::Pod | Kind::Namespace => {}
        }
    }

    fn self_link(&self, object: &Value) -> String {
        let metadata = &object["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default();
        let link = format!(
            "/apis/{}/namespaces/{}/{}/{}",
            self.version.group_version(),
            text("namespace"),
            self.kind.resource(),
            text("name")
        );
        if self.path.ends_with("/status") {
            return format!("{link}/status");
        }
        link
    }
}

fn job(job: &mut Value) {
    remove(job, "/spec", &LATER_SPEC);
    remove_later_names(job, "/spec/selector/matchLabels");
    template(job, "/spec/template");
    remove(job, "/status", &LATER_STATUS);
    if let Some(status) = map(job, "/status") {
        // 1.19 omits zeros.
        status.retain(|_, value| *value != 0);
        keep_conditions(status);
    }
}

fn cronjob(cronjob: &mut Value) {
    remove(cronjob, "/spec", &["timeZone"]);
    remove(cronjob, "/status", &["lastSuccessfulTime"]);
    remove(cronjob, "/spec/jobTemplate/spec", &LATER_SPEC);
    template(cronjob, "/spec/jobTemplate/spec/template");
}

fn template(object: &mut Value, pointer: &str) {
    remove_later_names(object, &format!("{pointer}/metadata/labels"));
    if let Some(metadata) = map(object, &format!("{pointer}/metadata")) {
        metadata.insert("creationTimestamp".to_owned(), Value::Null);
        metadata.insert("enable".to_owned(), json!(true));
    }
}

fn keep_conditions(status: &mut Map<String, Value>) {
    let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) else {
        return;
    };
    conditions.retain(|condition| condition["type"] == "Complete" || condition["type"] == "Failed");
    if conditions.is_empty() {
        status.remove("conditions");
    }
}

/// Removes labels and annotations with the prefix of later versions.
fn remove_later_names(object: &mut Value, pointer: &str) {
    if let Some(names) = map(object, pointer) {
        names.retain(|name, _| !name.starts_with("batch.kubernetes.io/"));
    }
}

/// Changes the version of owning `CronJobs` to `v1beta1`.
fn refer_to_beta(object: &mut Value) {
    let owners = object.pointer_mut("/metadata/ownerReferences");
    let owners = owners.and_then(Value::as_array_mut);
    for owner in owners.into_iter().flatten() {
        if owner["kind"] == Kind::CronJob.as_str() {
            owner["apiVersion"] = json!(GroupVersion::V1Beta1.group_version());
        }
    }
}

fn remove(object: &mut Value, pointer: &str, fields: &[&str]) {
    if let Some(map) = map(object, pointer) {
        map.retain(|field, _| !fields.contains(&field.as_str()));
    }
}

/// The map at `pointer`. Unlike an index expression, this inserts nothing.
fn map<'a>(object: &'a mut Value, pointer: &str) -> Option<&'a mut Map<String, Value>> {
    object.pointer_mut(pointer)?.as_object_mut()
}

/// The body of a response that is not a watch. Such bodies are in memory and cannot fail.
async fn collect(body: Body) -> Bytes {
    match body.collect().await {
        Ok(collected) => collected.to_bytes(),
        Err(error) => match error {},
    }
}
