//! The writer's state of one target: what it still has to write, and what it may do with the rows in the file.

use std::{mem, time::Instant};

use super::super::{
    batch::{AddedTarget, Batch},
    events::WaitingEvents,
    pending::PendingWrites,
    storage::{HistoryTarget, TargetWrites},
};
use crate::model::{self, EventSink};

/// The writer's state of one target.
#[derive(Debug)]
pub(super) struct TargetWriter {
    pub(super) target: HistoryTarget,
    /// Changes that are not in the file yet.
    pub(super) pending: PendingWrites,
    /// Events of what the pending changes count.
    pub(super) events: WaitingEvents,
    pub(super) phase: TargetPhase,
    /// Everything was read, now or again: mark workloads as gone that do not exist.
    pub(super) synced: bool,
    /// Whether it is forgotten once everything is written.
    pub(super) removed: bool,
}

/// What the writer may do with the rows of a target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TargetPhase {
    /// The store does not have what earlier processes wrote: leave their rows as they are.
    Unread,
    /// Not everything was read from the API yet: add and replace rows only.
    Reading,
    /// Everything was read once, and workloads were marked: prune from this time on.
    ///
    /// The time stays when everything is read again: the store knows all along which runs it counted.
    Settled { prune_from: Instant },
}

impl TargetWriter {
    pub(super) fn new(added: AddedTarget) -> Self {
        Self {
            target: added.target,
            pending: PendingWrites::default(),
            events: WaitingEvents::default(),
            phase: if added.is_read {
                TargetPhase::Reading
            } else {
                TargetPhase::Unread
            },
            synced: false,
            removed: false,
        }
    }

    /// Adds a batch. Changes that wait here get the labels of the batch.
    pub(super) fn add(&mut self, batch: Batch) {
        if let Some(relabelling) = batch.relabelling {
            self.pending.relabel(&relabelling);
            self.target.label_names = relabelling.names;
        }
        self.pending.merge(batch.writes);
        self.events.merge(batch.events);
        self.synced |= batch.synced;
        self.removed |= batch.removed;
        if batch.removed && matches!(self.phase, TargetPhase::Settled { .. }) {
            self.target.row.seen = model::now().as_second();
        }
    }

    /// Whether its store has what earlier processes wrote, so that its changes may be written.
    pub(super) fn is_read(&self) -> bool {
        self.phase != TargetPhase::Unread
    }

    pub(super) fn writes(&self) -> TargetWrites<'_> {
        TargetWrites {
            target: &self.target,
            pending: &self.pending,
        }
    }

    /// Everything was written: writes the events. Returns the number of runs.
    pub(super) fn written(&mut self, events: &dyn EventSink) -> usize {
        self.events.write(events);
        mem::take(&mut self.pending).runs()
    }

    /// Nothing of it will be written. Returns the number of runs.
    pub(super) fn abandon(&mut self, events: &dyn EventSink) -> usize {
        self.events.abandon(events);
        mem::take(&mut self.pending).runs()
    }

    /// From when on its rows may be pruned, once that is known.
    pub(super) fn prune_from(&self) -> Option<Instant> {
        match self.phase {
            TargetPhase::Settled { prune_from } => Some(prune_from),
            TargetPhase::Unread | TargetPhase::Reading => None,
        }
    }

    pub(super) fn is_prunable(&self, now: Instant) -> bool {
        self.prune_from().is_some_and(|from| from <= now)
    }
}
