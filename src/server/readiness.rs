//! Whether the process is ready: every target is synced, or the grace period is over, and no shutdown has started.
//!
//! The store owns whether a target is synced; this asks it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::store::{Store, TargetStore};

/// Answers `/readyz`.
#[derive(Debug)]
pub struct Readiness {
    store: Arc<Store>,
    /// From then on an unreachable target no longer holds readiness back: it shows as `target_up 0`.
    grace_ends: Instant,
    /// Set once, by [`Self::keep`].
    stays_ready: AtomicBool,
    /// Set once, when shutdown starts.
    draining: AtomicBool,
}

/// The answer to "ready?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Scrapes show every target, or the grace period is over.
    Ready,
    /// These targets are not synced yet.
    Waiting(Vec<String>),
    /// The process is shutting down.
    Draining,
}

impl Readiness {
    /// Ready once each target of `store` is synced, or after `grace`.
    #[must_use]
    pub fn new(store: Arc<Store>, grace: Duration) -> Self {
        Self {
            store,
            grace_ends: Instant::now() + grace,
            stays_ready: AtomicBool::new(false),
            draining: AtomicBool::new(false),
        }
    }

    /// The targets are about to change. If the process is ready now, it stays so: new targets take it out of service no more.
    pub fn keep(&self) {
        if self.state() == State::Ready {
            self.stays_ready.store(true, Ordering::Relaxed);
        }
    }

    /// Shutdown starts: not ready from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the process is ready now.
    #[must_use]
    pub fn state(&self) -> State {
        if self.draining.load(Ordering::Relaxed) {
            return State::Draining;
        }
        if self.stays_ready.load(Ordering::Relaxed) || Instant::now() >= self.grace_ends {
            return State::Ready;
        }
        let unsynced = |target: &&Arc<TargetStore>| !target.is_synced();
        let targets = self.store.targets();
        let waiting = targets.iter().filter(unsynced);
        let mut names: Vec<_> = waiting
            .map(|target| target.display_name().to_owned())
            .collect();
        if names.is_empty() {
            return State::Ready;
        }
        names.sort();
        State::Waiting(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Change, FeedError, FeedScope, Sink as _, Update};

    #[tokio::test(start_paused = true)]
    async fn an_unreachable_target_delays_readiness_by_the_grace_period_only() {
        let target = |name: &str| {
            let store = TargetStore::new(Some(name.into()), Arc::default());
            Arc::new(store)
        };
        let (a, b) = (target("a"), target("b"));
        let feeds = [&a, &b].map(|target| target.clone().register(FeedScope::Jobs(None)));
        let store = Arc::new(Store::new(vec![a, b]));
        let readiness = Readiness::new(store, Duration::from_secs(30));
        let both = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(readiness.state(), State::Waiting(both));
        feeds[0].push(Update::Jobs(Change::Replaced(Vec::new())));
        feeds[1].push(Update::Failed(FeedError::default()));
        assert_eq!(readiness.state(), State::Waiting(vec!["b".to_owned()]));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(readiness.state(), State::Ready);
        readiness.drain();
        assert_eq!(readiness.state(), State::Draining);
    }

    #[tokio::test(start_paused = true)]
    async fn targets_that_are_added_later_do_not_end_readiness() {
        let target = Arc::new(TargetStore::new(None, Arc::default()));
        let feed = target.clone().register(FeedScope::Jobs(None));
        let store = Arc::new(Store::new(vec![target.clone()]));
        let readiness = Readiness::new(store.clone(), Duration::from_secs(30));
        let waiting = State::Waiting(vec!["default".to_owned()]);
        readiness.keep();
        assert_eq!(readiness.state(), waiting, "it was not ready");
        feed.push(Update::Jobs(Change::Replaced(Vec::new())));
        readiness.keep();
        let added = Arc::new(TargetStore::new(Some("new".into()), Arc::default()));
        store.replace_targets(vec![target, added]);
        assert_eq!(readiness.state(), State::Ready);
        readiness.drain();
        assert_eq!(readiness.state(), State::Draining);
    }

    #[tokio::test(start_paused = true)]
    async fn ready_before_the_grace_period_is_over_once_all_targets_are_synced() {
        let target = Arc::new(TargetStore::new(None, Arc::default()));
        let feed = target.clone().register(FeedScope::Jobs(None));
        let store = Arc::new(Store::new(vec![target]));
        let readiness = Readiness::new(store, Duration::from_secs(30));
        assert_eq!(
            readiness.state(),
            State::Waiting(vec!["default".to_owned()])
        );
        feed.push(Update::Jobs(Change::Replaced(Vec::new())));
        assert_eq!(readiness.state(), State::Ready);
    }
}
