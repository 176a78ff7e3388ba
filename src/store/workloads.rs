//! What the runs of each workload come to, kept up with every event.
//!
//! [`Workloads`] is told of each transition of a Job or `CronJob` once and changes one record for it, so an event costs O(1)
//! and a scrape O(workloads). A run is counted once, by its uid: Jobs that are there are known by their last state, those
//! that went by the [`CountedRuns`], those of earlier processes by what was written down of them.

use std::{collections::HashMap, sync::Arc};

use tokio::time::Instant;

use super::{
    StoreSettings,
    counted_runs::{CountedRuns, Fate},
    cronjobs::CronJobRecord,
    objects::{Objects, Snapshot, Transition, Visibility},
};
use crate::model::{
    CronJob, FeedId, Job, Journal, JournalEntry, Name, RestoredState, Run, Seconds, Totals,
    WorkloadId,
};

mod record;
mod restored;

pub use record::WorkloadRecord;

use record::{Described, started};
use restored::Restored;

/// The kind of workloads that fire by a schedule.
const CRONJOB: &str = "cronjob";

/// All workloads of one target.
#[derive(Debug)]
pub(super) struct Workloads {
    records: Objects<WorkloadRecord>,
    counted_runs: CountedRuns,
    restored: Restored,
    /// What the Jobs that the configuration names are runs of, each by its own feed.
    configured: HashMap<FeedId, WorkloadId>,
    /// Runs that ended before are not counted, unless they were seen under way.
    since: Seconds,
    journal: Arc<dyn Journal>,
    settings: Arc<StoreSettings>,
}

/// Who told of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    pub(super) feed: FeedId,
    /// The configuration names the object.
    pub(super) configured: bool,
    pub(super) now: Instant,
}

/// What follows from a change outside of the workloads.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// Jobs that became the last of their workload, or ceased to be it: namespace, name, uid in the ledger's form.
    pub(super) last_jobs: Vec<(Name, Name, u64, bool)>,
    /// Annotations that make no sense: whose, which, and their value.
    pub(super) invalid: Vec<(WorkloadId, &'static str, Name)>,
}

// === impl Effects ===

impl Effects {
    fn complain(&mut self, workload: &WorkloadId, invalid: Vec<(&'static str, Name)>) {
        let problems = invalid.into_iter();
        self.invalid
            .extend(problems.map(|(annotation, value)| (workload.clone(), annotation, value)));
    }

    /// Another Job is that of the last run.
    fn set_last_job(&mut self, workload: &mut WorkloadRecord, name: Name, key: u64) {
        let namespace = &workload.id.namespace;
        let before = workload.last_job.replace((name.clone(), key));
        let before = before.map(|(name, key)| (namespace.clone(), name, key, false));
        self.last_jobs.extend(before);
        self.last_jobs.push((namespace.clone(), name, key, true));
    }
}

// === impl Workloads ===

impl Workloads {
    pub(super) fn new(
        settings: Arc<StoreSettings>,
        memory: RestoredState,
        journal: Arc<dyn Journal>,
    ) -> Self {
        let mut counted_runs = CountedRuns::default();
        for uid in &memory.runs {
            counted_runs.remember(uid);
        }
        let mut workloads = Self {
            records: Objects::default(),
            counted_runs,
            restored: Restored::default(),
            configured: HashMap::new(),
            since: memory.since,
            journal,
            settings,
        };
        workloads.restore(memory.workloads);
        workloads
    }

    pub(super) fn see_job(
        &mut self,
        observation: Observation,
        transition: &Transition<'_, Job>,
        effects: &mut Effects,
    ) {
        match *transition {
            Transition::Applied { old, new, .. } => self.see_there(observation, old, new, effects),
            Transition::Gone(job) => self.see_gone(observation, job),
        }
    }

    pub(super) fn see_cronjob(
        &mut self,
        observation: Observation,
        transition: &Transition<'_, CronJobRecord>,
        effects: &mut Effects,
    ) {
        let (old, new) = match *transition {
            Transition::Applied { old, new, .. } => (old, Some(&new.cronjob)),
            Transition::Gone(old) => (Some(old), None),
        };
        let old = old.map(|old| &old.cronjob).filter(|old| !old.ignored);
        let new = new.filter(|new| !new.ignored);
        if let Some(new) = new {
            let slot = self.slot(observation, &id_of_cronjob(new));
            if let Some(workload) = self.records.get_mut(slot) {
                workload.scheduled = true;
                workload.totals.add_success(new.last_success);
                let annotations = new.annotations.as_deref();
                let invalid = workload.describe(Described::CronJob, &new.labels, annotations);
                effects.complain(&workload.id, invalid);
            }
        } else if let Some(slot) = old.and_then(|old| self.find(&id_of_cronjob(old)))
            && let Some(workload) = self.records.get_mut(slot)
        {
            workload.scheduled = false;
            workload.described = Described::Nobody;
            self.retire_if_empty(slot, observation.now);
        }
    }

    /// Drops workloads and uids that have been gone for long enough.
    pub(super) fn expire(&mut self, now: Instant) {
        let restored = &mut self.restored;
        self.records.expire(now, |workload| {
            restored.keep(workload.id, workload.totals);
        });
        self.counted_runs.expire(now);
    }

    pub(super) fn snapshot(&self, visibility: &Visibility) -> Snapshot<WorkloadRecord> {
        self.records.snapshot(visibility)
    }

    /// Whether this Job is the one with this uid in the ledger's form.
    pub(super) fn is(&self, job: &Job, uid: u64) -> bool {
        self.counted_runs.key(&job.uid) == uid
    }

    fn see_there(
        &mut self,
        observation: Observation,
        old: Option<&Job>,
        new: &Job,
        effects: &mut Effects,
    ) {
        let key = self.counted_runs.key(&new.uid);
        let fate = self.counted_runs.fate(key);
        let ended = fate == Some(Fate::Finished);
        let finished = Run::from_finished(new).filter(|_| !old.is_some_and(Job::finished));
        if finished.is_some() {
            self.counted_runs.strike(key);
            if ended {
                self.journal.note(JournalEntry::Present(new.uid.clone()));
            }
        } else if fate.is_some() {
            self.counted_runs.hold(key);
        }
        let Some(slot) = self.place(observation, old, new, ended, effects) else {
            return;
        };
        if let Some(run) = finished
            && let Some(workload) = self.records.get_mut(slot)
        {
            if !ended {
                let seen_before = old.is_some() || fate.is_some();
                let counted = seen_before || run.end.is_some_and(|end| end >= self.since);
                let bounds = &self.settings.run_duration_buckets;
                workload.totals.add_run(&run, counted, bounds);
                self.journal.note(JournalEntry::Finished {
                    workload: workload.id.clone(),
                    run: run.clone(),
                    counted,
                    totals: workload.totals.clone(),
                });
            }
            if self.settings.last_jobs_only && workload.is_last(&run) {
                effects.set_last_job(workload, run.job_name, key);
            }
        }
    }

    fn see_gone(&mut self, observation: Observation, job: &Job) {
        let key = self.counted_runs.key(&job.uid);
        let fate = self.counted_runs.fate(key);
        if job.finished() || fate == Some(Fate::Finished) {
            self.counted_runs.keep(key, Fate::Finished, observation.now);
            self.journal.note(JournalEntry::Gone(job.uid.clone()));
        } else if !job.ignored {
            self.counted_runs.keep(key, Fate::Deleted, observation.now);
            if fate.is_none()
                && let Some(slot) = self.find(&id_of_job(job))
                && let Some(workload) = self.records.get_mut(slot)
            {
                workload.totals.deleted += 1;
                note_change(&*self.journal, workload);
            }
        }
        if !job.ignored {
            self.lose_job(observation, job);
        }
    }

    /// Puts a Job where it belongs, and takes it from where it belonged before. Gives the slot of its workload, if there
    /// is to be one. What is known to have `ended` is not under way, whatever is shown of it.
    fn place(
        &mut self,
        observation: Observation,
        old: Option<&Job>,
        new: &Job,
        ended: bool,
        effects: &mut Effects,
    ) -> Option<u32> {
        let id = id_of_job(new);
        let old = old.filter(|old| !old.ignored);
        let stays = !new.ignored && old.is_some_and(|old| id_of_job(old) == id);
        if let Some(old) = old.filter(|_| !stays) {
            self.lose_job(observation, old);
        }
        if new.ignored {
            return None;
        }
        let slot = self.slot(observation, &id);
        if observation.configured {
            self.configure(observation, slot, &id);
        }
        let key = self.counted_runs.key(&new.uid);
        let workload = self.records.get_mut(slot)?;
        match old.filter(|_| stays) {
            Some(old) => {
                workload.active.remove(&(started(old), key));
            }
            None => workload.jobs += 1,
        }
        if new.active() && !ended {
            workload.active.insert((started(new), key));
        }
        let annotations = new.annotations.as_deref();
        let invalid = workload.describe(Described::Job(new.created), &new.labels, annotations);
        effects.complain(&id, invalid);
        Some(slot)
    }

    /// The Job that the configuration names for this feed is one of the workload in this slot, and of no other any more.
    fn configure(&mut self, observation: Observation, slot: u32, id: &WorkloadId) {
        if self.configured.get(&observation.feed) == Some(id) {
            return;
        }
        if let Some(workload) = self.records.get_mut(slot) {
            workload.configured += 1;
        }
        let before = self.configured.insert(observation.feed, id.clone());
        if let Some(slot) = before.and_then(|before| self.find(&before))
            && let Some(workload) = self.records.get_mut(slot)
        {
            workload.configured -= 1;
            self.retire_if_empty(slot, observation.now);
        }
    }

    /// The Job no longer belongs to its workload.
    fn lose_job(&mut self, observation: Observation, job: &Job) {
        let Some(slot) = self.find(&id_of_job(job)) else {
            return;
        };
        let key = self.counted_runs.key(&job.uid);
        if let Some(workload) = self.records.get_mut(slot) {
            workload.jobs = workload.jobs.saturating_sub(1);
            workload.active.remove(&(started(job), key));
        }
        self.retire_if_empty(slot, observation.now);
    }

    /// Keeps a workload for a last while if nothing is left of it.
    fn retire_if_empty(&mut self, slot: u32, now: Instant) {
        let Some(workload) = self.records.get(slot).filter(|workload| !workload.needed()) else {
            return;
        };
        self.journal.note(JournalEntry::Left(workload.id.clone()));
        self.records
            .schedule_removal(slot, now + self.settings.retention.workloads);
    }

    /// The slot of a workload that is there, from now on if it was not.
    fn slot(&mut self, observation: Observation, id: &WorkloadId) -> u32 {
        if let Some(slot) = self.find(id) {
            if self.records.confirm(slot, observation.feed)
                && let Some(workload) = self.records.get(slot)
            {
                note_change(&*self.journal, workload);
            }
            return slot;
        }
        let restored = self.restored.take(id);
        let totals =
            restored.unwrap_or_else(|| Totals::new((self.settings.clock)().as_millisecond()));
        let workload = WorkloadRecord::new(id.clone(), totals, self.settings.clone());
        note_change(&*self.journal, &workload);
        self.records.insert(observation.feed, workload)
    }

    fn find(&self, id: &WorkloadId) -> Option<u32> {
        self.records.find((&id.kind, &id.namespace, &id.name))
    }
}

fn note_change(journal: &dyn Journal, workload: &WorkloadRecord) {
    journal.note(JournalEntry::Changed {
        workload: workload.id.clone(),
        totals: workload.totals.clone(),
    });
}

fn id_of_job(job: &Job) -> WorkloadId {
    WorkloadId {
        namespace: job.namespace.clone(),
        kind: job.workload.kind.clone(),
        name: job.workload.name.clone(),
    }
}

fn id_of_cronjob(cronjob: &CronJob) -> WorkloadId {
    WorkloadId {
        namespace: cronjob.namespace.clone(),
        kind: CRONJOB.into(),
        name: cronjob.name.clone(),
    }
}

#[cfg(test)]
mod tests;
