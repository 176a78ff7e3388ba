//! Jobs and `CronJobs` as JSON of realistic size, with pod template, defaulted fields and managedFields.
//!
//! [`super::job_run`] and [`super::cronjob`] store them. [`JobOptions`] has the fields that affect a run; the other fields are constant.

use serde_json::{Value, json};

/// The fields of a Job's spec that affect its runs.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an optional field of the spec"
)]
pub(super) struct JobOptions {
    pub(super) parallelism: u32,
    pub(super) completions: u32,
    pub(super) indexed: bool,
    pub(super) backoff_limit: u32,
    /// Sets `backoffLimitPerIndex` to 0.
    pub(super) per_index: bool,
    pub(super) max_failed_indexes: Option<u32>,
    /// `activeDeadlineSeconds`.
    pub(super) deadline: Option<u32>,
    /// Sets a `podFailurePolicy`: exit code 42 fails the Job.
    pub(super) failure_policy: bool,
    /// Sets a `successPolicy`: the success of index 0 is sufficient.
    pub(super) success_policy: bool,
    /// Whether the kubelet restarts containers that fail: `restartPolicy: OnFailure`.
    pub(super) restarts: bool,
    /// `ttlSecondsAfterFinished`.
    pub(super) ttl: Option<u32>,
    pub(super) suspended: bool,
}

/// The metadata of a workload.
#[derive(Clone, Copy, Debug)]
pub(super) struct WorkloadMetadata {
    pub(super) namespace: &'static str,
    pub(super) name: &'static str,
    /// The label `team`.
    pub(super) team: &'static str,
    /// Names and values.
    pub(super) annotations: &'static [(&'static str, &'static str)],
}

/// One pod without retries.
pub(super) const SINGLE_POD: JobOptions = JobOptions {
    parallelism: 1,
    completions: 1,
    indexed: false,
    backoff_limit: 0,
    per_index: false,
    max_failed_indexes: None,
    deadline: None,
    failure_policy: false,
    success_policy: false,
    restarts: false,
    ttl: None,
    suspended: false,
};

// === impl JobOptions ===

impl JobOptions {
    /// A Job's spec without the fields that contain the uid.
    pub(super) fn spec(&self, metadata: &WorkloadMetadata) -> Value {
        let mut spec = json!({
            "parallelism": self.parallelism,
            "completions": self.completions,
            "backoffLimit": self.backoff_limit,
            "completionMode": if self.indexed { "Indexed" } else { "NonIndexed" },
            "manualSelector": false,
            "suspend": self.suspended,
            "podReplacementPolicy": if self.failure_policy { "Failed" } else { "TerminatingOrFailed" },
            "template": pod_template(metadata),
        });
        if self.restarts {
            spec["template"]["spec"]["restartPolicy"] = json!("OnFailure");
        }
        if self.per_index {
            spec["backoffLimit"] = json!(i32::MAX);
            spec["backoffLimitPerIndex"] = json!(0);
        }
        if let Some(limit) = self.max_failed_indexes {
            spec["maxFailedIndexes"] = json!(limit);
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

// === impl WorkloadMetadata ===

impl WorkloadMetadata {
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

/// A new Job with an empty status.
pub(super) fn job(
    metadata: &WorkloadMetadata,
    options: &JobOptions,
    name: &str,
    uid: &str,
    now: &str,
) -> Value {
    let mut spec = options.spec(metadata);
    let selector = json!({"batch.kubernetes.io/controller-uid": uid});
    let pod_labels = json!({
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name,
        "controller-uid": uid,
        "job-name": name,
        "team": metadata.team,
    });
    spec["selector"] = json!({ "matchLabels": selector });
    spec["template"]["metadata"]["labels"] = pod_labels;
    json!({
        "kind": "Job",
        "apiVersion": "batch/v1",
        "metadata": {
            "name": name,
            "namespace": metadata.namespace,
            "uid": uid,
            "creationTimestamp": now,
            "labels": metadata.labels(),
            "annotations": metadata.annotations(),
            "managedFields": [managed("kubectl-create", now, &spec)],
        },
        "spec": spec,
        "status": {},
    })
}

/// The entry of `managedFields` for a status that the controller writes.
pub(super) fn managed_status(now: &str, status: &Value) -> Value {
    let mut managed = managed("controller-manager", now, &json!({}));
    managed["fieldsV1"] = json!({"f:status": field_set(status)});
    managed["subresource"] = json!("status");
    managed
}

/// The entry of `managedFields` for the labels and the spec.
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

/// The keys of a value in the format of managedFields. A list is one field.
fn field_set(value: &Value) -> Value {
    let Some(map) = value.as_object() else {
        return json!({});
    };
    let field = |(key, value): (&String, &Value)| (format!("f:{key}"), field_set(value));
    map.iter().map(field).collect()
}

fn pod_template(metadata: &WorkloadMetadata) -> Value {
    let (name, namespace) = (metadata.name, metadata.namespace);
    let secret = json!({"secretKeyRef": {"name": format!("{name}-database"), "key": "url"}});
    json!({
        "metadata": {"labels": {"team": metadata.team}},
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
