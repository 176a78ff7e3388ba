//! Access keys: who may sign, and the lock-out after too many failures.
//!
//! [`super::cci`] asks; [`super::signature`] compares. A key belongs to all who share it: one who keeps failing locks it for
//! the others too.

use std::{collections::HashMap, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    error::ErrorBody,
    signature::{Authorization, Received},
};

/// How many failures in a row are forgiven.
const FORGIVEN_FAILURES: u32 = 5;

/// How long a key is locked after one more.
const LOCK: Duration = Duration::from_mins(5);

/// A pair of keys for signing.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half, called AK.
    pub access: String,
    /// The secret half, called SK.
    pub secret: String,
    /// Has to come with every request that a temporary key signs.
    pub security_token: Option<String>,
}

/// All keys that are known.
#[derive(Debug, Default)]
pub(super) struct Keys {
    keys: HashMap<String, Known>,
}

#[derive(Debug)]
struct Known {
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

// === impl Keys ===

impl Keys {
    /// A new key, or another secret for a known one. Without `expires` it is good for ever.
    pub(super) fn add(&mut self, key: AccessKey, expires: Option<Instant>) {
        let known = Known {
            key,
            expires,
            failures: 0,
            locked_until: None,
        };
        self.keys.insert(known.key.access.clone(), known);
    }

    pub(super) fn remove(&mut self, access: &str) {
        self.keys.remove(access);
    }

    pub(super) fn is_locked(&self, access: &str) -> bool {
        self.keys.get(access).is_some_and(Known::is_locked)
    }

    /// The access key that signed this request, or why it did not.
    pub(super) fn authenticate(
        &mut self,
        request: Received<'_>,
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

// === impl Known ===

impl Known {
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
        if self.failures > FORGIVEN_FAILURES {
            self.failures = 0;
            self.locked_until = Some(Instant::now() + LOCK);
        }
    }

    /// No text is published for this failure.
    fn check_security_token(&self, request: Received<'_>) -> Result<(), ErrorBody> {
        let sent = request.headers.get("x-security-token");
        let sent = sent.map(http::HeaderValue::as_bytes);
        if sent == self.key.security_token.as_ref().map(String::as_bytes) {
            return Ok(());
        }
        let why = "verify aksk signature fail, x-security-token is not the one of this key";
        Err(ErrorBody::unauthenticated(why))
    }
}
