//! A cap on requests per second, shared by all that goes to one target.

use std::{
    sync::{Mutex as StdMutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Mutex,
    time::{Instant, sleep_until},
};

/// Hands out turns at equal distances, first come, first served: no bursts, so that no window of a second ever holds more
/// requests than the cap.
#[derive(Debug)]
pub struct RateLimit {
    distance: Duration,
    /// When the next turn may be. Held by whoever is first in the queue while waiting for it: the distance is then counted
    /// from when a turn was taken, and turns do not catch up after the process was held up.
    next: Mutex<Instant>,
    /// Nobody's turn comes before this. Never held across an await.
    held_until: StdMutex<Instant>,
}

impl RateLimit {
    /// At most `per_second` requests in any second.
    #[must_use]
    pub fn new(per_second: f64) -> Self {
        let now = Instant::now();
        Self {
            distance: Duration::from_secs_f64(1.0 / per_second),
            next: Mutex::new(now),
            held_until: StdMutex::new(now),
        }
    }

    /// Waits for this request's turn.
    pub async fn turn(&self) {
        let mut next = self.next.lock().await;
        loop {
            let turn = (*next).max(self.held_until());
            if turn <= Instant::now() {
                break;
            }
            sleep_until(turn).await;
        }
        *next = Instant::now() + self.distance;
    }

    /// The server asked to be left alone: nobody's turn comes before that.
    pub fn hold(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut held_until = self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *held_until = (*held_until).max(until);
    }

    fn held_until(&self) -> Instant {
        *self
            .held_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        assert_eq!([first, second, third], [0, 7_100, 7_300]);
    }
}
