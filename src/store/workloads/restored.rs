//! Workloads of earlier processes, from the start until it is known which of them are still there.
//!
//! Those that were there not long ago are shown at once, as if they had been leaving since. The others are kept out of sight:
//! they go on where they were should they turn out to be there. None of them is forgotten before everything was read once.

use std::{collections::HashMap, time::Duration};

use tokio::time::Instant;

use super::{WorkloadRecord, Workloads};
use crate::model::{FeedId, Seconds, Totals, WorkloadId};

/// Of workloads of which no feed has told yet. There is no such feed, so it cannot go stale.
const NO_FEED: FeedId = FeedId(u32::MAX);

/// Workloads that are not shown and may yet be seen.
#[derive(Debug)]
pub(super) struct Restored {
    /// `None` once all was read.
    unseen: Option<HashMap<WorkloadId, Totals>>,
}

impl Default for Restored {
    fn default() -> Self {
        Self {
            unseen: Some(HashMap::new()),
        }
    }
}

impl Restored {
    /// Keeps what is no longer shown for as long as nobody knows whether it is gone for good.
    pub(super) fn keep(&mut self, id: WorkloadId, totals: Totals) {
        if let Some(unseen) = &mut self.unseen {
            unseen.insert(id, totals);
        }
    }

    /// What is known of a workload that is seen now.
    pub(super) fn take(&mut self, id: &WorkloadId) -> Option<Totals> {
        self.unseen.as_mut()?.remove(id)
    }
}

impl Workloads {
    /// Takes in what was written down of workloads, with when each was last there.
    pub(super) fn restore(&mut self, mut workloads: Vec<(WorkloadId, Totals, Seconds)>) {
        let (now, date) = (Instant::now(), (self.settings.clock)().as_second());
        workloads.sort_by_key(|(_, _, last_there)| *last_there);
        for (id, totals, last_there) in workloads {
            // A clock that was set back makes it 0, never less.
            let gone = u64::try_from(date.saturating_sub(last_there)).unwrap_or(0);
            let retention = self.settings.retention.workloads;
            let rest = retention.saturating_sub(Duration::from_secs(gone));
            if rest.is_zero() {
                self.restored.keep(id, totals);
            } else {
                let workload = WorkloadRecord::new(id, totals, self.settings.clone());
                let slot = self.records.insert(NO_FEED, workload);
                self.records.schedule_removal(slot, now + rest);
            }
        }
    }

    /// Everything was read once: what was not seen by now is gone.
    pub(in crate::store) fn settle(&mut self, now: Instant) {
        self.restored.unseen = None;
        self.counted_runs.settle(now);
    }
}
