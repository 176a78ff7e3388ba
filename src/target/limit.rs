//! A cap on requests per second, shared by all that goes to one target.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Hands out points in time at equal distances, first come, first served: no bursts, so that no window of a second
/// ever holds more requests than the cap.
#[derive(Debug)]
pub struct RateLimit {
    distance: Duration,
    /// Never held across an await.
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    /// The next free point.
    next: Instant,
    /// Nobody's turn comes before this.
    held_until: Instant,
}

impl RateLimit {
    /// At most `per_second` requests in any second.
    #[must_use]
    pub fn new(per_second: f64) -> Self {
        let now = Instant::now();
        Self {
            distance: Duration::from_secs_f64(1.0 / per_second),
            times: Mutex::new(Times {
                next: now,
                held_until: now,
            }),
        }
    }

    /// Waits for this request's turn.
    pub async fn turn(&self) {
        loop {
            let turn = self.times().take(self.distance);
            sleep_until(turn).await;
            // A hold that came up in the meantime takes the turn away.
            if self.times().held_until <= turn {
                return;
            }
        }
    }

    /// The server asked to be left alone: nobody's turn comes before that, not even one that is already given.
    pub fn hold(&self, pause: Duration) {
        let mut times = self.times();
        times.held_until = times.held_until.max(Instant::now() + pause);
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Times {
    fn take(&mut self, distance: Duration) -> Instant {
        let turn = self.next.max(self.held_until).max(Instant::now());
        self.next = turn + distance;
        turn
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
            assert_eq!(start.elapsed().as_millis(), 200 * turn);
        }
        tokio::time::advance(Duration::from_mins(1)).await;
        let later = Instant::now();
        limit.turn().await;
        limit.turn().await;
        assert_eq!(later.elapsed().as_millis(), 200);
    }

    #[tokio::test(start_paused = true)]
    async fn a_hold_delays_everybody_even_those_who_have_a_turn() {
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
        assert_eq!([first, second, third], [0, 7_100, 7_300]);
    }
}
