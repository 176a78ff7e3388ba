//! The one exponential back-off of this program. Whatever retries, waits by it.

use std::{ops::Range, time::Duration};

/// How waits grow from one failure to the next.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// The wait after the first failure, before jitter.
    pub(crate) first: Duration,
    /// No wait is longer than this, before jitter.
    pub(crate) longest: Duration,
    /// Each wait is multiplied by a random factor from this range, so that clients that failed together do not retry together.
    pub(crate) jitter: Range<f64>,
}

/// Counts failures in a row, and gives the wait after each.
#[derive(Debug)]
pub(crate) struct Backoff {
    policy: Policy,
    failures: u32,
}

impl Policy {
    /// Waits are between half of the doubled value and all of it.
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            jitter: 0.5..1.0,
        }
    }

    /// The wait after one more failure, when there were `failures` before it: twice as long each time, up to the longest.
    pub(crate) fn wait(&self, failures: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.min(30));
        let Range { start, end } = self.jitter;
        doubled
            .min(self.longest.max(self.first))
            .mul_f64(start + (end - start) * fastrand::f64())
    }
}

impl Backoff {
    pub(crate) const fn new(policy: Policy) -> Self {
        Self {
            policy,
            failures: 0,
        }
    }

    /// The next failure counts as the first.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Counts at most this many failures: there was some progress.
    pub(crate) fn limit(&mut self, failures: u32) {
        self.failures = self.failures.min(failures);
    }

    /// Failures in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Counts a failure and gives the wait after it. `retry_after` is the server's `Retry-After`, a minimum: a request that
    /// comes earlier is refused again.
    pub(crate) fn next(&mut self, retry_after: Option<Duration>) -> Duration {
        let wait = self.policy.wait(self.failures);
        self.failures = self.failures.saturating_add(1);
        retry_after.map_or(wait, |pause| {
            pause.mul_f64(1.0 + fastrand::f64() / 10.0).max(wait)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(first: u64, longest: u64) -> Backoff {
        let policy = Policy::new(Duration::from_secs(first), Duration::from_secs(longest));
        Backoff::new(policy)
    }

    #[test]
    fn waits_double_up_to_the_longest_and_restart_after_success() {
        let mut backoff = backoff(1, 30);
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
    fn a_server_can_ask_for_a_longer_wait_but_not_for_a_shorter_one() {
        let mut backoff = backoff(10, 10);
        let wait = backoff.next(Some(Duration::from_mins(1))).as_secs_f64();
        assert!((60.0..=66.0).contains(&wait), "{wait}");
        assert!(backoff.next(Some(Duration::from_secs(1))) >= Duration::from_secs(5));
    }

    #[test]
    fn jitter_is_as_configured() {
        let policy = Policy {
            jitter: 1.0..1.1,
            ..Policy::new(Duration::from_secs(10), Duration::from_mins(1))
        };
        for failures in [0, 1, 2, 40] {
            let exact = (10.0 * f64::from(1 << failures.min(8))).min(60.0);
            let wait = policy.wait(failures).as_secs_f64();
            assert!((exact..=exact * 1.1).contains(&wait), "{wait}");
        }
        let exact = Policy {
            jitter: 1.0..1.0,
            ..policy
        };
        assert_eq!(exact.wait(1), Duration::from_secs(20));
    }
}
