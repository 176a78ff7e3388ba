//! Jobs and `CronJobs` as JSON, as large as real ones: pod template, defaulted fields, managedFields.
//!
//! [`mod@super::run`] and [`super::cronjob`] store them. [`Shape`] is what the plots differ by; the rest is scenery.

use serde_json::{Value, json};

/// The part of a Job's spec that decides what can happen to it.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a field of the spec that is there or not"
)]
pub(super) struct Shape {
    pub(super) parallelism: u32,
    pub(super) completions: u32,
    pub(super) indexed: bool,
    pub(super) backoff_limit: u32,
    /// `backoffLimitPerIndex`, with 0 retries.
    pub(super) per_index: bool,
    pub(super) max_failed_indexes: Option<u32>,
    /// `activeDeadlineSeconds`.
    pub(super) deadline: Option<u32>,
    /// Fails the Job at once on exit code 42.
    pub(super) failure_policy: bool,
    /// The success of index 0 is enough.
    pub(super) success_policy: bool,
    /// `ttlSecondsAfterFinished`.
    pub(super) ttl: Option<u32>,
    pub(super) suspended: bool,
}

/// Who a workload belongs to and what it is called.
#[derive(Clone, Copy, Debug)]
pub(super) struct Identity {
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
    /// Label `team`.
    pub(super) team: &'static str,
    /// Annotations as name and value.
    pub(super) annotations: &'static [(&'static str, &'static str)],
}

/// One pod that runs once.
pub(super) const PLAIN: Shape = Shape {
    parallelism: 1,
    completions: 1,
    indexed: false,
    backoff_limit: 0,
    per_index: false,
    max_failed_indexes: None,
    deadline: None,
    failure_policy: false,
    success_policy: false,
    ttl: None,
    suspended: false,
};

// === impl Shape ===

impl Shape {
    /// A Job's spec without what differs from Job to Job.
    pub(super) fn spec(&self, identity: &Identity) -> Value {
        let mut spec = json!({
            "parallelism": self.parallelism,
            "completions": self.completions,
            "backoffLimit": self.backoff_limit,
            "completionMode": if self.indexed { "Indexed" } else { "NonIndexed" },
            "manualSelector": false,
            "suspend": self.suspended,
            "podReplacementPolicy": if self.failure_policy { "Failed" } else { "TerminatingOrFailed" },
            "template": pod_template(identity),
        });
        if self.per_index {
            spec["backoffLimit"] = json!(i32::MAX);
            spec["backoffLimitPerIndex"] = json!(0);
        }
        if let Some(most) = self.max_failed_indexes {
            spec["maxFailedIndexes"] = json!(most);
        }
        if let Some(seconds) = self.deadline {
            spec["activeDeadlineSeconds"] = json!(seconds);
        }
        if self.failure_policy {
            let codes = json!({"operator": "In", "values": [42]});
            spec["podFailurePolicy"] =
                json!({"rules": [{"action": "FailJob", "onExitCodes": codes}]});
        }
        if self.success_policy {
            spec["successPolicy"] =
                json!({"rules": [{"succeededIndexes": "0", "succeededCount": 1}]});
        }
        if let Some(seconds) = self.ttl {
            spec["ttlSecondsAfterFinished"] = json!(seconds);
        }
        spec
    }
}

// === impl Identity ===

impl Identity {
    pub(super) fn labels(&self) -> Value {
        json!({"team": self.team, "app.kubernetes.io/name": self.name})
    }

    pub(super) fn annotations(&self) -> Value {
        let pairs = self.annotations.iter();
        pairs
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect()
    }
}

/// A new Job named `name`, which the controllers have not seen yet.
pub(super) fn job(identity: &Identity, shape: &Shape, name: &str, uid: &str, now: &str) -> Value {
    let mut spec = shape.spec(identity);
    let selector = json!({"batch.kubernetes.io/controller-uid": uid});
    let pod_labels = json!({
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
        "team": identity.team,
    });
    spec["selector"] = json!({ "matchLabels": selector });
    spec["template"]["metadata"]["labels"] = pod_labels;
    json!({
        "kind": "Job",
        "apiVersion": "batch/v1",
        "metadata": {
            "name": name,
            "namespace": identity.namespace,
            "uid": uid,
            "creationTimestamp": now,
            "labels": identity.labels(),
            "annotations": identity.annotations(),
            "managedFields": [managed("kubectl-create", now, &spec)],
        },
        "spec": spec,
        "status": {},
    })
}

/// What the controller leaves in `managedFields` with its status.
pub(super) fn managed_status(now: &str, status: &Value) -> Value {
    let mut managed = managed("controller-manager", now, &json!({}));
    managed["fieldsV1"] = json!({"f:status": field_set(status)});
    managed["subresource"] = json!("status");
    managed
}

pub(super) fn managed(manager: &str, now: &str, spec: &Value) -> Value {
    json!({
        "manager": manager,
        "operation": "Update",
        "apiVersion": "batch/v1",
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:team": {}}}, "f:spec": field_set(spec)},
    })
}

/// The keys of a value in the notation of managedFields; lists count as one field.
fn field_set(value: &Value) -> Value {
    let Some(map) = value.as_object() else {
        return json!({});
    };
    let field = |(key, value): (&String, &Value)| (format!("f:{key}"), field_set(value));
    map.iter().map(field).collect()
}

fn pod_template(identity: &Identity) -> Value {
    let (name, namespace) = (identity.name, identity.namespace);
    let secret = json!({"secretKeyRef": {"name": format!("{name}-database"), "key": "url"}});
    json!({
        "metadata": {"labels": {"team": identity.team}},
        "spec": {
            "containers": [{
                "name": "main",
                "image": format!("registry.example/{namespace}/{name}:2.14.1"),
                "command": ["/app/run"],
                "args": ["--job", name, "--log-format=json", "--output=/data/out"],
                "env": [
                    {"name": "DATABASE_URL", "valueFrom": secret},
                    {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
                    {"name": "TZ", "value": "UTC"},
                ],
                "resources": {
                    "limits": {"cpu": "2", "memory": "2Gi"},
                    "requests": {"cpu": "250m", "memory": "512Mi"},
                },
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "imagePullPolicy": "IfNotPresent",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
            "volumes": [{"name": "data", "emptyDir": {}}],
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 30,
            "dnsPolicy": "ClusterFirst",
            "securityContext": {"runAsNonRoot": true},
            "schedulerName": "default-scheduler",
        },
    })
}
