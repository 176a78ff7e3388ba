//! Changes of one target that are not in the file yet.
//!
//! The new state of a workload replaces an older one, so their memory is bounded by the number of workloads. Runs queue up beside
//! the state that includes them; both are committed in one transaction.

use std::{collections::HashMap, mem};

use crate::model::{Departure, Relabelling, Run, Seconds, StoreLookup, WorkloadId, WorkloadState};

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
    /// A new state.
    pub(super) state: Option<WorkloadState>,
    /// When and how the workload left; `None` while it exists.
    pub(super) left: Option<(Seconds, Departure)>,
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

    /// Sets the state of a workload that exists.
    pub(super) fn set_state(
        &mut self,
        workload: WorkloadId,
        state: WorkloadState,
    ) -> &mut PendingWorkload {
        let workload = self.workloads.entry(workload).or_default();
        workload.state = Some(state);
        workload.left = None;
        workload
    }

    /// Adds a finished run with the state that includes it.
    pub(super) fn add_run(
        &mut self,
        workload: WorkloadId,
        run: Run,
        counted: bool,
        state: WorkloadState,
    ) {
        self.set_state(workload, state).runs.push((run, counted));
        self.runs += 1;
    }

    /// Marks a workload as gone since `now`.
    pub(super) fn set_gone(&mut self, workload: WorkloadId, departure: Departure, now: Seconds) {
        self.workloads.entry(workload).or_default().left = Some((now, departure));
    }

    /// Forgets that workloads are gone which this process does not read any more: another shard has them.
    pub(super) fn leave_to_others(&mut self, lookup: &dyn StoreLookup) {
        self.workloads.retain(|id, workload| {
            if workload.left.is_some() && !lookup.reads(&id.namespace) {
                workload.left = None;
            }
            workload.state.is_some() || workload.left.is_some() || !workload.runs.is_empty()
        });
    }

    /// Moves the labels of all states to their new positions.
    pub(super) fn relabel(&mut self, relabelling: &Relabelling) {
        for workload in self.workloads.values_mut() {
            if let Some(state) = &mut workload.state {
                state.labels = relabelling.apply(&state.labels);
            }
        }
    }

    /// Adds later changes, whose states have the same labels.
    pub(super) fn merge(&mut self, later: Self) {
        if self.is_empty() {
            *self = later;
            return;
        }
        for (id, later) in later.workloads {
            let workload = self.workloads.entry(id).or_default();
            workload.left = later.left;
            workload.state = later.state.or(workload.state.take());
            workload.runs.extend(later.runs);
        }
        self.runs += later.runs;
    }

    /// Whether so many runs wait that some should be dropped.
    pub(super) fn is_crowded(&self) -> bool {
        self.runs >= self.next_drop.max(MAX_WAITING_RUNS)
    }

    /// Drops the runs whose Jobs the API no longer shows, and workloads that are gone. Returns the number of runs. The totals
    /// of workloads that exist still include them.
    pub(super) fn drop_gone(&mut self, lookup: &dyn StoreLookup) -> usize {
        for (id, workload) in &mut self.workloads {
            let is_present = |run: &Run| lookup.is_present(&id.namespace, &run.job_name, &run.uid);
            workload.runs.retain(|(run, _)| is_present(run));
        }
        self.workloads.retain(|id, workload| {
            !workload.runs.is_empty() || workload.left.is_none() || lookup.has_workload(id)
        });
        let left = self.workloads.values().map(|it| it.runs.len()).sum();
        // The Jobs of the remaining runs may exist for a long time. The next attempt is worthwhile at twice as many runs.
        self.next_drop = 2 * left;
        mem::replace(&mut self.runs, left) - left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::tests::{FakeStore, run, workload};

    #[test]
    fn workloads_of_other_shards_are_not_gone() {
        let mut pending = PendingWrites::default();
        let state = || WorkloadState::from(crate::model::Totals::default());
        for name in ["read", "other"] {
            let id = WorkloadId {
                namespace: name.into(),
                ..workload(name)
            };
            pending.set_gone(id.clone(), Departure::Deletion, 5);
            let ended = WorkloadId {
                name: "ended".into(),
                ..id
            };
            pending.add_run(ended.clone(), run(1), true, state());
            pending.set_gone(ended, Departure::Cleanup, 6);
        }
        let store = FakeStore {
            namespace: Some("read".into()),
            ..FakeStore::default()
        };
        pending.leave_to_others(&store);
        let mut left: Vec<_> = pending.workloads.iter().collect();
        left.sort_by_key(|(id, _)| (id.namespace.clone(), id.name.clone()));
        let left: Vec<_> = left
            .into_iter()
            .map(|(id, it)| (&*id.namespace, &*id.name, it.left.map(|(left, _)| left)))
            .collect();
        let expected = [
            ("other", "ended", None),
            ("read", "ended", Some(6)),
            ("read", "read", Some(5)),
        ];
        assert_eq!(left, expected);
    }
}
