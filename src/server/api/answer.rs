//! The envelope of answers, as Prometheus' API has it, and their headers.
//!
//! An answer is complete before it is sent: it is one page of a list at most.

use bytes::Bytes;
use http::{
    Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::server::{
    body::Content,
    negotiation::Encoding,
    response::{RETRY_SECONDS, encoded, with_header},
};

/// Live answers are out of date when they arrive.
const NO_STORE: &str = "no-store";

/// How many characters of a wrong value an error repeats.
const MAX_QUOTED: usize = 100;

/// An answer to a valid request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Success<T> {
    /// Always `success`.
    status: SuccessStatus,
    /// What was asked for.
    data: T,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SuccessStatus {
    Success,
}

/// An answer to a request that cannot be answered.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Failure {
    /// Always `error`.
    status: FailureStatus,
    /// The kind of error.
    #[serde(rename = "errorType")]
    error_type: ErrorType,
    /// What is wrong, for people.
    error: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FailureStatus {
    Error,
}

/// The kind of error: `bad_data` with status 400, `not_found` with 404, `method_not_allowed` with 405, `unavailable` with 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ErrorType {
    BadData,
    NotFound,
    MethodNotAllowed,
    Unavailable,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApiError {
    /// A parameter is wrong.
    #[error("{0}")]
    BadData(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The API only reads.
    #[error("method not allowed: use GET or HEAD")]
    MethodNotAllowed,
    /// Too many requests are answered at once.
    #[error("too many requests at once, try again later")]
    Unavailable,
}

/// An answer as JSON.
pub(super) struct Body(Bytes);

impl ApiError {
    fn kind(&self) -> (StatusCode, ErrorType) {
        match self {
            Self::BadData(_) => (StatusCode::BAD_REQUEST, ErrorType::BadData),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, ErrorType::NotFound),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, ErrorType::MethodNotAllowed),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, ErrorType::Unavailable),
        }
    }
}

impl Body {
    /// The envelope around `data`.
    pub(super) fn new(data: impl Serialize) -> Self {
        Self::of(&Success {
            status: SuccessStatus::Success,
            data,
        })
    }

    fn of(answer: &impl Serialize) -> Self {
        // Writing to memory cannot fail, nor can the types of the API: their maps have strings as keys.
        Self(serde_json::to_vec(answer).unwrap_or_default().into())
    }
}

/// The response with these data.
pub(super) fn success(body: Body, encoding: Encoding) -> Response<Content> {
    live(StatusCode::OK, body, encoding)
}

/// The response to a request that cannot be answered.
pub(super) fn failure(error: &ApiError, encoding: Encoding) -> Response<Content> {
    let (status, error_type) = error.kind();
    let body = Body::of(&Failure {
        status: FailureStatus::Error,
        error_type,
        error: error.to_string(),
    });
    let response = live(status, body, encoding);
    match error {
        ApiError::MethodNotAllowed => with_header(response, ALLOW, "GET, HEAD"),
        ApiError::Unavailable => with_header(response, RETRY_AFTER, RETRY_SECONDS),
        ApiError::BadData(_) | ApiError::NotFound(_) => response,
    }
}

fn live(status: StatusCode, body: Body, encoding: Encoding) -> Response<Content> {
    let mut response = json(body.0, encoding);
    *response.status_mut() = status;
    with_header(response, CACHE_CONTROL, NO_STORE)
}

/// A response of JSON, compressed if the client accepts that and it pays.
pub(super) fn json(body: Bytes, encoding: Encoding) -> Response<Content> {
    let response = encoded(body, encoding);
    let response = with_header(response, CONTENT_TYPE, "application/json");
    with_header(response, X_CONTENT_TYPE_OPTIONS, "nosniff")
}

/// A value of a client as an error repeats it.
pub(super) fn quoted(value: &str) -> String {
    let shown: String = value.chars().take(MAX_QUOTED).collect();
    let more = if shown.len() < value.len() { "…" } else { "" };
    format!("`{shown}{more}`")
}
