//! Sends an IAM token with each request, and gets a new one when the API rejects it.
//!
//! Targets may share a token, but each target tracks whether its own API accepts it. A token for the wrong project is valid
//! for IAM and rejected by the API. It must not lead to repeated requests for new tokens.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, header};
use jiff::Timestamp;
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use super::{
    cache::{Credential, CredentialCache},
    headers,
};
use crate::{
    backoff::Policy,
    client::auth::suppressed::{Cooldown, Suppressed},
};

/// The cooldown after the API rejected a new token.
const COOLDOWN: Policy = Policy {
    jitter: 1.0..1.05,
    ..Policy::new(Duration::from_mins(5), Duration::from_hours(1))
};

/// A token that the API rejects after it accepted it is replaced at most this often. An API that rejects tokens now and then
/// must not cause a login each time.
const REPLACE_INTERVAL: Duration = Duration::from_mins(10);

/// The token for the requests of one target.
pub(super) struct TokenAuthentication {
    header: HeaderName,
    cache: Arc<CredentialCache<SecretString>>,
    /// Never held across an await.
    rejections: Mutex<Rejections>,
}

/// The tokens that the API rejected.
#[derive(Default)]
struct Rejections {
    /// The number of the last rejected token.
    last: Option<u64>,
    /// How many tokens were rejected since the last success.
    in_a_row: u32,
    cooldown: Option<Cooldown>,
    /// The number of the last token that the API accepted.
    accepted: Option<u64>,
    /// When such a token was rejected later.
    replaced: Option<Instant>,
}

pub(super) type IssuedToken = Arc<Credential<SecretString>>;

impl TokenAuthentication {
    pub(super) fn new(header: HeaderName, cache: Arc<CredentialCache<SecretString>>) -> Self {
        Self {
            header,
            cache,
            rejections: Mutex::default(),
        }
    }

    /// A token that the API has not rejected.
    pub(super) async fn token(&self) -> Result<IssuedToken, Suppressed> {
        let rejected = {
            let rejections = self.rejections.lock();
            Cooldown::check(rejections.cooldown.as_ref())?;
            rejections.last
        };
        let token = self.cache.get(rejected).await;
        token.map_err(|suppressed| match rejected {
            Some(_) => suppressed.context("there is no new token to replace the rejected one"),
            None => suppressed,
        })
    }

    /// Records that the API rejected a token. `None` if a retry with a new token makes sense, else the reason against it.
    pub(super) fn record_rejection(&self, token: &IssuedToken) -> Option<String> {
        let mut rejections = self.rejections.lock();
        if Some(token.number) <= rejections.last {
            return None; // a concurrent request has already recorded it
        }
        if rejections.accepted == Some(token.number) {
            if (rejections.replaced).is_some_and(|at| at.elapsed() < REPLACE_INTERVAL) {
                return None; // the retry uses the same token
            }
            rejections.replaced = Some(Instant::now());
        }
        rejections.last = Some(token.number);
        rejections.in_a_row = rejections.in_a_row.saturating_add(1);
        // The first rejection is no reason for a cooldown: the token may have been revoked.
        let earlier_cooldowns = rejections.in_a_row.checked_sub(2)?;
        let cooldown = Cooldown::new(
            COOLDOWN.wait(earlier_cooldowns),
            "the API rejects new tokens from IAM (401)",
        );
        let reason = format!(
            "a new token was rejected too, and the next attempt is made after {}: \
             is the token for the project and region of this address?",
            cooldown.end()
        );
        rejections.cooldown = Some(cooldown);
        Some(reason)
    }

    /// Records that the API accepted a token.
    pub(super) fn record_success(&self, token: &IssuedToken) {
        let mut rejections = self.rejections.lock();
        rejections.in_a_row = 0;
        rejections.accepted = Some(token.number);
    }

    /// Adds the token to the headers.
    pub(super) fn insert(
        &self,
        token: &IssuedToken,
        headers: &mut HeaderMap,
    ) -> Result<(), http::Error> {
        let token = token.item.expose_secret();
        let value = if self.header == header::AUTHORIZATION {
            headers::sensitive(&format!("Bearer {token}"))?
        } else {
            headers::sensitive(token)?
        };
        headers.insert(&self.header, value);
        Ok(())
    }

    /// When the token expires.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.cache.expires_at()
    }
}
