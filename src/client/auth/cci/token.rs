//! Sends the token with each request, and asks for another when it is refused.
//!
//! The token may be shared with other targets; whether it is accepted is between this target and its API: a token of the
//! wrong project is good for IAM and for nothing else, and must not make anybody ask IAM for new ones all the time.

use std::{sync::Arc, time::Duration};

use parking_lot::{Mutex, MutexGuard};

use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use crate::backoff::Policy;

use super::{
    cache::{Cache, Credential},
    suppressed::{Cooldown, Suppressed},
};

/// After a new token was refused: nothing is asked of IAM or of the API for this long, then for twice as long, up to the longest.
const SILENCE: Policy = Policy {
    jitter: 1.0..1.05,
    ..Policy::new(Duration::from_mins(5), Duration::from_hours(1))
};

/// The token of one target's requests.
pub(super) struct Tokens {
    header: HeaderName,
    cache: Arc<Cache<SecretString>>,
    /// Never held across an await.
    standing: Mutex<Standing>,
}

/// How the API took the last tokens.
#[derive(Default)]
struct Standing {
    /// The number of the token that was refused last.
    refused: Option<u64>,
    /// How many were, with none accepted in between.
    in_a_row: u32,
    hold: Option<Cooldown>,
}

pub(super) type Token = Arc<Credential<SecretString>>;

impl Tokens {
    pub(super) fn new(header: HeaderName, cache: Arc<Cache<SecretString>>) -> Self {
        Self {
            header,
            cache,
            standing: Mutex::default(),
        }
    }

    /// A token that is not known to be refused.
    pub(super) async fn token(&self) -> Result<Token, Suppressed> {
        let refused = {
            let standing = self.standing();
            standing.hold.as_ref().map_or(Ok(()), Cooldown::check)?;
            standing.refused
        };
        let token = self.cache.get(refused).await;
        token.map_err(|suppressed| match refused {
            Some(_) => {
                suppressed.after("there is no new token in place of the one that was refused")
            }
            None => suppressed,
        })
    }

    /// Notes that a token was refused. Without a note, a new one is worth another try.
    pub(super) fn refuse(&self, token: &Token) -> Option<String> {
        let mut standing = self.standing();
        if Some(token.number) <= standing.refused {
            return None; // by somebody else, while this was under way
        }
        standing.refused = Some(token.number);
        standing.in_a_row = standing.in_a_row.saturating_add(1);
        let doublings = standing.in_a_row.checked_sub(2)?;
        let pause = SILENCE.wait(doublings);
        let hold = Cooldown::new(
            pause,
            "the API refuses tokens that IAM has just given (401)",
        );
        let note = format!(
            "a new token was refused too, and the next attempt is made after {}: \
             is the token for the project and region of this address?",
            hold.end()
        );
        standing.hold = Some(hold);
        Some(note)
    }

    /// Notes that the API took a token.
    pub(super) fn accept(&self) {
        let mut standing = self.standing();
        standing.in_a_row = 0;
    }

    /// Puts the token into the headers.
    pub(super) fn insert(&self, token: &Token, headers: &mut HeaderMap) -> Result<(), http::Error> {
        let token = token.item.expose_secret();
        let mut value = if self.header == header::AUTHORIZATION {
            HeaderValue::from_str(&format!("Bearer {token}"))?
        } else {
            HeaderValue::from_str(token)?
        };
        value.set_sensitive(true);
        headers.insert(&self.header, value);
        Ok(())
    }

    /// When the token ends.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.cache.expires_at()
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock()
    }
}
