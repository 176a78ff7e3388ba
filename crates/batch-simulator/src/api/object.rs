//! One stored object, as the JSON text of a list item.
//!
//! [`super::registry`] creates objects, [`super::selector`] matches them, and [`super::list`] and [`super::watch`] write them. An
//! object is immutable: a write creates a new one.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use thiserror::Error;

use crate::clock::Clock;

/// The kinds that the API serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// batch/v1 Job.
    Job,
    /// batch/v1 `CronJob`.
    CronJob,
    /// core/v1 Pod.
    Pod,
    /// core/v1 Namespace. Objects of other kinds need none.
    Namespace,
}

/// The reason why an object cannot be stored.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum InvalidObject {
    /// The value is not a JSON object.
    #[error("store object: it is not a JSON object")]
    NotAMap,
    /// `metadata.name` is absent or empty.
    #[error("store object: it has no metadata.name")]
    NoName,
}

/// A stored object.
#[derive(Debug)]
pub(super) struct Object {
    /// `namespace/name`, `/name` without a namespace. Sorts like the keys of etcd, where `a-b/x` comes before `a/x`.
    pub(super) key: String,
    pub(super) kind: Kind,
    pub(super) uid: String,
    pub(super) labels: BTreeMap<String, String>,
    /// `status.phase`. Only pods and namespaces have it.
    pub(super) phase: String,
    /// JSON without `kind` and `apiVersion`, like the items of a list. Never an empty map.
    item: String,
}

// === impl Kind ===

impl Kind {
    /// `Job`, `CronJob`, `Pod`, `Namespace`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Job => "Job",
            Self::CronJob => "CronJob",
            Self::Pod => "Pod",
            Self::Namespace => "Namespace",
        }
    }

    /// The API group. That of core/v1 has no name.
    pub(super) fn group(self) -> &'static str {
        match self {
            Self::Job | Self::CronJob => "batch",
            Self::Pod | Self::Namespace => "",
        }
    }

    /// `apiVersion` of the objects.
    pub(super) fn api_version(self) -> &'static str {
        match self {
            Self::Job | Self::CronJob => "batch/v1",
            Self::Pod | Self::Namespace => "v1",
        }
    }

    /// The resource name in paths: `jobs`, `cronjobs`, `pods`, `namespaces`.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::Job => "jobs",
            Self::CronJob => "cronjobs",
            Self::Pod => "pods",
            Self::Namespace => "namespaces",
        }
    }

    pub(super) fn of_resource(resource: &str) -> Option<Self> {
        match resource {
            "jobs" => Some(Self::Job),
            "cronjobs" => Some(Self::CronJob),
            "pods" => Some(Self::Pod),
            "namespaces" => Some(Self::Namespace),
            _ => None,
        }
    }

    /// A bookmark: what a Go server writes for an object of this kind that has only a resource version.
    pub(super) fn bookmark(self, version: u64, initial_events_end: bool) -> String {
        let pod_spec = json!({"containers": null});
        let pod_template = json!({"metadata": {}, "spec": pod_spec});
        let spec = match self {
            Self::Job => json!({ "template": pod_template }),
            Self::CronJob => {
                json!({"schedule": "", "jobTemplate": {"metadata": {}, "spec": {"template": pod_template}}})
            }
            Self::Pod => pod_spec,
            Self::Namespace => json!({}),
        };
        let mut metadata = json!({"resourceVersion": version.to_string()});
        if initial_events_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        json!({
            "kind": self.as_str(), "apiVersion": self.api_version(), "metadata": metadata, "spec": spec, "status": {},
        })
        .to_string()
    }
}

// === impl Object ===

impl Object {
    /// A new object from the result of [`complete`].
    pub(super) fn new(kind: Kind, mut value: Value, version: u64) -> Self {
        value["metadata"]["resourceVersion"] = json!(version.to_string());
        if let Some(root) = value.as_object_mut() {
            root.remove("kind");
            root.remove("apiVersion");
        }
        let metadata = &value["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default();
        let labels = metadata["labels"].as_object().map(|labels| {
            let pair = |(k, v): (&String, &Value)| Some((k.clone(), v.as_str()?.to_owned()));
            labels.iter().filter_map(pair).collect()
        });
        Self {
            key: format!("{}/{}", text("namespace"), text("name")),
            kind,
            uid: text("uid").to_owned(),
            labels: labels.unwrap_or_default(),
            phase: value["status"]["phase"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            item: value.to_string(),
        }
    }

    /// The same object with another version, as DELETED events show it.
    pub(super) fn with_version(&self, version: u64) -> Self {
        Self::new(self.kind, self.value(), version)
    }

    pub(super) fn namespace(&self) -> &str {
        self.key
            .split_once('/')
            .map_or("", |(namespace, _)| namespace)
    }

    pub(super) fn name(&self) -> &str {
        self.key.split_once('/').map_or("", |(_, name)| name)
    }

    /// The JSON of a list item, without `kind` and `apiVersion`.
    pub(super) fn item(&self) -> &str {
        &self.item
    }

    /// Appends the JSON of the object with `kind` and `apiVersion`.
    pub(super) fn write(&self, out: &mut String) {
        out.push_str("{\"kind\":\"");
        out.push_str(self.kind.as_str());
        out.push_str("\",\"apiVersion\":\"");
        out.push_str(self.kind.api_version());
        out.push_str("\",");
        out.push_str(self.item.get(1..).unwrap_or("}"));
    }

    /// The object with `kind` and `apiVersion`.
    pub(super) fn value(&self) -> Value {
        let mut value: Value = serde_json::from_str(&self.item).unwrap_or_default();
        value["kind"] = json!(self.kind.as_str());
        value["apiVersion"] = json!(self.kind.api_version());
        value
    }
}

/// Completes `value` as a server does on a write. `before` is the object that it replaces; the result equals `before` if nothing
/// changes.
///
/// A value without uid or creation time keeps those of `before`. The generation counts changes of the spec. Unlike on a real server,
/// spec and status are written together.
pub(super) fn complete(
    kind: Kind,
    mut value: Value,
    before: Option<&Value>,
    clock: Clock,
    new_uid: impl FnOnce() -> String,
) -> Result<Value, InvalidObject> {
    let root = value.as_object_mut().ok_or(InvalidObject::NotAMap)?;
    root.insert("kind".to_owned(), json!(kind.as_str()));
    root.insert("apiVersion".to_owned(), json!(kind.api_version()));
    root.entry("spec").or_insert_with(|| json!({}));
    root.entry("status").or_insert_with(|| match kind {
        Kind::Job | Kind::CronJob => json!({}),
        Kind::Pod => json!({"phase": "Pending"}),
        Kind::Namespace => json!({"phase": "Active"}),
    });
    let spec_changed = before.is_some_and(|before| before.get("spec") != root.get("spec"));
    let metadata = root
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .ok_or(InvalidObject::NoName)?;
    if !metadata.get("name").is_some_and(is_non_empty_text) {
        return Err(InvalidObject::NoName);
    }
    if kind != Kind::Namespace && !metadata.get("namespace").is_some_and(is_non_empty_text) {
        metadata.insert("namespace".to_owned(), json!("default"));
    }
    let kept = |field| before.map(|before| before["metadata"][field].clone());
    metadata
        .entry("uid")
        .or_insert_with(|| kept("uid").unwrap_or_else(|| json!(new_uid())));
    metadata
        .entry("creationTimestamp")
        .or_insert_with(|| kept("creationTimestamp").unwrap_or_else(|| json!(clock.text())));
    match kept("generation") {
        None => {
            metadata.entry("generation").or_insert_with(|| json!(1));
        }
        Some(last) => {
            let generation = last.as_i64().unwrap_or(1) + i64::from(spec_changed);
            metadata.insert("generation".to_owned(), json!(generation));
        }
    }
    if let Some(version) = kept("resourceVersion") {
        metadata.insert("resourceVersion".to_owned(), version);
    }
    Ok(value)
}

fn is_non_empty_text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}
