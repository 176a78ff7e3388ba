//! Changes of one target that are not in the file yet.
//!
//! New totals of a workload replace older ones, so their memory is bounded by the number of workloads. Runs queue up beside
//! the totals that include them; both are committed in one transaction.

use std::{collections::HashMap, mem};

use crate::model::{CountedRunLookup, Run, Seconds, Totals, WorkloadId};

/// When this many runs wait, those whose Jobs are gone may be dropped.
const MAX_WAITING_RUNS: usize = 10_000;

/// Changes of one target that are not in the file yet.
#[derive(Debug, Default)]
pub(super) struct PendingWrites {
    pub(super) workloads: HashMap<WorkloadId, PendingWorkload>,
    runs: usize,
    /// The number of runs at which dropping is tried next, if that is more than [`MAX_WAITING_RUNS`].
    next_drop: usize,
}

/// Changes of one workload that are not in the file yet.
#[derive(Debug, Default)]
pub(super) struct PendingWorkload {
    /// New totals.
    pub(super) totals: Option<Totals>,
    /// When the workload was gone; `None` while it exists.
    pub(super) left: Option<Seconds>,
    /// Finished runs, each with whether the counters include it.
    pub(super) runs: Vec<(Run, bool)>,
}

impl PendingWrites {
    /// The number of runs.
    pub(super) fn runs(&self) -> usize {
        self.runs
    }

    pub(super) fn is_empty(&self) -> bool {
        self.workloads.is_empty()
    }

    /// Sets the totals of a workload that exists.
    pub(super) fn set_totals(
        &mut self,
        workload: WorkloadId,
        totals: Totals,
    ) -> &mut PendingWorkload {
        let workload = self.workloads.entry(workload).or_default();
        workload.totals = Some(totals);
        workload.left = None;
        workload
    }

    /// Adds a finished run with the totals that include it.
    pub(super) fn add_run(
        &mut self,
        workload: WorkloadId,
        run: Run,
        counted: bool,
        totals: Totals,
    ) {
        self.set_totals(workload, totals).runs.push((run, counted));
        self.runs += 1;
    }

    /// Marks a workload as gone since `now`.
    pub(super) fn set_gone(&mut self, workload: WorkloadId, now: Seconds) {
        self.workloads.entry(workload).or_default().left = Some(now);
    }

    /// Adds later changes.
    pub(super) fn merge(&mut self, later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        for (id, later) in later.workloads {
            let workload = self.workloads.entry(id).or_default();
            workload.left = later.left;
            workload.totals = later.totals.or(workload.totals.take());
            workload.runs.extend(later.runs);
        }
        self.runs += later.runs;
    }

    /// Whether so many runs wait that some should be dropped.
    pub(super) fn is_crowded(&self) -> bool {
        self.runs >= self.next_drop.max(MAX_WAITING_RUNS)
    }

    /// Drops the runs whose Jobs the API no longer shows and returns their number. The totals still include them.
    pub(super) fn drop_gone(&mut self, lookup: &dyn CountedRunLookup) -> usize {
        for (id, workload) in &mut self.workloads {
            let is_present = |run: &Run| lookup.is_present(&id.namespace, &run.job_name, &run.uid);
            workload.runs.retain(|(run, _)| is_present(run));
        }
        let left = self.workloads.values().map(|it| it.runs.len()).sum();
        // The Jobs of the remaining runs may exist for a long time. The next attempt is worthwhile at twice as many runs.
        self.next_drop = 2 * left;
        mem::replace(&mut self.runs, left) - left
    }
}
