//! The clock of the API server.
//!
//! Runs start by the clock of the control plane. If the clock of this machine jumps ahead, due times seem to have passed for
//! which no run could start. So missed runs are judged by the earlier of both clocks: a step of one of them invents none.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// The header `Date` has whole seconds, and responses take some time.
const PRECISION: SignedDuration = SignedDuration::from_secs(2);

/// From this difference on the log has a warning.
const NOTABLE: SignedDuration = SignedDuration::from_secs(30);

/// How long the time is derived from one response. Every watch and every poll brings a new one before.
const MAX_AGE: Duration = Duration::from_mins(15);

/// The clock of the API server, by the header `Date` of its responses.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    /// The last time that was received, and when.
    last: Option<(Timestamp, Instant)>,
    /// Whether the log says that the clocks differ.
    differs: bool,
}

impl ServerClock {
    /// Sets the time of the server. `local` is that of this machine. Returns how much this machine is ahead if the log has
    /// to say that the clocks differ or agree again.
    pub(super) fn set(
        &mut self,
        date: Timestamp,
        local: Timestamp,
        now: Instant,
    ) -> Option<SignedDuration> {
        self.last = Some((date, now));
        let ahead = local.duration_since(date);
        let differs = ahead.abs() >= NOTABLE;
        (differs != std::mem::replace(&mut self.differs, differs)).then_some(ahead)
    }

    /// Moves `until` back by what the clock of this machine, which shows `local`, is ahead of that of the server.
    pub(super) fn correct(&self, until: Timestamp, local: Timestamp, now: Instant) -> Timestamp {
        let Some((date, received)) = self.last else {
            return until;
        };
        let age = now.duration_since(received).min(MAX_AGE);
        let ahead = date
            .checked_add(age)
            .map(|server| local.duration_since(server));
        match ahead {
            Ok(ahead) if ahead > PRECISION => until.checked_sub(ahead).unwrap_or(until),
            _ => until,
        }
    }
}

/// Writes a log line when the clocks begin to differ or agree again.
pub(super) fn log(target: Option<&str>, ahead: SignedDuration) {
    let ahead_seconds = ahead.as_secs();
    if ahead.abs() >= NOTABLE {
        tracing::warn!(
            target,
            ahead_seconds,
            "the clocks of this machine and of the API server differ: missed runs are judged by the earlier one"
        );
    } else {
        tracing::info!(
            target,
            ahead_seconds,
            "the clocks of this machine and of the API server agree again"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(2);

    #[test]
    fn the_earlier_clock_counts() {
        let start = Instant::now();
        let noon: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let minute = Duration::from_mins(1);
        let mut clock = ServerClock::default();
        // Without a response there is only one clock.
        assert_eq!(clock.correct(noon + HOUR, noon + HOUR, start), noon + HOUR);
        assert_eq!(clock.set(noon, noon, start), None);
        for (local, until, expected) in [
            // Both agree, to the precision of the header.
            (noon + minute, noon + minute, noon + minute),
            (noon + minute + Duration::from_secs(2), noon, noon),
            // This machine is ahead: a list that began a minute ago began at noon.
            (noon + minute + HOUR, noon + HOUR, noon),
            // This machine is behind.
            (noon + minute - HOUR, noon - HOUR, noon - HOUR),
        ] {
            assert_eq!(clock.correct(until, local, start + minute), expected);
        }
        // After a jump of the monotonic clock, too.
        let late = clock.correct(noon + HOUR, noon + HOUR, start + HOUR);
        assert_eq!(late, noon + MAX_AGE);
    }

    #[test]
    fn a_difference_is_told_once() {
        let start = Instant::now();
        let noon: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let mut clock = ServerClock::default();
        let mut told = |local| clock.set(noon, local, start).map(|ahead| ahead.as_secs());
        assert_eq!(told(noon + Duration::from_secs(1)), None);
        assert_eq!(told(noon + HOUR), Some(7200));
        assert_eq!(told(noon + HOUR), None);
        assert_eq!(told(noon), Some(0));
        assert_eq!(told(noon - HOUR), Some(-7200));
    }
}
