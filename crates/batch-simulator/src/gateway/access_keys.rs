//! Access keys, and their lock after too many failures.
//!
//! [`super::cci`] authenticates requests here, and [`super::signature`] checks their signatures. A lock affects all clients that share
//! the key.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    error::ErrorBody,
    signature::{Authorization, ReceivedRequest},
};

/// How many consecutive failures do not lock a key.
const TOLERATED_FAILURES: u32 = 5;

/// How long one more failure locks a key.
const LOCK: Duration = Duration::from_mins(5);

/// A key pair that signs requests.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half (AK).
    pub access: String,
    /// The secret half (SK).
    pub secret: String,
    /// The token that every request with a temporary key must have.
    pub security_token: Option<String>,
}

/// The keys by their public half.
#[derive(Debug, Default)]
pub(super) struct AccessKeys {
    keys: HashMap<String, KnownKey>,
}

#[derive(Debug)]
struct KnownKey {
    key: AccessKey,
    expires: Option<Instant>,
    failures: u32,
    locked_until: Option<Instant>,
}

// === impl AccessKey ===

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessKey")
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

// === impl AccessKeys ===

impl AccessKeys {
    /// Adds or replaces a key. Without `expires` it never expires.
    pub(super) fn add(&mut self, key: AccessKey, expires: Option<Instant>) {
        let known = KnownKey {
            key,
            expires,
            failures: 0,
            locked_until: None,
        };
        self.keys.insert(known.key.access.clone(), known);
    }

    /// The access key that signed this request.
    pub(super) fn authenticate(
        &mut self,
        request: ReceivedRequest<'_>,
        authorization: &str,
        now: Timestamp,
    ) -> Result<String, ErrorBody> {
        let authorization =
            Authorization::parse(authorization).map_err(ErrorBody::unauthenticated)?;
        let access = authorization.access_key;
        let known = self
            .keys
            .get_mut(access)
            .filter(|known| !known.is_expired());
        let Some(known) = known else {
            let why = format!("Get secretKey failed,ak:{access},err:ak not exist");
            return Err(ErrorBody::unauthenticated(why));
        };
        if known.is_locked() {
            let why = "AK access failed to reach the limit,forbidden";
            return Err(ErrorBody::unauthenticated(why));
        }
        let checked = authorization
            .check(request, &known.key.secret, now)
            .map_err(ErrorBody::unauthenticated)
            .and_then(|()| known.check_security_token(request));
        known.count(checked.is_ok());
        checked.map(|()| access.to_owned())
    }
}

#[cfg(feature = "faults")]
impl AccessKeys {
    pub(super) fn remove(&mut self, access: &str) {
        self.keys.remove(access);
    }

    pub(super) fn is_locked(&self, access: &str) -> bool {
        self.keys.get(access).is_some_and(KnownKey::is_locked)
    }
}

// === impl KnownKey ===

impl KnownKey {
    fn is_expired(&self) -> bool {
        self.expires
            .is_some_and(|expires| expires <= Instant::now())
    }

    fn is_locked(&self) -> bool {
        self.locked_until
            .is_some_and(|until| Instant::now() < until)
    }

    fn count(&mut self, success: bool) {
        if success {
            self.failures = 0;
            return;
        }
        self.failures += 1;
        if self.failures > TOLERATED_FAILURES {
            self.failures = 0;
            self.locked_until = Some(Instant::now() + LOCK);
        }
    }

    /// The documentation has no text for this error.
    fn check_security_token(&self, request: ReceivedRequest<'_>) -> Result<(), ErrorBody> {
        let sent = request.headers.get("x-security-token");
        let sent = sent.map(http::HeaderValue::as_bytes);
        if sent == self.key.security_token.as_ref().map(String::as_bytes) {
            return Ok(());
        }
        let why = "verify aksk signature fail, x-security-token is not the one of this key";
        Err(ErrorBody::unauthenticated(why))
    }
}
