//! Workloads of earlier processes, until everything was read once.
//!
//! Workloads that existed less than `retention.workloads` ago are shown at once, for the rest of that time. Older ones are
//! hidden. Both continue with their totals if a feed sees them. None is forgotten before everything was read once.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::{WorkloadRecord, Workloads};
use crate::model::{FeedId, Seconds, Totals, WorkloadId};

/// The feed of restored workloads that no feed has seen yet. It does not exist, so it cannot become stale.
const NO_FEED: FeedId = FeedId(u32::MAX);

/// Restored workloads that are not shown but may still exist.
#[derive(Debug)]
pub(super) struct HiddenWorkloads {
    /// `None` once everything was read.
    totals: Option<HashMap<WorkloadId, Totals>>,
}

impl Default for HiddenWorkloads {
    fn default() -> Self {
        Self {
            totals: Some(HashMap::new()),
        }
    }
}

impl HiddenWorkloads {
    /// Hides a workload. Does nothing once everything was read: then the workload is gone.
    pub(super) fn insert(&mut self, id: WorkloadId, totals: Totals) {
        if let Some(hidden) = &mut self.totals {
            hidden.insert(id, totals);
        }
    }

    /// Removes a workload and returns its totals.
    pub(super) fn take(&mut self, id: &WorkloadId) -> Option<Totals> {
        self.totals.as_mut()?.remove(id)
    }
}

impl Workloads {
    /// Adds restored workloads, each with the time when it last existed.
    pub(super) fn restore(&mut self, mut workloads: Vec<(WorkloadId, Totals, Seconds)>) {
        let (now, date) = (Instant::now(), (self.settings.clock)().as_second());
        workloads.sort_by_key(|(_, _, last_existed)| *last_existed);
        for (id, totals, last_existed) in workloads {
            // After a clock was set back the difference may be negative: it counts as 0.
            let gone = u64::try_from(date.saturating_sub(last_existed)).unwrap_or(0);
            let retention = self.settings.retention.workloads;
            let rest = retention.saturating_sub(Duration::from_secs(gone));
            if rest.is_zero() {
                self.hidden.insert(id, totals);
            } else {
                let workload = WorkloadRecord::new(id, totals, self.settings.clone());
                let slot = self.records.insert(NO_FEED, workload);
                self.records.schedule_removal(slot, now + rest);
            }
        }
    }

    /// Everything was read once: hidden workloads and unseen runs of earlier processes are gone.
    pub(in crate::store) fn forget_unseen(&mut self, now: Instant) {
        self.hidden.totals = None;
        self.counted_runs.start_expiry(now);
    }
}

#[cfg(test)]
mod tests;
