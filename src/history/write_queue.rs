//! The queue between the journals and the writer.
//!
//! Its lock is held for one map operation or a swap, never while the disk works or while the store is asked. So a journal
//! never waits for the disk. Targets come and go while it is in use. An id is never used again.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{
    HistorySettings, HistoryStatus, TargetId,
    batch::{AddedTarget, Batch},
    rows::TargetRow,
    storage::{HistoryTarget, Limits},
};
use crate::model::{self, EventSink, Journal, JournalEntry, StoreLookup};

/// The queue between the journals and the writer.
#[derive(Debug)]
pub(super) struct WriteQueue {
    state: Mutex<QueueState>,
    /// Wakes the writer when a change arrives or the queue is closed.
    wakeup: Condvar,
    pub(super) status: Arc<HistoryStatus>,
    /// Where the writer writes the events of what it has committed.
    pub(super) events: Arc<dyn EventSink>,
}

#[derive(Debug)]
struct QueueState {
    targets: BTreeMap<TargetId, QueuedTarget>,
    next_id: u64,
    settings: HistorySettings,
    closed: bool,
}

/// A target, as the journals see it.
#[derive(Debug)]
struct QueuedTarget {
    batch: Batch,
    /// Whether a journal has taken the batch to drop runs from it. The writer must not take what follows before that.
    is_relieved: bool,
    /// Its store; `None` before it is attached.
    lookup: Option<Weak<dyn StoreLookup>>,
}

/// The journal of one target.
#[derive(Debug)]
pub(super) struct TargetJournal {
    queue: Arc<WriteQueue>,
    id: TargetId,
}

// === impl WriteQueue ===

impl WriteQueue {
    pub(super) fn new(
        settings: &HistorySettings,
        status: Arc<HistoryStatus>,
        events: Arc<dyn EventSink>,
    ) -> Self {
        let state = QueueState {
            targets: BTreeMap::new(),
            next_id: 0,
            settings: settings.clone(),
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            wakeup: Condvar::new(),
            status,
            events,
        }
    }

    /// Adds a target. The writer learns of it with the next batch.
    pub(super) fn add(&self, added: AddedTarget) -> TargetId {
        let mut state = self.state.lock();
        let id = TargetId(state.next_id);
        state.next_id += 1;
        let target = QueuedTarget {
            batch: Batch::first(added),
            is_relieved: false,
            lookup: None,
        };
        state.targets.insert(id, target);
        self.wakeup.notify_one();
        id
    }

    /// A target that is first read now. Its labels are those of the current settings.
    pub(super) fn new_target(&self, name: Option<&str>) -> HistoryTarget {
        let now = model::now().as_second();
        HistoryTarget {
            name: name.unwrap_or_default().to_owned(),
            label_names: self.state.lock().settings.label_names.clone(),
            row: TargetRow {
                since: now,
                seen: now,
            },
        }
    }

    /// Removes a target once the writer has taken its last batch. Later entries of its journal are ignored.
    pub(super) fn remove(&self, id: TargetId) {
        if let Some(target) = self.state.lock().targets.get_mut(&id) {
            target.batch.removed = true;
            target.lookup = None;
        }
        self.wakeup.notify_one();
    }

    /// Sets the store of a target.
    pub(super) fn attach(&self, id: TargetId, lookup: Weak<dyn StoreLookup>) {
        if let Some(target) = self.state.lock().live(id) {
            target.lookup = Some(lookup);
            target.batch.attached = true;
        }
        self.wakeup.notify_one();
    }

    /// The store of a target; `None` before it is attached, after it is dropped, and after the target is removed.
    pub(super) fn lookup(&self, id: TargetId) -> Option<Arc<dyn StoreLookup>> {
        self.state
            .lock()
            .targets
            .get(&id)?
            .lookup
            .as_ref()?
            .upgrade()
    }

    /// Replaces the settings. The path and the buckets stay as they are.
    pub(super) fn configure(&self, settings: &HistorySettings) {
        self.state.lock().settings = settings.clone();
    }

    /// The limits of the file now.
    pub(super) fn limits(&self) -> Limits {
        Limits::new(&self.state.lock().settings, model::now().as_second())
    }

    /// Waits for a change, for the queue to be closed, or for the timeout. Takes all changes, and returns whether the queue
    /// is closed.
    pub(super) fn take_changes(&self, timeout: Duration) -> (Vec<(TargetId, Batch)>, bool) {
        self.take_when(Batch::has_changes, Instant::now() + timeout)
    }

    /// As [`Self::take_changes`], but waits until too many runs are queued, or for the deadline.
    pub(super) fn take_crowded(&self, deadline: Instant) -> (Vec<(TargetId, Batch)>, bool) {
        self.take_when(|batch| batch.writes.is_crowded(), deadline)
    }

    fn take_when(
        &self,
        ready: fn(&Batch) -> bool,
        deadline: Instant,
    ) -> (Vec<(TargetId, Batch)>, bool) {
        let waiting = |state: &mut QueueState| !state.closed && !state.is_ready(ready);
        let mut state = self.state.lock();
        self.wakeup.wait_while_until(&mut state, waiting, deadline);
        (state.take(), state.closed)
    }

    /// Tells the writer to write the remaining changes and end.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.wakeup.notify_one();
    }

    /// The number of targets that it has anything of.
    #[cfg(test)]
    pub(super) fn targets(&self) -> usize {
        self.state.lock().targets.len()
    }
}

impl QueueState {
    /// The target, unless it was removed.
    fn live(&mut self, id: TargetId) -> Option<&mut QueuedTarget> {
        let target = self.targets.get_mut(&id);
        target.filter(|target| !target.batch.removed)
    }

    fn is_ready(&self, ready: fn(&Batch) -> bool) -> bool {
        let mut targets = self.targets.values();
        targets.any(|target| !target.is_relieved && ready(&target.batch))
    }

    /// Takes all batches, and forgets the targets of last ones.
    fn take(&mut self) -> Vec<(TargetId, Batch)> {
        let targets = self.targets.iter_mut();
        let available = targets.filter(|(_, target)| !target.is_relieved);
        let batches: Vec<_> = available
            .map(|(id, target)| (*id, mem::take(&mut target.batch)))
            .collect();
        for (id, _) in batches.iter().filter(|(_, batch)| batch.removed) {
            self.targets.remove(id);
        }
        batches
    }
}

// === impl TargetJournal ===

impl TargetJournal {
    /// The journal of this target.
    pub(super) fn new(queue: Arc<WriteQueue>, id: TargetId) -> Self {
        Self { queue, id }
    }

    /// Takes the batch if too many runs are in it.
    fn take_crowded(&self) -> Option<Batch> {
        let mut state = self.queue.state.lock();
        let target = state.live(self.id)?;
        if target.is_relieved || !target.batch.writes.is_crowded() {
            return None;
        }
        target.is_relieved = true;
        Some(mem::take(&mut target.batch))
    }

    /// Puts the batch back, before what followed it.
    fn put_back(&self, batch: Batch) {
        if let Some(target) = self.queue.state.lock().targets.get_mut(&self.id) {
            let later = mem::replace(&mut target.batch, batch);
            target.batch.merge(later);
            target.is_relieved = false;
        }
        self.queue.wakeup.notify_one();
    }
}

impl Journal for TargetJournal {
    /// While a write hangs, the writer cannot drop anything.
    fn relieve(&self, store: &dyn StoreLookup) {
        let Some(mut batch) = self.take_crowded() else {
            return;
        };
        // The lock is not held while the store is asked.
        let dropped = batch.writes.drop_gone(store);
        self.queue.status.runs_dropped(dropped);
        self.put_back(batch);
    }

    fn append(&self, entry: JournalEntry) {
        let mut state = self.queue.state.lock();
        let Some(target) = state.live(self.id) else {
            return;
        };
        if matches!(entry, JournalEntry::RunFinished { .. }) {
            self.queue.status.run_queued();
        }
        target.batch.add(entry);
        drop(state);
        self.queue.wakeup.notify_one();
    }
}
