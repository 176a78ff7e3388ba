//! A target while the process runs on: new settings, and a new source.
//!
//! A scrape sees all records with the old settings or all with the new ones. Records that do not change keep their blocks,
//! so the same settings again cost nothing.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    ObjectSelection, StoreSettings, TargetStore,
    facts::Facts,
    labels::Relabeller,
    objects::NO_FEED,
    workloads::{SideEffects, rescheduled},
};
use crate::model::{Journal, JournalEntry};

impl TargetStore {
    /// Applies new settings to everything that is known, except that `run_duration_buckets` and `clock` stay as they are:
    /// the histograms have their buckets already.
    ///
    /// If the mapped labels change, the values of those that stay move to their new positions at once, and those of new labels
    /// are empty until the objects are pushed again. So the source that pushes objects with the old labels must have ended.
    pub fn configure(&self, settings: StoreSettings) {
        let (now, date) = (Instant::now(), (self.clock)());
        self.facts().configure(settings, &*self.journal, now, date);
        self.journal.relieve(self);
    }

    /// Prepares for another source. Call it after the tasks of the old one have ended and before the new one registers its
    /// feeds. `selection` says whether the new one may select other objects.
    ///
    /// A feed with the same scope as before continues with its health. The objects of others stay until all feeds of the new
    /// source were read completely, and hide when they are stale. Objects that are no longer selected then leave without
    /// being counted as deleted.
    pub fn restart_feeds(&self, selection: ObjectSelection) {
        let (now, date) = (Instant::now(), (self.clock)());
        self.facts().restart_feeds(selection, now, date);
        self.journal.relieve(self);
    }
}

impl Facts {
    fn configure(
        &mut self,
        settings: StoreSettings,
        journal: &dyn Journal,
        now: Instant,
        date: Timestamp,
    ) {
        let (old, new) = (self.settings.clone(), self.settings.changed_to(settings));
        if new.same_as(&old) {
            return;
        }
        let new = Arc::new(new);
        self.expire(now);
        self.cronjobs.advance_clock(date.as_second());
        self.settings = new.clone();
        if let Some(mut relabeller) = Relabeller::new(&old, &new) {
            journal.append(JournalEntry::Relabelled(relabeller.relabelling().clone()));
            self.change_labels(&mut relabeller);
        }
        let (before, after) = (old.retention.deleted, new.retention.deleted);
        if before != after {
            self.jobs
                .reschedule_removals(|_, at| rescheduled(at, before, after));
        }
        let changed_grace = self.workloads.configure(&new);
        let workloads = &mut self.workloads;
        self.cronjobs
            .configure(&new, &changed_grace, workloads, date.as_second());
        if new.last_jobs_only && !old.last_jobs_only {
            let mut effects = SideEffects::default();
            workloads.find_last_jobs(&self.jobs, &mut effects);
            self.apply_effects(&effects, date.as_second());
        }
        if old.pods && !new.pods {
            self.forget_pods();
        }
        self.expire(now);
    }

    /// Moves the values of mapped labels to their new positions.
    fn change_labels(&mut self, relabeller: &mut Relabeller) {
        self.label_names = relabeller.relabelling().names.clone();
        self.workloads.relabel(relabeller);
        self.cronjobs.relabel(relabeller);
        for slot in self.jobs.occupied() {
            let Some(job) = self.jobs.get(slot) else {
                continue;
            };
            let template = relabeller.apply_to_template(&job.template);
            let merged = self.workloads.merged_labels(job, &template.labels);
            if (&template, &merged) != (&job.template, &job.merged_labels)
                && let Some(job) = self.jobs.get_mut(slot)
            {
                (job.template, job.merged_labels) = (template, merged);
            }
        }
        self.workloads.report_existing();
    }

    fn restart_feeds(&mut self, selection: ObjectSelection, now: Instant, date: Timestamp) {
        self.feeds.restart(selection, self.settings.reads_nothing);
        self.jobs.forget_lists();
        self.cronjobs.forget_lists();
        let observation = self.observation(NO_FEED, now, date);
        let mut effects = SideEffects::default();
        self.drop_replaced_feeds(observation, &mut effects);
        self.apply_effects(&effects, date.as_second());
    }
}

#[cfg(test)]
mod tests;
