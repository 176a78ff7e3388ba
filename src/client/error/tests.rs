//! Error responses as real servers send them.

use std::time::Duration;

use http::HeaderMap;

use super::*;
use crate::{
    client::Scope,
    model::{Resource, Verb},
};

const HOUR: Duration = Duration::from_hours(1);

/// A 429 response with this `Retry-After`.
fn throttled(retry_after: &str, body: &str) -> Error {
    let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, retry_after.parse().unwrap())]);
    let status = Status::of_response(429, &headers, body.as_bytes());
    error(
        Verb::List,
        Resource::Jobs,
        Failure::Status(Box::new(status)),
    )
}

fn error(verb: Verb, resource: Resource, failure: Failure) -> Error {
    let request = Request {
        verb,
        resource,
        scope: Scope::All,
        name: None,
    };
    Error {
        request: Box::new(request),
        failure,
    }
}

fn rejected(code: u16, body: &str) -> Error {
    let status = Status::of_response(code, &HeaderMap::new(), body.as_bytes());
    error(
        Verb::List,
        Resource::Jobs,
        Failure::Status(Box::new(status)),
    )
}

#[test]
fn a_missing_permission_is_named() {
    let body = include_str!("../../../tests/fixtures/kubernetes-1.36/errors/403-list-all.json");
    let forbidden = rejected(403, body);
    assert_eq!(
        forbidden.to_string(),
        "list jobs in all namespaces: 403 Forbidden: jobs.batch is forbidden: User \"nobody\" cannot list resource \
         \"jobs\" in API group \"batch\" at the cluster scope"
    );
    assert!(
        forbidden
            .hint()
            .unwrap()
            .contains("`list` and `watch` on `jobs`")
    );
    assert_eq!(forbidden.failure.code(), Code::Forbidden);
}

#[test]
fn only_a_kubernetes_status_about_jobs_means_that_the_job_does_not_exist() {
    let recorded =
        include_str!("../../../tests/fixtures/kubernetes-1.36/errors/404-job-status.json");
    assert!(rejected(404, recorded).is_job_not_found());
    for body in [
        "404 page not found\n",
        r#"{"error_msg":"The API does not exist","error_code":"APIGW.0101","request_id":"0"}"#,
        r#"{"kind":"Status","status":"Failure","reason":"NotFound","details":{"kind":"namespaces"},"code":404}"#,
        "",
        "null",
    ] {
        assert!(!rejected(404, body).is_job_not_found(), "{body}");
        assert!(rejected(404, body).hint().unwrap().contains("no such API"));
    }
}

#[test]
fn the_error_event_of_a_watch_has_the_code_in_its_object() {
    let event = include_str!("../../../tests/fixtures/kubernetes-1.36/watch/too-old.jsonl");
    let event: serde_json::Value = serde_json::from_str(event).unwrap();
    let status = Status::of_event(event["object"].to_string().as_bytes());
    assert_eq!(status.code, 410);
    assert!(
        error(
            Verb::Watch,
            Resource::Jobs,
            Failure::Status(Box::new(status))
        )
        .is_expired()
    );
    for nothing in ["{}", "null", "5"] {
        assert_eq!(Status::of_event(nothing.as_bytes()).code, 500);
    }
}

#[test]
fn the_longest_retry_after_counts() {
    let body = r#"{"details":{"retryAfterSeconds":7}}"#;
    assert_eq!(
        rejected(429, body).retry_after(),
        Some(Duration::from_secs(7))
    );
    assert_eq!(
        throttled("60", body).retry_after(),
        Some(Duration::from_mins(1))
    );
    assert_eq!(
        throttled("5", body).retry_after(),
        Some(Duration::from_secs(7))
    );
    let endless = format!(r#"{{"details":{{"retryAfterSeconds":{}}}}}"#, u64::MAX);
    assert_eq!(rejected(429, &endless).retry_after(), Some(HOUR));
    assert_eq!(
        throttled(&u64::MAX.to_string(), "").retry_after(),
        Some(HOUR)
    );
    for nothing in ["-1", "soon", ""] {
        assert_eq!(throttled(nothing, "").retry_after(), None, "{nothing}");
    }
}

#[test]
fn bodies_are_truncated_and_kept_on_one_line() {
    let text = rejected(502, &format!("<html>\n{}", "x\u{1b}[31m".repeat(10_000))).to_string();
    assert!(
        text.starts_with("list jobs in all namespaces: 502 Bad Gateway: <html> x"),
        "{text}"
    );
    assert!(
        text.len() < 700 && !text.contains(char::is_control),
        "{text}"
    );
    assert_eq!(
        rejected(500, "").to_string(),
        "list jobs in all namespaces: 500 Internal Server Error"
    );
    assert_eq!(
        rejected(494, "").to_string(),
        "list jobs in all namespaces: 494"
    );
}

#[test]
fn each_cause_appears_once() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer: {0}")]
    struct Outer(#[source] std::io::Error);
    let text = describe(&Outer(std::io::Error::other("inner")));
    assert_eq!(text, "outer: inner");
}

#[test]
fn version_1_certificates_have_a_hint() {
    let failure = Failure::Transport(
        "tls handshake: invalid peer certificate: UnsupportedCertVersion".to_owned(),
    );
    let hint = error(Verb::Get, Resource::Jobs, failure).hint();
    assert!(hint.unwrap().contains("version 3"));
}
