//! The budget of workloads. Without it, a tenant who creates Jobs makes every scrape larger without end.
//!
//! Workloads that are gone are dropped, the oldest first and those that fail last. If that is not enough, workloads that exist
//! and are fine are omitted, the newest first: they stay in memory, and are shown as soon as they fail or there is room. A
//! workload that exists and fails is always shown, so the budget may be exceeded by those.

use super::{WorkloadRecord, Workloads};
use crate::model::Seconds;

/// A part of the budget that is freed in addition, so that a flood of workloads costs O(1) per workload.
const SLACK: usize = 64;

impl Workloads {
    /// Drops workloads that are gone if there are more than the budget allows. Returns their number.
    pub(in crate::store) fn drop_departed(&mut self, date: Seconds) -> usize {
        let budget = self.settings.workloads;
        let excess = self.records.total().saturating_sub(budget);
        if excess == 0 || self.records.len() == self.records.total() {
            return 0;
        }
        let mut departed = Vec::new();
        for (slot, workload, remove_at) in self.records.leaving() {
            let left_at = remove_at.checked_sub(self.settings.retention.of(workload.departure));
            departed.push((workload.is_failing(date), left_at, slot));
        }
        departed.sort_unstable();
        departed.truncate(excess + budget / SLACK);
        let hidden = &mut self.hidden;
        for (_, _, slot) in &departed {
            self.records.remove_now(*slot, |workload| {
                hidden.insert(workload.id, workload.state);
            });
        }
        departed.len()
    }

    /// Omits workloads that are fine if there are more than the budget allows, and shows others if there is room. Returns
    /// the number of workloads that are omitted now and were not before.
    pub(in crate::store) fn omit_excess(&mut self, date: Seconds) -> usize {
        let budget = self.settings.workloads;
        if self.records.total() <= budget && !self.any_omitted {
            return 0;
        }
        let (mut fine, mut failing) = (Vec::new(), Vec::new());
        for slot in self.records.occupied() {
            let is_failing = |workload: &WorkloadRecord| workload.is_failing(date);
            if self.records.get(slot).is_some_and(is_failing) {
                failing.push(slot);
            } else {
                fine.push((self.records.is_omitted(slot), slot));
            }
        }
        // Those that are shown come first, so that they stay.
        fine.sort_unstable();
        let room = budget.saturating_sub(failing.len()).min(fine.len());
        let (shown, excess) = fine.split_at(room);
        for slot in failing.iter().chain(shown.iter().map(|(_, slot)| slot)) {
            self.records.set_omitted(*slot, false);
        }
        for (_, slot) in excess {
            self.records.set_omitted(*slot, true);
        }
        self.any_omitted = !excess.is_empty();
        excess.iter().filter(|(omitted, _)| !omitted).count()
    }
}
