//! Authorisation by a Kubernetes API: who a bearer token belongs to, and whether that user may read the path of the request.
//!
//! Answers are cached under a keyed hash of token, verb and path. While the API is unreachable, tokens that were allowed stay
//! allowed for a while: an outage is when metrics are needed. A token without an earlier answer is never allowed then.

use std::{fmt, sync::Arc, time::Duration};

use http::Method;
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::{
    AccessError, Decision,
    bounded_cache::BoundedCache,
    keyed_hash::{Fingerprint, KeyedHash},
    single_flight::{NoAnswer, SingleFlight},
};
use crate::{
    client::{AccessReviewer, Review, ReviewError},
    log_limit::Throttle,
    server::WARNING_INTERVAL,
};

/// How long an answer that allowed is used without another review.
const ALLOWED_FOR: Duration = Duration::from_mins(1);

/// How long an answer that denied is used.
const DENIED_FOR: Duration = Duration::from_secs(10);

/// Maximum time of a review, waits for the rate limit and for connections included. Prometheus gives a scrape 10 seconds.
const REVIEW_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request with an earlier answer that allowed waits for the next one. The review goes on without it.
const RENEWAL_WAIT: Duration = Duration::from_secs(1);

/// Time between reviews of a token that was allowed, while they fail.
const RETRY: Duration = Duration::from_secs(10);

/// Entries of each cache: a token and a path each.
const CACHED: usize = 4_096;

/// Tokens without an earlier answer that allowed. Anybody can send them, so they leave room for the others.
const RUNNING_FIRST: usize = 4;
const WAITING_FIRST: usize = 32;

/// Tokens that were allowed before. There are no more of them than are cached.
const RUNNING_RENEWALS: usize = 16;
const WAITING_RENEWALS: usize = CACHED;

/// The answers of one API.
pub(super) struct KubernetesAuth {
    reviewer: Arc<dyn AccessReviewer>,
    keys: KeyedHash,
    answers: Mutex<Answers>,
    first_reviews: Arc<SingleFlight<Decision>>,
    renewals: Arc<SingleFlight<Decision>>,
    warnings: Mutex<Throttle>,
}

/// A request for a review.
struct Question {
    key: Fingerprint,
    token: SecretString,
    verb: String,
    path: String,
    /// How long an answer that allowed is valid while reviews fail.
    outage_grace: Duration,
}

/// The cached answers. Those that denied, which anybody can cause, never displace those that allowed.
struct Answers {
    allowed: BoundedCache<Allowed>,
    denied: BoundedCache<Denied>,
}

struct Allowed {
    reviewed: Instant,
    /// Set when a later review failed: the time of the next one.
    retry_at: Option<Instant>,
}

struct Denied {
    reviewed: Instant,
    decision: Decision,
}

/// What the cache knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cached {
    /// An answer that needs no review.
    Fresh(Decision),
    /// An answer that allowed, and is valid only if there is no other now.
    Stale,
    None,
}

impl KubernetesAuth {
    /// Asks `reviewer`.
    pub(super) fn new(reviewer: Arc<dyn AccessReviewer>) -> Result<Self, AccessError> {
        Ok(Self {
            reviewer,
            keys: KeyedHash::new()?,
            answers: Mutex::new(Answers {
                allowed: BoundedCache::new(CACHED),
                denied: BoundedCache::new(CACHED),
            }),
            first_reviews: SingleFlight::new(RUNNING_FIRST, WAITING_FIRST),
            renewals: SingleFlight::new(RUNNING_RENEWALS, WAITING_RENEWALS),
            warnings: Mutex::new(Throttle::new(WARNING_INTERVAL)),
        })
    }

    /// Whether it asks this reviewer, so that its answers stay valid.
    pub(super) fn asks(&self, reviewer: &Arc<dyn AccessReviewer>) -> bool {
        Arc::ptr_eq(&self.reviewer, reviewer)
    }

    /// Whether the user of `token` may request `path`.
    pub(super) async fn check(
        self: &Arc<Self>,
        token: &SecretString,
        method: &Method,
        path: &str,
        outage_grace: Duration,
    ) -> Decision {
        let verb = verb(method);
        let parts = [token.expose_secret(), &verb, path].map(str::as_bytes);
        let key = self.keys.of(&parts);
        let checks = match self.cached(&key, outage_grace) {
            Cached::Fresh(decision) => return decision,
            Cached::Stale => &self.renewals,
            Cached::None => &self.first_reviews,
        };
        let cached = || match self.cached(&key, outage_grace) {
            Cached::Fresh(decision) => Some(decision),
            Cached::Stale | Cached::None => None,
        };
        let review = || {
            self.clone().review(Question {
                key,
                token: token.clone(),
                verb,
                path: path.to_owned(),
                outage_grace,
            })
        };
        let answer = checks.run(key, cached, review);
        if Arc::ptr_eq(checks, &self.first_reviews) {
            return answer.await.unwrap_or_else(Decision::from);
        }
        match timeout(RENEWAL_WAIT, answer).await {
            Ok(Ok(decision)) => decision,
            Ok(Err(NoAnswer)) | Err(_) => Decision::Allowed,
        }
    }

    fn cached(&self, key: &Fingerprint, outage_grace: Duration) -> Cached {
        let answers = self.answers.lock();
        let now = Instant::now();
        if let Some(Allowed { reviewed, retry_at }) = answers.allowed.get(key) {
            let age = now - *reviewed;
            let is_valid = age < outage_grace;
            let must_wait = retry_at.is_some_and(|at| now < at);
            if age < ALLOWED_FOR || (is_valid && must_wait) {
                return Cached::Fresh(Decision::Allowed);
            } else if is_valid {
                return Cached::Stale;
            }
        }
        match answers.denied.get(key) {
            Some(denied) if now - denied.reviewed < DENIED_FOR => Cached::Fresh(denied.decision),
            _ => Cached::None,
        }
    }

    /// Asks the API, and caches its answer.
    async fn review(self: Arc<Self>, question: Question) -> Decision {
        let Question {
            token, verb, path, ..
        } = &question;
        let review = timeout(REVIEW_TIMEOUT, self.reviewer.review(token, verb, path)).await;
        let decision = match review {
            Ok(Ok(Review::Allowed)) => Decision::Allowed,
            Ok(Ok(Review::Denied { user })) => {
                debug!(user, verb, path, "the API denied a request");
                Decision::Forbidden
            }
            Ok(Ok(Review::Unauthenticated)) => Decision::Unauthenticated,
            Ok(Err(error)) => {
                self.warn(&error);
                return self.without_review(&question);
            }
            Err(_) => {
                self.warn(&ReviewError::timeout(REVIEW_TIMEOUT));
                return self.without_review(&question);
            }
        };
        let (key, reviewed) = (question.key, Instant::now());
        let mut answers = self.answers.lock();
        if decision == Decision::Allowed {
            answers.denied.remove(&key);
            let retry_at = None;
            answers.allowed.insert(key, Allowed { reviewed, retry_at });
        } else {
            answers.allowed.remove(&key);
            answers.denied.insert(key, Denied { reviewed, decision });
        }
        decision
    }

    /// The decision after a review failed.
    fn without_review(&self, question: &Question) -> Decision {
        let now = Instant::now();
        let mut answers = self.answers.lock();
        match answers.allowed.get_mut(&question.key) {
            Some(allowed) if now - allowed.reviewed < question.outage_grace => {
                allowed.retry_at = Some(now + RETRY);
                Decision::Allowed
            }
            _ => Decision::from(NoAnswer),
        }
    }

    fn warn(&self, error: &ReviewError) {
        if self.warnings.lock().permits() {
            let hint = error.hint();
            warn!(%error, hint, "cannot check a bearer token; tokens that were allowed before stay allowed for a while");
        }
    }
}

impl From<NoAnswer> for Decision {
    fn from(_: NoAnswer) -> Self {
        Self::NoAnswer("the bearer token cannot be checked now, try again later\n")
    }
}

/// The verb of a request, as a Kubernetes API names the verbs of its own non-resource paths. HEAD shows less than GET.
fn verb(method: &Method) -> String {
    match *method {
        Method::HEAD => "get".to_owned(),
        _ => method.as_str().to_ascii_lowercase(),
    }
}

impl fmt::Debug for KubernetesAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubernetesAuth").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
