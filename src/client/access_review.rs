//! Reviews of bearer tokens: who a token belongs to, and whether that user may read a path.
//!
//! The server asks an [`AccessReviewer`]; [`Api`] is one. A review is a `TokenReview` and, for a valid token, a
//! `SubjectAccessReview`. These two are all that the exporter ever creates. Neither is stored by the API server.

use std::{collections::BTreeMap, fmt, time::Duration};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Api, Failure, error::one_line};

/// Maximum time of each of the two requests.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A response repeats the request, and so the token.
const MAX_RESPONSE: usize = 1024 * 1024;

/// Answers who may look.
pub trait AccessReviewer: Send + Sync {
    /// Whether the user of `token` may do `verb` (lower case, such as `get`) on the non-resource URL `path`. Sends up to two
    /// requests. An error means that there is no answer.
    fn review<'a>(
        &'a self,
        token: &'a SecretString,
        verb: &'a str,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Review, ReviewError>>;
}

/// The answer to a review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Review {
    /// The token is valid, and its user has the permission.
    Allowed,
    /// The token is valid, and its user lacks the permission.
    Denied {
        /// The name of the user, on one line, for the log.
        user: String,
    },
    /// The token is invalid or has expired.
    Unauthenticated,
}

/// A review that has no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{attempt}: {failure}")]
pub struct ReviewError {
    attempt: Attempt,
    /// How it failed. Part of the message, therefore not its `source`. It never contains the token.
    failure: Failure,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    TokenReview,
    SubjectAccessReview,
    /// The whole review.
    Review,
}

/// The part of a `TokenReview` that the server fills in.
#[derive(Deserialize)]
struct TokenReview {
    status: TokenStatus,
}

#[derive(Deserialize)]
struct TokenStatus {
    #[serde(default)]
    authenticated: bool,
    #[serde(default)]
    user: User,
}

/// A user, as one review returns it and the other takes it.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct User {
    #[serde(rename(serialize = "user"))]
    username: String,
    uid: String,
    groups: Vec<String>,
    extra: BTreeMap<String, Vec<String>>,
}

/// The part of a `SubjectAccessReview` that the server fills in.
#[derive(Deserialize)]
struct SubjectAccessReview {
    status: AccessStatus,
}

#[derive(Deserialize)]
struct AccessStatus {
    #[serde(default)]
    allowed: bool,
}

impl AccessReviewer for Api {
    fn review<'a>(
        &'a self,
        token: &'a SecretString,
        verb: &'a str,
        path: &'a str,
    ) -> BoxFuture<'a, Result<Review, ReviewError>> {
        Box::pin(async move {
            let Some(user) = self.user_of(token).await? else {
                return Ok(Review::Unauthenticated);
            };
            if self.may(&user, verb, path).await? {
                return Ok(Review::Allowed);
            }
            let user = one_line(&user.username);
            Ok(Review::Denied { user })
        })
    }
}

impl Api {
    /// The user of `token`; `None` if it is not valid.
    async fn user_of(&self, token: &SecretString) -> Result<Option<User>, ReviewError> {
        let attempt = Attempt::TokenReview;
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token.expose_secret()},
        });
        let response = self
            .create(attempt.path(), &body, MAX_RESPONSE, TIMEOUT)
            .await;
        let parsed = response.and_then(|body| parse(&body));
        let TokenReview { status } = parsed.map_err(|failure| ReviewError {
            attempt,
            failure: without_token(failure, token),
        })?;
        let is_user = status.authenticated && !status.user.username.is_empty();
        Ok(is_user.then_some(status.user))
    }

    /// Whether `user` has the permission.
    async fn may(&self, user: &User, verb: &str, path: &str) -> Result<bool, ReviewError> {
        let attempt = Attempt::SubjectAccessReview;
        let mut spec = json!(user);
        spec["nonResourceAttributes"] = json!({"path": path, "verb": verb});
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": spec,
        });
        let response = self
            .create(attempt.path(), &body, MAX_RESPONSE, TIMEOUT)
            .await;
        let parsed = response.and_then(|body| parse(&body));
        let SubjectAccessReview { status } =
            parsed.map_err(|failure| ReviewError { attempt, failure })?;
        Ok(status.allowed)
    }
}

/// Reads a response. The text of an error has no part of it, which may be the token.
fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let problem = format!("not such an object (line {line}, column {column})");
        Failure::InvalidResponse(problem)
    })
}

/// `failure` without the token. An API server does not repeat it, but a gateway may repeat the whole request.
fn without_token(failure: Failure, token: &SecretString) -> Failure {
    match failure {
        Failure::Status(mut status) if status.is_kubernetes => {
            status.message = status.message.replace(token.expose_secret(), "***");
            Failure::Status(status)
        }
        Failure::Status(mut status) => {
            status.message.clear();
            Failure::Status(status)
        }
        other => other,
    }
}

// === impl ReviewError ===

impl ReviewError {
    /// The error of a review without an answer within `limit`.
    #[must_use]
    pub fn timeout(limit: Duration) -> Self {
        Self {
            attempt: Attempt::Review,
            failure: Failure::Timeout(limit),
        }
    }

    /// What an operator can do about it, if known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match &self.failure {
            Failure::Status(status) => match status.code {
                401 => Some(
                    "the credentials of the target of `web.kubernetes_auth` were rejected: check them",
                ),
                403 => Some(
                    "grant `create` on `tokenreviews` in API group `authentication.k8s.io` and on `subjectaccessreviews` in API group `authorization.k8s.io` to the user of this target; the ClusterRole `system:auth-delegator` has both",
                ),
                404 => Some(
                    "the server has no such API: `web.kubernetes_auth` needs a Kubernetes API server",
                ),
                _ => None,
            },
            other => other.hint(),
        }
    }
}

impl Attempt {
    /// The URL path to create it.
    fn path(self) -> &'static str {
        match self {
            Self::TokenReview | Self::Review => "/apis/authentication.k8s.io/v1/tokenreviews",
            Self::SubjectAccessReview => "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TokenReview => "create a tokenreview",
            Self::SubjectAccessReview => "create a subjectaccessreview",
            Self::Review => "review a bearer token",
        })
    }
}

#[cfg(test)]
mod tests;
