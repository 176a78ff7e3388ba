//! The thread that writes the file. It commits every batch in one transaction, and keeps changes in memory while that fails.
//!
//! Nothing else opens or changes the file. After a failure redb requires that the file is closed and opened again. The writer does so
//! with back-off, and then commits all changes that have arrived.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use tokio_util::sync::DropGuard;

use super::{
    TargetId,
    batch::Batch,
    file::{FileError, FileTarget, HistoryFile, Location, OpenError},
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

/// The thread that writes the file.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<WriteQueue>,
    location: Location,
    /// `None` after a failure, and before the first attempt to write if it could not be opened at the start.
    file: Option<HistoryFile>,
    /// Whether the file that was open was deleted, replaced or changed: what was committed is lost.
    lost: bool,
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

/// Why a write failed.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    File(#[from] FileError),
}

impl Writer {
    pub(super) fn new(
        queue: Arc<WriteQueue>,
        location: Location,
        file: Option<HistoryFile>,
        ended: DropGuard,
    ) -> Self {
        Self {
            queue,
            location,
            file,
            lost: false,
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
        let was_failing = self.file.is_none();
        let closed = if was_failing {
            self.wait_for_retry()
        } else {
            let (batches, closed) = self.queue.take_changes(HEARTBEAT);
            self.add(batches);
            closed
        };
        match self.write() {
            Ok(()) => self.succeeded(was_failing),
            Err(error) => self.failed(&error, was_failing),
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

    /// Writes all pending changes, and prunes the file when that is due.
    fn write(&mut self) -> Result<(), WriteError> {
        let mut file = match self.file.take() {
            Some(file) if file.is_in_place().map_err(OpenError::Path)? => file,
            Some(file) => {
                file.abandon();
                self.lost = true;
                self.reopen()?
            }
            None => self.reopen()?,
        };
        self.read_added(&file)?;
        self.settle(&file)?;
        let mut runs = self.commit(&file)?;
        let grown = runs.saturating_sub(self.runs_after_pruning);
        if grown > self.runs_after_pruning / 4 + 1_000 || Instant::now() >= self.prune_at {
            self.prune(&file, &mut runs)?;
        }
        let status = &self.queue.status;
        status.runs.store(runs, Relaxed);
        status.file_size.store(file.size(), Relaxed);
        status.last_write.store(model::now().as_second(), Relaxed);
        file.committed().map_err(OpenError::Path)?;
        self.file = Some(file);
        Ok(())
    }

    /// Writes the pending changes of all targets. Returns the number of runs in the file.
    fn commit(&mut self, file: &HistoryFile) -> Result<u64, FileError> {
        let targets = self.targets.values().filter(|target| target.is_read());
        let writes: Vec<_> = targets.map(TargetWriter::writes).collect();
        let runs = file.write(&writes)?;
        for target in self.targets.values_mut().filter(|it| it.is_read()) {
            let runs = target.written(&*self.queue.events);
            self.queue.status.runs_written(runs);
        }
        Ok(runs)
    }

    /// Marks workloads as gone that do not exist, once everything was read, and whenever everything was read again.
    fn settle(&mut self, file: &HistoryFile) -> Result<(), FileError> {
        let now = model::now().as_second();
        for (id, target) in &mut self.targets {
            if target.synced
                && target.is_read()
                && let Some(lookup) = self.queue.lookup(*id)
            {
                let FileTarget { name, row, .. } = &target.target;
                file.mark_gone(name, row.seen, &*lookup)?;
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

    fn prune(&mut self, file: &HistoryFile, runs: &mut u64) -> Result<(), FileError> {
        let limits = self.queue.limits();
        let now = Instant::now();
        for (id, target) in &self.targets {
            if target.is_prunable(now)
                && let Some(lookup) = self.queue.lookup(*id)
            {
                *runs = file.prune(&target.target.name, limits, &*lookup)?;
            }
        }
        let targets = self.targets.values();
        let configured: HashSet<_> = targets.map(|it| it.target.name.as_str()).collect();
        file.prune_targets(&configured, limits.oldest)?;
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
            tracing::info!(path = %self.location.path.display(), "history write succeeded after failures");
        }
    }

    fn failed(&mut self, error: &WriteError, was_failing: bool) {
        let status = &self.queue.status;
        status.up.store(false, Relaxed);
        status.errors.fetch_add(1, Relaxed);
        self.retry_delay = self.backoff.next(None);
        let path = self.location.path.display();
        if was_failing {
            tracing::debug!(%path, %error, "history write failed again");
        } else {
            tracing::error!(%path, %error, "history write failed, keeping changes in memory until it succeeds");
        }
    }
}

#[cfg(test)]
mod tests;
