//! Errors of requests, with a message and a hint for the operator.
//!
//! `body` and `status` read error responses, `describe` formats the errors of libraries, `redact` removes secrets, and
//! `hint` says what to do.

use std::time::Duration;

use super::{Request, Suppressed};
use crate::model::Code;

mod body;
mod describe;
mod hint;
mod redact;
mod status;

pub use status::Status;

pub(super) use {
    describe::describe,
    redact::one_line,
    status::{MAX_ERROR_BODY, retry_after},
};

/// A request that failed.
#[derive(Debug, thiserror::Error)]
#[error("{request}: {failure}")]
pub struct Error {
    /// The request.
    pub request: Box<Request>,
    /// How it failed. Part of the message, therefore not its `source`.
    pub failure: Failure,
}

/// How a request failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The address or the credentials cannot be read, or are invalid.
    #[error("cannot create a client: {0}")]
    NoClient(String),
    /// The configuration leads to no cluster: there is no kubeconfig, or not the context in it.
    #[error("cannot create a client: {0}")]
    NoCluster(String),
    /// The request was not sent: there are no credentials, or the server rejected them and needs a pause.
    #[error("{0}")]
    Suppressed(Suppressed),
    /// The connection failed or broke.
    #[error("{0}")]
    Transport(String),
    /// The server ended the TLS connection with an alert, perhaps because it refuses the client certificate.
    #[error("{0}")]
    TlsAlert(String),
    /// The response did not arrive in time.
    #[error("no response within {0:?}")]
    Timeout(Duration),
    /// The time was over before the rate limit of the target allowed the request. It was not sent.
    #[error("the rate limit of the target allowed no request within {0:?}")]
    RateLimit(Duration),
    /// The server responded with an error.
    #[error("{0}")]
    Status(Box<Status>),
    /// The response is too large.
    #[error("the response is larger than {0} bytes")]
    TooLarge(usize),
    /// The response is not what the request was for.
    #[error("invalid response: {0}")]
    InvalidResponse(String),
    /// The responses together are beyond a configured limit.
    #[error("{problem}")]
    LimitExceeded {
        /// Which limit, and its value.
        problem: String,
        /// What to do about it.
        hint: &'static str,
    },
    /// The server does not have this kind of object in any known version. This does not mark the target as down.
    #[error("the server has them in neither batch/v1 nor batch/v1beta1")]
    NotServed,
}

// === impl Failure ===

impl Failure {
    /// The value of the `code` label.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Status(status) => Code::of_status(status.code),
            Self::Timeout(_) => Code::Timeout,
            Self::NoClient(_)
            | Self::NoCluster(_)
            | Self::Suppressed(_)
            | Self::Transport(_)
            | Self::TlsAlert(_)
            | Self::TooLarge(_)
            | Self::InvalidResponse(_)
            | Self::RateLimit(_)
            | Self::LimitExceeded { .. }
            | Self::NotServed => Code::TransportError,
        }
    }

    /// What to do about a failure before any request.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        hint::for_connection(self)
    }

    /// The server refuses the credentials: by a 401 response, or by an alert while TLS checks a client certificate.
    pub(super) fn is_unauthorized(&self) -> bool {
        match self {
            Self::Status(status) => status.code == 401,
            Self::TlsAlert(_) => true,
            _ => false,
        }
    }
}

// === impl Error ===

impl Error {
    /// How long the server asked to wait before the next request.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.status().and_then(|status| status.retry_after)
    }

    /// The resource version or `continue` token has expired: list again.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.status().is_some_and(|status| status.code == 410)
    }

    /// A Kubernetes API reports that the requested job does not exist. The 404 of a gateway does not count.
    #[must_use]
    pub fn is_job_not_found(&self) -> bool {
        self.status().is_some_and(Status::is_job_not_found)
    }

    /// The server throttles requests.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.status().is_some_and(|status| status.code == 429)
    }

    /// The response is too large for a page: it has large objects, or is no page at all.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self.failure, Failure::TooLarge(_))
    }

    /// The credentials lack a permission.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.status().is_some_and(|status| status.code == 403)
    }

    /// The server has nothing at this address.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status().is_some_and(|status| status.code == 404)
    }

    /// The server refuses this request for good: it is not allowed, or has a parameter that it does not accept.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.status()
            .is_some_and(|status| matches!(status.code, 400 | 403 | 404 | 405 | 422))
    }

    /// The error for a resource that the server has in no known version.
    pub(super) fn not_served(request: Request) -> Self {
        Self {
            request: Box::new(request),
            failure: Failure::NotServed,
        }
    }

    /// The server does not have this kind of object in any known version.
    #[must_use]
    pub fn is_not_served(&self) -> bool {
        matches!(self.failure, Failure::NotServed)
    }

    /// The failure without the parts that differ between occurrences: equal fingerprints mean the same problem.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        match &self.failure {
            Failure::Status(status) => status.without_details().to_string(),
            Failure::Suppressed(suppressed) => suppressed.reason().to_owned(),
            // The time of a probe differs from one to the next.
            Failure::Timeout(_) => "timeout".to_owned(),
            Failure::RateLimit(_) => "rate limit".to_owned(),
            failure => failure.to_string(),
        }
    }

    /// The server rejects `sendInitialEvents`: it does not know `WatchList`, or has it disabled.
    #[must_use]
    pub fn is_watch_list_rejected(&self) -> bool {
        self.status()
            .is_some_and(|status| matches!(status.code, 400 | 422))
    }

    /// What an operator can do about it, if known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        hint::for_error(self)
    }

    fn status(&self) -> Option<&Status> {
        match &self.failure {
            Failure::Status(status) => Some(status),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
