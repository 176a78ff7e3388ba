//! Sends the token with each request, and asks for another when it is refused.
//!
//! The token may be shared with other targets; whether it is accepted is between this target and its API: a token of the
//! wrong project is good for IAM and for nothing else, and must not make anybody ask IAM for new ones all the time.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use http::{HeaderName, HeaderValue, Request, header};
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    cache::{Cache, Credential},
    withheld::{Hold, Withheld},
};

/// After a new token was refused: nothing is asked of IAM or of the API for this long, then for twice as long, up to the longest.
const SILENCE: (Duration, Duration) = (Duration::from_mins(5), Duration::from_hours(1));

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
    /// New tokens that were refused, in a row.
    failures: u32,
    hold: Option<Hold>,
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
    pub(super) async fn token(&self) -> Result<Token, Withheld> {
        let refused = {
            let standing = self.standing();
            standing.hold.as_ref().map_or(Ok(()), Hold::check)?;
            standing.refused
        };
        let token = self.cache.get(refused).await;
        token.map_err(|withheld| match refused {
            Some(_) => withheld.after("there is no new token in place of the one that was refused"),
            None => withheld,
        })
    }

    /// Notes that a token was refused. Another one to try once more with, or what is to be said of it.
    pub(super) async fn replace(&self, token: &Token) -> Result<Token, String> {
        let is_new = {
            let mut standing = self.standing();
            standing.refused = standing.refused.max(Some(token.number));
            standing.failures > 0
        };
        if is_new {
            return Err(self.give_up(token));
        }
        self.token().await.map_err(|withheld| withheld.to_string())
    }

    /// Notes that a new token was refused too. What is to be said of it.
    pub(super) fn give_up(&self, token: &Token) -> String {
        let mut standing = self.standing();
        standing.refused = standing.refused.max(Some(token.number));
        let (first, longest) = SILENCE;
        let doubled = first.saturating_mul(1 << standing.failures.min(30));
        let pause = doubled.min(longest).mul_f64(1.0 + fastrand::f64() / 20.0);
        let hold = Hold::new(
            pause,
            "the API refuses tokens that IAM has just given (401)",
        );
        let note = format!(
            "a new token was refused too, so the next attempt is made after {}: is the token for the project and region of this address?",
            hold.end()
        );
        // Several requests that were under way together are one failure.
        if standing
            .hold
            .as_ref()
            .is_none_or(|hold| hold.check().is_ok())
        {
            standing.failures = standing.failures.saturating_add(1);
            standing.hold = Some(hold);
        }
        note
    }

    /// Notes that the API took a token.
    pub(super) fn accept(&self) {
        let mut standing = self.standing();
        standing.failures = 0;
    }

    /// The request with the token in its headers.
    pub(super) fn add<B>(
        &self,
        token: &Token,
        mut request: Request<B>,
    ) -> Result<Request<B>, http::Error> {
        let token = token.item.expose_secret();
        let mut value = if self.header == header::AUTHORIZATION {
            HeaderValue::from_str(&format!("Bearer {token}"))?
        } else {
            HeaderValue::from_str(token)?
        };
        value.set_sensitive(true);
        request.headers_mut().insert(&self.header, value);
        Ok(request)
    }

    /// When the token ends.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        self.cache.expires_at()
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
