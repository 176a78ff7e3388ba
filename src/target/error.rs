//! What can go wrong with a request, said so that an operator can act on it.

use std::{error::Error as StdError, iter, time::Duration};

use kube::{client::AuthError, config::KubeconfigError};

use super::{Request, cci::Withheld};
use crate::model::{Code, Resource, Verb};

/// A server that asks for more is in error, or will be asked again too early: better than a target that nobody reads.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

/// A request that did not give what was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{request}: {failure}")]
pub struct Error {
    /// What was attempted.
    pub request: Box<Request>,
    /// How it failed. Part of the message, therefore not its `source`.
    pub failure: Failure,
}

/// How a request failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The credentials or the address could not be read, or no client could be made of them.
    #[error("no client: {0}")]
    Client(String),
    /// There is nothing to authenticate the request with, or a reason to leave the server alone: nothing was sent.
    #[error("{0}")]
    Withheld(Withheld),
    /// No connection, or one that broke.
    #[error("{0}")]
    Transport(String),
    /// No answer, or no end of it, in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The server refused.
    #[error("{0}")]
    Status(Box<Status>),
    /// The answer is larger than anything sensible.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer is not what was asked for.
    #[error("cannot make sense of the answer: {0}")]
    Nonsense(String),
}

/// A refusal: an HTTP status with what the body says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The HTTP status, or the code within a watch's ERROR event.
    pub code: u16,
    /// `reason` of a Kubernetes Status, empty for other bodies.
    pub reason: String,
    /// `message` of a Kubernetes Status, else the beginning of the body.
    pub message: String,
    /// `details.kind` of a Kubernetes Status.
    pub kind: Option<String>,
    /// When to come back, where the server says so.
    pub retry_after: Option<Duration>,
    /// What was done about it here, where that is worth a word.
    pub note: Option<String>,
}

// === impl Status ===

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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
        if let Some(note) = &self.note {
            write!(f, "; {note}")?;
        }
        Ok(())
    }
}

impl Status {
    /// Reads the object of a watch's ERROR event. The event itself came with HTTP status 200.
    #[must_use]
    pub fn of_event(object: &str) -> Self {
        Self::read(None, object.as_bytes(), None)
    }

    /// Reads the body of a refusal by its shape: a Kubernetes Status, else text. Without an HTTP status, the body's code counts.
    pub(super) fn read(code: Option<u16>, body: &[u8], retry_after: Option<Duration>) -> Self {
        #[derive(serde::Deserialize)]
        struct Body {
            #[serde(default)]
            reason: Option<String>,
            #[serde(default)]
            message: Option<String>,
            #[serde(default)]
            code: Option<u16>,
            #[serde(default)]
            details: Option<Details>,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Details {
            #[serde(default)]
            kind: Option<String>,
            #[serde(default)]
            retry_after_seconds: Option<u64>,
        }
        let Ok(Body {
            reason,
            message,
            code: inner,
            details,
        }) = serde_json::from_slice(body)
        else {
            let message = excerpt(&String::from_utf8_lossy(body));
            return Self {
                code: code.unwrap_or(500),
                message,
                retry_after: retry_after.map(bounded),
                ..Self::default()
            };
        };
        let (kind, seconds) = details.map_or((None, None), |details| {
            (details.kind, details.retry_after_seconds)
        });
        Self {
            code: code.or(inner).unwrap_or(500),
            reason: reason.unwrap_or_default(),
            message: excerpt(&message.unwrap_or_default()),
            kind,
            retry_after: retry_after
                .max(seconds.map(Duration::from_secs))
                .map(bounded),
            note: None,
        }
    }
}

/// A pause no longer than is believed.
fn bounded(pause: Duration) -> Duration {
    pause.min(LONGEST_PAUSE)
}

/// As much of a server's text as a log line bears, on one line.
pub(super) fn excerpt(text: &str) -> String {
    const LIMIT: usize = 500;
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    let mut excerpt: String = text.trim().chars().take(LIMIT).map(clean).collect();
    if text.trim().chars().nth(LIMIT).is_some() {
        excerpt.push('…');
    }
    excerpt
}

// === impl Failure ===

impl Failure {
    /// The label value for counting.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Status(status) => Code::of_status(status.code),
            Self::Timeout(_) => Code::Timeout,
            Self::Client(_)
            | Self::Withheld(_)
            | Self::Transport(_)
            | Self::TooLarge(_)
            | Self::Nonsense(_) => Code::TransportError,
        }
    }
}

// === impl Error ===

impl Error {
    /// Where a refused request asked to be left alone for a while.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.status().and_then(|status| status.retry_after)
    }

    /// The resource version or continue token is no longer, or not yet, known: list again.
    #[must_use]
    pub fn is_expired(&self) -> bool {
        self.status().is_some_and(|status| status.code == 410)
    }

    /// The one job that was asked for does not exist, as told by a Kubernetes API (a gateway's 404 says nothing of the kind).
    #[must_use]
    pub fn is_job_absent(&self) -> bool {
        self.status().is_some_and(|status| {
            let about_jobs = status.kind.as_deref().is_none_or(|kind| kind == "jobs");
            status.code == 404 && status.reason == "NotFound" && about_jobs
        })
    }

    /// The server does not take `sendInitialEvents`: `WatchList` is off, or not known.
    #[must_use]
    pub fn is_watch_list_refused(&self) -> bool {
        self.status()
            .is_some_and(|status| matches!(status.code, 400 | 422))
    }

    /// What an operator can do about it, where that can be told.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match &self.failure {
            Failure::Status(status) => match status.code {
                401 => Some(
                    "the credentials were refused: check the token, certificate or exec plugin of this target",
                ),
                403 => Some(match (self.request.verb, self.request.resource) {
                    (Verb::Get, _) => {
                        "grant `get` on `jobs/status` in API group `batch` to this user"
                    }
                    (_, Resource::Jobs) => {
                        "grant `list` and `watch` on `jobs` in API group `batch` to this user"
                    }
                    (_, Resource::CronJobs) => {
                        "grant `list` and `watch` on `cronjobs` in API group `batch` to this user"
                    }
                }),
                404 => Some(
                    "the address answers, but has no such API: check the server address and its version",
                ),
                _ => None,
            },
            Failure::Client(text) | Failure::Transport(text) => hint_of_text(text),
            Failure::TooLarge(_) => Some("is this address really a Kubernetes API?"),
            Failure::Withheld(_) | Failure::Timeout(_) | Failure::Nonsense(_) => None,
        }
    }

    fn status(&self) -> Option<&Status> {
        match &self.failure {
            Failure::Status(status) => Some(status),
            _ => None,
        }
    }
}

/// rustls and the resolver tell what is wrong by text only.
fn hint_of_text(text: &str) -> Option<&'static str> {
    let hints = [
        (
            "UnsupportedCertVersion",
            "X.509 version 1 certificates are not supported: issue the certificate as version 3",
        ),
        (
            "UnknownIssuer",
            "the server's certificate is not signed by the cluster's certificate authority: check it",
        ),
        (
            "NotValidForName",
            "the server's certificate is for another name: check the server address or `tls-server-name`",
        ),
        ("Expired", "a certificate has expired"),
        (
            "Connection refused",
            "nothing listens at this address: is the API server up?",
        ),
        (
            "InvalidMessage",
            "the answer is not TLS: is this a plain HTTP port?",
        ),
    ];
    hints
        .iter()
        .find(|(part, _)| text.contains(part))
        .map(|(_, hint)| *hint)
}

/// An error with its causes on one line, each said once, and nothing secret: what kube says of exec plugins holds their
/// arguments and output, and what it says of a kubeconfig that cannot be parsed holds a piece of that file. Errors around
/// such a one quote it, so it then stands alone.
pub(super) fn describe(error: &(dyn StdError + 'static)) -> String {
    let causes = || {
        iter::successors(Some(error), |error: &&(dyn StdError + 'static)| {
            (*error).source()
        })
    };
    let safe = causes().find_map(redact);
    safe.unwrap_or_else(|| {
        causes().fold(String::new(), |text, cause| {
            append(text, &cause.to_string())
        })
    })
}

fn append(text: String, cause: &str) -> String {
    match text.as_str() {
        "" => excerpt(cause),
        said if said.contains(cause) => text,
        said => excerpt(&format!("{said}: {cause}")),
    }
}

fn redact(error: &(dyn StdError + 'static)) -> Option<String> {
    match error.downcast_ref() {
        Some(KubeconfigError::Parse(error)) => {
            let place = error
                .location()
                .map(|at| format!(" at line {} column {}", at.line(), at.column()));
            return Some(format!(
                "the kubeconfig is not valid YAML{}",
                place.unwrap_or_default()
            ));
        }
        Some(KubeconfigError::ReadConfig(error, path)) => {
            return Some(format!(
                "cannot read the kubeconfig {}: {error}",
                path.display()
            ));
        }
        Some(KubeconfigError::LoadContext(name)) => {
            return Some(format!("the kubeconfig has no context `{name}`"));
        }
        Some(KubeconfigError::CurrentContextNotSet) => {
            return Some("the kubeconfig has no current context: name one".to_owned());
        }
        _ => {}
    }
    Some(match error.downcast_ref()? {
        AuthError::AuthExecRun { out, .. } => {
            format!(
                "the exec plugin of the kubeconfig failed with {}: run it by hand to see why",
                out.status
            )
        }
        AuthError::AuthExecStart(error) => {
            format!("cannot start the exec plugin of the kubeconfig: {error}")
        }
        AuthError::AuthExecParse(_) => {
            "the output of the kubeconfig's exec plugin is not an ExecCredential".to_owned()
        }
        AuthError::InvalidBearerToken(_) => {
            "the bearer token has characters that no header can carry".to_owned()
        }
        AuthError::InvalidBasicAuth(_) => {
            "the user name or password has characters that no header can carry".to_owned()
        }
        AuthError::ReadTokenFile(error, path) => {
            format!("cannot read the token file {}: {error}", path.display())
        }
        AuthError::MissingCommand => {
            "the kubeconfig has an exec plugin without `command`".to_owned()
        }
        _ => "the credentials of the kubeconfig cannot be used".to_owned(),
    })
}

#[cfg(test)]
mod tests;
