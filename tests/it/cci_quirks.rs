//! Quirks of Huawei Cloud CCI: its objects, error responses, rate limits and API versions.

use std::{fs, path::Path, time::Duration};

use serde_json::{Value, json};

use crate::{
    exporter::{Exporter, POLL, polled},
    faults::server::{Answer, Request, Server},
};

mod error_responses;
mod lists;
mod objects;
mod rate_limits;
mod versions;

const SECOND: Duration = Duration::from_secs(1);

/// The Job of the CCI documentation.
fn documented() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/cci/job-status.json");
    fs::read_to_string(path).unwrap()
}

/// The documented Job under another name.
fn job(namespace: &str, name: &str) -> Value {
    let mut job: Value = serde_json::from_str(&documented()).unwrap();
    job["metadata"]["namespace"] = json!(namespace);
    job["metadata"]["name"] = json!(name);
    job["metadata"]["uid"] = json!(format!("uid of {namespace}/{name}"));
    job
}

/// The namespace and name in the path of a status request.
fn job_of(request: &Request) -> (&str, &str) {
    let parts: Vec<_> = request.target.split('/').collect();
    (parts[5], parts[7])
}

/// An error response of the gateway.
fn gateway_error(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({"error_code": code, "error_msg": message, "request_id": "0123456789abcdef"});
    Answer::whole(
        status,
        &[("content-type", "application/json")],
        body.to_string(),
    )
}
