//! The thread that writes the file. It commits every batch in one transaction, and keeps changes in memory while that fails.
//!
//! Nothing else touches the file. After a failure redb requires that the file is closed and opened again. The writer does so
//! with back-off, and then commits all changes that have arrived.

use std::{
    fs, mem,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use tokio_util::sync::DropGuard;

use super::{
    HistorySettings,
    file::{FileError, HistoryFile, Location, OpenError, set_aside},
    pending::PendingWrites,
    prune::Limits,
    rows::TargetRow,
    transaction::TargetWrites,
    write_queue::{Batch, WriteQueue},
};
use crate::{
    backoff::{Backoff, Policy},
    model::{self, RestoredState, Seconds, UID_RETENTION},
};

/// How often [`TargetRow::seen`] is updated while nothing changes.
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
    runs_per_workload: usize,
    max_age: Duration,
    gone_workloads: usize,
    /// `None` after a failure.
    file: Option<HistoryFile>,
    /// What is known of the file while it is not open.
    missing: Missing,
    /// By position.
    targets: Vec<TargetWriter>,
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

/// Why the file is not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// An operation failed: the file has what was committed.
    Failed,
    /// The disk failed at the start: the file may have what an earlier process wrote.
    Unread,
    /// The file was deleted, replaced or truncated: what was committed is lost.
    Lost,
}

/// The writer's state of one target.
#[derive(Debug)]
struct TargetWriter {
    /// Changes that are not in the file yet.
    pending: PendingWrites,
    row: TargetRow,
    phase: TargetPhase,
}

/// What the writer may do with the rows of a target.
#[derive(Debug)]
enum TargetPhase {
    /// Not everything was read yet: add and replace rows only.
    Reading,
    /// Everything was read: mark workloads as gone that do not exist.
    Synced,
    /// Workloads are marked: prune from this time on.
    Settled { prune_from: Instant },
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
        settings: &HistorySettings,
        ended: DropGuard,
    ) -> Self {
        let target = |row: &TargetRow| TargetWriter {
            pending: PendingWrites::default(),
            row: *row,
            phase: TargetPhase::Reading,
        };
        let now = model::now().as_second();
        let new = TargetRow {
            since: now,
            seen: now,
        };
        let (missing, targets) = match &file {
            Some(file) => (Missing::Failed, file.targets.iter().map(target).collect()),
            None => (
                Missing::Unread,
                location.targets.iter().map(|_| target(&new)).collect(),
            ),
        };
        Self {
            queue,
            location,
            runs_per_workload: usize::try_from(settings.runs_per_workload).unwrap_or(usize::MAX),
            max_age: settings.max_age,
            gone_workloads: settings.gone_workloads,
            file,
            missing,
            targets,
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

    fn add(&mut self, batches: Vec<Batch>) {
        for (target, batch) in self.targets.iter_mut().zip(batches) {
            target.pending.merge(batch.writes);
            if batch.synced {
                target.phase = TargetPhase::Synced;
            }
        }
    }

    fn drop_runs(&mut self) {
        for (position, target) in self.targets.iter_mut().enumerate() {
            if target.pending.is_crowded()
                && let Some(lookup) = self.queue.lookup(position)
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
                self.missing = Missing::Lost;
                self.reopen()?
            }
            None => self.reopen()?,
        };
        self.settle(&file)?;
        let targets = self.targets.iter().zip(&self.location.targets);
        let writes: Vec<_> = targets.map(|(target, name)| target.writes(name)).collect();
        let mut runs = file.write(&writes)?;
        for target in &mut self.targets {
            let written = mem::take(&mut target.pending);
            self.queue.status.runs_written(written.runs());
        }
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

    /// Opens the file again, or a new one with everything that the stores have.
    fn reopen(&mut self) -> Result<HistoryFile, OpenError> {
        if self.missing == Missing::Lost {
            self.set_aside()?;
        }
        let (file, restored) = self.location.open()?;
        match self.missing {
            Missing::Failed if !file.is_new => self.take_rows(&file),
            Missing::Failed | Missing::Lost => self.report_all(),
            Missing::Unread => {
                if !file.is_new {
                    self.take_rows(&file);
                }
                self.adopt(restored);
            }
        }
        self.missing = Missing::Failed;
        Ok(file)
    }

    fn take_rows(&mut self, file: &HistoryFile) {
        for (target, row) in self.targets.iter_mut().zip(&file.targets) {
            target.row = *row;
        }
    }

    /// Renames what is in the place of the file that was open.
    fn set_aside(&self) -> Result<(), OpenError> {
        let path = &self.location.path;
        let aside = match fs::symlink_metadata(path) {
            Ok(_) => Some(set_aside(path)?),
            Err(_) => None,
        };
        tracing::error!(
            path = %path.display(),
            set_aside = aside.map(|aside| aside.display().to_string()),
            "history file was deleted, replaced or changed while it was in use: writing a new one from memory, finished runs whose Jobs are gone are not in it"
        );
        Ok(())
    }

    /// Has the stores report everything, because the file is a new one.
    fn report_all(&mut self) {
        for position in 0..self.targets.len() {
            if let Some(store) = self.queue.lookup(position) {
                store.report_all();
            }
        }
        self.add_queued();
    }

    /// Has the stores continue from what an earlier process wrote.
    fn adopt(&mut self, restored: Vec<RestoredState>) {
        for (position, (target, mut restored)) in self.targets.iter().zip(restored).enumerate() {
            restored.since = target.row.since;
            if let Some(store) = self.queue.lookup(position) {
                store.adopt(restored);
            }
        }
        self.add_queued();
    }

    fn add_queued(&mut self) {
        let (batches, _) = self.queue.take_changes(Duration::ZERO);
        self.add(batches);
    }

    /// Marks workloads as gone that do not exist, once everything was read.
    fn settle(&mut self, file: &HistoryFile) -> Result<(), FileError> {
        let now = model::now().as_second();
        let targets = self.targets.iter_mut().zip(&self.location.targets);
        for (position, (target, name)) in targets.enumerate() {
            if matches!(target.phase, TargetPhase::Synced)
                && let Some(lookup) = self.queue.lookup(position)
            {
                file.mark_gone(name, target.row.seen, &*lookup)?;
                let prune_from = Instant::now() + UID_RETENTION;
                self.prune_at = prune_from;
                target.phase = TargetPhase::Settled { prune_from };
            }
            if matches!(target.phase, TargetPhase::Settled { .. }) {
                target.row.seen = now;
            }
        }
        Ok(())
    }

    fn prune(&mut self, file: &HistoryFile, runs: &mut u64) -> Result<(), FileError> {
        let max_age = Seconds::try_from(self.max_age.as_secs()).unwrap_or(Seconds::MAX);
        let limits = Limits {
            runs_per_workload: self.runs_per_workload,
            oldest: model::now().as_second().saturating_sub(max_age),
            gone_workloads: self.gone_workloads,
        };
        let targets = self.targets.iter().zip(&self.location.targets);
        for (position, (target, name)) in targets.enumerate() {
            if target.is_prunable(Instant::now())
                && let Some(lookup) = self.queue.lookup(position)
            {
                *runs = file.prune(name, limits, &*lookup)?;
            }
        }
        file.prune_targets(&self.location.targets, limits.oldest)?;
        self.runs_after_pruning = *runs;
        self.prune_at = Instant::now() + PRUNE_INTERVAL;
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

impl TargetWriter {
    fn writes<'a>(&'a self, name: &'a str) -> TargetWrites<'a> {
        TargetWrites {
            target: name,
            row: self.row,
            pending: &self.pending,
        }
    }

    fn is_prunable(&self, now: Instant) -> bool {
        matches!(self.phase, TargetPhase::Settled { prune_from } if prune_from <= now)
    }
}

#[cfg(test)]
mod tests;
