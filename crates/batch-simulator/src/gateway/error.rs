//! The errors of CCI, its API gateway and IAM, in their shapes and with their published texts.
//!
//! [`super::cci`], [`super::iam`] and [`super::server`] answer with them; a test picks one and has it served with
//! [`super::Gateway::fail_next`]. The catalogue is in [`documented`]. An error decides about nothing: it is only an answer.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE, header::RETRY_AFTER};
use http_body_util::{BodyExt, Full};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::api::Body;

mod documented;

pub use documented::DOCUMENTED;
pub(super) use documented::NAMESPACE_WANTED;

type Text = Cow<'static, str>;

/// An error as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    /// HTTP status; 494 is among them.
    pub status: u16,
    /// Form and content of the body.
    pub shape: Shape,
    /// Whether the client is told when to come again.
    pub retry_after: Option<RetryAfter>,
}

/// The forms that bodies have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A Kubernetes `Status`, mostly with the `errorCode` of CCI.
    Kubernetes {
        /// `NotFound` and the like.
        reason: &'static str,
        /// For people.
        message: Text,
        /// `CCI.01.404101` and the like; Kubernetes itself has none.
        error_code: Option<&'static str>,
    },
    /// The API gateway's own: `error_code` and `error_msg`.
    Gateway {
        /// `APIGW.0301` and the like.
        code: &'static str,
        /// For people.
        message: Text,
        /// Whether the request id is in the body too.
        request_id: bool,
    },
    /// IAM's, with the status as number or a code as text.
    Iam {
        /// In place of the status.
        code: Option<&'static str>,
        /// `Unauthorized` and the like.
        title: &'static str,
        /// For people.
        message: Text,
    },
    /// IAM's refusal by policy, whose reasons only its administrator can decode.
    Encoded {
        /// For people.
        message: Text,
        /// For IAM to decode.
        encoded: Text,
    },
    /// Anything else, be it JSON or not.
    Other {
        /// Media type.
        content_type: &'static str,
        /// The body.
        body: Text,
    },
}

/// A `Retry-After` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// As a number of seconds.
    Seconds(u64),
    /// As a date, so far from now.
    Date(Duration),
}

// === impl ErrorBody ===

impl ErrorBody {
    /// The first documented error with this code: `APIGW.0307`, `CCI.01.404101`.
    #[must_use]
    pub fn documented(code: &str) -> Option<Self> {
        DOCUMENTED
            .iter()
            .find(|body| body.code() == Some(code))
            .cloned()
    }

    /// A gateway's error with a request id.
    #[must_use]
    pub fn gateway(status: u16, code: &'static str, message: impl Into<Text>) -> Self {
        Self::of(
            status,
            Shape::Gateway {
                code,
                message: message.into(),
                request_id: true,
            },
        )
    }

    /// IAM's error, with the status as its code.
    #[must_use]
    pub fn iam(status: u16, title: &'static str, message: impl Into<Text>) -> Self {
        Self::of(
            status,
            Shape::Iam {
                code: None,
                title,
                message: message.into(),
            },
        )
    }

    /// A Kubernetes `Status` as any API server sends it.
    #[must_use]
    pub fn kubernetes(status: u16, reason: &'static str, message: impl Into<Text>) -> Self {
        Self::of(
            status,
            Shape::Kubernetes {
                reason,
                message: message.into(),
                error_code: None,
            },
        )
    }

    /// A Kubernetes `Status` with the code of CCI.
    #[must_use]
    pub fn cci(
        status: u16,
        reason: &'static str,
        error_code: &'static str,
        message: impl Into<Text>,
    ) -> Self {
        let (message, error_code) = (message.into(), Some(error_code));
        Self::of(
            status,
            Shape::Kubernetes {
                reason,
                message,
                error_code,
            },
        )
    }

    /// The same error with a `Retry-After`.
    #[must_use]
    pub fn retry_after(self, retry_after: RetryAfter) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..self
        }
    }

    /// APIGW.0301: who asks cannot be told.
    pub(super) fn unauthenticated(why: impl std::fmt::Display) -> Self {
        let message = format!("Incorrect IAM authentication information: {why}");
        Self::gateway(401, "APIGW.0301", message)
    }

    fn of(status: u16, shape: Shape) -> Self {
        Self {
            status,
            shape,
            retry_after: None,
        }
    }

    /// The code that people look up, where the body has one.
    #[must_use]
    pub fn code(&self) -> Option<&'static str> {
        match self.shape {
            Shape::Kubernetes { error_code, .. } => error_code,
            Shape::Gateway { code, .. } => Some(code),
            Shape::Iam { code, .. } => code,
            Shape::Encoded { .. } | Shape::Other { .. } => None,
        }
    }

    /// The body as it is sent under this request id.
    #[must_use]
    pub fn text(&self, request_id: &str) -> String {
        match &self.shape {
            Shape::Kubernetes {
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
            Shape::Gateway {
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
            Shape::Iam {
                code,
                title,
                message,
            } => {
                let code = code.map_or_else(|| json!(self.status), Value::from);
                json!({"error": {"code": code, "message": message, "title": title}}).to_string()
            }
            Shape::Encoded { message, encoded } => {
                json!({"error_msg": message, "encoded_authorization_message": encoded}).to_string()
            }
            Shape::Other { body, .. } => body.to_string(),
        }
    }

    /// The answer to a request with this id.
    pub(super) fn response(&self, request_id: &str, now: Timestamp) -> Response<Body> {
        let body = Bytes::from(self.text(request_id));
        let mut response = Response::new(Full::new(body).boxed_unsync());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let content_type = match self.shape {
            Shape::Other { content_type, .. } => content_type,
            _ => "application/json",
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let retry_after = self
            .retry_after
            .and_then(|retry_after| retry_after.value(now));
        if let Some(value) = retry_after {
            headers.insert(RETRY_AFTER, value);
        }
        response
    }
}

// === impl RetryAfter ===

impl RetryAfter {
    fn value(self, now: Timestamp) -> Option<HeaderValue> {
        match self {
            Self::Seconds(seconds) => Some(seconds.into()),
            Self::Date(later) => {
                let date = now
                    .checked_add(SignedDuration::try_from(later).ok()?)
                    .ok()?;
                date_header(date)
            }
        }
    }
}

/// A date as HTTP writes it: `Fri, 02 Jan 2026 03:04:05 GMT`.
pub(super) fn date_header(date: Timestamp) -> Option<HeaderValue> {
    let text = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::try_from(text).ok()
}
