//! Pods as JSON → records.

use serde_json::{Value, json};

use crate::{decode::Decoder, model::Pod};

fn decode(pod: &Value) -> Option<Pod> {
    Decoder::default().pod(&pod.to_string()).unwrap()
}

#[test]
fn a_pod_without_a_job_is_none() {
    let pod = json!({"metadata": {"name": "web-1", "namespace": "maths"}});
    assert_eq!(decode(&pod), None);
}
