//! Workloads of earlier processes, until everything was read once.
//!
//! Workloads that existed less than `retention.workloads` ago are shown at once, for the rest of that time. Older ones are
//! hidden. Both continue with their totals if a feed sees them. None is forgotten before everything was read once.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::{WorkloadRecord, Workloads};
use crate::{
    model::{Departure, JournalEntry, RestoredWorkload, WorkloadId, WorkloadState},
    store::objects::NO_FEED,
};

/// Restored workloads that are not shown but may still exist.
#[derive(Debug)]
pub(super) struct HiddenWorkloads {
    /// `None` once everything was read.
    states: Option<HashMap<WorkloadId, WorkloadState>>,
}

impl Default for HiddenWorkloads {
    fn default() -> Self {
        Self {
            states: Some(HashMap::new()),
        }
    }
}

impl HiddenWorkloads {
    /// Hides a workload. Does nothing once everything was read: then the workload is gone.
    pub(super) fn insert(&mut self, id: WorkloadId, state: WorkloadState) {
        if let Some(hidden) = &mut self.states {
            hidden.insert(id, state);
        }
    }

    /// Whether what earlier processes saw may still exist, because not everything was read yet.
    pub(super) fn may_exist(&self) -> bool {
        self.states.is_some()
    }

    /// The workloads and their states.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&WorkloadId, &WorkloadState)> {
        self.states.iter().flatten()
    }

    /// The states, to be changed.
    pub(super) fn states_mut(&mut self) -> impl Iterator<Item = &mut WorkloadState> {
        self.states.iter_mut().flat_map(HashMap::values_mut)
    }

    /// Removes a workload and returns its state.
    pub(super) fn take(&mut self, id: &WorkloadId) -> Option<WorkloadState> {
        self.states.as_mut()?.remove(id)
    }
}

impl Workloads {
    /// Adds restored workloads.
    pub(super) fn restore(&mut self, workloads: Vec<RestoredWorkload>) {
        let (now, date) = (Instant::now(), (self.settings.clock)().as_second());
        for restored in workloads {
            let RestoredWorkload {
                id,
                state,
                last_existed,
                departure,
            } = restored;
            // Another shard owns it since, and shows it.
            if !self
                .settings
                .shard
                .is_none_or(|shard| shard.owns(&id.namespace))
            {
                continue;
            }
            // After a clock was set back the difference may be negative: it counts as 0.
            let gone = u64::try_from(date.saturating_sub(last_existed)).unwrap_or(0);
            let retention = self.settings.retention.of(departure);
            let rest = retention.saturating_sub(Duration::from_secs(gone));
            if rest.is_zero() {
                self.hidden.insert(id, state);
            } else {
                let mut workload = self.new_record(id, state);
                workload.departure = departure;
                let slot = self.records.insert(NO_FEED, workload);
                self.records.schedule_removal(slot, now + rest);
            }
        }
    }

    /// Everything was read once: hidden workloads and unseen runs of earlier processes are gone. Does nothing when new feeds
    /// were read later.
    pub(in crate::store) fn forget_unseen(&mut self, now: Instant) {
        if self.hidden.states.take().is_none() {
            return;
        }
        self.counted_runs.start_expiry(now);
        self.owner_runs.forget_restored();
        self.retire_deleted_cronjobs(now);
    }

    /// A restored `CronJob` that no feed has seen was deleted while no process ran.
    fn retire_deleted_cronjobs(&mut self, now: Instant) {
        for slot in self.records.occupied() {
            let deleted = |it: &WorkloadRecord| it.state.schedule.is_some() && !it.exists();
            if self.records.get(slot).is_some_and(deleted)
                && let Some(workload) = self.records.get_mut(slot)
            {
                workload.departure = Departure::Deletion;
                let gone = JournalEntry::WorkloadGone(workload.id.clone(), Departure::Deletion);
                self.journal.append(gone);
                let at = now + self.settings.retention.deleted;
                self.records.hasten_removal(slot, at);
            }
        }
    }
}

#[cfg(test)]
mod tests;
