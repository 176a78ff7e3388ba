//! New settings for CronJobs, and feeds of theirs that leave.

use std::{cmp::Reverse, collections::HashSet, mem, sync::Arc};

use super::{CronJobRecord, CronJobStore};
use crate::{
    model::{CronJob, FeedId, Seconds, WorkloadId},
    store::{StoreSettings, labels::Relabeller, objects::Transition, workloads::Workloads},
};

impl CronJobStore {
    /// Applies new settings, and evaluates the schedules that depend on them: those of the `CronJobs` in `changed_grace`, or
    /// all that have no time zone of their own if that of the controller changed.
    pub(in crate::store) fn configure(
        &mut self,
        settings: &Arc<StoreSettings>,
        changed_grace: &[WorkloadId],
        workloads: &mut Workloads,
        date: Seconds,
    ) {
        let old = mem::replace(&mut self.settings, settings.clone());
        let zone_changed = old.controller_zone != settings.controller_zone;
        if zone_changed {
            for slot in self.records.occupied() {
                self.parse_again(slot, workloads, date);
            }
        }
        for id in changed_grace {
            self.evaluate_workload(id, workloads, date);
        }
        if zone_changed || !changed_grace.is_empty() {
            self.rebuild_queues();
        }
    }

    /// Evaluates the schedule in a slot in the new time zone of the controller.
    fn parse_again(&mut self, slot: u32, workloads: &mut Workloads, date: Seconds) {
        let depends = |record: &CronJobRecord| {
            record.cronjob.time_zone.is_none() && record.schedule_status.is_some()
        };
        if !self.records.get(slot).is_some_and(depends) {
            return;
        }
        let zone = &self.settings.controller_zone;
        if let Some(CronJobRecord {
            cronjob,
            schedule_status: Some(status),
        }) = self.records.get_mut(slot)
        {
            *status = status.clone().with_schedule_of(cronjob, zone);
            workloads.forget_overdue(cronjob);
        }
        self.evaluate(slot, workloads, date);
    }

    /// Fills the queues of evaluations again: those that are no longer planned would stay until their time.
    pub(in crate::store) fn rebuild_queues(&mut self) {
        self.due_times.clear();
        self.evaluations.clear();
        for slot in self.records.occupied() {
            let status = self
                .records
                .get(slot)
                .and_then(CronJobRecord::schedule_status);
            let Some(status) = status else {
                continue;
            };
            let (next, next_evaluation) = (status.next, status.next_evaluation);
            self.due_times.extend(next.map(|at| Reverse((at, slot))));
            if let Some(at) = next_evaluation
                && let Some(feed) = status.queued_for
            {
                let evaluations = self.evaluations.entry(feed).or_default();
                evaluations.push(Reverse((at, slot)));
            }
        }
    }

    /// Moves the values of mapped labels to their new positions.
    pub(in crate::store) fn relabel(&mut self, relabeller: &mut Relabeller) {
        for slot in self.records.occupied() {
            let Some(CronJobRecord { cronjob, .. }) = self.records.get(slot) else {
                continue;
            };
            let labels = relabeller.apply(&cronjob.labels);
            let inherited = relabeller.apply_known(&cronjob.inherited_labels);
            if (&labels, &inherited) != (&cronjob.labels, &cronjob.inherited_labels)
                && let Some(CronJobRecord { cronjob, .. }) = self.records.get_mut(slot)
            {
                cronjob.labels = labels;
                cronjob.inherited_labels = inherited;
            }
        }
    }

    /// Removes these feeds and their `CronJobs`, which are no longer selected.
    pub(in crate::store) fn drop_feeds(
        &mut self,
        feeds: &HashSet<FeedId>,
        on_transition: &mut impl FnMut(Transition<'_, CronJobRecord>),
    ) {
        self.records.deselect(feeds, on_transition);
        self.judged_until.retain(|feed, _| !feeds.contains(feed));
        self.rebuild_queues();
    }

    /// The `CronJobs`, with their feeds.
    pub(in crate::store) fn existing_with_feeds(&self) -> impl Iterator<Item = (&CronJob, FeedId)> {
        let existing = self.records.existing_with_feeds();
        existing.map(|(record, feed)| (&record.cronjob, feed))
    }
}
