//! An error response: its HTTP status, headers and body.
//!
//! The HTTP status alone is ambiguous: gateways respond with 404 to a wrong address, and with 401 if an agency is missing. So
//! decisions use the body as well.

use std::{fmt, time::Duration};

use http::{HeaderMap, header::RETRY_AFTER};

use super::body::{self, ErrorBody};
use crate::{client::headers::parse_date, model};

/// The longest `Retry-After` that is honoured, so that a mistake of the server does not stop a target.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(1);

/// An error response is read up to this size.
pub(in crate::client) const MAX_ERROR_BODY: usize = 64 * 1024;

/// An error response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status, or the code in the ERROR event of a watch.
    pub code: u16,
    /// `reason` of a Kubernetes Status, empty for other bodies.
    pub reason: String,
    /// `message` of a Kubernetes Status, else the message or the beginning of the body. On one line, without secrets.
    pub message: String,
    /// `details.kind` of a Kubernetes Status.
    pub kind: Option<String>,
    /// The error code of a gateway or of CCI: `APIGW.0301`, `CCI.01.404101`.
    pub error_code: Option<String>,
    /// The request id, for the support of the server's provider.
    pub request_id: Option<String>,
    /// How long to wait before the next request, if the server says so.
    pub retry_after: Option<Duration>,
    /// Whether the body was a Kubernetes Status.
    pub is_kubernetes: bool,
    /// Why the request was not retried, if the client decided so.
    pub no_retry_reason: Option<String>,
}

impl Status {
    /// Reads the object of the ERROR event of a watch, in any format. The HTTP status of the watch was 200.
    #[must_use]
    pub fn of_event(object: &[u8]) -> Self {
        let start = &object[..object.len().min(MAX_ERROR_BODY)];
        Self::read(None, &HeaderMap::new(), start)
    }

    /// Reads an error response.
    pub(in crate::client) fn of_response(code: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        Self::read(Some(code), headers, body)
    }

    /// Without an HTTP status, the code of the body counts.
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
            details,
        } = body::read(body);
        let code = http.or(code).unwrap_or(500);
        let header = |name| headers.get(name)?.to_str().ok();
        let request_id = request_id.or_else(|| body::identifier(header("x-request-id")?));
        if let Some(details) = details {
            tracing::debug!(code, error_code, request_id, details = ?details, "error response");
        }
        Self {
            code,
            reason,
            message,
            kind,
            error_code,
            request_id,
            retry_after: retry_after
                .map(|pause| pause.min(MAX_RETRY_AFTER))
                .max(self::retry_after(headers)),
            is_kubernetes: is_status,
            no_retry_reason: None,
        }
    }

    /// A Kubernetes API reports that the job does not exist. Other 404 responses have other meanings: a gateway has no such
    /// API, CCI has no agency, or Kubernetes has no such version or resource.
    pub(super) fn is_job_not_found(&self) -> bool {
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

    /// The same without the fields that differ between occurrences.
    pub(super) fn without_details(&self) -> Self {
        Self {
            request_id: None,
            no_retry_reason: None,
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
        match &self.no_retry_reason {
            Some(reason) => write!(f, "; {reason}"),
            None => Ok(()),
        }
    }
}

/// How long to wait before the next request, by the header `Retry-After`.
pub(in crate::client) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
    parse_retry_after(value).map(|pause| pause.min(MAX_RETRY_AFTER))
}

/// Parses `Retry-After`: seconds or a date.
fn parse_retry_after(value: &str) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = parse_date(value.trim())?;
    Some(Duration::from_secs(
        u64::try_from(date.as_second() - model::now().as_second()).unwrap_or(0),
    ))
}
