//! How fast a target is asked, shared by all that goes to it: a cap, and what the server makes of it.

use std::time::Duration;

use parking_lot::{Mutex as SyncMutex, MutexGuard};

use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

/// How much further apart requests are than the cap asks for. They do not all take the same time to arrive, and the server
/// counts those that do.
const MARGIN: f64 = 1.05;

/// How much slower than its cap a target is asked at most.
const SLOWEST: f64 = 32.0;

/// How fast a throttled target gets faster again, per request that is not refused.
const RECOVERY: f64 = 0.9;

/// Hands out turns at equal distances, first come, first served: no bursts, so that no window of a second ever holds more
/// requests than the cap.
///
/// A server that refuses a request as one too many (429) is given a pause, and is asked half as often after it; each
/// request that it takes makes it a little faster again, up to the cap.
#[derive(Debug)]
pub struct RateLimit {
    /// None where there is no cap.
    distance: Duration,
    /// When the next turn may be. Held by whoever is first in the queue while waiting for it: the distance is then counted
    /// from when a turn was taken, and turns do not catch up after the process was held up.
    next: Mutex<Instant>,
    /// Never held across an await.
    pace: SyncMutex<Pace>,
}

/// What the server makes of the cap.
#[derive(Debug)]
struct Pace {
    /// Nobody's turn comes before this.
    held_until: Instant,
    /// How many times slower than allowed the server is asked.
    slowness: f64,
    /// What began before this says nothing about the speed since.
    slowed: Option<Instant>,
}

impl RateLimit {
    /// At most `per_second` requests in any second.
    #[must_use]
    pub fn new(per_second: f64) -> Self {
        Self::with_distance(Duration::from_secs_f64(MARGIN / per_second))
    }

    /// As many as there are, until the server asks for a pause.
    #[must_use]
    pub fn without_cap() -> Self {
        Self::with_distance(Duration::ZERO)
    }

    fn with_distance(distance: Duration) -> Self {
        let now = Instant::now();
        Self {
            distance,
            next: Mutex::new(now),
            pace: SyncMutex::new(Pace {
                held_until: now,
                slowness: 1.0,
                slowed: None,
            }),
        }
    }

    /// Waits for this request's turn.
    pub async fn turn(&self) {
        let mut next = self.next.lock().await;
        loop {
            let turn = (*next).max(self.pace().held_until);
            if turn <= Instant::now() {
                break;
            }
            sleep_until(turn).await;
        }
        *next = Instant::now() + self.distance.mul_f64(self.pace().slowness);
    }

    /// The server asked to be left alone: nobody's turn comes before that.
    pub fn hold(&self, pause: Duration) {
        let mut pace = self.pace();
        pace.held_until = pace.held_until.max(Instant::now() + pause);
    }

    /// The server refused a request that began then as one too many. Those under way together count once.
    pub fn slow_down(&self, begun: Instant) {
        let mut pace = self.pace();
        let now = Instant::now();
        if !pace.counts(begun) {
            return;
        }
        pace.slowed = Some(now);
        pace.slowness = (pace.slowness * 2.0).min(SLOWEST);
        let pause = Duration::from_secs_f64(pace.slowness * (0.5 + fastrand::f64() / 2.0));
        pace.held_until = pace.held_until.max(now + pause);
        tracing::debug!(?pause, slowness = pace.slowness, "throttled");
    }

    /// The server took a request that began then.
    pub fn speed_up(&self, begun: Instant) {
        let mut pace = self.pace();
        if pace.counts(begun) {
            pace.slowness = (pace.slowness * RECOVERY).max(1.0);
        }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock()
    }
}

impl Pace {
    /// Whether a request that began then was made at the present speed.
    fn counts(&self, begun: Instant) -> bool {
        self.slowed.is_none_or(|slowed| begun > slowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_come_at_equal_distances_and_unused_ones_are_not_saved_up() {
        let limit = RateLimit::new(5.0);
        let start = Instant::now();
        for turn in 0..10 {
            limit.turn().await;
            assert_eq!(start.elapsed().as_millis(), 210 * turn);
        }
        tokio::time::advance(Duration::from_mins(1)).await;
        let later = Instant::now();
        limit.turn().await;
        limit.turn().await;
        assert_eq!(later.elapsed().as_millis(), 210);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_delays_everybody_even_who_is_waiting_for_a_turn() {
        let limit = RateLimit::new(5.0);
        let start = Instant::now();
        let turn = async || {
            limit.turn().await;
            start.elapsed().as_millis()
        };
        let hold = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            limit.hold(Duration::from_secs(7));
        };
        let (first, second, third, ()) = tokio::join!(turn(), turn(), turn(), hold);
        assert_eq!([first, second, third], [0, 7_100, 7_310]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_target_is_slowed_down_as_a_whole_and_recovers() {
        let limit = RateLimit::new(5.0);
        let begun = Instant::now();
        limit.turn().await;
        limit.turn().await;
        let start = Instant::now();
        // Two answers to requests that were under way together.
        limit.slow_down(start);
        limit.slow_down(begun);
        limit.turn().await;
        let pause = start.elapsed().as_secs_f64();
        assert!((1.0..=2.002).contains(&pause), "{pause}");
        let mut last = Instant::now();
        let mut gaps = Vec::new();
        for _ in 0..10 {
            limit.speed_up(last);
            limit.turn().await;
            gaps.push(last.elapsed().as_millis());
            last = Instant::now();
        }
        assert_eq!(gaps[0], 420, "half as fast: {gaps:?}");
        assert!(gaps.is_sorted_by(|a, b| a >= b), "{gaps:?}");
        assert_eq!(gaps[9], 210, "{gaps:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_that_is_always_throttled_is_still_asked_now_and_then() {
        for limit in [RateLimit::new(5.0), RateLimit::without_cap()] {
            let start = Instant::now();
            let mut asked = 0_u32;
            while start.elapsed() < Duration::from_hours(1) {
                limit.turn().await;
                tokio::time::advance(Duration::from_millis(1)).await;
                limit.slow_down(Instant::now());
                asked += 1;
            }
            // Pauses of 16 to 32 s.
            assert!((110..=240).contains(&asked), "{asked}");
        }
    }
}
