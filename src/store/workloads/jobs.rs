//! What Jobs change in their workloads.

use super::record::{MetadataSource, start_order};
use super::{CRONJOB, JOB, Observation, SideEffects, WorkloadRecord, Workloads};
use crate::{
    model::{Departure, Job, Run, RunSortKey, Seconds, WorkloadId},
    store::{
        counted_runs::RunOutcome,
        objects::{Key, Transition},
    },
};

/// A due time may lie this far in the future, in seconds: clocks differ. Later ones are ignored, since anybody can write the
/// annotation.
const MAX_AHEAD: Seconds = 3600;

impl Workloads {
    /// Updates the workload of a Job.
    pub(in crate::store) fn on_job(
        &mut self,
        observation: Observation,
        transition: &Transition<'_, Job>,
        effects: &mut SideEffects,
    ) {
        match *transition {
            Transition::Applied { old, new, .. } => {
                if is_owned(new) || old.is_some_and(is_owned) {
                    self.on_owned_job_applied(observation, old, new, effects);
                } else {
                    self.on_job_applied(observation, old, new, effects);
                }
            }
            Transition::Gone(job) if is_owned(job) => {
                self.on_owned_job_gone(observation, job, effects);
            }
            Transition::Gone(job) => self.on_job_gone(observation, job, effects),
            Transition::Deselected(job) if is_owned(job) => {
                self.on_owned_job_deselected(observation, job, effects);
            }
            Transition::Deselected(job) => self.on_job_deselected(observation, job, effects),
        }
    }

    /// The Job is a run of its own.
    pub(super) fn on_job_applied(
        &mut self,
        observation: Observation,
        old: Option<&Job>,
        new: &Job,
        effects: &mut SideEffects,
    ) {
        let uid_hash = self.counted_runs.hash(&new.uid);
        let outcome = self.counted_runs.outcome(uid_hash);
        let already_counted = outcome.is_some_and(RunOutcome::finished);
        let was_finished = old.is_some_and(Job::finished);
        let was_ignored = old.is_some_and(|old| old.ignored);
        let finished = Run::from_finished(new).filter(|_| was_ignored || !was_finished);
        if finished.is_some() {
            self.counted_runs.remove(uid_hash);
        } else if outcome.is_some() {
            self.counted_runs.stop_expiry(uid_hash);
        }
        let Some(slot) = self.assign_job(observation, old, new, already_counted, effects) else {
            return;
        };
        let Some(run) = finished else {
            return;
        };
        if outcome == Some(RunOutcome::Deselected) || (was_ignored && was_finished) {
            self.show_run(slot, &run);
        } else if !already_counted {
            let seen_before = old.is_some() || outcome.is_some();
            let count_since = observation.count_since;
            if self.add_run(count_since, slot, &run, seen_before) && self.awaits_pods(&run) {
                let (namespace, name) = (new.namespace().clone(), run.job_name.clone());
                effects.counted.push((namespace, name, uid_hash));
            }
        }
        if self.settings.last_jobs_only
            && let Some(workload) = self.records.get_mut(slot)
            && workload.is_last(&run)
        {
            effects.set_last_job(workload, run.job_name, uid_hash);
        }
    }

    fn on_job_gone(&mut self, observation: Observation, job: &Job, effects: &mut SideEffects) {
        let uid_hash = self.counted_runs.hash(&job.uid);
        let outcome = self.counted_runs.outcome(uid_hash);
        let now = observation.now;
        if job.finished() || outcome.is_some_and(RunOutcome::finished) {
            self.counted_runs
                .insert(uid_hash, RunOutcome::Finished, now);
        } else if !job.ignored {
            self.counted_runs.insert(uid_hash, RunOutcome::Deleted, now);
            if outcome.is_none()
                && let Some(slot) = self.find_of(job)
                && let Some(workload) = self.records.get_mut(slot)
            {
                let totals = &mut workload.state.totals;
                totals.deleted += 1;
                if observation.deletion && !job.manual {
                    let sort_key = RunSortKey::of_job(job);
                    totals.add_deleted_run(sort_key, job.due.get());
                    workload.state.ticks.add_deleted_run(sort_key, &job.uid);
                }
                self.journal_change(slot);
                self.report_lost_run(slot, job, observation.deletion);
            }
        }
        if !job.ignored {
            self.remove_job(observation, job, departure(job, observation.date), effects);
        }
    }

    /// The Job is no longer selected. If it returns, it is the same run, and an unfinished one counts when it finishes.
    fn on_job_deselected(
        &mut self,
        observation: Observation,
        job: &Job,
        effects: &mut SideEffects,
    ) {
        let uid_hash = self.counted_runs.hash(&job.uid);
        let outcome = if job.finished() {
            Some(RunOutcome::Deselected)
        } else {
            self.counted_runs.outcome(uid_hash)
        };
        if let Some(outcome) = outcome {
            self.counted_runs.insert(uid_hash, outcome, observation.now);
        }
        if job.ignored {
            return;
        }
        if let Some(slot) = self.find_of(job) {
            self.leave_workload(slot, job, effects);
            self.retire_if_deselected(slot, observation.now);
        }
    }

    /// Assigns a Job to its workload, and removes it from the workload it belonged to before. Returns the slot of the
    /// workload; `None` for an ignored Job. A run that was `already_counted` is not active, even if the API shows it so.
    pub(super) fn assign_job(
        &mut self,
        observation: Observation,
        old: Option<&Job>,
        new: &Job,
        already_counted: bool,
        effects: &mut SideEffects,
    ) -> Option<u32> {
        let id = new.workload_id();
        let old = old.filter(|old| !old.ignored);
        let same_workload =
            !new.ignored && old.is_some_and(|old| workload_key(old) == workload_key(new));
        if let Some(old) = old.filter(|_| !same_workload) {
            self.remove_job(observation, old, Departure::Cleanup, effects);
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
        let before = workload.scheduling_facts();
        let old = old.filter(|_| same_workload);
        let is_new = old.is_none();
        match old {
            Some(old) => {
                workload.active.remove(&(start_order(old), uid_hash));
            }
            None => workload.jobs += 1,
        }
        if new.active() && !already_counted {
            workload.active.insert((start_order(new), uid_hash));
        }
        if new.finished() || new.manual || already_counted {
            workload.unfinished.remove(&uid_hash);
        } else {
            workload.unfinished.insert(uid_hash);
        }
        let earlier = (
            workload.state.totals.created,
            workload.state.totals.last_started,
        );
        if is_new {
            workload.add_first_sight(new, already_counted, observation.date);
        }
        let known = old.and_then(Job::annotations);
        let annotations = new.annotations();
        let source = MetadataSource::Job(new.created.get());
        let problems = workload.set_metadata(source, &new.template.labels, known, annotations);
        effects.problems.extend(problems);
        let changed = earlier
            != (
                workload.state.totals.created,
                workload.state.totals.last_started,
            );
        workload.request_evaluation(before, effects);
        // A finished run is written with the state.
        if changed && !new.finished() {
            self.journal_change(slot);
        }
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

    /// Removes a Job from its workload. A Job that is its own workload leaves as `departure` says.
    pub(super) fn remove_job(
        &mut self,
        observation: Observation,
        job: &Job,
        departure: Departure,
        effects: &mut SideEffects,
    ) {
        let Some(slot) = self.find_of(job) else {
            return;
        };
        if let Some(workload) = self.records.get_mut(slot)
            && &*workload.id.kind == JOB
        {
            workload.departure = departure;
        }
        self.leave_workload(slot, job, effects);
        self.retire_if_empty(slot, observation.now);
    }

    /// The workload in this slot no longer has this Job.
    pub(super) fn leave_workload(&mut self, slot: u32, job: &Job, effects: &mut SideEffects) {
        let uid_hash = self.counted_runs.hash(&job.uid);
        if let Some(workload) = self.records.get_mut(slot) {
            let before = workload.scheduling_facts();
            workload.jobs = workload.jobs.saturating_sub(1);
            workload.active.remove(&(start_order(job), uid_hash));
            workload.unfinished.remove(&uid_hash);
            workload.request_evaluation(before, effects);
        }
    }
}

impl WorkloadRecord {
    /// What the evaluation of its schedule depends on.
    fn scheduling_facts(&self) -> (Option<bool>, Option<Seconds>) {
        (self.has_unfinished_run(), self.state.totals.last_started)
    }

    /// Requests the evaluation of the schedule if something changed that it depends on.
    fn request_evaluation(
        &self,
        before: (Option<bool>, Option<Seconds>),
        effects: &mut SideEffects,
    ) {
        if self.has_cronjob && before != self.scheduling_facts() {
            effects.to_evaluate.insert(self.id.clone());
        }
    }

    /// Adds what the first sight of a Job tells about the workload.
    fn add_first_sight(&mut self, job: &Job, already_counted: bool, date: Seconds) {
        let totals = &mut self.state.totals;
        if !self.has_cronjob {
            totals.created = match (totals.created, job.created.get()) {
                (Some(known), Some(created)) => Some(known.min(created)),
                (known, created) => known.or(created),
            };
        }
        if &*self.id.kind == CRONJOB
            && !job.manual
            && !already_counted
            && let Some(due) = job
                .due
                .get()
                .filter(|due| *due <= date.saturating_add(MAX_AHEAD))
        {
            totals.add_start(due);
            self.state.ticks.remove_missed(due);
        }
    }
}

/// How a Job left: by its TTL, or because somebody deleted it.
pub(super) fn departure(job: &Job, date: Seconds) -> Departure {
    let ttl = job.template.ttl;
    let expiry = ttl
        .zip(job.end())
        .map(|(ttl, end)| end + Seconds::from(ttl));
    if expiry.is_some_and(|expiry| expiry <= date) {
        Departure::Cleanup
    } else {
        Departure::Deletion
    }
}

/// Whether the Job is a part of the run of its owner.
fn is_owned(job: &Job) -> bool {
    job.template.owner_uid.is_some()
}

/// The key of the workload of a Job.
pub(in crate::store) fn workload_key(job: &Job) -> Key<'_> {
    (job.workload_kind(), job.namespace(), job.workload_name())
}
