//! The workloads of one target, and what their runs add up to.
//!
//! [`Workloads`] receives each transition of a Job or `CronJob` once and changes one record, so an event costs O(1) and a
//! scrape O(workloads). A run is identified by its uid and counted once. Existing Jobs are recognised by their last state,
//! deleted ones by [`CountedRuns`], and those of earlier processes by the restored uids.

use std::{collections::HashMap, sync::Arc};

use tokio::time::Instant;

use super::{
    StoreSettings,
    counted_runs::{CountedRuns, RunOutcome},
    cronjobs::CronJobRecord,
    objects::{Objects, Snapshot, Transition, Visibility},
};
use crate::model::{
    CronJob, FeedId, Job, Journal, JournalEntry, Name, RestoredState, Run, Seconds, Totals, Uid,
    WorkloadId,
};

mod record;
mod restored;

pub use record::WorkloadRecord;

use record::{MetadataSource, start_order};
use restored::HiddenWorkloads;

/// The kind of workloads with a schedule.
const CRONJOB: &str = "cronjob";

/// All workloads of one target.
#[derive(Debug)]
pub(super) struct Workloads {
    records: Objects<WorkloadRecord>,
    counted_runs: CountedRuns,
    /// Restored workloads that are not in `records`.
    hidden: HiddenWorkloads,
    /// The workload of each configured job, by the job's feed.
    configured: HashMap<FeedId, WorkloadId>,
    /// Runs that ended before this time are counted only if this process saw them active.
    since: Seconds,
    journal: Arc<dyn Journal>,
    settings: Arc<StoreSettings>,
}

/// Which feed saw a transition, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    pub(super) feed: FeedId,
    /// Whether the feed polls a configured job.
    pub(super) configured: bool,
    pub(super) now: Instant,
}

/// Effects of a change outside the workloads.
#[derive(Debug, Default)]
pub(super) struct SideEffects {
    /// Jobs whose run became or ceased to be the last of their workload: namespace, name, hash of the uid.
    pub(super) last_jobs: Vec<(Name, Name, u64, bool)>,
    /// Invalid annotations: workload, annotation, value.
    pub(super) invalid: Vec<(WorkloadId, &'static str, Name)>,
}

// === impl SideEffects ===

impl SideEffects {
    fn add_invalid(&mut self, workload: &WorkloadId, invalid: Vec<(&'static str, Name)>) {
        let invalid = invalid.into_iter();
        self.invalid
            .extend(invalid.map(|(annotation, value)| (workload.clone(), annotation, value)));
    }

    /// Makes this Job the one of the last run.
    fn set_last_job(&mut self, workload: &mut WorkloadRecord, name: Name, uid_hash: u64) {
        let namespace = &workload.id.namespace;
        let before = workload.last_job.replace((name.clone(), uid_hash));
        let before = before.map(|(name, uid_hash)| (namespace.clone(), name, uid_hash, false));
        self.last_jobs.extend(before);
        self.last_jobs
            .push((namespace.clone(), name, uid_hash, true));
    }
}

// === impl Workloads ===

impl Workloads {
    pub(super) fn new(
        settings: Arc<StoreSettings>,
        restored: RestoredState,
        journal: Arc<dyn Journal>,
    ) -> Self {
        let mut counted_runs = CountedRuns::default();
        for uid in &restored.runs {
            counted_runs.insert_restored(uid);
        }
        let mut workloads = Self {
            records: Objects::default(),
            counted_runs,
            hidden: HiddenWorkloads::default(),
            configured: HashMap::new(),
            since: restored.since,
            journal,
            settings,
        };
        workloads.restore(restored.workloads);
        workloads
    }

    /// Updates the workload of a Job.
    pub(super) fn on_job(
        &mut self,
        observation: Observation,
        transition: &Transition<'_, Job>,
        effects: &mut SideEffects,
    ) {
        match *transition {
            Transition::Applied { old, new, .. } => {
                self.on_job_applied(observation, old, new, effects);
            }
            Transition::Gone(job) => self.on_job_gone(observation, job),
        }
    }

    /// Updates the workload of a `CronJob`.
    pub(super) fn on_cronjob(
        &mut self,
        observation: Observation,
        transition: &Transition<'_, CronJobRecord>,
        effects: &mut SideEffects,
    ) {
        let (old, new) = match *transition {
            Transition::Applied { old, new, .. } => (old, Some(&new.cronjob)),
            Transition::Gone(old) => (Some(old), None),
        };
        let old = old.map(|old| &old.cronjob).filter(|old| !old.ignored);
        let new = new.filter(|new| !new.ignored);
        if let Some(new) = new {
            let slot = self.find_or_insert(observation, &id_of_cronjob(new));
            if let Some(workload) = self.records.get_mut(slot) {
                workload.has_cronjob = true;
                workload.totals.add_success(new.last_success);
                let annotations = new.annotations.as_deref();
                let source = MetadataSource::CronJob;
                let invalid = workload.set_metadata(source, &new.labels, annotations);
                effects.add_invalid(&workload.id, invalid);
            }
        } else if let Some(slot) = old.and_then(|old| self.find(&id_of_cronjob(old)))
            && let Some(workload) = self.records.get_mut(slot)
        {
            workload.has_cronjob = false;
            workload.metadata_source = MetadataSource::None;
            self.retire_if_empty(slot, observation.now);
        }
    }

    /// Drops expired workloads and uids.
    pub(super) fn expire(&mut self, now: Instant) {
        let hidden = &mut self.hidden;
        self.records.expire(now, |workload| {
            hidden.insert(workload.id, workload.totals);
        });
        self.counted_runs.expire(now);
    }

    pub(super) fn snapshot(&self, visibility: &Visibility) -> Snapshot<WorkloadRecord> {
        self.records.snapshot(visibility)
    }

    /// Whether the hash is that of the Job's uid.
    pub(super) fn uid_matches(&self, job: &Job, uid_hash: u64) -> bool {
        self.counted_runs.hash(&job.uid) == uid_hash
    }

    /// Whether a run was counted whose Job is gone, or may be.
    pub(super) fn has_counted(&self, uid: &Uid) -> bool {
        self.counted_runs.contains(uid)
    }

    /// Whether the workload has Jobs or a `CronJob`, or belongs to a configured job.
    pub(super) fn exists(&self, id: &WorkloadId) -> bool {
        let workload = self.find(id).and_then(|slot| self.records.get(slot));
        workload.is_some_and(WorkloadRecord::exists)
    }

    fn on_job_applied(
        &mut self,
        observation: Observation,
        old: Option<&Job>,
        new: &Job,
        effects: &mut SideEffects,
    ) {
        let uid_hash = self.counted_runs.hash(&new.uid);
        let outcome = self.counted_runs.outcome(uid_hash);
        let already_counted = outcome == Some(RunOutcome::Finished);
        let finished = Run::from_finished(new).filter(|_| !old.is_some_and(Job::finished));
        if finished.is_some() {
            self.counted_runs.remove(uid_hash);
        } else if outcome.is_some() {
            self.counted_runs.stop_expiry(uid_hash);
        }
        let Some(slot) = self.assign_job(observation, old, new, already_counted, effects) else {
            return;
        };
        if let Some(run) = finished
            && let Some(workload) = self.records.get_mut(slot)
        {
            if !already_counted {
                let seen_before = old.is_some() || outcome.is_some();
                let counted = seen_before || run.end.is_some_and(|end| end >= self.since);
                let bounds = &self.settings.run_duration_buckets;
                workload.totals.add_run(&run, counted, bounds);
                self.journal.append(JournalEntry::RunFinished {
                    workload: workload.id.clone(),
                    run: run.clone(),
                    counted,
                    totals: workload.totals.clone(),
                });
            }
            if self.settings.last_jobs_only && workload.is_last(&run) {
                effects.set_last_job(workload, run.job_name, uid_hash);
            }
        }
    }

    fn on_job_gone(&mut self, observation: Observation, job: &Job) {
        let uid_hash = self.counted_runs.hash(&job.uid);
        let outcome = self.counted_runs.outcome(uid_hash);
        let now = observation.now;
        if job.finished() || outcome == Some(RunOutcome::Finished) {
            self.counted_runs
                .insert(uid_hash, RunOutcome::Finished, now);
        } else if !job.ignored {
            self.counted_runs.insert(uid_hash, RunOutcome::Deleted, now);
            if outcome.is_none()
                && let Some(slot) = self.find(&id_of_job(job))
                && let Some(workload) = self.records.get_mut(slot)
            {
                workload.totals.deleted += 1;
                journal_change(&*self.journal, workload);
            }
        }
        if !job.ignored {
            self.remove_job(observation, job);
        }
    }

    /// Assigns a Job to its workload, and removes it from the workload it belonged to before. Returns the slot of the
    /// workload; `None` for an ignored Job. A run that was `already_counted` is not active, even if the API shows it so.
    fn assign_job(
        &mut self,
        observation: Observation,
        old: Option<&Job>,
        new: &Job,
        already_counted: bool,
        effects: &mut SideEffects,
    ) -> Option<u32> {
        let id = id_of_job(new);
        let old = old.filter(|old| !old.ignored);
        let same_workload = !new.ignored && old.is_some_and(|old| id_of_job(old) == id);
        if let Some(old) = old.filter(|_| !same_workload) {
            self.remove_job(observation, old);
        }
        if new.ignored {
            return None;
        }
        let slot = self.find_or_insert(observation, &id);
        if observation.configured {
            self.set_configured(observation, slot, &id);
        }
        let uid_hash = self.counted_runs.hash(&new.uid);
        let workload = self.records.get_mut(slot)?;
        match old.filter(|_| same_workload) {
            Some(old) => {
                workload.active.remove(&(start_order(old), uid_hash));
            }
            None => workload.jobs += 1,
        }
        if new.active() && !already_counted {
            workload.active.insert((start_order(new), uid_hash));
        }
        let annotations = new.annotations.as_deref();
        let source = MetadataSource::Job(new.created);
        let invalid = workload.set_metadata(source, &new.labels, annotations);
        effects.add_invalid(&id, invalid);
        Some(slot)
    }

    /// The configured job of this feed belongs to the workload in this slot now, and no longer to another.
    fn set_configured(&mut self, observation: Observation, slot: u32, id: &WorkloadId) {
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

    /// Removes a Job from its workload.
    fn remove_job(&mut self, observation: Observation, job: &Job) {
        let Some(slot) = self.find(&id_of_job(job)) else {
            return;
        };
        let uid_hash = self.counted_runs.hash(&job.uid);
        if let Some(workload) = self.records.get_mut(slot) {
            workload.jobs = workload.jobs.saturating_sub(1);
            workload.active.remove(&(start_order(job), uid_hash));
        }
        self.retire_if_empty(slot, observation.now);
    }

    /// Starts the retention of a workload without Jobs and `CronJob`.
    fn retire_if_empty(&mut self, slot: u32, now: Instant) {
        let Some(workload) = self.records.get(slot).filter(|workload| !workload.exists()) else {
            return;
        };
        self.journal
            .append(JournalEntry::WorkloadGone(workload.id.clone()));
        self.records
            .schedule_removal(slot, now + self.settings.retention.workloads);
    }

    /// The slot of a workload that exists. Adds the workload if it is new, and ends its retention if it was gone.
    fn find_or_insert(&mut self, observation: Observation, id: &WorkloadId) -> u32 {
        if let Some(slot) = self.find(id) {
            if self.records.confirm(slot, observation.feed)
                && let Some(workload) = self.records.get(slot)
            {
                journal_change(&*self.journal, workload);
            }
            return slot;
        }
        let restored = self.hidden.take(id);
        let totals =
            restored.unwrap_or_else(|| Totals::new((self.settings.clock)().as_millisecond()));
        let workload = WorkloadRecord::new(id.clone(), totals, self.settings.clone());
        journal_change(&*self.journal, &workload);
        self.records.insert(observation.feed, workload)
    }

    fn find(&self, id: &WorkloadId) -> Option<u32> {
        self.records.find((&id.kind, &id.namespace, &id.name))
    }
}

fn journal_change(journal: &dyn Journal, workload: &WorkloadRecord) {
    journal.append(JournalEntry::WorkloadChanged {
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
