//! The error bodies of CCI, its API gateway and IAM.
//!
//! [`super::cci`], [`super::iam`] and [`super::server`] respond with them, and tests inject them as faults.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::Body;

/// The message of `CCI.01.400105`.
pub(super) const NAMESPACE_REQUIRED: &str = "must specify namespace name through fieldSelector, example: fieldSelector=metadata.name=namespaceName";

type Text = Cow<'static, str>;

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    /// HTTP status, which can be 494.
    pub status: u16,
    /// The body.
    pub format: ErrorFormat,
}

/// The formats of error bodies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorFormat {
    /// A Kubernetes `Status`, usually with the `errorCode` of CCI.
    Kubernetes {
        /// `NotFound` and the like.
        reason: &'static str,
        /// The message.
        message: Text,
        /// `CCI.01.404101` and the like. Errors of Kubernetes itself have none.
        error_code: Option<&'static str>,
    },
    /// The format of the API gateway: `error_code` and `error_msg`.
    Gateway {
        /// `APIGW.0301` and the like.
        code: &'static str,
        /// The message.
        message: Text,
        /// Whether the body has the request id.
        request_id: bool,
    },
    /// The format of IAM.
    Iam {
        /// A code in place of the status.
        code: Option<&'static str>,
        /// `Unauthorized` and the like.
        title: &'static str,
        /// The message.
        message: Text,
    },
    /// Any other body.
    #[cfg(feature = "faults")]
    Raw {
        /// Media type.
        content_type: &'static str,
        /// The body.
        body: Text,
    },
}

// === impl ErrorBody ===

impl ErrorBody {
    /// An error of the API gateway with a request id.
    #[must_use]
    pub fn gateway(status: u16, code: &'static str, message: impl Into<Text>) -> Self {
        Self::new(
            status,
            ErrorFormat::Gateway {
                code,
                message: message.into(),
                request_id: true,
            },
        )
    }

    /// An error of IAM with the status as its code.
    #[must_use]
    pub fn iam(status: u16, title: &'static str, message: impl Into<Text>) -> Self {
        Self::new(
            status,
            ErrorFormat::Iam {
                code: None,
                title,
                message: message.into(),
            },
        )
    }

    /// A Kubernetes `Status` without a code of CCI.
    #[must_use]
    pub fn kubernetes(status: u16, reason: &'static str, message: impl Into<Text>) -> Self {
        Self::new(
            status,
            ErrorFormat::Kubernetes {
                reason,
                message: message.into(),
                error_code: None,
            },
        )
    }

    /// A Kubernetes `Status` with a code of CCI.
    #[must_use]
    pub fn cci(
        status: u16,
        reason: &'static str,
        error_code: &'static str,
        message: impl Into<Text>,
    ) -> Self {
        let (message, error_code) = (message.into(), Some(error_code));
        Self::new(
            status,
            ErrorFormat::Kubernetes {
                reason,
                message,
                error_code,
            },
        )
    }

    /// APIGW.0301: the request is not authenticated.
    pub(super) fn unauthenticated(why: impl std::fmt::Display) -> Self {
        let message = format!("Incorrect IAM authentication information: {why}");
        Self::gateway(401, "APIGW.0301", message)
    }

    fn new(status: u16, format: ErrorFormat) -> Self {
        Self { status, format }
    }

    /// The body of a response with this request id.
    #[must_use]
    pub fn text(&self, request_id: &str) -> String {
        match &self.format {
            ErrorFormat::Kubernetes {
                reason,
                message,
                error_code,
            } => {
                let mut status = json!({
                    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                    "message": message, "reason": reason, "code": self.status,
                });
                if let Some(code) = error_code {
                    status["errorCode"] = json!(code);
                }
                status.to_string()
            }
            ErrorFormat::Gateway {
                code,
                message,
                request_id: with_id,
            } => {
                let mut body = json!({"error_code": code, "error_msg": message});
                if *with_id {
                    body["request_id"] = json!(request_id);
                }
                body.to_string()
            }
            ErrorFormat::Iam {
                code,
                title,
                message,
            } => {
                let code = code.map_or_else(|| json!(self.status), Value::from);
                json!({"error": {"code": code, "message": message, "title": title}}).to_string()
            }
            #[cfg(feature = "faults")]
            ErrorFormat::Raw { body, .. } => body.to_string(),
        }
    }

    /// The response to a request with this id.
    pub(super) fn response(&self, request_id: &str) -> Response<Body> {
        let body = Bytes::from(self.text(request_id));
        let mut response = Response::new(Full::new(body).boxed_unsync());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let content_type = match self.format {
            #[cfg(feature = "faults")]
            ErrorFormat::Raw { content_type, .. } => content_type,
            _ => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }
}

/// A date in the format of HTTP: `Fri, 02 Jan 2026 03:04:05 GMT`.
pub(super) fn date_header(date: Timestamp) -> Option<HeaderValue> {
    let text = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::try_from(text).ok()
}
