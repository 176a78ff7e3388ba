//! The request rate of one target: a configured cap, and a slower rate while the server throttles.

use std::time::Duration;

use parking_lot::Mutex as SyncMutex;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

/// Requests are this much further apart than the cap demands. Their latency varies, and the server counts arrivals.
const MARGIN: f64 = 1.05;

/// A throttled target is at most this many times slower than its cap.
const MAX_SLOWDOWN: f64 = 32.0;

/// A successful request multiplies the slowdown by this.
const RECOVERY: f64 = 0.9;

/// Lets requests through at equal intervals, first come, first served. There are no bursts, so no second ever has more
/// requests than the cap.
///
/// A 429 response pauses the target and halves its rate. Each successful request raises the rate a little, up to the cap.
#[derive(Debug)]
pub struct RateLimit {
    /// Between two requests; zero without a cap.
    interval: Duration,
    /// When the next request may start. The first request in the queue holds the lock while it waits, so that the interval
    /// counts from the actual start. After a delay of this process, requests do not catch up.
    next: Mutex<Instant>,
    /// Never held across an await.
    throttle: SyncMutex<Throttle>,
}

/// How the server throttles this target.
#[derive(Debug)]
struct Throttle {
    /// No request starts before this time.
    paused_until: Instant,
    /// The interval is multiplied by this.
    slowdown: f64,
    /// The last slowdown. Responses to requests that started before it are ignored.
    slowed_at: Option<Instant>,
}

impl RateLimit {
    /// At most `per_second` requests in any second.
    #[must_use]
    pub fn new(per_second: f64) -> Self {
        Self::with_interval(Duration::from_secs_f64(MARGIN / per_second))
    }

    /// No cap: requests wait only when the server throttles them.
    #[must_use]
    pub fn without_cap() -> Self {
        Self::with_interval(Duration::ZERO)
    }

    fn with_interval(interval: Duration) -> Self {
        let now = Instant::now();
        Self {
            interval,
            next: Mutex::new(now),
            throttle: SyncMutex::new(Throttle {
                paused_until: now,
                slowdown: 1.0,
                slowed_at: None,
            }),
        }
    }

    /// Waits until the next request may start.
    pub async fn acquire(&self) {
        let mut next = self.next.lock().await;
        loop {
            let start = (*next).max(self.throttle.lock().paused_until);
            if start <= Instant::now() {
                break;
            }
            sleep_until(start).await;
        }
        *next = Instant::now() + self.interval.mul_f64(self.throttle.lock().slowdown);
    }

    /// Stops all requests for the time that the server asked for with `Retry-After`.
    pub fn pause(&self, pause: Duration) {
        let mut throttle = self.throttle.lock();
        throttle.paused_until = throttle.paused_until.max(Instant::now() + pause);
    }

    /// The server answered 429 to a request that started at `start`. Concurrent requests count once.
    pub fn slow_down(&self, start: Instant) {
        let mut throttle = self.throttle.lock();
        let now = Instant::now();
        if !throttle.concerns(start) {
            return;
        }
        throttle.slowed_at = Some(now);
        throttle.slowdown = (throttle.slowdown * 2.0).min(MAX_SLOWDOWN);
        let pause = Duration::from_secs_f64(throttle.slowdown * (0.5 + fastrand::f64() / 2.0));
        throttle.paused_until = throttle.paused_until.max(now + pause);
        tracing::debug!(?pause, slowdown = throttle.slowdown, "throttled");
    }

    /// A request that started at `start` succeeded.
    pub fn speed_up(&self, start: Instant) {
        let mut throttle = self.throttle.lock();
        if throttle.concerns(start) {
            throttle.slowdown = (throttle.slowdown * RECOVERY).max(1.0);
        }
    }
}

impl Throttle {
    /// Whether a request that started at `start` was made at the current rate.
    fn concerns(&self, start: Instant) -> bool {
        self.slowed_at.is_none_or(|slowed_at| start > slowed_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn requests_start_at_equal_intervals_and_unused_ones_are_not_saved_up() {
        let limit = RateLimit::new(5.0);
        let start = Instant::now();
        for number in 0..10 {
            limit.acquire().await;
            assert_eq!(start.elapsed().as_millis(), 210 * number);
        }
        tokio::time::advance(Duration::from_mins(1)).await;
        let later = Instant::now();
        limit.acquire().await;
        limit.acquire().await;
        assert_eq!(later.elapsed().as_millis(), 210);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_delays_all_requests_that_wait() {
        let limit = RateLimit::new(5.0);
        let start = Instant::now();
        let request = async || {
            limit.acquire().await;
            start.elapsed().as_millis()
        };
        let pause = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            limit.pause(Duration::from_secs(7));
        };
        let (first, second, third, ()) = tokio::join!(request(), request(), request(), pause);
        assert_eq!([first, second, third], [0, 7_100, 7_310]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_target_is_slowed_down_as_a_whole_and_recovers() {
        let limit = RateLimit::new(5.0);
        let earlier = Instant::now();
        limit.acquire().await;
        limit.acquire().await;
        let start = Instant::now();
        // Two responses to concurrent requests.
        limit.slow_down(start);
        limit.slow_down(earlier);
        limit.acquire().await;
        let pause = start.elapsed().as_secs_f64();
        assert!((1.0..=2.002).contains(&pause), "{pause}");
        let mut last = Instant::now();
        let mut gaps = Vec::new();
        for _ in 0..10 {
            limit.speed_up(last);
            limit.acquire().await;
            gaps.push(last.elapsed().as_millis());
            last = Instant::now();
        }
        assert_eq!(gaps[0], 420, "half as fast: {gaps:?}");
        assert!(gaps.is_sorted_by(|a, b| a >= b), "{gaps:?}");
        assert_eq!(gaps[9], 210, "{gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_is_always_throttled_still_gets_a_request_now_and_then() {
        for limit in [RateLimit::new(5.0), RateLimit::without_cap()] {
            let start = Instant::now();
            let mut requests = 0_u32;
            while start.elapsed() < Duration::from_hours(1) {
                limit.acquire().await;
                tokio::time::advance(Duration::from_millis(1)).await;
                limit.slow_down(Instant::now());
                requests += 1;
            }
            // Pauses of 16 to 32 s.
            assert!((110..=240).contains(&requests), "{requests}");
        }
    }
}
