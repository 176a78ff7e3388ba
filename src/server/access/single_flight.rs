//! Shares and bounds checks that take long: equal checks run once, few run at a time, and few more wait.
//!
//! A check goes on when its client is gone, so that its answer can be cached: a client that gives up too early and retries
//! does not start it again and again.

use std::{collections::HashMap, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

use super::keyed_hash::Fingerprint;

/// The checks under way. `V` is their answer.
pub(super) struct SingleFlight<V> {
    /// The checks that run or wait. The value arrives when the check ends.
    pending: Mutex<HashMap<Fingerprint, watch::Receiver<Option<V>>>>,
    /// Maximum length of `pending`.
    capacity: usize,
    /// One permit for each check that may run now.
    slots: Semaphore,
    /// The tasks of the checks, and of some that have ended.
    tasks: Mutex<JoinSet<()>>,
}

/// There is no answer: too many checks are pending, or the check panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoAnswer;

/// Removes a check from the pending ones, also if it panics.
struct Pending<V> {
    checks: Arc<SingleFlight<V>>,
    key: Fingerprint,
}

impl<V> Drop for Pending<V> {
    fn drop(&mut self) {
        self.checks.pending.lock().remove(&self.key);
    }
}

impl<V: Clone + Send + Sync + 'static> SingleFlight<V> {
    /// Runs up to `running` checks at once, while up to `waiting` wait.
    pub(super) fn new(running: usize, waiting: usize) -> Arc<Self> {
        Arc::new(Self {
            pending: Mutex::default(),
            capacity: running + waiting,
            slots: Semaphore::new(running),
            tasks: Mutex::default(),
        })
    }

    /// The answer to the check `key`: from `cached`, from an equal check that is pending, or from `check`.
    ///
    /// `check` must cache its answer before it ends. `cached` runs under a lock, and must not take long.
    pub(super) async fn run<F>(
        self: &Arc<Self>,
        key: Fingerprint,
        cached: impl FnOnce() -> Option<V>,
        check: impl FnOnce() -> F,
    ) -> Result<V, NoAnswer>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut answer = {
            let mut pending = self.pending.lock();
            // A check caches its answer before it leaves `pending`, so this misses no answer.
            if let Some(answer) = cached() {
                return Ok(answer);
            }
            match pending.get(&key) {
                Some(answer) => answer.clone(),
                None if pending.len() >= self.capacity => return Err(NoAnswer),
                None => {
                    let answer = self.start(key, check());
                    pending.insert(key, answer.clone());
                    answer
                }
            }
        };
        let answer = answer.wait_for(Option::is_some).await;
        answer
            .ok()
            .and_then(|answer| answer.clone())
            .ok_or(NoAnswer)
    }

    /// Starts a check on a task of its own.
    fn start(
        self: &Arc<Self>,
        key: Fingerprint,
        check: impl Future<Output = V> + Send + 'static,
    ) -> watch::Receiver<Option<V>> {
        let (sender, receiver) = watch::channel(None);
        let pending = Pending {
            checks: self.clone(),
            key,
        };
        let mut tasks = self.tasks.lock();
        // The clients of a check that panicked have learnt it.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            // The semaphore is never closed.
            let _slot = pending.checks.slots.acquire().await;
            let answer = check.await;
            sender.send_replace(Some(answer));
        });
        receiver
    }
}

#[cfg(test)]
mod tests;
