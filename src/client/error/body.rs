//! Reads the body of an error response.
//!
//! A Kubernetes API sends a Status, as JSON or as Protocol Buffers; Huawei Cloud CCI adds an `errorCode` to it, the gateway in front of CCI and IAM have
//! formats of their own, and proxies send any text. The result has no secrets and fits into a log line: see
//! [`super::redact`].

use std::time::Duration;

use serde_json::Value;

use super::redact::{one_line, redact};

mod protobuf;

/// The maximum length of error codes and request ids.
const MAX_IDENTIFIER: usize = 64;

/// The message of the gateway about an invalid signature. The request as the gateway read it follows.
const INVALID_SIGNATURE: &str = "verify aksk signature fail";

/// The contents of an error body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    /// The body is a Kubernetes Status.
    pub(super) is_status: bool,
    /// `code` of a Status.
    pub(super) code: Option<u16>,
    /// `reason` of a Status.
    pub(super) reason: String,
    /// The message on one line.
    pub(super) message: String,
    /// `details.kind` of a Status.
    pub(super) kind: Option<String>,
    /// The error code, as documentation lists it.
    pub(super) error_code: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) retry_after: Option<Duration>,
    /// Details for log level debug: the request as the gateway read it, or a reason that only an administrator can decode.
    pub(super) details: Option<String>,
}

/// Reads a body of any format.
pub(super) fn read(body: &[u8]) -> ErrorBody {
    let body = match protobuf::status(body) {
        Some(status) => status,
        None => match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Value::Object(object),
            _ => return ErrorBody::of_text(&String::from_utf8_lossy(body), true),
        },
    };
    if body["kind"] == "Status" {
        of_kubernetes(&body)
    } else if body["error_code"].is_string() || body["error_msg"].is_string() {
        of_gateway(&body)
    } else if body["error"]["message"].is_string() {
        of_iam(&body["error"])
    } else if body["message"].is_string() {
        ErrorBody::of_text(text(&body["message"]), true).with_encoded_reason(&body)
    } else if body["encoded_authorization_message"].is_string() {
        ErrorBody::default().with_encoded_reason(&body)
    } else {
        ErrorBody::of_text(&body.to_string(), true)
    }
    .with_retry_after(&body)
}

fn of_kubernetes(status: &Value) -> ErrorBody {
    ErrorBody {
        is_status: true,
        code: status["code"]
            .as_u64()
            .and_then(|code| u16::try_from(code).ok()),
        reason: identifier(text(&status["reason"])).unwrap_or_default(),
        kind: identifier(text(&status["details"]["kind"])),
        error_code: identifier(text(&status["errorCode"])),
        // Such messages may contain regular expressions, whose bars are not line ends.
        ..ErrorBody::of_text(text(&status["message"]), false)
    }
}

fn of_gateway(body: &Value) -> ErrorBody {
    let error = ErrorBody {
        error_code: identifier(text(&body["error_code"])),
        request_id: identifier(text(&body["request_id"])),
        ..ErrorBody::of_text(text(&body["error_msg"]), true)
    };
    error.with_encoded_reason(body)
}

/// The code is the HTTP status, or a string.
fn of_iam(error: &Value) -> ErrorBody {
    ErrorBody {
        error_code: identifier(text(&error["code"])),
        ..ErrorBody::of_text(text(&error["message"]), true)
    }
}

impl ErrorBody {
    /// With `may_echo`, the request as the server read it may follow the message, with bars for line feeds.
    fn of_text(text: &str, may_echo: bool) -> Self {
        let text = redact(text);
        let end = if may_echo {
            end_of_message(&text)
        } else {
            None
        };
        let (message, details) = text.split_at(end.unwrap_or(text.len()));
        Self {
            message: one_line(message),
            details: (!details.is_empty()).then(|| details.to_owned()),
            ..Self::default()
        }
    }

    /// Adds the reason of a policy, which only an administrator of the account can decode.
    fn with_encoded_reason(mut self, body: &Value) -> Self {
        if let Some(encoded) = body["encoded_authorization_message"].as_str() {
            if self.message.is_empty() {
                "refused by a policy".clone_into(&mut self.message);
            }
            self.details = Some(format!("encoded_authorization_message: {encoded}"));
        }
        self
    }

    fn with_retry_after(mut self, body: &Value) -> Self {
        let seconds = body["details"]["retryAfterSeconds"].as_u64();
        self.retry_after = seconds.map(Duration::from_secs);
        self
    }
}

/// Where the message ends and an echo of the request begins.
fn end_of_message(text: &str) -> Option<usize> {
    let after = text
        .find(INVALID_SIGNATURE)
        .map(|at| at + INVALID_SIGNATURE.len());
    let marks = ["|", "SDK-HMAC-", "canonical"];
    let before = marks.iter().filter_map(|mark| text.find(mark)).min();
    after.into_iter().chain(before).min()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// An error code or id; `None` if the text is too long or has other characters.
pub(super) fn identifier(text: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let valid = !text.is_empty() && text.len() <= MAX_IDENTIFIER && text.bytes().all(plain);
    valid.then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
