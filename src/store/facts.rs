//! What a [`TargetStore`](super::TargetStore) knows, behind its lock: objects, workloads and feeds.
//!
//! An update is applied completely before the lock is released, so nobody sees half of it. A list that repeats an earlier one comes
//! as several updates: each object is shown as it was before, or as it is.

use std::{collections::HashSet, sync::Arc};

use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    CronJobRecord, LARGE, StoreSettings, TargetStatus,
    blocking::long_step,
    cronjobs::CronJobStore,
    feeds::Feeds,
    objects::{Absence, Objects, Transition},
    pods::Pods,
    workloads::{Observation, SideEffects, Workloads},
};
use crate::model::{
    Change, FeedId, HealthChange, Job, Journal, Name, Resource, RestoredState, Seconds, Update,
};

/// The facts of one target. Its lock is the one that snapshots and pushes take.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) jobs: Objects<Job>,
    pub(super) cronjobs: CronJobStore,
    pub(super) workloads: Workloads,
    pub(super) pods: Pods,
    /// Whether the counters include what an earlier process counted.
    pub(super) counters_known: bool,
    /// Invalid annotations, counted since the start.
    pub(super) invalid_annotations: u64,
    /// Label values that were cut, counted since the start.
    pub(super) truncated_values: u64,
    /// Workloads that were left out, counted since the start.
    pub(super) dropped_workloads: u64,
    pub(super) feeds: Feeds,
    pub(super) settings: Arc<StoreSettings>,
    /// The names of the mapped labels, in the order of their values in the records.
    pub(super) label_names: Arc<[String]>,
}

// === impl Facts ===

impl Facts {
    /// The facts before anything was read.
    pub(super) fn new(
        target: Option<Name>,
        settings: Arc<StoreSettings>,
        state: RestoredState,
        journal: Arc<dyn Journal>,
    ) -> Self {
        Self {
            counters_known: !state.delayed,
            jobs: Objects::default(),
            pods: Pods::default(),
            cronjobs: CronJobStore::new(settings.clone()),
            workloads: Workloads::new(target, settings.clone(), state, journal),
            invalid_annotations: 0,
            truncated_values: 0,
            dropped_workloads: 0,
            feeds: Feeds::new(settings.reads_nothing),
            label_names: settings.label_names(),
            settings,
        }
    }

    /// Applies an update of a feed. `date` is the wall clock.
    pub(super) fn push(
        &mut self,
        feed: FeedId,
        mut update: Update,
        now: Instant,
        date: Timestamp,
    ) -> (HealthChange, SideEffects) {
        let mut effects = SideEffects::default();
        // A run that is over stays over, whatever follows. The last page of a first list may still belong to it.
        self.settle_runs(now, &mut effects);
        let absence = self.absence(feed, &update, now);
        let Some(health) = self.feeds.record(feed, &update, now, date) else {
            debug_assert!(false, "no feed {feed:?}");
            return (HealthChange::default(), effects);
        };
        self.expire(now);
        self.cronjobs.advance_clock(date.as_second());
        let observation = Observation {
            deletion: matches!(update, Update::Jobs(Change::Deleted(_))),
            ..self.observation(feed, now, date)
        };
        self.complete(&mut update);
        let workloads = &mut self.workloads;
        let mut see_job = |transition: Transition<'_, Job>| {
            workloads.on_job(observation, &transition, &mut effects);
        };
        match update {
            Update::Contact | Update::Undecodable(_) | Update::Namespaces(_) => {}
            Update::Failed(_) => {
                if self
                    .feeds
                    .has_stale_pods(feed, now, self.settings.retention.stale_after)
                {
                    self.forget_live_pods(feed);
                }
            }
            Update::CaughtUp(_) => self.judge(feed, date.as_second()),
            Update::Jobs(change) => {
                let before = self.jobs.total();
                let new = self.pods.new_jobs(&change);
                self.jobs.change(feed, change, absence, &mut see_job);
                self.jobs.arrange_if_grown(before);
                self.jobs.arrange_if_sparse();
                self.mark_counted(&mut effects);
                self.claim_pods(&new);
            }
            Update::JobAbsent => {
                let none = Change::Replaced(Vec::new());
                self.jobs.change(feed, none, absence, &mut see_job);
            }
            Update::Pods(change) => self.change_pods(feed, change),
            Update::CronJobs(change) => {
                let see = &mut |transition: Transition<'_, CronJobRecord>| {
                    workloads.on_cronjob(observation, &transition, &mut effects);
                };
                for changed in self.cronjobs.change(feed, change, absence, see) {
                    self.cronjobs
                        .evaluate_changed(changed, workloads, observation.date);
                }
                if absence == Absence::Deselected {
                    self.cronjobs.rebuild_queues();
                }
            }
        }
        self.drop_replaced_feeds(observation, &mut effects);
        self.apply_effects(&effects, observation.date);
        self.settle_runs(now, &mut effects);
        effects.dropped = self.workloads.drop_departed(date.as_second()) as u64;
        self.dropped_workloads += effects.dropped;
        for problems in &effects.problems {
            self.invalid_annotations += problems.invalid.len() as u64;
            self.truncated_values += problems.truncated.len() as u64;
        }
        (health, effects)
    }

    /// What feed `id` sees now, unless that is a deletion.
    pub(super) fn observation(&self, id: FeedId, now: Instant, date: Timestamp) -> Observation {
        Observation {
            feed: id,
            configured: self.feeds.is_configured(id),
            count_since: self.feeds.count_since(id),
            deletion: false,
            now,
            date: date.as_second(),
        }
    }

    /// Why objects leave with this update. Must be called before the feed records it.
    fn absence(&self, id: FeedId, update: &Update, now: Instant) -> Absence {
        let is_list = matches!(
            update,
            Update::Jobs(Change::Replaced(_)) | Update::CronJobs(Change::Replaced(_))
        );
        if is_list && self.feeds.selection_changed(id) {
            return Absence::Deselected;
        }
        let retain_until = now + self.settings.retention.deleted;
        Absence::Deleted { retain_until }
    }

    /// Removes feeds that others have replaced, with the objects that did not move to them.
    pub(super) fn drop_replaced_feeds(
        &mut self,
        observation: Observation,
        effects: &mut SideEffects,
    ) {
        let replaced = self.feeds.take_replaced();
        if replaced.is_empty() {
            return;
        }
        let replaced: HashSet<FeedId> = replaced.into_iter().collect();
        if self.settings.pods {
            self.drop_pods(&replaced);
        }
        let workloads = &mut self.workloads;
        self.jobs.deselect(&replaced, &mut |transition| {
            workloads.on_job(observation, &transition, effects);
        });
        self.cronjobs.drop_feeds(&replaced, &mut |transition| {
            workloads.on_cronjob(observation, &transition, effects);
        });
        workloads.drop_feeds(&replaced, &self.jobs, &self.cronjobs, observation.now);
    }

    /// Applies the effects that changes of workloads have on other records.
    pub(super) fn apply_effects(&mut self, effects: &SideEffects, date: Seconds) {
        for id in &effects.to_evaluate {
            self.cronjobs
                .evaluate_workload(id, &mut self.workloads, date);
        }
        self.relabel(&effects.relabelled);
        self.mark(effects);
    }

    /// Judges the schedules that depend on feed `id` as of the time that it has caught up to.
    fn judge(&mut self, id: FeedId, date: Seconds) {
        for feed in self.feeds.dependent_cronjobs(id) {
            if let Some(until) = self.feeds.judged_until(feed) {
                self.cronjobs.judge(feed, until, &mut self.workloads, date);
            }
        }
    }

    /// Counts and shows the runs of owners that are over. Not before everything was tried once: the list that a feed reads at first may
    /// still bring Jobs of the same owner.
    pub(super) fn settle_runs(&mut self, now: Instant, effects: &mut SideEffects) {
        if self.workloads.has_settled_runs(now) && self.feeds.all_tried() {
            let is_unreadable = |namespace: &str| self.feeds.fails_jobs_of(namespace);
            self.workloads.settle_runs(now, &is_unreadable, effects);
            self.mark(effects);
        }
    }

    /// Marks the Jobs of last runs: they are shown where other finished Jobs are not.
    fn mark(&mut self, effects: &SideEffects) {
        for (namespace, name, uid, last) in &effects.last_jobs {
            if let Some(slot) = self.jobs.find(("", namespace, name))
                && let Some(job) = self.jobs.get(slot)
                && self.workloads.uid_matches(job, *uid)
            {
                self.jobs.set_pinned(slot, *last);
            }
        }
    }

    /// Drops deleted Jobs and workloads whose retention is over.
    pub(super) fn expire(&mut self, now: Instant) {
        if self.jobs.expire_some(now, LARGE, drop) {
            long_step(|| self.jobs.expire(now, drop));
        }
        self.jobs.arrange_if_sparse();
        self.workloads.expire(now);
    }

    pub(super) fn status(&self) -> TargetStatus {
        TargetStatus {
            up: self.feeds.up(),
            synced: self.feeds.synced(),
            pods_up: self.feeds.pods_up(),
            last_success: self.feeds.last_success(),
            feeds: self.feeds.len(),
            failing_feeds: self.feeds.failing(),
            undecodable_jobs: self.feeds.undecodable(Resource::Jobs),
            undecodable_pods: self.feeds.undecodable(Resource::Pods),
            undecodable_cronjobs: self.feeds.undecodable(Resource::CronJobs),
            jobs: self.jobs.len(),
            cronjobs: self.cronjobs.len(),
            invalid_annotations: self.invalid_annotations,
            truncated_values: self.truncated_values,
            dropped_workloads: self.dropped_workloads,
        }
    }
}
