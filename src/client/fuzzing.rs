//! What the fuzz targets need of this stage.

use http::{HeaderMap, HeaderValue, header::RETRY_AFTER};

use super::{Error, Failure, Request, Scope, Status, auth::cci};
use crate::model::{Resource, Verb};

/// The longest message: 500 characters of the server, and the identifiers around them.
const MAX_MESSAGE: usize = 1_000;

/// The first line is `Retry-After`, the rest the body of an error response. The message is one short line without control
/// characters, and shows nothing that a server would call a secret.
pub(crate) fn error_body(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_bytes(parts.next().unwrap_or_default()) {
        headers.insert(RETRY_AFTER, value);
    }
    let body = parts.next().unwrap_or_default();
    for status in [
        Status::of_response(404, &headers, body),
        Status::of_event(body),
    ] {
        let message = status.to_string();
        assert!(message.chars().count() <= MAX_MESSAGE, "{message}");
        assert!(!message.chars().any(char::is_control), "{message:?}");
        assert!(
            status
                .retry_after
                .is_none_or(|pause| pause.as_secs() <= 3_600)
        );
        let error = Error {
            request: Box::new(Request {
                verb: Verb::List,
                resource: Resource::Jobs,
                scope: Scope::All,
                name: None,
            }),
            failure: Failure::Status(Box::new(status)),
        };
        let _ = (error.hint(), error.is_job_not_found(), error.fingerprint());
    }
}

/// The first line is the token, the rest the body of a 201 response of IAM. A lifetime is never negative and never overflows.
pub(crate) fn iam_answer(input: &[u8]) {
    let mut parts = input.splitn(2, |byte| *byte == b'\n');
    let mut headers = HeaderMap::new();
    let token = HeaderValue::from_bytes(parts.next().unwrap_or_default());
    if let Ok(token) = &token {
        headers.insert("X-Subject-Token", token.clone());
    }
    let body = parts.next().unwrap_or_default();
    let read = cci::token_lifetime(&headers, body);
    if read.is_some() {
        assert!(token.is_ok_and(|token| token.to_str().is_ok()));
    }
    assert!(cci::token_lifetime(&HeaderMap::new(), body).is_none());
}
