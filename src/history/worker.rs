//! The thread that writes: it takes what waits, commits all of it in one transaction, and keeps it in memory while that fails.
//!
//! Nothing else touches the file. After a failure the file is closed and opened again, as redb wants it, with growing pauses;
//! what waits and what comes is written once that works.

use std::{
    collections::HashSet,
    mem,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use tokio_util::sync::DropGuard;

use super::{
    file::{Failure, File, OpenError, Place},
    pending::PendingWrites,
    prune::Limits,
    rows::TargetRow,
    transaction::Part,
    write_queue::{Batch, WriteQueue},
};
use crate::{
    backoff::{Backoff, Policy},
    model::{self, Run, Seconds, Uid, WorkloadId},
};

/// How often it is written down that all is still there, where nothing else is to be written.
const HEARTBEAT: Duration = Duration::from_mins(5);

/// How often the file is pruned.
const PRUNING: Duration = Duration::from_hours(1);

/// The pauses after failures.
const RETRY: Policy = Policy {
    // Other processes may share the disk.
    jitter: 0.8..1.0,
    ..Policy::new(Duration::from_secs(1), Duration::from_mins(1))
};

/// The thread that writes.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Arc<WriteQueue>,
    place: Place,
    runs_per_workload: usize,
    max_age: Duration,
    /// `None` after a failure.
    file: Option<File>,
    targets: Vec<Target>,
    prune_at: Instant,
    /// Runs in the file when it was last pruned.
    pruned: u64,
    backoff: Backoff,
    /// The wait before the next attempt, after a failure.
    pause: Duration,
    /// Cancelled when the thread ends, however that comes.
    _ended: DropGuard,
}

/// What the writer knows of one target.
#[derive(Debug)]
struct Target {
    /// What is not written yet.
    batch: PendingWrites,
    row: TargetRow,
    progress: Progress,
}

/// What is still to be done after everything was read.
#[derive(Debug)]
enum Progress {
    /// It was not read yet.
    Reading,
    /// Those that were not among these are to leave.
    Settling(HashSet<u64>),
    /// From then on it may be pruned: what it no longer shows has been gone for long enough.
    Settled(Instant),
}

/// Why there was no writing.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Use(#[from] Failure),
}

impl Writer {
    pub(super) fn new(
        queue: Arc<WriteQueue>,
        place: Place,
        file: File,
        (runs_per_workload, max_age): (u32, Duration),
        ended: DropGuard,
    ) -> Self {
        let target = |row: &TargetRow| Target {
            batch: PendingWrites::default(),
            row: *row,
            progress: Progress::Reading,
        };
        let targets = file.targets.iter().map(target).collect();
        Self {
            queue,
            place,
            runs_per_workload: usize::try_from(runs_per_workload).unwrap_or(usize::MAX),
            max_age,
            file: Some(file),
            targets,
            prune_at: Instant::now(),
            pruned: 0,
            backoff: Backoff::new(RETRY),
            pause: RETRY.first,
            _ended: ended,
        }
    }

    /// Writes until it is asked to end.
    pub(super) fn run(mut self) {
        while !self.turn() {}
    }

    /// Waits for something to do and does it. Gives whether it was asked to end.
    fn turn(&mut self) -> bool {
        let failing = self.file.is_none();
        let patience = if failing { self.pause } else { HEARTBEAT };
        let (piles, closing) = self.queue.collect(patience, failing);
        self.take(piles);
        match self.write() {
            Ok(()) => self.succeeded(failing),
            Err(trouble) => self.failed(&trouble, failing),
        }
        closing
    }

    fn take(&mut self, piles: Vec<Batch>) {
        for (number, (target, pile)) in self.targets.iter_mut().zip(piles).enumerate() {
            target.batch.absorb(pile.waiting);
            if let Some(seen) = pile.synced {
                target.progress = Progress::Settling(seen);
            }
            if target.batch.is_crowded() && self.file.is_none() {
                let shown = self.queue.shown(number);
                let shown = |run: &Run| shown.contains(&self.queue.hash_run(&run.uid));
                self.queue.dropped(target.batch.drop_gone(shown));
            }
        }
    }

    /// Writes all that there is to write, and prunes if it is time.
    fn write(&mut self) -> Result<(), Trouble> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.open()?,
        };
        self.settle(&file)?;
        let parts = self.targets.iter().zip(&self.place.targets);
        let parts: Vec<_> = parts.map(|(target, name)| target.part(name)).collect();
        let mut runs = file.write(&parts)?;
        for target in &mut self.targets {
            let written = mem::take(&mut target.batch);
            self.queue.written(written.runs());
        }
        let grown = runs.saturating_sub(self.pruned) > self.pruned / 4 + 1_000;
        if grown || Instant::now() >= self.prune_at {
            self.prune(&file, &mut runs)?;
        }
        let status = &self.queue.status;
        status.runs.store(runs, Relaxed);
        status.file_size.store(file.size(), Relaxed);
        status.last_write.store(model::now().as_second(), Relaxed);
        self.file = Some(file);
        Ok(())
    }

    fn open(&mut self) -> Result<File, OpenError> {
        let (file, _) = self.place.open()?;
        for (target, row) in self.targets.iter_mut().zip(&file.targets) {
            target.row = *row;
        }
        Ok(file)
    }

    /// Sees to what follows from everything having been read.
    fn settle(&mut self, file: &File) -> Result<(), Failure> {
        let now = model::now().as_second();
        for (target, name) in self.targets.iter_mut().zip(&self.place.targets) {
            if let Progress::Settling(seen) = &target.progress {
                let there = |id: &WorkloadId| seen.contains(&self.queue.hash_workload(id));
                file.settle(name, target.row.seen, there)?;
                self.prune_at = Instant::now() + self.queue.lag;
                target.progress = Progress::Settled(self.prune_at);
            }
            if matches!(target.progress, Progress::Settled(_)) {
                target.row.seen = now;
            }
        }
        Ok(())
    }

    fn prune(&mut self, file: &File, runs: &mut u64) -> Result<(), Failure> {
        let age = Seconds::try_from(self.max_age.as_secs()).unwrap_or(Seconds::MAX);
        let limits = Limits {
            runs: self.runs_per_workload,
            oldest: model::now().as_second().saturating_sub(age),
        };
        for (number, name) in self.place.targets.iter().enumerate() {
            if matches!(self.targets[number].progress, Progress::Settled(from) if from <= Instant::now())
            {
                let known = self.queue.known(number);
                let known = |uid: &Uid| known.contains(&self.queue.hash_run(uid));
                *runs = file.prune(name, limits, known)?;
            }
        }
        file.prune_targets(&self.place.targets, limits.oldest)?;
        self.pruned = *runs;
        self.prune_at = Instant::now() + PRUNING;
        Ok(())
    }

    fn succeeded(&mut self, failing: bool) {
        self.queue.status.up.store(true, Relaxed);
        self.backoff.reset();
        if failing {
            tracing::info!(path = %self.place.path.display(), "the history is written again");
        }
    }

    fn failed(&mut self, trouble: &Trouble, failing: bool) {
        let status = &self.queue.status;
        status.up.store(false, Relaxed);
        status.errors.fetch_add(1, Relaxed);
        self.pause = self.backoff.next(None);
        let path = self.place.path.display();
        if failing {
            tracing::debug!(%path, error = %trouble, "the history still cannot be written");
        } else {
            tracing::error!(
                %path,
                error = %trouble,
                "the history cannot be written: it is kept in memory, and written once that works"
            );
        }
    }
}

impl Target {
    fn part<'a>(&'a self, name: &'a str) -> Part<'a> {
        Part {
            target: name,
            waiting: &self.batch,
            row: self.row,
        }
    }
}

#[cfg(test)]
mod tests;
