//! Pods → records: one small case per rule, and recorded ones.

use serde_json::{Value, json};

use crate::{
    decode::{DecodeError, Decoder},
    model::{FailureCause, Pod, PodState, Seconds, Uid, WaitReason},
};

mod broken;
mod causes;
mod endings;
mod jobs;
mod recorded;
mod waits;

/// When the pods of these tests are created.
const CREATED: Seconds = 1_795_000_000;

const JOB_UID: &str = "b8566f67-99a3-4cb7-a7a7-21a92af9d24f";

/// The timestamp of a time after the creation of a pod.
fn at(seconds: Seconds) -> String {
    let time = jiff::Timestamp::from_second(CREATED + seconds).unwrap();
    time.to_string()
}

fn try_decode(pod: &Value) -> Result<Option<Pod>, DecodeError> {
    Decoder::default().pod(&pod.to_string())
}

/// A pod of a Job, with more fields in its metadata.
fn object(metadata: &Value, spec: &Value, status: &Value) -> Value {
    let owner = json!({
        "apiVersion": "batch/v1", "kind": "Job", "name": "pi", "uid": JOB_UID, "controller": true,
    });
    let mut all = json!({
        "name": "pi-x7ljs",
        "namespace": "maths",
        "uid": "4ba7b5e6-d01a-4327-95ea-e845886801bc",
        "creationTimestamp": at(0),
        "ownerReferences": [owner],
    });
    let more = metadata.as_object().unwrap().clone();
    all.as_object_mut().unwrap().extend(more);
    json!({"metadata": all, "spec": spec, "status": status})
}

fn decode(metadata: &Value, spec: &Value, status: &Value) -> Pod {
    let pod = object(metadata, spec, status);
    try_decode(&pod).unwrap().unwrap()
}

fn of_status(status: &Value) -> Pod {
    decode(&json!({}), &json!({}), status)
}

/// The metadata of a pod that is deleted at a time with 30 seconds left to stop.
fn deleted(seconds: Seconds) -> Value {
    json!({"deletionTimestamp": at(seconds + 30), "deletionGracePeriodSeconds": 30})
}

fn condition(kind: &str, status: &str, reason: Option<&str>, seconds: Seconds) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "lastTransitionTime": at(seconds)})
}

fn terminated(code: i32, reason: &str, seconds: Seconds) -> Value {
    json!({"terminated": {"exitCode": code, "reason": reason, "finishedAt": at(seconds)}})
}

fn waiting(reason: &str) -> Value {
    json!({"waiting": {"reason": reason, "message": "a secret"}})
}

fn running() -> Value {
    json!({"running": {"startedAt": at(1)}})
}

/// The status of a container.
fn container(name: &str, state: &Value) -> Value {
    json!({"name": name, "state": state, "lastState": {}, "restartCount": 0, "ready": false})
}

/// The status of a container that was restarted.
fn restarted(name: &str, state: &Value, last_state: &Value) -> Value {
    json!({"name": name, "state": state, "lastState": last_state, "restartCount": 2, "ready": false})
}

/// A spec with an init container `setup` and a sidecar `proxy`.
fn with_sidecar() -> Value {
    json!({"initContainers": [{"name": "setup"}, {"name": "proxy", "restartPolicy": "Always"}]})
}

#[test]
fn the_documentation_has_every_cause_and_reason() {
    let documentation = include_str!("../../../docs/pods.md");
    for cause in FailureCause::ALL {
        let row = format!("| `{}` | `{}` |", cause.as_str(), cause.group().as_str());
        assert!(documentation.contains(&row), "{row}");
    }
    for reason in WaitReason::ALL {
        let row = format!("\n| `{}` | ", reason.as_str());
        assert!(documentation.contains(&row), "{row}");
    }
}
