//! A cap on requests per second, shared by all that goes to one target.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Hands out points in time at equal distances, first come, first served: no bursts, so that no window of a second
/// ever holds more requests than the cap.
#[derive(Debug)]
pub struct RateLimit {
    distance: Duration,
    /// The next free point. Never held across an await.
    next: Mutex<Instant>,
}

impl RateLimit {
    /// At most `per_second` requests in any second.
    #[must_use]
    pub fn new(per_second: f64) -> Self {
        Self {
            distance: Duration::from_secs_f64(1.0 / per_second),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for this request's turn.
    pub async fn turn(&self) {
        let turn = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = (*next).max(Instant::now());
            *next = turn + self.distance;
            turn
        };
        sleep_until(turn).await;
    }

    /// The server asked to be left alone: nobody who has not got a turn yet gets one before that.
    pub fn hold(&self, pause: Duration) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(Instant::now() + pause);
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
    async fn a_hold_delays_everybody() {
        let limit = RateLimit::new(5.0);
        limit.hold(Duration::from_secs(7));
        let start = Instant::now();
        limit.turn().await;
        assert_eq!(start.elapsed().as_secs(), 7);
    }
}
