//! Who may look: basic authentication, Kubernetes authorisation, the rate limit, and the headers of all responses.
//!
//! `router` asks [`Access::check`] before it looks for a page. Each request passes these steps:
//!
//! ```text
//! rate_limit ──► authorization ──► basic_auth | kubernetes_auth
//! ```
//!
//! The limit comes before authentication, as in the exporter-toolkit: it protects the check of passwords too. Its price is that
//! clients without a login use up tokens. Probes pass none of the steps, unless a setting closes them: the kubelet has no login,
//! and a restart because of a flood would help nobody.
//!
//! Passwords, tokens and hashes never leave this module: no error, log line or `Debug` has them.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use http::{
    HeaderValue, Request, Response, StatusCode,
    header::{RETRY_AFTER, WWW_AUTHENTICATE},
};
use parking_lot::RwLock;
use secrecy::SecretString;

use super::{body::Content, response::text};
use crate::{client::AccessReviewer, config::RateLimitConfig};

mod authorization;
mod basic_auth;
mod bcrypt_hash;
mod bounded_cache;
mod keyed_hash;
mod kubernetes_auth;
mod rate_limit;
mod response_headers;
mod single_flight;

use authorization::Credentials;
use basic_auth::BasicAuth;
use kubernetes_auth::KubernetesAuth;
use rate_limit::RateLimit;
use response_headers::ResponseHeaders;

/// When to retry after a request that could not be checked.
const RETRY_AFTER_NO_ANSWER: Duration = Duration::from_secs(5);

/// What is configured about access. The default lets everybody in.
#[derive(Clone, Default)]
pub struct AccessSettings {
    /// Users and the bcrypt hashes of their passwords; empty for no basic authentication.
    pub users: BTreeMap<String, SecretString>,
    /// Names and values of headers of all responses.
    pub headers: Vec<(&'static str, String)>,
    /// The rate limit of all requests but probes.
    pub rate_limit: Option<RateLimitConfig>,
    /// The API that checks bearer tokens.
    pub kubernetes: Option<KubernetesAuthSettings>,
    /// Whether `/livez` and `/readyz` need what other pages need, and count for the rate limit.
    pub authenticate_probes: bool,
}

/// What is configured about bearer tokens.
#[derive(Clone)]
pub struct KubernetesAuthSettings {
    /// Answers who may look.
    pub reviewer: Arc<dyn AccessReviewer>,
    /// How long an answer that allowed is valid while the API is unreachable.
    pub outage_grace: Duration,
}

/// Why [`AccessSettings`] cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The password of a user is no bcrypt hash.
    #[error("the password of user `{user}` is not a bcrypt hash")]
    InvalidHash {
        /// The user.
        user: String,
    },
    /// A header has an invalid value.
    #[error("the value of the header `{name}` has characters that a header cannot carry")]
    InvalidHeader {
        /// The header.
        name: &'static str,
    },
    /// The system has no random numbers for the keys of caches.
    #[error("the system returns no random numbers")]
    NoRandomNumbers,
}

/// Decides about requests. It is fixed; a change of the configuration makes another one with [`Access::updated`].
#[derive(Debug)]
pub struct Access {
    basic: Option<Arc<BasicAuth>>,
    kubernetes: Option<(Arc<KubernetesAuth>, Duration)>,
    rate_limit: Option<Arc<RateLimit>>,
    headers: ResponseHeaders,
    authenticate_probes: bool,
}

/// The [`Access`] in force, shared with the server. A clone is the same one.
#[derive(Clone, Debug, Default)]
pub struct AccessHandle(Arc<RwLock<Option<Arc<Access>>>>);

/// The answer about the credentials of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    Allowed,
    /// The login is wrong.
    Unauthenticated,
    /// The user is known and lacks a permission.
    Forbidden,
    /// The credentials cannot be checked now, with the text of the response.
    NoAnswer(&'static str),
}

// === impl AccessSettings ===

impl fmt::Debug for AccessSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessSettings")
            .field("users", &self.users)
            .field("headers", &self.headers)
            .field("rate_limit", &self.rate_limit)
            .field("kubernetes", &self.kubernetes)
            .field("authenticate_probes", &self.authenticate_probes)
            .finish()
    }
}

impl fmt::Debug for KubernetesAuthSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesAuthSettings")
            .field("outage_grace", &self.outage_grace)
            .finish_non_exhaustive()
    }
}

// === impl AccessError ===

impl AccessError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InvalidHash { .. } => {
                Some("`htpasswd -nBC 10 USER` asks for a password and prints its hash")
            }
            Self::InvalidHeader { .. } => Some("write the value on one line, in ASCII"),
            Self::NoRandomNumbers => None,
        }
    }
}

// === impl Access ===

impl Access {
    /// Access as configured; `None` if nothing is configured, so that requests need no check.
    pub fn new(settings: &AccessSettings) -> Result<Option<Self>, AccessError> {
        Self::build(settings, None)
    }

    /// Access as configured now. What has not changed keeps its state: checked passwords, answers of the API, used tokens of
    /// the rate limit. An error changes nothing.
    pub fn updated(&self, settings: &AccessSettings) -> Result<Option<Self>, AccessError> {
        Self::build(settings, Some(self))
    }

    fn build(
        settings: &AccessSettings,
        before: Option<&Self>,
    ) -> Result<Option<Self>, AccessError> {
        let AccessSettings {
            users,
            headers,
            rate_limit,
            kubernetes,
            authenticate_probes,
        } = settings;
        let access = Self {
            basic: match before.and_then(|before| before.basic.as_ref()) {
                _ if users.is_empty() => None,
                Some(basic) if basic.has_users(users) => Some(basic.clone()),
                _ => Some(Arc::new(BasicAuth::new(users)?)),
            },
            kubernetes: match (
                kubernetes,
                before.and_then(|before| before.kubernetes.as_ref()),
            ) {
                (None, _) => None,
                (Some(now), Some((auth, _))) if auth.asks(&now.reviewer) => {
                    Some((auth.clone(), now.outage_grace))
                }
                (Some(now), _) => {
                    let auth = KubernetesAuth::new(now.reviewer.clone())?;
                    Some((Arc::new(auth), now.outage_grace))
                }
            },
            rate_limit: match (
                rate_limit,
                before.and_then(|before| before.rate_limit.as_ref()),
            ) {
                (None, _) => None,
                (Some(now), Some(limit)) if limit.config() == now => Some(limit.clone()),
                (Some(now), _) => Some(Arc::new(RateLimit::new(*now))),
            },
            headers: ResponseHeaders::new(headers)?,
            authenticate_probes: *authenticate_probes,
        };
        let is_open = !access.needs_login() && access.rate_limit.is_none();
        Ok((!is_open || !headers.is_empty()).then_some(access))
    }

    /// Whether a request needs a login.
    fn needs_login(&self) -> bool {
        self.basic.is_some() || self.kubernetes.is_some()
    }

    /// Whether the request may have its response. The error is the response to send instead: 401, 403, 429 or 503.
    pub(super) async fn check(
        &self,
        request: &Request<()>,
        is_probe: bool,
    ) -> Result<(), Response<Content>> {
        if is_probe && !self.authenticate_probes {
            return Ok(());
        }
        if let Some(limit) = &self.rate_limit {
            limit.take().map_err(too_many_requests)?;
        }
        if !self.needs_login() {
            return Ok(());
        }
        match self.decide(request).await {
            Decision::Allowed => Ok(()),
            Decision::Unauthenticated => Err(self.unauthorized()),
            Decision::Forbidden => Err(text(
                StatusCode::FORBIDDEN,
                "forbidden: this user may not read this path\n",
            )),
            Decision::NoAnswer(message) => {
                let response = text(StatusCode::SERVICE_UNAVAILABLE, message);
                Err(with_retry(response, RETRY_AFTER_NO_ANSWER))
            }
        }
    }

    /// Adds the configured headers to a response.
    pub(super) fn add_headers(&self, response: &mut Response<Content>) {
        self.headers.add_to(response.headers_mut());
    }

    /// One way to authenticate is enough. The scheme of the credentials says which one.
    async fn decide(&self, request: &Request<()>) -> Decision {
        match (
            Credentials::read(request.headers()),
            &self.basic,
            &self.kubernetes,
        ) {
            (Credentials::Basic { user, password }, Some(basic), _) => {
                basic.check(&user, &password).await
            }
            (Credentials::Bearer(token), _, Some((auth, outage_grace))) => {
                let path = request.uri().path();
                auth.check(&token, request.method(), path, *outage_grace)
                    .await
            }
            _ => Decision::Unauthenticated,
        }
    }

    /// 401 with a challenge for each way to authenticate.
    fn unauthorized(&self) -> Response<Content> {
        let mut response = text(StatusCode::UNAUTHORIZED, "unauthorized\n");
        let basic = self.basic.as_ref().map(|_| "Basic");
        let bearer = self.kubernetes.as_ref().map(|_| "Bearer");
        for challenge in basic.into_iter().chain(bearer) {
            let challenge = HeaderValue::from_static(challenge);
            response.headers_mut().append(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn too_many_requests(wait: Duration) -> Response<Content> {
    let response = text(StatusCode::TOO_MANY_REQUESTS, "too many requests\n");
    with_retry(response, wait)
}

/// `response` with the time after which to retry, rounded up to seconds.
fn with_retry(mut response: Response<Content>, wait: Duration) -> Response<Content> {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

// === impl AccessHandle ===

impl AccessHandle {
    /// A handle to `access`; without it, everybody may look.
    #[must_use]
    pub fn new(access: Option<Access>) -> Self {
        Self(Arc::new(RwLock::new(access.map(Arc::new))))
    }

    /// Puts another access in force. Requests that are being checked keep the one they began with.
    pub fn replace(&self, access: Option<Access>) {
        *self.0.write() = access.map(Arc::new);
    }

    /// The access in force.
    #[must_use]
    pub fn current(&self) -> Option<Arc<Access>> {
        self.0.read().clone()
    }
}

#[cfg(test)]
mod tests;
