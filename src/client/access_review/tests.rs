//! Reviews over real HTTP, with responses as an API server of Kubernetes 1.36 sends them.

use std::sync::Arc;

use parking_lot::Mutex;

use super::*;
use crate::{
    client::{
        Endpoint,
        testing::{ScriptedServer, response},
    },
    model::{ClientEvent, Code, EventCounter, Verb},
};

const TOKEN: &str = "header.payload.signature";

const AUTHENTICATED: &str = r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{"managedFields":[{"manager":"job-status-exporter","operation":"Update"}]},"spec":{"token":"header.payload.signature","audiences":["https://kubernetes.default.svc"]},"status":{"authenticated":true,"user":{"username":"system:serviceaccount:monitoring:prometheus","uid":"0b6c1c1e-6f0c-4a9e-a5b1-7a4d5c3f2e10","groups":["system:serviceaccounts","system:serviceaccounts:monitoring","system:authenticated"],"extra":{"authentication.kubernetes.io/credential-id":["JTI=7f0c"]}},"audiences":["https://kubernetes.default.svc"]}}"#;
const UNAUTHENTICATED: &str = r#"{"kind":"TokenReview","apiVersion":"authentication.k8s.io/v1","metadata":{},"spec":{"token":"header.payload.signature"},"status":{"user":{},"error":"[invalid bearer token, service account token has expired]"}}"#;
const ALLOWED: &str = r#"{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{},"spec":{},"status":{"allowed":true,"reason":"RBAC: allowed by ClusterRoleBinding \"metrics\""}}"#;
const DENIED: &str = r#"{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{},"spec":{},"status":{"allowed":false}}"#;
const FORBIDDEN: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"tokenreviews.authentication.k8s.io is forbidden: User \"system:serviceaccount:monitoring:exporter\" cannot create resource \"tokenreviews\" in API group \"authentication.k8s.io\" at the cluster scope","reason":"Forbidden","details":{"group":"authentication.k8s.io","kind":"tokenreviews"},"code":403}"#;

/// Remembers verbs and codes of requests.
#[derive(Default)]
struct Recorder(Mutex<Vec<(Verb, Code)>>);

impl EventCounter for Recorder {
    fn count(&self, event: ClientEvent) {
        if let ClientEvent::Request { verb, code, .. } = event {
            self.0.lock().push((verb, code));
        }
    }
}

fn api(server: std::net::SocketAddr) -> (Api, Arc<Recorder>) {
    let address = format!("http://{server}").parse().unwrap();
    let recorder = Arc::new(Recorder::default());
    let api = Api::new(Endpoint::Address(address), recorder.clone(), None);
    (api, recorder)
}

/// The outcome of a review with these responses, and the requests.
async fn review(responses: &[(u16, &str)]) -> (Result<Review, ReviewError>, Vec<String>) {
    let responses = responses
        .iter()
        .map(|(code, body)| response(*code, "", body));
    let server = ScriptedServer::new(responses.collect());
    let (api, _) = api(server.address);
    let token = SecretString::from(TOKEN);
    let outcome = api.review(&token, "get", "/metrics").await;
    (outcome, server.requests())
}

fn body(request: &str) -> serde_json::Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn a_user_with_the_permission_is_allowed() {
    let (outcome, requests) = review(&[(201, AUTHENTICATED), (201, ALLOWED)]).await;
    assert_eq!(outcome.unwrap(), Review::Allowed);
    let [token, access] = requests.as_slice() else {
        panic!("{requests:?}");
    };
    let start = "POST /apis/authentication.k8s.io/v1/tokenreviews HTTP/1.1\r\n";
    assert!(token.starts_with(start), "{token}");
    assert!(
        token.contains("content-type: application/json\r\n"),
        "{token}"
    );
    assert_eq!(body(token)["spec"], json!({"token": TOKEN}));
    let start = "POST /apis/authorization.k8s.io/v1/subjectaccessreviews HTTP/1.1\r\n";
    assert!(access.starts_with(start), "{access}");
    let expected = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": "system:serviceaccount:monitoring:prometheus",
            "uid": "0b6c1c1e-6f0c-4a9e-a5b1-7a4d5c3f2e10",
            "groups": [
                "system:serviceaccounts",
                "system:serviceaccounts:monitoring",
                "system:authenticated",
            ],
            "extra": {"authentication.kubernetes.io/credential-id": ["JTI=7f0c"]},
            "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
        },
    });
    assert_eq!(body(access), expected);
}

#[tokio::test]
async fn a_user_without_the_permission_is_denied() {
    let (outcome, _) = review(&[(201, AUTHENTICATED), (201, DENIED)]).await;
    let user = "system:serviceaccount:monitoring:prometheus".to_owned();
    assert_eq!(outcome.unwrap(), Review::Denied { user });
}

#[tokio::test]
async fn an_invalid_token_needs_no_second_request() {
    let nobody = r#"{"status":{"authenticated":true,"user":{}}}"#;
    for body in [UNAUTHENTICATED, nobody, r#"{"status":{}}"#] {
        let (outcome, requests) = review(&[(201, body)]).await;
        assert_eq!(outcome.unwrap(), Review::Unauthenticated, "{body}");
        assert_eq!(requests.len(), 1, "{body}");
    }
}

#[tokio::test]
async fn a_missing_permission_of_the_exporter_is_an_error_that_names_it() {
    let (outcome, _) = review(&[(403, FORBIDDEN)]).await;
    let error = outcome.unwrap_err();
    let text = error.to_string();
    assert!(
        text.starts_with("create a tokenreview: 403 Forbidden: tokenreviews"),
        "{text}"
    );
    let hint = error.hint().unwrap();
    for part in [
        "`create`",
        "`tokenreviews`",
        "`subjectaccessreviews`",
        "`system:auth-delegator`",
    ] {
        assert!(hint.contains(part), "{hint}");
    }
    let (outcome, _) = review(&[(201, AUTHENTICATED), (403, FORBIDDEN)]).await;
    let error = outcome.unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("create a subjectaccessreview: 403"),
        "{error}"
    );
    assert_eq!(error.hint(), Some(hint));
}

#[tokio::test]
async fn errors_and_garbage_are_no_answer() {
    for (code, body, expected) in [
        (500, "", "create a tokenreview: 500 Internal Server Error"),
        (
            404,
            "404 page not found",
            "create a tokenreview: 404 Not Found",
        ),
        (
            201,
            "<html>",
            "create a tokenreview: invalid response: not such an object (line 1, column 1)",
        ),
        (
            201,
            r#"{"status":{"authenticated":"header.payload.signature"}}"#,
            "create a tokenreview: invalid response: not such an object (line 1, column 53)",
        ),
        (200, AUTHENTICATED, "create a tokenreview: 200 OK"),
        (204, "", "create a tokenreview: 204 No Content"),
    ] {
        let (outcome, _) = review(&[(code, body)]).await;
        assert_eq!(outcome.unwrap_err().to_string(), expected);
    }
    let (outcome, _) = review(&[(201, AUTHENTICATED), (201, "{}")]).await;
    let error = outcome.unwrap_err().to_string();
    assert!(
        error.starts_with("create a subjectaccessreview: invalid response"),
        "{error}"
    );
}

#[tokio::test]
async fn an_error_that_repeats_the_token_does_not_show_it() {
    let message = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"cannot read {TOKEN} as a token","code":400}}"#
    );
    let (outcome, _) = review(&[(400, &message)]).await;
    let error = outcome.unwrap_err();
    assert_eq!(
        error.to_string(),
        "create a tokenreview: 400 Bad Request: cannot read *** as a token"
    );
    assert!(!format!("{error:?}").contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_response_is_an_error_in_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (api, recorder) = api(silent.local_addr().unwrap());
    let token = SecretString::from(TOKEN);
    let error = api.review(&token, "get", "/metrics").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "create a tokenreview: no response within 5s"
    );
    assert_eq!(*recorder.0.lock(), [(Verb::Create, Code::Timeout)]);
}
