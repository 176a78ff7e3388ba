//! What can go wrong with a request, said so that an operator can act on it.

use std::{error::Error as StdError, iter, time::Duration};

use kube::{client::AuthError, config::KubeconfigError};

use super::{Request, auth::cci::Suppressed};
use crate::model::Code;

mod hint;
mod redact;
mod shape;
mod status;

pub use status::Status;

pub(super) use redact::excerpt;

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
    Suppressed(Suppressed),
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
    /// Nothing is wrong, but the server has no such objects.
    #[error("the server has them in neither batch/v1 nor batch/v1beta1")]
    NotServed,
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
            | Self::Suppressed(_)
            | Self::Transport(_)
            | Self::TooLarge(_)
            | Self::Nonsense(_)
            | Self::NotServed => Code::TransportError,
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
        self.status().is_some_and(Status::is_job_absent)
    }

    /// The server wants to be asked less often.
    #[must_use]
    pub fn is_throttled(&self) -> bool {
        self.status().is_some_and(|status| status.code == 429)
    }

    /// The credentials do not allow it.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        self.status().is_some_and(|status| status.code == 403)
    }

    /// The outcome of a request for what the server has in no version of the API that is known here.
    pub(super) fn not_served(request: Request) -> Self {
        Self {
            request: Box::new(request),
            failure: Failure::NotServed,
        }
    }

    /// The server has no such kind of object, in any version of the API that is known here.
    #[must_use]
    pub fn is_not_served(&self) -> bool {
        matches!(self.failure, Failure::NotServed)
    }

    /// What is the matter, in words that stay the same while it stays the same.
    #[must_use]
    pub fn complaint(&self) -> String {
        match &self.failure {
            Failure::Status(status) => status.without_details().to_string(),
            Failure::Suppressed(suppressed) => suppressed.why().to_owned(),
            failure => failure.to_string(),
        }
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
        hint::of(self)
    }

    fn status(&self) -> Option<&Status> {
        match &self.failure {
            Failure::Status(status) => Some(status),
            _ => None,
        }
    }
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
