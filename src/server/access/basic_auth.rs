//! Basic authentication with the users of the web configuration file.
//!
//! bcrypt is slow on purpose, and anybody can send passwords. So a password is checked once, one check runs at a time, and few
//! wait. A flood of wrong passwords delays neither probes nor users whose password was checked before.

use std::{collections::BTreeMap, fmt, sync::Arc};

use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use tokio::task::spawn_blocking;

use super::{
    AccessError, Decision,
    bcrypt_hash::{BcryptHash, MAX_PASSWORD},
    bounded_cache::BoundedCache,
    keyed_hash::{Fingerprint, KeyedHash},
    single_flight::SingleFlight,
};

/// More at once would take the CPU from scrapes.
const RUNNING_CHECKS: usize = 1;

/// With the usual cost of 10 or 12, the last one waits for 1 to 4 seconds.
const WAITING_CHECKS: usize = 16;

/// Entries of each cache. The exporter-toolkit has as many.
const CACHED: usize = 100;

/// Compares a hash and a password.
pub(super) type Verify = dyn Fn(&BcryptHash, &[u8]) -> bool + Send + Sync;

/// The users and the checked passwords.
pub(super) struct BasicAuth {
    users: BTreeMap<String, BcryptHash>,
    /// The hash for all other users. It is as expensive as the most expensive one of a user.
    unknown: BcryptHash,
    keys: KeyedHash,
    checked: Mutex<CheckedPasswords>,
    checks: Arc<SingleFlight<bool>>,
    verify: Arc<Verify>,
}

/// The answers to earlier checks.
///
/// Wrong passwords are cached too, as in the exporter-toolkit: a scraper with an outdated password would otherwise cost a check
/// each time. They have a cache of their own, so that they never displace a right one.
struct CheckedPasswords {
    right: BoundedCache<()>,
    wrong: BoundedCache<()>,
}

impl BasicAuth {
    /// Authentication for `users`, with their bcrypt hashes. Fails if a value is no bcrypt hash.
    pub(super) fn new(users: &BTreeMap<String, SecretString>) -> Result<Self, AccessError> {
        Self::with_verify(parse(users)?, Arc::new(BcryptHash::verify))
    }

    /// Authentication that compares with `verify`.
    pub(super) fn with_verify(
        users: BTreeMap<String, BcryptHash>,
        verify: Arc<Verify>,
    ) -> Result<Self, AccessError> {
        let cost = users.values().map(BcryptHash::cost).max().unwrap_or(10);
        Ok(Self {
            users,
            unknown: BcryptHash::random(cost)?,
            keys: KeyedHash::new()?,
            checked: Mutex::new(CheckedPasswords {
                right: BoundedCache::new(CACHED),
                wrong: BoundedCache::new(CACHED),
            }),
            checks: SingleFlight::new(RUNNING_CHECKS, WAITING_CHECKS),
            verify,
        })
    }

    /// Whether it has exactly these users with these hashes, so that the checked passwords stay valid.
    pub(super) fn has_users(&self, users: &BTreeMap<String, SecretString>) -> bool {
        parse(users).is_ok_and(|users| users == self.users)
    }

    /// Checks a login. Without an answer, too many checks are pending.
    pub(super) async fn check(
        self: &Arc<Self>,
        user: &[u8],
        password: &SecretSlice<u8>,
    ) -> Decision {
        let known = str::from_utf8(user)
            .ok()
            .and_then(|user| self.users.get(user));
        let hash = known.unwrap_or(&self.unknown);
        let password = password.expose_secret();
        let password = &password[..password.len().min(MAX_PASSWORD)];
        // The user is part of the key, also if it is unknown: else the answer to the second unknown user with the same password
        // would be fast.
        let key = self.keys.of(&[user, hash.digest(), password]);
        let cached = || self.cached(&key);
        let check = || {
            let (auth, hash) = (self.clone(), hash.clone());
            let (is_known, password) = (known.is_some(), SecretSlice::from(password.to_vec()));
            auth.compare(key, hash, is_known, password)
        };
        match self.checks.run(key, cached, check).await {
            Ok(true) => Decision::Allowed,
            Ok(false) => Decision::Unauthenticated,
            Err(_) => Decision::NoAnswer("too many logins at once, try again later\n"),
        }
    }

    fn cached(&self, key: &Fingerprint) -> Option<bool> {
        let checked = self.checked.lock();
        let is_right = checked.right.get(key).map(|()| true);
        is_right.or_else(|| checked.wrong.get(key).map(|()| false))
    }

    /// Compares on a thread for blocking work, and caches the answer.
    async fn compare(
        self: Arc<Self>,
        key: Fingerprint,
        hash: BcryptHash,
        is_known: bool,
        password: SecretSlice<u8>,
    ) -> bool {
        let verify = self.verify.clone();
        let matches = spawn_blocking(move || verify(&hash, password.expose_secret())).await;
        // An unknown user stays unknown, whatever the password.
        let is_right = is_known && matches.unwrap_or(false);
        let mut checked = self.checked.lock();
        let checked = &mut *checked;
        let cache = if is_right {
            &mut checked.right
        } else {
            &mut checked.wrong
        };
        cache.insert(key, ());
        is_right
    }
}

/// Parses the hashes of `users`.
pub(super) fn parse(
    users: &BTreeMap<String, SecretString>,
) -> Result<BTreeMap<String, BcryptHash>, AccessError> {
    let parse = |(user, hash): (&String, &SecretString)| {
        let hash = BcryptHash::parse(hash.expose_secret());
        let user = user.clone();
        match hash {
            Some(hash) => Ok((user, hash)),
            None => Err(AccessError::InvalidHash { user }),
        }
    };
    users.iter().map(parse).collect()
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth")
            .field("users", &self.users)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
