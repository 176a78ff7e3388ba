//! How long to wait after failures: longer each time, and never all at once.

use std::time::Duration;

/// Exponential back-off with jitter.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// Waits about `first`, then twice as long each time, up to `longest`.
    pub(super) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest: longest.max(first),
            failures: 0,
        }
    }

    /// Something worked: the next failure is the first again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// How long to wait after one more failure; `at_least` where the server asked for it.
    pub(super) fn next(&mut self, at_least: Option<Duration>) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(30));
        self.failures = self.failures.saturating_add(1);
        let wait = doubled
            .min(self.longest)
            .mul_f64(0.5 + fastrand::f64() / 2.0);
        // The server's word is a minimum: who comes earlier is refused again. Spread what comes after it.
        at_least.map_or(wait, |pause| {
            pause.mul_f64(1.0 + fastrand::f64() / 10.0).max(wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_again_after_success() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        for expected in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            let wait = backoff.next(None).as_secs_f64();
            assert!(
                (expected / 2.0..=expected).contains(&wait),
                "{wait} instead of {expected}"
            );
        }
        assert_eq!(backoff.failures(), 7);
        backoff.reset();
        assert!(backoff.next(None) <= Duration::from_secs(1));
        for _ in 0..100 {
            assert!(backoff.next(None) <= Duration::from_secs(30));
        }
    }

    #[test]
    fn the_server_may_ask_for_more_but_not_for_less() {
        let mut backoff = Backoff::new(Duration::from_secs(10), Duration::from_secs(10));
        let wait = backoff.next(Some(Duration::from_mins(1))).as_secs_f64();
        assert!((60.0..=66.0).contains(&wait), "{wait}");
        assert!(backoff.next(Some(Duration::from_secs(1))) >= Duration::from_secs(5));
    }
}
