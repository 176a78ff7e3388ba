//! Requests that are not sent: without credentials there is nothing to send, and after a rejection the server needs a pause.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::model;

/// Why a request was not sent, and when the next one will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    reason: String,
    until: Option<Timestamp>,
}

/// A time without requests.
#[derive(Clone, Debug)]
pub(in crate::client) struct Cooldown {
    until: Instant,
    /// The same time by the calendar, for messages.
    end: Timestamp,
    pub(in crate::client) reason: String,
}

/// Marks a 401 response that must not be retried, with the reason. It is an extension of the response.
#[derive(Clone, Debug)]
pub(in crate::client) struct NoRetry(pub(in crate::client) String);

// === impl Suppressed ===

impl Suppressed {
    /// For a reason that may end at any time.
    pub(in crate::client) fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            until: None,
        }
    }

    /// The reason without the time of the next request.
    pub(in crate::client) fn reason(&self) -> &str {
        &self.reason
    }

    /// Puts `context` before the reason.
    pub(in crate::client) fn context(self, context: &str) -> Self {
        Self {
            reason: format!("{context}: {}", self.reason),
            ..self
        }
    }
}

impl fmt::Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        match self.until {
            Some(until) => write!(f, "; the next attempt is made after {}", to_seconds(until)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Suppressed {}

// === impl Cooldown ===

impl Cooldown {
    /// Starts now.
    pub(in crate::client) fn new(length: Duration, reason: impl Into<String>) -> Self {
        let signed = SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX);
        Self {
            until: Instant::now() + length,
            end: model::now()
                .saturating_add(signed)
                .unwrap_or(Timestamp::MAX),
            reason: reason.into(),
        }
    }

    /// An error until the cooldown, if there is one, is over.
    pub(in crate::client) fn check(cooldown: Option<&Self>) -> Result<(), Suppressed> {
        match cooldown {
            Some(cooldown) if cooldown.is_active() => Err(Suppressed {
                reason: cooldown.reason.clone(),
                until: Some(cooldown.end),
            }),
            _ => Ok(()),
        }
    }

    /// Whether it is not over yet.
    pub(in crate::client) fn is_active(&self) -> bool {
        Instant::now() < self.until
    }

    /// The time until its end.
    pub(in crate::client) fn remaining(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// When it ends, for messages.
    pub(in crate::client) fn end(&self) -> String {
        to_seconds(self.end)
    }
}

fn to_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
