//! Limits the number of open connections.
//!
//! A connection beyond the limit gets a 503 response, which is better than waiting in the backlog until the scrape times out.
//! The number of these responses is limited too: at most `max_connections + MAX_REJECTIONS` connections are open.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tracing::warn;

/// Maximum of connections that get 503 at once. Each takes at most `connection::REJECT_TIMEOUT`.
const MAX_REJECTIONS: usize = 32;

/// Minimum time between two warnings.
const WARN_INTERVAL: Duration = Duration::from_secs(10);

/// What to do with a new connection. A permit is held as long as the connection is open.
#[derive(Debug)]
pub(super) enum AdmissionDecision {
    /// Serve it.
    Serve(OwnedSemaphorePermit),
    /// Respond 503 and close it.
    Reject(OwnedSemaphorePermit),
    /// Close it without a response.
    Close,
}

/// Decides which connections are served.
#[derive(Debug)]
pub(super) struct ConnectionLimit {
    served: Arc<Semaphore>,
    rejections: Arc<Semaphore>,
    max_connections: usize,
    /// Connections that were not served since the last warning.
    rejected: u64,
    warned_at: Option<Instant>,
}

impl ConnectionLimit {
    pub(super) fn new(max_connections: usize) -> Self {
        Self {
            served: Arc::new(Semaphore::new(max_connections)),
            rejections: Arc::new(Semaphore::new(MAX_REJECTIONS)),
            max_connections,
            rejected: 0,
            warned_at: None,
        }
    }

    pub(super) fn decide(&mut self, peer: SocketAddr) -> AdmissionDecision {
        if let Ok(permit) = Arc::clone(&self.served).try_acquire_owned() {
            return AdmissionDecision::Serve(permit);
        }
        self.count_rejection(peer);
        match Arc::clone(&self.rejections).try_acquire_owned() {
            Ok(permit) => AdmissionDecision::Reject(permit),
            Err(_) => AdmissionDecision::Close,
        }
    }

    /// Warns about rejected connections, at most once per [`WARN_INTERVAL`].
    fn count_rejection(&mut self, peer: SocketAddr) {
        self.rejected += 1;
        let now = Instant::now();
        if self
            .warned_at
            .is_some_and(|warned_at| now.duration_since(warned_at) < WARN_INTERVAL)
        {
            return;
        }
        warn!(
            rejected = self.rejected,
            max_connections = self.max_connections,
            last = %peer,
            "connection limit reached, rejecting connections"
        );
        self.rejected = 0;
        self.warned_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connections_beyond_the_limit_are_rejected_then_closed_until_one_ends() {
        let peer = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut limit = ConnectionLimit::new(1);
        let served = limit.decide(peer);
        assert!(matches!(served, AdmissionDecision::Serve(_)));
        let rejected: Vec<_> = (0..MAX_REJECTIONS).map(|_| limit.decide(peer)).collect();
        assert!(
            rejected
                .iter()
                .all(|decision| matches!(decision, AdmissionDecision::Reject(_)))
        );
        assert!(matches!(limit.decide(peer), AdmissionDecision::Close));
        drop(served);
        assert!(matches!(limit.decide(peer), AdmissionDecision::Serve(_)));
    }
}
