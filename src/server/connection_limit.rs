//! Who gets in: a place for each connection, some more for telling the rest that there is none.
//!
//! Being told 503 beats hanging in the backlog until the scrape times out, but telling costs a connection too, so these are
//! bounded as well. Invariant: at most `max_connections + OVERFLOW` connections are open.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tracing::warn;

/// Connections that are answered 503 at the same time; each for no longer than `connection::DECLINE_TIMEOUT`.
const OVERFLOW: usize = 32;

/// A full server says so this often.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// What becomes of a connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// It is served, and keeps its place until it drops this.
    Served(OwnedSemaphorePermit),
    /// There is no place left: it is told so, and let go.
    Overflow(OwnedSemaphorePermit),
    /// Not even for that.
    Closed,
}

/// Hands out places.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    places: Arc<Semaphore>,
    overflow: Arc<Semaphore>,
    max_connections: usize,
    /// Connections not served since the last warning.
    rejected: u64,
    warned_at: Option<Instant>,
}

impl ConnectionLimit {
    pub(super) fn new(max_connections: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(max_connections)),
            overflow: Arc::new(Semaphore::new(OVERFLOW)),
            max_connections,
            rejected: 0,
            warned_at: None,
        }
    }

    pub(super) fn admit(&mut self, peer: SocketAddr) -> Admission {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Admission::Served(place);
        }
        self.note_rejection(peer);
        match Arc::clone(&self.overflow).try_acquire_owned() {
            Ok(place) => Admission::Overflow(place),
            Err(_) => Admission::Closed,
        }
    }

    fn note_rejection(&mut self, peer: SocketAddr) {
        self.rejected += 1;
        let now = Instant::now();
        if self
            .warned_at
            .is_some_and(|warned_at| now.duration_since(warned_at) < WARN_EVERY)
        {
            return;
        }
        warn!(
            rejected = self.rejected,
            max_connections = self.max_connections,
            last = %peer,
            "all connections are taken, rejecting further ones"
        );
        self.rejected = 0;
        self.warned_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn places_then_overflow_then_nothing_until_one_leaves() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut limit = ConnectionLimit::new(1);
        let served = limit.admit(peer);
        assert!(matches!(served, Admission::Served(_)));
        let told: Vec<_> = (0..OVERFLOW).map(|_| limit.admit(peer)).collect();
        assert!(
            told.iter()
                .all(|connection_limit| matches!(connection_limit, Admission::Overflow(_)))
        );
        assert!(matches!(limit.admit(peer), Admission::Closed));
        drop(served);
        assert!(matches!(limit.admit(peer), Admission::Served(_)));
    }
}
