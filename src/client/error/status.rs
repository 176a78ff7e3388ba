//! A refusal: an HTTP status with what headers and body say of it.
//!
//! Status and body are of equal weight: gateways answer 404 where an API is wrongly addressed and 401 where an agency is
//! missing. So nothing is concluded from the status alone.

use std::{fmt, time::Duration};

use http::{HeaderMap, header::RETRY_AFTER};
use jiff::fmt::rfc2822;

use super::shape::{self, ErrorBody};
use crate::model;

/// A server that asks for more is in error, or will be asked again too early: better than a target that nobody reads.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// A refusal: an HTTP status with what the body says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status, or the code within a watch's ERROR event.
    pub code: u16,
    /// `reason` of a Kubernetes Status, empty for other bodies.
    pub reason: String,
    /// `message` of a Kubernetes Status, else what the body says or its beginning. On one line, and nothing secret.
    pub message: String,
    /// `details.kind` of a Kubernetes Status.
    pub kind: Option<String>,
    /// What kind of error it is for who is no Kubernetes API, or not only: `APIGW.0301`, `CCI.01.404101`.
    pub error_code: Option<String>,
    /// What the server calls the request, for its support.
    pub request_id: Option<String>,
    /// When to come back, where the server says so.
    pub retry_after: Option<Duration>,
    /// Whether the body was a Kubernetes Status.
    pub is_kubernetes: bool,
    /// What was done about it here, where that is worth a word.
    pub note: Option<String>,
}

impl Status {
    /// Reads the object of a watch's ERROR event. The event itself came with HTTP status 200.
    #[must_use]
    pub fn of_event(object: &str) -> Self {
        Self::read(None, &HeaderMap::new(), object.as_bytes())
    }

    /// Reads an answer that is not the wanted one.
    pub(in super::super) fn of_answer(code: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        Self::read(Some(code), headers, body)
    }

    /// Without an HTTP status, the body's code counts.
    fn read(http: Option<u16>, headers: &HeaderMap, body: &[u8]) -> Self {
        let ErrorBody {
            is_status,
            code,
            reason,
            message,
            kind,
            error_code,
            request_id,
            retry_after,
            aside,
        } = shape::read(body);
        let code = http.or(code).unwrap_or(500);
        let header = |name| headers.get(name)?.to_str().ok();
        let request_id = request_id.or_else(|| shape::word(header("x-request-id")?));
        if let Some(aside) = aside {
            tracing::debug!(code, error_code, request_id, aside = ?aside, "refused");
        }
        let asked = header(RETRY_AFTER.as_str()).and_then(read_retry_after);
        Self {
            code,
            reason,
            message,
            kind,
            error_code,
            request_id,
            retry_after: retry_after.max(asked).map(|pause| pause.min(LONGEST_PAUSE)),
            is_kubernetes: is_status,
            note: None,
        }
    }

    /// A Kubernetes API says that there is no such job. Others that answer 404 mean something else: a gateway that there is
    /// no such API, CCI that it has no agency, and Kubernetes itself that it has no such version or resource.
    pub(super) fn is_job_absent(&self) -> bool {
        let about_jobs = match self.kind.as_deref() {
            Some(kind) => kind == "jobs",
            None => !self
                .message
                .contains("could not find the requested resource"),
        };
        self.code == 404
            && self.is_kubernetes
            && self.reason == "NotFound"
            && self.error_code.is_none()
            && about_jobs
    }

    /// The same without what is different each time.
    pub(super) fn without_details(&self) -> Self {
        Self {
            request_id: None,
            note: None,
            ..self.clone()
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phrase = http::StatusCode::from_u16(self.code)
            .ok()
            .and_then(|code| code.canonical_reason());
        write!(f, "{}", self.code)?;
        if let Some(phrase) = phrase {
            write!(f, " {phrase}")?;
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match (&self.error_code, &self.request_id) {
            (None, None) => {}
            (Some(code), None) => write!(f, " ({code})")?,
            (None, Some(id)) => write!(f, " (request {id})")?,
            (Some(code), Some(id)) => write!(f, " ({code}, request {id})")?,
        }
        match &self.note {
            Some(note) => write!(f, "; {note}"),
            None => Ok(()),
        }
    }
}

/// `Retry-After` as seconds or as a date.
fn read_retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = rfc2822::DateTimeParser::new()
        .parse_timestamp(value.trim())
        .ok()?;
    Some(Duration::from_secs(
        u64::try_from(date.as_second() - model::now().as_second()).unwrap_or(0),
    ))
}
