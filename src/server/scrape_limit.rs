//! Limits the number of scrapes under way. Each holds a snapshot, a chunk and the window of a compressor.

use std::{
    pin::pin,
    sync::{Arc, Weak},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

use super::connection_state::{ConnectionState, Rank};

/// More than a few at once only slow each other down.
const MAX_SCRAPES: usize = 16;

/// Maximum time that a scrape waits for others. Prometheus gives a scrape 10 seconds by default.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// How often a waiting scrape looks for a slow one to end.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Hands out slots for scrapes.
pub(super) struct ScrapeLimit {
    slots: Arc<Semaphore>,
    /// The connections of scrapes under way, and some that have ended.
    active: Mutex<Vec<Weak<ConnectionState>>>,
}

/// The permission to send one scrape, until it is dropped.
pub(super) struct ScrapeSlot {
    _permit: OwnedSemaphorePermit,
    _connection: Arc<ConnectionState>,
}

impl ScrapeLimit {
    pub(super) fn new() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(MAX_SCRAPES)),
            active: Mutex::default(),
        }
    }

    /// Waits for a slot. A scrape with a slow client gives way. `None` if there is no slot in time.
    pub(super) async fn acquire(&self, connection: &ConnectionState) -> Option<ScrapeSlot> {
        let deadline = Instant::now() + MAX_WAIT;
        let mut permit = pin!(Arc::clone(&self.slots).acquire_owned());
        while Instant::now() < deadline {
            if let Ok(permit) = timeout(CHECK_INTERVAL, permit.as_mut()).await {
                let connection = Arc::new(connection.clone());
                let mut active = self.active.lock();
                active.retain(|connection| connection.strong_count() > 0);
                active.push(Arc::downgrade(&connection));
                return Some(ScrapeSlot {
                    _permit: permit.ok()?,
                    _connection: connection,
                });
            }
            self.evict_slow();
        }
        None
    }

    /// Evicts the oldest of the slow scrapes.
    fn evict_slow(&self) {
        let now = Instant::now();
        let active = self.active.lock();
        let connections = active.iter().filter_map(Weak::upgrade);
        let slow = connections.filter_map(|connection| match connection.rank(now)? {
            (Rank::SlowResponse, since) if !connection.is_evicted() => Some((since, connection)),
            _ => None,
        });
        if let Some((_, connection)) = slow.min_by_key(|(since, _)| *since) {
            connection.evict();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The connections of scrapes that take all slots.
    async fn fill(limit: &ScrapeLimit) -> Vec<(ConnectionState, ScrapeSlot)> {
        let mut all = Vec::new();
        for _ in 0..MAX_SCRAPES {
            let connection = ConnectionState::new();
            connection.start_response();
            let slot = limit.acquire(&connection).await.expect("a free slot");
            all.push((connection, slot));
        }
        all
    }

    #[tokio::test(start_paused = true)]
    async fn a_scrape_waits_for_a_slot_and_gives_up_in_time() {
        let limit = ScrapeLimit::new();
        let mut all = fill(&limit).await;
        let start = Instant::now();
        assert!(limit.acquire(&ConnectionState::new()).await.is_none());
        assert_eq!(start.elapsed(), MAX_WAIT);
        assert!(!all.iter().any(|(connection, _)| connection.is_evicted()));
        let end_one = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(all.pop());
        };
        let ((), slot) = tokio::join!(end_one, async {
            limit.acquire(&ConnectionState::new()).await
        });
        assert!(slot.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_slow_scrape_gives_way_to_one_that_waits() {
        let limit = ScrapeLimit::new();
        let mut all = fill(&limit).await;
        for (connection, _) in &all[3..5] {
            connection.set_write_pending(true);
        }
        let evicted = async {
            all[3].0.evicted().await;
            drop(all.remove(3));
        };
        let start = Instant::now();
        let ((), slot) = tokio::join!(evicted, async {
            limit.acquire(&ConnectionState::new()).await
        });
        assert!(slot.is_some());
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        assert!(!all.iter().any(|(connection, _)| connection.is_evicted()));
    }
}
