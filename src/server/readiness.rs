//! Whether the process is ready: every target was read once, or its grace period is over, and no shutdown has begun.
//!
//! Sources report a target when its *first complete* read is in (not the first event); `app` begins the drain; `http` asks.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use parking_lot::Mutex;

use tokio::time::Instant;

/// Shared state of readiness.
#[derive(Debug)]
pub struct Readiness {
    /// Targets whose first read is not in, by the name a person knows them by.
    waiting: Mutex<BTreeSet<String>>,
    /// From here on a target that cannot be read no longer holds readiness back: it shows as `target_up 0`.
    grace_ends: Instant,
    /// Set once, when shutdown begins.
    draining: AtomicBool,
}

/// The answer to "ready?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Scrapes give a full picture, or as full as it gets.
    Ready,
    /// These targets have not been read yet.
    Waiting(Vec<String>),
    /// The process is shutting down.
    Draining,
}

impl Readiness {
    /// Ready once each of `targets` was [`read`](Self::synced), or after `grace`.
    pub fn new(targets: impl IntoIterator<Item = String>, grace: Duration) -> Self {
        Self {
            waiting: Mutex::new(targets.into_iter().collect()),
            grace_ends: Instant::now() + grace,
            draining: AtomicBool::new(false),
        }
    }

    /// `target` was read in whole for the first time. Harmless when repeated.
    pub fn synced(&self, target: &str) {
        self.waiting.lock().remove(target);
    }

    /// Shutdown begins: not ready from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the process is ready now.
    #[must_use]
    pub fn state(&self) -> State {
        if self.draining.load(Ordering::Relaxed) {
            return State::Draining;
        }
        let waiting = self.waiting.lock();
        if waiting.is_empty() || Instant::now() >= self.grace_ends {
            return State::Ready;
        }
        State::Waiting(waiting.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_dead_target_holds_readiness_for_the_grace_period_only() {
        let readiness = Readiness::new(["a".to_owned(), "b".to_owned()], Duration::from_secs(30));
        readiness.synced("a");
        readiness.synced("a");
        assert_eq!(readiness.state(), State::Waiting(vec!["b".to_owned()]));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(readiness.state(), State::Ready);
        readiness.drain();
        assert_eq!(readiness.state(), State::Draining);
    }
}
