//! A journal in memory, for tests of the store.

use std::collections::HashSet;

use parking_lot::Mutex;

use crate::model::{Journal, JournalEntry};

/// Keeps entries until they are taken.
#[derive(Debug, Default)]
pub(super) struct MemoryJournal(Mutex<Vec<JournalEntry>>);

impl Journal for MemoryJournal {
    fn append(&self, entry: JournalEntry) {
        self.0.lock().push(entry);
    }
}

impl MemoryJournal {
    /// The entries since the last call.
    pub(super) fn take(&self) -> Vec<JournalEntry> {
        std::mem::take(&mut *self.0.lock())
    }

    /// The entries, which stay.
    pub(super) fn entries(&self) -> Vec<JournalEntry> {
        self.0.lock().clone()
    }

    /// A short line for each entry.
    pub(super) fn lines(&self) -> Vec<String> {
        let line = |entry: &JournalEntry| match entry {
            JournalEntry::RunFinished { run, counted, .. } => {
                let counted = if *counted { "counted" } else { "not counted" };
                format!("{} finished, {counted}", run.uid)
            }
            JournalEntry::WorkloadChanged { workload, state } => {
                format!("{} has {} deleted", workload.name, state.totals.deleted)
            }
            JournalEntry::Counted(event) => format!("event {}", event.kind.as_str()),
            JournalEntry::WorkloadGone(workload, _) => format!("{} is gone", workload.name),
            JournalEntry::Synced => "synced".to_owned(),
            JournalEntry::Relabelled(_) => "relabelled".to_owned(),
        };
        let mut lines: Vec<_> = self.take().iter().map(line).collect();
        // One update can change a workload several times.
        let mut known = HashSet::new();
        lines.retain(|line| known.insert(line.clone()));
        lines
    }
}
