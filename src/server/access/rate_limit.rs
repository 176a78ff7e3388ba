//! The rate limit of all requests: a token bucket, as `golang.org/x/time/rate` has it.
//!
//! The bucket is full at first and gets a token per interval. A request takes one; without one it is rejected and takes none.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::RateLimitConfig;

/// A longer interval is as good as this one, and is no overflow.
const MAX_INTERVAL: Duration = Duration::from_hours(24 * 365);

/// A token bucket.
#[derive(Debug)]
pub(super) struct RateLimit {
    config: RateLimitConfig,
    /// When the bucket is full again.
    full_at: Mutex<Instant>,
}

impl RateLimit {
    /// A full bucket.
    pub(super) fn new(config: RateLimitConfig) -> Self {
        Self {
            config,
            full_at: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn config(&self) -> &RateLimitConfig {
        &self.config
    }

    /// Takes a token. Without one, the error is the time until the next; with a burst of zero there never is one.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let RateLimitConfig { interval, burst } = self.config;
        let interval = interval.min(MAX_INTERVAL);
        let Some(others) = burst.checked_sub(1) else {
            return Err(interval);
        };
        let mut full_at = self.full_at.lock();
        let now = Instant::now();
        let missing = full_at.saturating_duration_since(now);
        let wait = missing.saturating_sub(interval.saturating_mul(others));
        if !wait.is_zero() {
            return Err(wait);
        }
        *full_at = (*full_at).max(now) + interval;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn limit(interval: Duration, burst: u32) -> RateLimit {
        RateLimit::new(RateLimitConfig { interval, burst })
    }

    fn taken(limit: &RateLimit) -> usize {
        std::iter::from_fn(|| limit.take().ok()).take(1_000).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_then_one_request_per_interval() {
        let limit = limit(Duration::from_secs(1), 3);
        assert_eq!(taken(&limit), 3);
        assert_eq!(limit.take(), Err(Duration::from_secs(1)));
        advance(Duration::from_millis(999)).await;
        assert_eq!(limit.take(), Err(Duration::from_millis(1)));
        advance(Duration::from_millis(1)).await;
        assert_eq!(taken(&limit), 1);
        advance(Duration::from_millis(2_500)).await;
        assert_eq!(taken(&limit), 2);
        advance(Duration::from_millis(500)).await;
        assert_eq!(taken(&limit), 1, "the half token is kept");
    }

    #[tokio::test(start_paused = true)]
    async fn unused_tokens_add_up_to_the_burst_only() {
        let limit = limit(Duration::from_secs(1), 20);
        advance(Duration::from_hours(1)).await;
        assert_eq!(taken(&limit), 20);
        advance(Duration::from_hours(1)).await;
        assert_eq!(taken(&limit), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_zero_admits_nobody() {
        let limit = limit(Duration::from_secs(1), 0);
        advance(Duration::from_hours(1)).await;
        assert_eq!(limit.take(), Err(Duration::from_secs(1)));
    }
}
