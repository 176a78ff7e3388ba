//! The thread that writes to the [`Storage`]. It writes every batch, and keeps changes in memory while that fails.
//!
//! After a failure it closes the storage, opens it again with back-off, and then writes all changes that have arrived.

use std::{
    collections::{BTreeMap, HashSet},
    error::Error,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use tokio_util::sync::DropGuard;

use super::{
    TargetId,
    batch::Batch,
    storage::{HistoryTarget, Storage, StorageError},
    write_queue::WriteQueue,
};
use crate::{
    backoff::{Backoff, Policy},
    model::{self, UID_RETENTION},
};

mod reading;
mod target;

use target::{TargetPhase, TargetWriter};

/// How often [`TargetRow::seen`](super::rows::TargetRow::seen) is updated while nothing changes.
const HEARTBEAT: Duration = Duration::from_mins(5);

/// How often the file is pruned.
const PRUNE_INTERVAL: Duration = Duration::from_hours(1);

/// The delays after failures.
const RETRY: Policy = Policy {
    // Other processes may share the disk.
    jitter: 0.8..1.0,
    ..Policy::new(Duration::from_secs(1), Duration::from_mins(1))
};

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writer<S> {
    queue: Arc<WriteQueue>,
    /// Closed after a failure, and before the first attempt to write if it could not be opened at the start.
    storage: S,
    targets: BTreeMap<TargetId, TargetWriter>,
    /// When the file is pruned next.
    prune_at: Instant,
    /// Runs in the file after it was last pruned.
    runs_after_pruning: u64,
    backoff: Backoff,
    /// The delay before the next attempt, after a failure.
    retry_delay: Duration,
    /// Cancels a token when the thread ends, even by a panic.
    _ended: DropGuard,
}

impl<S: Storage> Writer<S> {
    pub(super) fn new(queue: Arc<WriteQueue>, storage: S, ended: DropGuard) -> Self {
        Self {
            queue,
            storage,
            targets: BTreeMap::new(),
            prune_at: Instant::now(),
            runs_after_pruning: 0,
            backoff: Backoff::new(RETRY),
            retry_delay: RETRY.first,
            _ended: ended,
        }
    }

    /// Writes until the queue is closed.
    pub(super) fn run(mut self) {
        while !self.process_batch() {}
    }

    /// Waits for changes and writes them. Returns whether the queue is closed.
    fn process_batch(&mut self) -> bool {
        let was_failing = !self.storage.is_open();
        let closed = if was_failing {
            self.wait_for_retry()
        } else {
            let (batches, closed) = self.queue.take_changes(HEARTBEAT);
            self.add(batches);
            closed
        };
        match self.write() {
            Ok(()) => self.succeeded(was_failing),
            Err(error) => {
                self.storage.close();
                self.failed(&*error, was_failing);
            }
        }
        closed
    }

    /// Collects changes until the retry is due. Drops runs when too many wait. Returns whether the queue is closed.
    fn wait_for_retry(&mut self) -> bool {
        let retry_at = Instant::now() + self.retry_delay;
        loop {
            let (batches, closed) = self.queue.take_crowded(retry_at);
            self.add(batches);
            self.drop_runs();
            if closed || Instant::now() >= retry_at {
                return closed;
            }
        }
    }

    fn add(&mut self, batches: Vec<(TargetId, Batch)>) {
        for (id, mut batch) in batches {
            if let Some(added) = batch.added.take() {
                self.targets.insert(id, TargetWriter::new(added));
            }
            let Some(target) = self.targets.get_mut(&id) else {
                continue;
            };
            target.add(batch);
            if target.removed && !target.is_read() {
                self.forget_unread(id);
            }
        }
    }

    /// Forgets a target that was removed before its store continued from the file. Its totals lack what earlier processes
    /// counted, so they must not replace those in the file.
    fn forget_unread(&mut self, id: TargetId) {
        if let Some(mut target) = self.targets.remove(&id) {
            let runs = target.abandon(&*self.queue.events);
            self.queue.status.runs_dropped(runs);
        }
    }

    fn drop_runs(&mut self) {
        for (id, target) in &mut self.targets {
            if target.pending.is_crowded()
                && let Some(lookup) = self.queue.lookup(*id)
            {
                let dropped = target.pending.drop_gone(&*lookup);
                self.queue.status.runs_dropped(dropped);
            }
        }
    }

    /// Writes all pending changes, and prunes when that is due.
    fn write(&mut self) -> Result<(), StorageError> {
        let targets: Vec<_> = self.targets.values().map(|it| &it.target).collect();
        if self.storage.ensure_open(&targets)? {
            self.report_all();
        }
        self.read_added()?;
        self.settle()?;
        let mut runs = self.commit()?;
        let grown = runs.saturating_sub(self.runs_after_pruning);
        if grown > self.runs_after_pruning / 4 + 1_000 || Instant::now() >= self.prune_at {
            self.prune(&mut runs)?;
        }
        let status = &self.queue.status;
        status.runs.store(runs, Relaxed);
        status.file_size.store(self.storage.size(), Relaxed);
        status.last_write.store(model::now().as_second(), Relaxed);
        self.storage.finish()
    }

    /// Writes the pending changes of all targets. Returns the number of runs in the storage.
    fn commit(&mut self) -> Result<u64, StorageError> {
        if self.storage.is_shared() {
            for (id, target) in &mut self.targets {
                if let Some(lookup) = self.queue.lookup(*id) {
                    target.pending.leave_to_others(&*lookup);
                }
            }
        }
        let targets = self.targets.values().filter(|target| target.is_read());
        let writes: Vec<_> = targets.map(TargetWriter::writes).collect();
        let runs = self.storage.write(&writes)?;
        for target in self.targets.values_mut().filter(|it| it.is_read()) {
            let runs = target.written(&*self.queue.events);
            self.queue.status.runs_written(runs);
        }
        Ok(runs)
    }

    /// Marks workloads as gone that do not exist, once everything was read, and whenever everything was read again.
    fn settle(&mut self) -> Result<(), StorageError> {
        let now = model::now().as_second();
        for (id, target) in &mut self.targets {
            if target.synced
                && target.is_read()
                && let Some(lookup) = self.queue.lookup(*id)
            {
                let HistoryTarget { name, row, .. } = &target.target;
                self.storage.mark_gone(name, row.seen, &*lookup)?;
                target.synced = false;
                if target.phase == TargetPhase::Reading {
                    let prune_from = Instant::now() + UID_RETENTION;
                    target.phase = TargetPhase::Settled { prune_from };
                    self.prune_at = self.prune_at.min(prune_from);
                }
            }
            if matches!(target.phase, TargetPhase::Settled { .. }) {
                target.target.row.seen = now;
            }
        }
        Ok(())
    }

    fn prune(&mut self, runs: &mut u64) -> Result<(), StorageError> {
        let limits = self.queue.limits();
        let now = Instant::now();
        for (id, target) in &self.targets {
            if target.is_prunable(now)
                && let Some(lookup) = self.queue.lookup(*id)
            {
                *runs = self.storage.prune(&target.target.name, limits, &*lookup)?;
            }
        }
        let targets = self.targets.values();
        let configured: HashSet<_> = targets.map(|it| it.target.name.as_str()).collect();
        self.storage.prune_targets(&configured, limits.oldest)?;
        self.runs_after_pruning = *runs;
        // Targets settle at different times.
        let next = self.targets.values().filter_map(TargetWriter::prune_from);
        let next = next.filter(|at| *at > now).min();
        let interval = now + PRUNE_INTERVAL;
        self.prune_at = next.map_or(interval, |next| next.min(interval));
        Ok(())
    }

    fn succeeded(&mut self, was_failing: bool) {
        self.queue.status.up.store(true, Relaxed);
        self.backoff.reset();
        if was_failing {
            let location = self.storage.location();
            tracing::info!(location, "history write succeeded after failures");
        }
    }

    fn failed(&mut self, error: &dyn Error, was_failing: bool) {
        let status = &self.queue.status;
        status.up.store(false, Relaxed);
        status.errors.fetch_add(1, Relaxed);
        self.retry_delay = self.backoff.next(None);
        let location = self.storage.location();
        if was_failing {
            tracing::debug!(location, %error, "history write failed again");
        } else {
            tracing::error!(location, %error, "history write failed, keeping changes in memory until it succeeds");
        }
    }
}

#[cfg(test)]
mod tests;
