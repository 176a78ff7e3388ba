//! The queue between the journals and the writer.
//!
//! Its lock is held for one map operation or a swap, never while the disk works or while the store is asked. So a journal
//! never waits for the disk.

use std::{
    mem,
    sync::{Arc, OnceLock, Weak},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{HistoryStatus, pending::PendingWrites};
use crate::model::{self, Journal, JournalEntry, StoreLookup};

/// The queue between the journals and the writer.
#[derive(Debug)]
pub(super) struct WriteQueue {
    state: Mutex<QueueState>,
    /// Wakes the writer when a change arrives or the queue is closed.
    wakeup: Condvar,
    /// The stores of the targets, by position.
    lookups: Box<[OnceLock<Weak<dyn StoreLookup>>]>,
    pub(super) status: Arc<HistoryStatus>,
}

#[derive(Debug)]
struct QueueState {
    /// By position of the target.
    batches: Vec<Batch>,
    closed: bool,
}

/// Queued changes of one target.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) writes: PendingWrites,
    /// Everything of the target was read once. Reported in one batch only.
    pub(super) synced: bool,
}

/// The journal of one target.
#[derive(Debug)]
pub(super) struct TargetJournal {
    queue: Arc<WriteQueue>,
    position: usize,
}

impl WriteQueue {
    pub(super) fn new(targets: usize, status: Arc<HistoryStatus>) -> Self {
        let state = QueueState {
            batches: (0..targets).map(|_| Batch::default()).collect(),
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            wakeup: Condvar::new(),
            lookups: (0..targets).map(|_| OnceLock::new()).collect(),
            status,
        }
    }

    /// Sets the store of a target. Later calls for the same target have no effect.
    pub(super) fn attach(&self, position: usize, lookup: Weak<dyn StoreLookup>) {
        if let Some(attached) = self.lookups.get(position) {
            // An error means that there is one already.
            let _ = attached.set(lookup);
        }
    }

    /// The store of a target; `None` before it is attached and after it is dropped.
    pub(super) fn lookup(&self, position: usize) -> Option<Arc<dyn StoreLookup>> {
        self.lookups.get(position)?.get()?.upgrade()
    }

    /// Waits for a change, for the queue to be closed, or for the timeout. Takes all changes, by position of the target,
    /// and returns whether the queue is closed.
    pub(super) fn take_changes(&self, timeout: Duration) -> (Vec<Batch>, bool) {
        self.take_when(Batch::has_changes, Instant::now() + timeout)
    }

    /// As [`Self::take_changes`], but waits until too many runs are queued, or for the deadline.
    pub(super) fn take_crowded(&self, deadline: Instant) -> (Vec<Batch>, bool) {
        self.take_when(|batch| batch.writes.is_crowded(), deadline)
    }

    fn take_when(&self, ready: fn(&Batch) -> bool, deadline: Instant) -> (Vec<Batch>, bool) {
        let waiting = |state: &mut QueueState| !state.closed && !state.batches.iter().any(ready);
        let mut state = self.state.lock();
        self.wakeup.wait_while_until(&mut state, waiting, deadline);
        let batches = state.batches.iter_mut().map(mem::take).collect();
        (batches, state.closed)
    }

    /// Tells the writer to write the remaining changes and end.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.wakeup.notify_one();
    }
}

impl Batch {
    fn has_changes(&self) -> bool {
        !self.writes.is_empty() || self.synced
    }

    fn add(&mut self, entry: JournalEntry) {
        match entry {
            JournalEntry::RunFinished {
                workload,
                run,
                counted,
                state,
            } => self.writes.add_run(workload, run, counted, state),
            JournalEntry::WorkloadChanged { workload, state } => {
                self.writes.set_state(workload, state);
            }
            JournalEntry::WorkloadGone(workload, departure) => {
                let now = model::now().as_second();
                self.writes.set_gone(workload, departure, now);
            }
            JournalEntry::Synced => self.synced = true,
            JournalEntry::Relabelled(_) => {}
        }
    }
}

impl TargetJournal {
    /// The journal of the target at this position.
    pub(super) fn new(queue: Arc<WriteQueue>, position: usize) -> Self {
        Self { queue, position }
    }
}

impl Journal for TargetJournal {
    /// While a write hangs, the writer cannot drop anything.
    fn relieve(&self, store: &dyn StoreLookup) {
        let writes = {
            let writes = &mut self.queue.state.lock().batches[self.position].writes;
            writes.is_crowded().then(|| mem::take(writes))
        };
        // The lock is not held while the store is asked.
        let Some(mut writes) = writes else {
            return;
        };
        self.queue.status.runs_dropped(writes.drop_gone(store));
        let later = &mut self.queue.state.lock().batches[self.position].writes;
        writes.merge(mem::take(later));
        *later = writes;
    }

    fn append(&self, entry: JournalEntry) {
        if matches!(entry, JournalEntry::RunFinished { .. }) {
            self.queue.status.run_queued();
        }
        self.queue.state.lock().batches[self.position].add(entry);
        self.queue.wakeup.notify_one();
    }
}
