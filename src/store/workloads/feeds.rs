//! What changes in workloads when feeds leave.

use std::collections::HashSet;

use tokio::time::Instant;

use super::{CRONJOB, Workloads};
use crate::{
    model::{Departure, FeedId, Job},
    store::{cronjobs::CronJobStore, objects::Objects},
};

impl Workloads {
    /// These feeds are gone, and their objects left or moved to others. Workloads that still exist belong to the feeds of
    /// their objects.
    pub(in crate::store) fn drop_feeds(
        &mut self,
        feeds: &HashSet<FeedId>,
        jobs: &Objects<Job>,
        cronjobs: &CronJobStore,
        now: Instant,
    ) {
        for feed in feeds {
            let Some(id) = self.configured.remove(feed) else {
                continue;
            };
            if let Some(slot) = self.find(&id)
                && let Some(workload) = self.records.get_mut(slot)
            {
                workload.configured -= 1;
                self.retire_if_deselected(slot, now);
            }
        }
        for (job, feed) in jobs.existing_with_feeds() {
            let slot = self.find_of(job);
            self.move_from(feeds, slot, feed);
        }
        for (cronjob, feed) in cronjobs.existing_with_feeds() {
            let slot = self
                .records
                .find((CRONJOB, &cronjob.namespace, &cronjob.name));
            self.move_from(feeds, slot, feed);
        }
        self.records.detach(feeds);
    }

    /// Starts the retention of a workload whose last object is no longer selected.
    pub(super) fn retire_if_deselected(&mut self, slot: u32, now: Instant) {
        if let Some(workload) = self.records.get(slot)
            && !workload.exists()
            && let Some(workload) = self.records.get_mut(slot)
        {
            workload.departure = Departure::Deletion;
            self.retire_if_empty(slot, now);
        }
    }

    /// The workload in a slot belongs to `feed` now, if it belonged to one of `feeds` and exists.
    fn move_from(&mut self, feeds: &HashSet<FeedId>, slot: Option<u32>, feed: FeedId) {
        if let Some(slot) = slot
            && self
                .records
                .feed(slot)
                .is_some_and(|before| feeds.contains(&before))
            && self
                .records
                .get(slot)
                .is_some_and(super::WorkloadRecord::exists)
        {
            self.records.confirm(slot, feed);
        }
    }
}
