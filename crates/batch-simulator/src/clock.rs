//! The clock of the simulation: the wall clock at its start, advanced by tokio's clock.
//!
//! [`super::api`] uses it for the timestamps that a server sets, and [`super::scenario`] for all times. When tokio's time is paused,
//! this clock is paused too.

use jiff::Timestamp;
use tokio::time::Instant;

use kube_cron::Seconds;

/// The clock of the simulation. Copies show the same time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    /// Milliseconds since the epoch when the clock started.
    start: i64,
    began: Instant,
}

impl Clock {
    /// A clock that starts at the current time.
    #[must_use]
    pub fn starting_now() -> Self {
        Self {
            start: Timestamp::now().as_millisecond(),
            began: Instant::now(),
        }
    }

    /// Seconds since the epoch, the precision of Kubernetes timestamps.
    #[must_use]
    pub fn seconds(&self) -> Seconds {
        let elapsed = i64::try_from(self.began.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.start.saturating_add(elapsed).div_euclid(1000)
    }

    /// The current time as the API writes it: `2026-11-23T14:52:09Z`.
    #[must_use]
    pub fn text(&self) -> String {
        timestamp_text(self.seconds())
    }
}

/// A time as the API writes it.
#[must_use]
pub fn timestamp_text(seconds: Seconds) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn follows_paused_time() {
        let clock = Clock::starting_now();
        let before = clock.seconds();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.seconds(), before + 90);
        assert_eq!(clock.text(), timestamp_text(before + 90));
    }

    #[test]
    fn writes_times_like_kubernetes() {
        assert_eq!(timestamp_text(1_795_445_529), "2026-11-23T14:52:09Z");
    }
}
