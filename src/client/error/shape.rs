//! What the body of a refusal says, by its shape.
//!
//! A Kubernetes API answers with a Status, Huawei Cloud CCI adds an `errorCode` to it, the gateway before CCI has an object
//! of its own, IAM another, and proxies send whatever they like. Whatever the shape, nothing secret leaves here, and
//! nothing a log line cannot bear: see [`super::redact`].

use std::time::Duration;

use serde_json::Value;

use super::redact::{excerpt, redact};

/// Error codes and request ids are no longer than this, or none.
const LONGEST_WORD: usize = 64;

/// What the gateway says of a wrong signature before it shows the request as it read it.
const WRONG_SIGNATURE: &str = "verify aksk signature fail";

/// What a body says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorBody {
    /// The body is a Kubernetes Status.
    pub(super) is_status: bool,
    /// `code` of a Status.
    pub(super) code: Option<u16>,
    /// `reason` of a Status.
    pub(super) reason: String,
    /// What is said to people, on one line.
    pub(super) message: String,
    /// `details.kind` of a Status.
    pub(super) kind: Option<String>,
    /// The code that people look up.
    pub(super) error_code: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) retry_after: Option<Duration>,
    /// What helps nobody but who looks closer: the gateway's view of the request, or what only an administrator can decode.
    pub(super) aside: Option<String>,
}

/// Reads a body of any kind.
pub(super) fn read(body: &[u8]) -> ErrorBody {
    let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
        return ErrorBody::of_text(&String::from_utf8_lossy(body), true);
    };
    let body = Value::Object(object);
    if body["kind"] == "Status" {
        of_kubernetes(&body)
    } else if body["error_code"].is_string() || body["error_msg"].is_string() {
        of_gateway(&body)
    } else if body["error"]["message"].is_string() {
        of_iam(&body["error"])
    } else if body["message"].is_string() {
        ErrorBody::of_text(text(&body["message"]), true).encoded(&body)
    } else if body["encoded_authorization_message"].is_string() {
        ErrorBody::default().encoded(&body)
    } else {
        ErrorBody::of_text(&body.to_string(), true)
    }
    .paused(&body)
}

fn of_kubernetes(status: &Value) -> ErrorBody {
    ErrorBody {
        is_status: true,
        code: status["code"]
            .as_u64()
            .and_then(|code| u16::try_from(code).ok()),
        reason: word(text(&status["reason"])).unwrap_or_default(),
        kind: word(text(&status["details"]["kind"])),
        error_code: word(text(&status["errorCode"])),
        // Regular expressions in such messages have bars that are no line ends.
        ..ErrorBody::of_text(text(&status["message"]), false)
    }
}

fn of_gateway(body: &Value) -> ErrorBody {
    let said = ErrorBody {
        error_code: word(text(&body["error_code"])),
        request_id: word(text(&body["request_id"])),
        ..ErrorBody::of_text(text(&body["error_msg"]), true)
    };
    said.encoded(body)
}

/// The code is the HTTP status once more, or a text.
fn of_iam(error: &Value) -> ErrorBody {
    ErrorBody {
        error_code: word(text(&error["code"])),
        ..ErrorBody::of_text(text(&error["message"]), true)
    }
}

impl ErrorBody {
    /// `echoes` where the text may go on with the request as the server saw it, line feeds shown as bars.
    fn of_text(text: &str, echoes: bool) -> Self {
        let text = redact(text);
        let end = if echoes { end_of_message(&text) } else { None };
        let (message, aside) = text.split_at(end.unwrap_or(text.len()));
        Self {
            message: excerpt(message),
            aside: (!aside.is_empty()).then(|| aside.to_owned()),
            ..Self::default()
        }
    }

    /// A refusal by policy, whose reasons only the account's administrator can have decoded.
    fn encoded(mut self, body: &Value) -> Self {
        if let Some(encoded) = body["encoded_authorization_message"].as_str() {
            if self.message.is_empty() {
                "refused by a policy".clone_into(&mut self.message);
            }
            self.aside = Some(format!("encoded_authorization_message: {encoded}"));
        }
        self
    }

    fn paused(mut self, body: &Value) -> Self {
        let seconds = body["details"]["retryAfterSeconds"].as_u64();
        self.retry_after = seconds.map(Duration::from_secs);
        self
    }
}

/// Where a text is no message any more.
fn end_of_message(text: &str) -> Option<usize> {
    let after = text
        .find(WRONG_SIGNATURE)
        .map(|at| at + WRONG_SIGNATURE.len());
    let marks = ["|", "SDK-HMAC-", "canonical"];
    let before = marks.iter().filter_map(|mark| text.find(mark)).min();
    after.into_iter().chain(before).min()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A code or an id. What is longer or has other characters is something else.
pub(super) fn word(word: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let is_word = !word.is_empty() && word.len() <= LONGEST_WORD && word.bytes().all(plain);
    is_word.then(|| word.to_owned())
}

#[cfg(test)]
mod tests;
