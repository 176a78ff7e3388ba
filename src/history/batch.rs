//! What the writer takes from the queue of one target at once.
//!
//! All states in a batch have the labels that were configured last, also those that were added before these were.

use super::{events::WaitingEvents, pending::PendingWrites, storage::HistoryTarget};
use crate::model::{self, JournalEntry, Relabelling};

/// Queued changes of one target.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Set in the first batch.
    pub(super) added: Option<AddedTarget>,
    /// Whether the target got its store: what earlier processes wrote can be handed over.
    pub(super) attached: bool,
    /// How the labels of earlier batches move.
    pub(super) relabelling: Option<Relabelling>,
    pub(super) writes: PendingWrites,
    /// Events of what the writes of this batch, or of an earlier one, count.
    pub(super) events: WaitingEvents,
    /// Everything of the target was read. Reported in one batch only, each time.
    pub(super) synced: bool,
    /// Whether the target was removed. This is its last batch.
    pub(super) removed: bool,
}

/// A target that the writer does not know yet.
#[derive(Debug)]
pub(super) struct AddedTarget {
    pub(super) target: HistoryTarget,
    /// Whether its store has what earlier processes wrote.
    pub(super) is_read: bool,
}

impl Batch {
    /// The first batch of a target.
    pub(super) fn first(added: AddedTarget) -> Self {
        Self {
            added: Some(added),
            ..Self::default()
        }
    }

    /// Whether there is something to do for the writer.
    pub(super) fn has_changes(&self) -> bool {
        let Self {
            added,
            attached,
            relabelling,
            writes,
            events,
            synced,
            removed,
        } = self;
        let is_other = added.is_some() || relabelling.is_some() || !writes.is_empty();
        // The writer may have taken the state before its event came.
        is_other || !events.is_empty() || *attached || *synced || *removed
    }

    /// Adds an entry of the journal.
    pub(super) fn add(&mut self, entry: JournalEntry) {
        match entry {
            JournalEntry::RunFinished {
                workload,
                run,
                counted,
                state,
            } => self.writes.add_run(workload, *run, counted, state),
            JournalEntry::WorkloadChanged { workload, state } => {
                self.writes.set_state(workload, state);
            }
            JournalEntry::Counted(event) => self.events.push(*event),
            JournalEntry::WorkloadGone(workload, departure) => {
                let now = model::now().as_second();
                self.writes.set_gone(workload, departure, now);
            }
            JournalEntry::Synced => self.synced = true,
            JournalEntry::Relabelled(relabelling) => self.relabel(relabelling),
        }
    }

    /// Adds a later batch.
    pub(super) fn merge(&mut self, later: Self) {
        if let Some(relabelling) = later.relabelling {
            self.relabel(relabelling);
        }
        self.writes.merge(later.writes);
        self.events.merge(later.events);
        self.attached |= later.attached;
        self.synced |= later.synced;
        self.removed |= later.removed;
    }

    fn relabel(&mut self, later: Relabelling) {
        self.writes.relabel(&later);
        let both = match &self.relabelling {
            Some(earlier) => later.after(earlier),
            None => later,
        };
        self.relabelling = Some(both);
    }
}
