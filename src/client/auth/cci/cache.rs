//! Keeps a credential that an [`Issuer`] issues for a limited time, and renews it before it expires.
//!
//! At most one request to the issuer is in flight. Callers wait for it only if there is no usable credential; a renewal that
//! fails has no effect while the old credential is valid. Issuers lock out users after wrong secrets, so a rejection starts a
//! cooldown of minutes, which ends early when the secret changes.

use std::{ops::Range, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use http::StatusCode;
use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::{
    backoff::Policy,
    client::auth::suppressed::{Cooldown, Suppressed},
};

/// A credential is renewed after this part of its lifetime. It is random, so that credentials issued together are not
/// renewed together.
const RENEWAL: Range<f64> = 0.75..0.8;

/// A credential is renewed at least this long before it expires, unless its lifetime is too short for that.
const RENEWAL_MARGIN: Duration = Duration::from_mins(10);

/// Credentials with a shorter lifetime are rejected: they would be renewed all the time.
const MIN_LIFETIME: Duration = Duration::from_mins(1);

/// Longer lifetimes are shortened to this, so that sums of times do not overflow.
const MAX_LIFETIME: Duration = Duration::from_hours(24 * 366);

/// Waits after failures that may be temporary.
const FAILED: Policy = Policy {
    jitter: JITTER,
    ..Policy::new(Duration::from_secs(1), Duration::from_mins(1))
};

/// Waits after rejections.
pub(super) const REJECTED: Policy = Policy {
    jitter: JITTER,
    ..Policy::new(Duration::from_mins(5), Duration::from_hours(1))
};

/// Never shortens a wait, because issuers count rejections.
const JITTER: Range<f64> = 1.0..1.1;

/// A service that issues credentials.
pub(super) trait Issuer: Send + Sync {
    /// The credential.
    type Item: Send + Sync;

    /// Requests a new credential.
    fn issue(&self) -> BoxFuture<'_, Result<Issued<Self::Item>, IssueError>>;

    /// Whether the secret to authenticate with has changed since the last request.
    fn has_new_secret(&self) -> bool {
        false
    }
}

/// A new credential.
pub(super) struct Issued<T> {
    pub(super) item: T,
    /// By the issuer's clock, so that a wrong clock here does not matter.
    pub(super) lifetime: Duration,
    pub(super) expires_at: Timestamp,
}

/// Why the issuer issued no credential.
#[derive(Debug)]
pub(super) struct IssueError {
    pub(super) message: String,
    /// The status of a response that rejects the request: the same one fails again, and may lock the user.
    pub(super) rejected: Option<StatusCode>,
    /// No request may be sent for this long.
    pub(super) retry_after: Option<Duration>,
}

/// The current credential of one issuer, shared by all of its users.
pub(super) struct CredentialCache<T> {
    issuer: Arc<dyn Issuer<Item = T>>,
    /// Never held across an await.
    state: Arc<Mutex<CacheState<T>>>,
    /// The request to the issuer. It ends with the cache, not with a caller that times out.
    tasks: Mutex<JoinSet<()>>,
}

struct CacheState<T> {
    current: Option<Arc<Credential<T>>>,
    /// Open while a request to the issuer is in flight.
    in_flight: Option<watch::Receiver<()>>,
    /// In a row.
    failures: u32,
    cooldown: Option<Cooldown>,
}

/// A credential and its times.
pub(super) struct Credential<T> {
    pub(super) item: T,
    /// Numbers tell whether a rejected credential is still the current one.
    pub(super) number: u64,
    expires_at: Timestamp,
    expires: Instant,
    renew_at: Instant,
}

/// The result of a look at the cache.
enum Lookup<T> {
    Found(Arc<Credential<T>>),
    /// The receiver closes when the request to the issuer is complete.
    Pending(watch::Receiver<()>),
}

impl<T: Send + Sync + 'static> CredentialCache<T> {
    pub(super) fn new(issuer: Arc<dyn Issuer<Item = T>>) -> Self {
        let state = CacheState {
            current: None,
            in_flight: None,
            failures: 0,
            cooldown: None,
        };
        Self {
            issuer,
            state: Arc::new(Mutex::new(state)),
            tasks: Mutex::default(),
        }
    }

    /// A credential other than the one numbered `rejected`.
    pub(super) async fn get(
        &self,
        rejected: Option<u64>,
    ) -> Result<Arc<Credential<T>>, Suppressed> {
        loop {
            match self.lookup(rejected)? {
                Lookup::Found(credential) => return Ok(credential),
                // The channel closes without a value. The next lookup finds the result.
                Lookup::Pending(mut done) => drop(done.changed().await),
            }
        }
    }

    /// When the current credential expires.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        let state = self.state.lock();
        let current = state.current.as_ref();
        current.map(|credential| credential.expires_at)
    }

    /// Finds a usable credential, and starts a request to the issuer if a new one is needed.
    fn lookup(&self, rejected: Option<u64>) -> Result<Lookup<T>, Suppressed> {
        let mut state = self.state.lock();
        let now = Instant::now();
        let usable = state
            .current
            .clone()
            .filter(|current| current.expires > now && Some(current.number) != rejected);
        if let Some(current) = &usable
            && now < current.renew_at
        {
            return Ok(Lookup::Found(current.clone()));
        }
        let in_flight = state
            .in_flight
            .clone()
            .filter(|done| done.has_changed().is_ok());
        let pending = match in_flight {
            Some(done) => Ok(done),
            None => self
                .check_cooldown(&state)
                .map(|()| self.start_request(&mut state)),
        };
        match (usable, pending) {
            (Some(current), _) => Ok(Lookup::Found(current)),
            (None, pending) => pending.map(Lookup::Pending),
        }
    }

    /// A new secret ends the cooldown.
    fn check_cooldown(&self, state: &CacheState<T>) -> Result<(), Suppressed> {
        Cooldown::check(state.cooldown.as_ref()).or_else(|suppressed| {
            if self.issuer.has_new_secret() {
                Ok(())
            } else {
                Err(suppressed)
            }
        })
    }

    fn start_request(&self, state: &mut CacheState<T>) -> watch::Receiver<()> {
        let (sender, done) = watch::channel(());
        state.in_flight = Some(done.clone());
        let (issuer, state) = (self.issuer.clone(), self.state.clone());
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let start = Instant::now();
            let outcome = issuer.issue().await;
            let mut state = state.lock();
            state.record(start, outcome);
            // Dropped before the lock: a lookup sees the outcome and the end of the request together.
            drop(sender);
        });
        done
    }
}

impl<T> CacheState<T> {
    /// Records the outcome of a request that started at `start`.
    fn record(&mut self, start: Instant, outcome: Result<Issued<T>, IssueError>) {
        let outcome = outcome.and_then(|issued| match issued.lifetime {
            lifetime if lifetime >= MIN_LIFETIME => Ok(issued),
            lifetime => Err(IssueError::temporary(format!(
                "the new credential is valid for {lifetime:?} only"
            ))),
        });
        match outcome {
            Ok(issued) => {
                tracing::info!(expires = %issued.expires_at, "got a new credential");
                let last = self.current.as_ref().map_or(0, |current| current.number);
                self.current = Some(Arc::new(Credential::new(issued, last + 1, start)));
                self.failures = 0;
                self.cooldown = None;
            }
            Err(IssueError {
                message,
                rejected,
                retry_after,
            }) => {
                let policy = rejected.map_or(FAILED, |_| REJECTED);
                let wait = policy
                    .wait(self.failures)
                    .max(retry_after.unwrap_or_default());
                let cooldown = Cooldown::new(wait, message);
                self.failures = self.failures.saturating_add(1);
                tracing::warn!(
                    error = cooldown.reason,
                    next_attempt = cooldown.end(),
                    "cannot get a new credential"
                );
                self.cooldown = Some(cooldown);
            }
        }
    }
}

impl<T> Credential<T> {
    fn new(issued: Issued<T>, number: u64, start: Instant) -> Self {
        let Issued {
            item,
            lifetime,
            expires_at,
        } = issued;
        let lifetime = lifetime.min(MAX_LIFETIME);
        let part = RENEWAL.start + (RENEWAL.end - RENEWAL.start) * fastrand::f64();
        let renew_after = lifetime
            .mul_f64(part)
            .min(lifetime.saturating_sub(RENEWAL_MARGIN))
            .max(lifetime / 2);
        Self {
            item,
            number,
            expires_at,
            expires: start + lifetime,
            renew_at: start + renew_after,
        }
    }
}

impl IssueError {
    /// A failure that a retry may solve.
    pub(super) fn temporary(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            rejected: None,
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests;
