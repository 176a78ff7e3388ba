//! What is to be written down of one target and is not yet.
//!
//! Totals of a workload replace its earlier ones, so they take as much room as there are workloads, however long the disk
//! takes. Runs queue up, each beside the totals that it is part of: both go into one transaction.

use std::{collections::HashMap, mem};

use crate::model::{Run, Seconds, Totals, WorkloadId};

/// More runs than this wait only if the API still shows their Jobs.
const WAITING_RUNS: usize = 10_000;

/// What is to be written down of one target.
#[derive(Debug, Default)]
pub(super) struct PendingWrites {
    pub(super) workloads: HashMap<WorkloadId, Entry>,
    runs: usize,
    /// As many runs have to wait before it is worth looking for some to drop.
    patience: usize,
}

/// What is to be written down of one workload.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// What its runs come to, where that changed.
    pub(super) totals: Option<Totals>,
    /// When it left, if it is gone.
    pub(super) left: Option<Seconds>,
    /// Its finished runs, and whether they are in the counters.
    pub(super) runs: Vec<(Run, bool)>,
}

impl PendingWrites {
    /// How many runs there are.
    pub(super) fn runs(&self) -> usize {
        self.runs
    }

    pub(super) fn is_empty(&self) -> bool {
        self.workloads.is_empty()
    }

    /// A workload that is there now stands at these totals.
    pub(super) fn change(&mut self, workload: WorkloadId, totals: Totals) -> &mut Entry {
        let entry = self.workloads.entry(workload).or_default();
        entry.totals = Some(totals);
        entry.left = None;
        entry
    }

    /// The same, by a run that finished.
    pub(super) fn finish(&mut self, workload: WorkloadId, run: Run, counted: bool, totals: Totals) {
        self.change(workload, totals).runs.push((run, counted));
        self.runs += 1;
    }

    /// A workload is no longer there.
    pub(super) fn leave(&mut self, workload: WorkloadId, now: Seconds) {
        self.workloads.entry(workload).or_default().left = Some(now);
    }

    /// Adds what came later.
    pub(super) fn absorb(&mut self, later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        for (id, later) in later.workloads {
            let entry = self.workloads.entry(id).or_default();
            entry.left = later.left;
            entry.totals = later.totals.or(entry.totals.take());
            entry.runs.extend(later.runs);
        }
        self.runs += later.runs;
    }

    /// Whether so many runs wait that some have to go.
    pub(super) fn is_crowded(&self) -> bool {
        self.runs >= self.patience.max(WAITING_RUNS)
    }

    /// Drops runs whose Jobs are not `shown` any more, and gives their number. Their workloads' totals know of them.
    pub(super) fn drop_gone(&mut self, shown: impl Fn(&Run) -> bool) -> usize {
        for entry in self.workloads.values_mut() {
            entry.runs.retain(|(run, _)| shown(run));
        }
        let left = self.workloads.values().map(|entry| entry.runs.len()).sum();
        // Those that are left may all stay: looking again makes sense once there are twice as many.
        self.patience = 2 * left;
        mem::replace(&mut self.runs, left) - left
    }
}
