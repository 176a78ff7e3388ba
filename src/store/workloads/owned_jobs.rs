//! What the Jobs of an owner change in their workload, if all of them are one run. [`OwnerRuns`](super::owner_runs) adds them up.

use tokio::time::Instant;

use super::{
    Observation, SideEffects, Workloads,
    jobs::departure,
    owner_runs::{Counted, FoldResult},
};
use crate::{
    model::{Job, JournalEntry, Run, Uid},
    store::counted_runs::RunOutcome,
};

impl Workloads {
    /// The Job belongs to an owner, or did before.
    pub(super) fn on_owned_job_applied(
        &mut self,
        observation: Observation,
        old: Option<&Job>,
        new: &Job,
        effects: &mut SideEffects,
    ) {
        let before = old.and_then(owner_of);
        let owner = owner_of(new);
        if let Some(old) = old
            && before.is_some()
            && before != owner
        {
            self.leave_owner_run(observation, old);
        }
        let Some(owner) = owner else {
            self.on_job_applied(observation, old, new, effects);
            return;
        };
        // Whether the run is active depends on its other Jobs, too.
        let already_counted = true;
        let slot = self.assign_job(observation, old, new, already_counted, effects);
        let uid_hash = self.counted_runs.hash(&new.uid);
        // An earlier version counted each Job.
        let outcome = self.counted_runs.outcome(uid_hash);
        let before_owners = outcome.is_some_and(RunOutcome::finished);
        let counted = match self.counted_before(owner) {
            Counted::Nothing if before_owners => Counted::Earlier,
            counted => counted,
        };
        let counted = (counted, self.since);
        let job = (uid_hash, new);
        let is_new = before != Some(owner);
        self.owner_runs
            .apply(observation, owner, job, is_new, counted);
        if let Some(slot) = slot {
            self.show_activity(slot, owner);
        }
    }

    pub(super) fn on_owned_job_gone(
        &mut self,
        observation: Observation,
        job: &Job,
        effects: &mut SideEffects,
    ) {
        let Some(owner) = owner_of(job) else {
            return; // The Job asks to be ignored.
        };
        let uid_hash = self.counted_runs.hash(&job.uid);
        self.owner_runs.remove(observation, owner, (uid_hash, job));
        if let Some(slot) = self.find_of(job) {
            self.show_activity(slot, owner);
        }
        self.remove_job(observation, job, departure(job, observation.date), effects);
    }

    /// The Job is no longer selected. If all Jobs of the owner return, it is the same run.
    pub(super) fn on_owned_job_deselected(
        &mut self,
        observation: Observation,
        job: &Job,
        effects: &mut SideEffects,
    ) {
        if owner_of(job).is_none() {
            return;
        }
        self.leave_owner_run(observation, job);
        if let Some(slot) = self.find_of(job) {
            self.leave_workload(slot, job, effects);
            self.retire_if_deselected(slot, observation.now);
        }
    }

    /// The run of its owner continues without this Job.
    fn leave_owner_run(&mut self, observation: Observation, job: &Job) {
        let Some(owner) = owner_of(job) else {
            return;
        };
        let uid_hash = self.counted_runs.hash(&job.uid);
        let left = self
            .owner_runs
            .deselect(observation, owner, (uid_hash, job));
        let slot = self.find_of(job);
        let Some(run) = left else {
            if let Some(slot) = slot {
                self.show_activity(slot, owner);
            }
            return;
        };
        let owner_hash = self.counted_runs.hash(owner);
        if let Some(since) = run.active_since
            && let Some(workload) = slot.and_then(|slot| self.records.get_mut(slot))
        {
            workload.active.remove(&(since, owner_hash));
        }
        let outcome = match run.counted {
            Counted::Nothing if run.settled.is_none() => return,
            Counted::Deletion => RunOutcome::Deleted,
            Counted::Nothing | Counted::Earlier | Counted::Result => RunOutcome::Deselected,
        };
        self.counted_runs
            .insert(owner_hash, outcome, observation.now);
    }

    /// What the counters have of the run of an owner whose Jobs are not known yet.
    fn counted_before(&mut self, owner: &Uid) -> Counted {
        if self.owner_runs.get(owner).is_some() {
            return Counted::Nothing; // It is known itself.
        }
        let owner_hash = self.counted_runs.hash(owner);
        let outcome = self.counted_runs.outcome(owner_hash);
        self.counted_runs.remove(owner_hash);
        match outcome {
            None => Counted::Nothing,
            Some(RunOutcome::Deleted) => Counted::Deletion,
            Some(RunOutcome::Finished | RunOutcome::Deselected) => Counted::Earlier,
        }
    }

    /// Adds the run of an owner to the active ones of the workload in this slot, or removes it from them.
    fn show_activity(&mut self, slot: u32, owner: &Uid) {
        let owner_hash = self.counted_runs.hash(owner);
        let Some(run) = self.owner_runs.get_mut(owner) else {
            return;
        };
        let (before, now) = (run.active_since, run.active_order());
        run.active_since = now;
        if before == now {
            return;
        }
        if let Some(workload) = self.records.get_mut(slot) {
            if let Some(before) = before {
                workload.active.remove(&(before, owner_hash));
            }
            if let Some(now) = now {
                workload.active.insert((now, owner_hash));
            }
        }
    }

    /// Whether the run of an owner is over by now, and its result is not shown yet.
    pub(in crate::store) fn has_settled_runs(&self, now: Instant) -> bool {
        self.owner_runs.is_due(now)
    }

    /// Counts and shows the runs of owners that are over by now.
    pub(in crate::store) fn settle_runs(
        &mut self,
        now: Instant,
        is_unreadable: &impl Fn(&str) -> bool,
        effects: &mut SideEffects,
    ) {
        while let Some((owner, result)) = self.owner_runs.settle_next(now, is_unreadable) {
            let workload = self.owner_runs.get(&owner).map(|run| &run.workload);
            let Some(slot) = workload.and_then(|id| self.find(id)) else {
                continue;
            };
            self.show_activity(slot, &owner);
            let is_news = match result {
                FoldResult::Unfinished => false,
                FoldResult::Finished(run) => self.settle(slot, *run, effects),
                FoldResult::Deleted { seen, run } => self.settle_deleted(slot, &run, seen),
            };
            // What the journal got of the run says that the workload exists.
            if is_news && let Some(workload) = self.records.get(slot).filter(|it| !it.exists()) {
                self.report_gone(workload);
            }
        }
        self.owner_runs.shrink();
    }

    /// The run has this result. Returns whether that is news.
    fn settle(&mut self, slot: u32, run: Run, effects: &mut SideEffects) -> bool {
        let owner = run.uid.clone();
        let Some(known) = self.owner_runs.get_mut(&owner) else {
            return false;
        };
        let news = known.news(run);
        let is_news = news.is_some();
        if let Some(run) = news {
            let before = known.settled.replace(Box::new(run.clone()));
            let (counted, count_since) = (known.counted, known.count_since);
            let seen_before = known.seen_unfinished || counted == Counted::Deletion;
            let is_counted = match (&before, counted) {
                (None, Counted::Nothing | Counted::Deletion) => {
                    self.forget_deletion(slot, &run, counted);
                    self.add_run(count_since, slot, &run, seen_before)
                }
                (None, Counted::Earlier | Counted::Result) => {
                    self.show_run(slot, &run);
                    false
                }
                (Some(before), _) => self.update_run(slot, before, &run),
            };
            if is_counted && let Some(known) = self.owner_runs.get_mut(&owner) {
                known.counted = Counted::Result;
            }
        }
        if self.settings.last_jobs_only
            && let Some(known) = self.owner_runs.get(&owner)
            && let Some(uid_hash) = known.deciding_job()
            && let Some(run) = known.settled.as_deref()
            && let Some(workload) = self.records.get_mut(slot)
            && workload.is_last(run)
        {
            effects.set_last_job(workload, run.job_name.clone(), uid_hash);
        }
        is_news
    }

    /// Makes the Jobs known that decided the last run of their workload.
    pub(super) fn find_last_owned_jobs(&mut self, effects: &mut SideEffects) {
        for known in self.owner_runs.iter() {
            if let Some(run) = known.settled.as_deref()
                && let Some(uid_hash) = known.deciding_job()
                && let Some(slot) = self.find(&known.workload)
                && self.records.get(slot).is_some_and(|it| it.is_last(run))
                && let Some(workload) = self.records.get_mut(slot)
            {
                effects.set_last_job(workload, run.job_name.clone(), uid_hash);
            }
        }
    }

    /// A run that settled `before` was reopened, and has settled again. Returns whether it is counted only now: it had ended before
    /// counting began.
    fn update_run(&mut self, slot: u32, before: &Run, run: &Run) -> bool {
        let (Some(known), Some(workload)) =
            (self.owner_runs.get(&run.uid), self.records.get_mut(slot))
        else {
            return false;
        };
        let is_counted = known.counted >= Counted::Earlier;
        let ends_in_time = run.end.is_some_and(|end| end >= self.since);
        let mut counts = !is_counted && (known.seen_unfinished || ends_in_time);
        if counts
            && !known.seen_unfinished
            && let Some(uncounted) = &mut self.uncounted
        {
            // What an earlier process counted is not known yet.
            uncounted.retain(|(_, other)| other.uid != run.uid);
            uncounted.push((workload.id.clone(), run.clone()));
            counts = false;
        }
        let bounds = &self.settings.run_duration_buckets;
        let totals = &mut workload.state.totals;
        totals.update_run(before, run, counts, bounds);
        if known.counted == Counted::Result {
            totals.explain(run, &before.explanation, true);
        }
        workload.state.ticks.add_run(run);
        if counts {
            workload.set_last_counted(run);
        }
        self.journal.append(JournalEntry::RunFinished {
            workload: workload.id.clone(),
            run: Box::new(run.clone()),
            counted: counts || is_counted,
            state: workload.state.clone(),
        });
        if counts {
            self.report_finished_run(slot, run);
        }
        counts
    }

    /// All Jobs of the run are gone, and one never finished. `seen`: whether an event said so. Returns whether that is news.
    fn settle_deleted(&mut self, slot: u32, deleted: &Run, seen: bool) -> bool {
        let owner = &deleted.uid;
        let Some(run) = self.owner_runs.get_mut(owner) else {
            return false;
        };
        let position = run.fix_position();
        if run.counted != Counted::Nothing || run.settled.is_some() {
            return false;
        }
        run.counted = Counted::Deletion;
        let Some(workload) = self.records.get_mut(slot) else {
            return false;
        };
        workload.state.totals.deleted += 1;
        if seen {
            workload.state.totals.add_deleted_run(position, None);
            workload.state.ticks.add_deleted_run(position, owner);
        }
        self.journal_change(slot);
        self.report_lost_owner_run(slot, deleted, seen);
        true
    }

    /// A run that was counted as deleted has a result now. It counts once in a row of runs without success.
    fn forget_deletion(&mut self, slot: u32, run: &Run, counted: Counted) {
        if counted == Counted::Deletion
            && let Some(workload) = self.records.get_mut(slot)
        {
            workload.state.totals.remove_deleted_run(run.sort_key());
        }
    }

    /// More became known of the pods of a finished Job of an owner.
    pub(in crate::store) fn explain_owner_run(&mut self, job: &Job) {
        let Some(owner) = owner_of(job) else {
            return;
        };
        let uid_hash = self.counted_runs.hash(&job.uid);
        let Some(known) = self.owner_runs.get_mut(owner) else {
            return;
        };
        let Some(run) = known.explained(owner, (uid_hash, job)) else {
            return;
        };
        let counted = known.counted == Counted::Result;
        let workload = known.workload.clone();
        let before = known.settled.replace(Box::new(run.clone()));
        if let Some(before) = before {
            self.explain_run(&workload, &run, &before.explanation, counted);
        }
    }
}

/// The owner whose run this Job is a part of.
fn owner_of(job: &Job) -> Option<&Uid> {
    let owner = job.template.owner_uid.as_deref();
    owner.filter(|_| !job.ignored)
}
