//! A request that was not made, because there is nothing to authenticate it with, or must not be for a while.

use std::{fmt, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::model;

/// Why a request was not made, and from when on one will be again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppressed {
    why: String,
    until: Option<Timestamp>,
}

/// A time during which nothing is attempted.
#[derive(Clone, Debug)]
pub(super) struct Cooldown {
    until: Instant,
    /// The same by the calendar.
    end: Timestamp,
    pub(super) why: String,
}

// === impl Withheld ===

impl Suppressed {
    /// For a reason that may be gone at any time.
    pub(super) fn because(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            until: None,
        }
    }

    /// The reason alone.
    pub(in crate::client) fn why(&self) -> &str {
        &self.why
    }

    /// The same, seen from further away: `what` came before it.
    pub(super) fn after(self, what: &str) -> Self {
        Self {
            why: format!("{what}: {}", self.why),
            ..self
        }
    }
}

impl fmt::Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)?;
        match self.until {
            Some(until) => write!(f, "; the next attempt is made after {}", shown(until)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Suppressed {}

// === impl Hold ===

impl Cooldown {
    /// Begins now.
    pub(super) fn new(pause: Duration, why: impl Into<String>) -> Self {
        let length = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
        Self {
            until: Instant::now() + pause,
            end: model::now()
                .saturating_add(length)
                .unwrap_or(Timestamp::MAX),
            why: why.into(),
        }
    }

    /// What holds up a request that is made now.
    pub(super) fn check(&self) -> Result<(), Suppressed> {
        if self.until <= Instant::now() {
            return Ok(());
        }
        Err(Suppressed {
            why: self.why.clone(),
            until: Some(self.end),
        })
    }

    /// Its end, for people.
    pub(super) fn end(&self) -> String {
        shown(self.end)
    }
}

/// To the second.
fn shown(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
