//! What the Jobs of one owner add up to.
//!
//! Jobs are kept by name: a Job that was created later under the same name is a retry of the earlier one, and its result
//! counts instead. The order in which Jobs are seen does not matter.

use std::{collections::BTreeMap, num::NonZeroU32};

use crate::model::{Job, Name, Run, RunExplanation, RunResult, Seconds, Uid};

mod owned;

use owned::{OwnedJob, OwnedState, PastJobs, earlier, explanation};

/// Of so many Jobs that are gone and did not succeed the names are known. Later Jobs with the names of others are no retries.
const MAX_GONE: usize = 1000;

/// When so many Jobs are gone, those that succeeded are forgotten.
const MIN_GONE: usize = 64;

/// The Jobs of one owner that this process saw.
#[derive(Clone, Debug, Default)]
pub(super) struct JobFold {
    /// The latest Job of each name.
    jobs: BTreeMap<Name, OwnedJob>,
    /// What others have left: those that were retried, and those that are gone and forgotten.
    past: PastJobs,
    /// Number of Jobs in `jobs` that have not finished.
    unfinished: usize,
    /// Number of those that are not suspended either.
    active: usize,
    /// Number of Jobs in `jobs` that are gone.
    gone: usize,
    /// The number of gone Jobs at which some are forgotten next, if that is more than [`MIN_GONE`].
    next_forgetting: usize,
    /// Number of Jobs that exist. It may include some of which a later one with the same name is known.
    existing: usize,
    /// The first creation and the first start of a Job, and the last end.
    created: Option<Seconds>,
    start: Option<Seconds>,
    end: Option<Seconds>,
}

/// How the Jobs of an owner have ended.
#[derive(Debug, PartialEq)]
pub(in crate::store::workloads) enum FoldResult {
    /// A Job has not finished.
    Unfinished,
    /// The run has a result.
    Finished(Box<Run>),
    /// All Jobs are gone, and one never finished.
    Deleted {
        /// Whether an event said so.
        seen: bool,
        /// The run as far as it is known, without an end or a result.
        run: Box<Run>,
    },
}

// === impl JobFold ===

impl JobFold {
    /// Continues a run of which an earlier process saw a result. Of its Jobs only the one is known that decided.
    pub(super) fn continue_from(&mut self, run: &Run) {
        self.created = earlier(self.created, run.created);
        self.start = earlier(self.start, run.start);
        self.past.start = earlier(self.past.start, run.start);
        self.end = self.end.max(run.end);
        match run.result {
            RunResult::Succeeded => {
                let end = run.end.unwrap_or(Seconds::MIN);
                self.past.success = Some((end, run.job_name.clone()));
            }
            RunResult::Failed if !self.jobs.contains_key(&run.job_name) => {
                // Each Job that is seen with this name is this one or a later one.
                let failed = OwnedJob::failed_before(run);
                self.jobs.insert(run.job_name.clone(), failed);
                self.gone += 1;
            }
            RunResult::Failed => {}
        }
    }

    /// Takes note of the state of a Job. `is_new`: whether it was not known to exist. Returns whether the run may have another
    /// result now.
    pub(super) fn apply(&mut self, uid_hash: u64, job: &Job, is_new: bool) -> bool {
        self.existing += usize::from(is_new);
        let new = OwnedJob::new(uid_hash, job);
        let Some(known) = self.jobs.get(&*job.name) else {
            self.insert(job.name.to_shared(), new);
            return true;
        };
        if known.uid_hash != uid_hash {
            if known.created.get() > new.created.get() {
                return false; // A server that lags behind shows a Job that was retried since.
            }
            self.retry(&job.name, new);
            return true;
        }
        if known.finished() && !new.has_result() {
            self.confirm(&job.name);
            return false;
        }
        let changed = *known != new;
        if changed && let Some((name, known)) = self.jobs.remove_entry(&*job.name) {
            self.uncount(&known);
            let resumed = known.start != new.start;
            self.insert(name, new);
            if resumed {
                self.refresh_start(known.start.get());
            }
        }
        changed
    }

    /// A Job is gone, and this was its last state. `seen`: whether an event said so. Returns whether the run may have another
    /// result now.
    pub(super) fn remove(&mut self, uid_hash: u64, job: &Job, seen: bool) -> bool {
        self.existing = self.existing.saturating_sub(1);
        let is_known = |known: &&OwnedJob| known.uid_hash == uid_hash && known.exists;
        let Some(known) = self.jobs.get(&*job.name).filter(is_known) else {
            return false;
        };
        let was_unfinished = !known.has_result();
        if let Some((name, known)) = self.jobs.remove_entry(&*job.name) {
            self.uncount(&known);
            let mut gone = OwnedJob {
                exists: false,
                explanation: explanation(job),
                ..known
            };
            if was_unfinished {
                gone.state = OwnedState::Deleted { seen };
            }
            self.insert(name, gone);
        }
        self.forget_some();
        was_unfinished
    }

    /// A Job is no longer selected. A finished one stays part of the run.
    pub(super) fn deselect(&mut self, uid_hash: u64, job: &Job) {
        if job.finished() {
            self.remove(uid_hash, job, false);
            return;
        }
        self.existing = self.existing.saturating_sub(1);
        let is_known = |known: &OwnedJob| known.uid_hash == uid_hash;
        if self.jobs.get(&*job.name).is_some_and(is_known)
            && let Some(known) = self.jobs.remove(&*job.name)
        {
            self.uncount(&known);
            self.refresh_start(known.start.get());
        }
    }

    /// Takes note of what more became known of the pods of a finished Job. Returns whether that changed anything.
    pub(super) fn explain(&mut self, uid_hash: u64, job: &Job) -> bool {
        let Some(known) = self.jobs.get_mut(&*job.name) else {
            return false;
        };
        let explanation = explanation(job);
        if known.uid_hash != uid_hash || known.explanation == explanation {
            return false;
        }
        known.explanation = explanation;
        true
    }

    /// Whether a Job has not finished.
    pub(super) fn is_unfinished(&self) -> bool {
        self.unfinished > 0
    }

    /// Whether a Job is neither finished nor suspended.
    pub(super) fn is_active(&self) -> bool {
        self.active > 0
    }

    /// Whether a Job exists.
    pub(super) fn exists(&self) -> bool {
        self.existing > 0
    }

    /// The first creation of a Job.
    pub(super) fn created(&self) -> Option<Seconds> {
        self.created
    }

    /// The first start of a Job.
    pub(super) fn start(&self) -> Option<Seconds> {
        self.start
    }

    /// The end of the Job that ended last.
    pub(super) fn end(&self) -> Option<Seconds> {
        self.end
    }

    /// The hash of the uid of the Job with this name.
    pub(super) fn uid_hash(&self, name: &Name) -> Option<u64> {
        self.jobs.get(name).map(|job| job.uid_hash)
    }

    /// What the Jobs add up to, as the run of this owner.
    pub(super) fn result(&self, owner: &Uid) -> FoldResult {
        if self.is_unfinished() {
            return FoldResult::Unfinished;
        }
        let past_failure = self.past.failure.as_deref().map(|(name, job)| (name, job));
        // The first failure is why the others happened.
        let failure = self
            .failures()
            .chain(past_failure)
            .min_by_key(|(name, job)| (job.end.get().unwrap_or(Seconds::MAX), *name));
        if let Some((name, job)) = failure {
            return FoldResult::Finished(Box::new(self.run(owner, name, Some(job))));
        }
        let deleted = self.jobs.values().filter_map(OwnedJob::deletion);
        let deleted = deleted.max().max(self.past.deleted);
        // A controller that has its result stops the Jobs that are left over, and leaves the others.
        if let Some(seen) = deleted.filter(|_| !self.exists()) {
            return self.deleted(owner, seen);
        }
        let succeeded = self.jobs.iter();
        let succeeded = succeeded.filter(|(_, job)| job.state == OwnedState::Succeeded);
        let last = succeeded.max_by_key(|(name, job)| (job.end.get(), *name));
        if let Some((name, job)) = last {
            return FoldResult::Finished(Box::new(self.run(owner, name, Some(job))));
        }
        match &self.past.success {
            Some((_, name)) => FoldResult::Finished(Box::new(self.run(owner, name, None))),
            None => self.deleted(owner, false),
        }
    }

    /// The run was deleted. It has the name of the last Job that never finished.
    fn deleted(&self, owner: &Uid, seen: bool) -> FoldResult {
        let unfinished = self.jobs.iter();
        let unfinished = unfinished.filter(|(_, job)| job.deletion().is_some());
        let last = unfinished.max_by_key(|(_, job)| job.created.get());
        let name = last.map_or_else(|| "".into(), |(name, _)| name.clone());
        let run = Run {
            end: None,
            ..self.run(owner, &name, last.map(|(_, job)| job))
        };
        let run = Box::new(run);
        FoldResult::Deleted { seen, run }
    }

    /// The run, which this Job decided.
    fn run(&self, owner: &Uid, name: &Name, decided: Option<&OwnedJob>) -> Run {
        let past = &self.past;
        let jobs = self.jobs.len().try_into().unwrap_or(u32::MAX);
        let mut run = Run {
            uid: owner.clone(),
            job_name: name.clone(),
            due: None,
            manual: false,
            created: self.created,
            start: self.start,
            end: self.end,
            result: RunResult::Succeeded,
            reason: None,
            succeeded_pods: past.succeeded_pods,
            failed_pods: past.failed_pods,
            explanation: RunExplanation::default(),
            jobs: NonZeroU32::new(past.jobs.saturating_add(jobs)),
        };
        if let Some(OwnedState::Failed(reason)) = decided.map(|job| job.state) {
            (run.result, run.reason) = (RunResult::Failed, Some(reason));
        }
        if let Some(explanation) = decided.and_then(|job| job.explanation.as_deref()) {
            run.explanation = *explanation;
        }
        run.explanation.failed = past.failed;
        for job in self.jobs.values() {
            run.succeeded_pods = run.succeeded_pods.saturating_add(job.succeeded_pods);
            run.failed_pods = run.failed_pods.saturating_add(job.failed_pods);
            if let Some(explanation) = &job.explanation {
                run.explanation.failed.add(&explanation.failed);
            }
        }
        run
    }

    fn failures(&self) -> impl Iterator<Item = (&Name, &OwnedJob)> {
        let is_failed = |job: &OwnedJob| matches!(job.state, OwnedState::Failed(_));
        self.jobs.iter().filter(move |(_, job)| is_failed(job))
    }

    /// A later Job replaces the one with the same name.
    fn retry(&mut self, name: &str, new: OwnedJob) {
        if let Some((name, old)) = self.jobs.remove_entry(name) {
            self.uncount(&old);
            self.past.add(&old);
            self.insert(name, new);
        }
    }

    fn insert(&mut self, name: Name, job: OwnedJob) {
        self.unfinished += usize::from(!job.has_result());
        self.active += usize::from(job.state == OwnedState::Active);
        self.gone += usize::from(!job.exists);
        self.created = earlier(self.created, job.created.get());
        self.start = earlier(self.start, job.start.get());
        self.end = self.end.max(job.end.get());
        self.jobs.insert(name, job);
    }

    fn uncount(&mut self, job: &OwnedJob) {
        self.unfinished -= usize::from(!job.has_result());
        self.active -= usize::from(job.state == OwnedState::Active);
        self.gone -= usize::from(!job.exists);
    }

    /// A finished Job is shown again.
    fn confirm(&mut self, name: &str) {
        if let Some(known) = self.jobs.get_mut(name)
            && !known.exists
        {
            known.exists = true;
            self.gone -= 1;
        }
    }

    /// The start of a Job is another one: it was resumed.
    fn refresh_start(&mut self, before: Option<Seconds>) {
        if before.is_some() && before == self.start {
            let starts = self.jobs.values().filter_map(|job| job.start.get());
            self.start = earlier(starts.min(), self.past.start);
        }
    }

    /// Forgets Jobs that are gone if there are many: an owner that lives long has more and more of them.
    fn forget_some(&mut self) {
        if self.gone < self.next_forgetting.max(MIN_GONE) {
            return;
        }
        let past = &mut self.past;
        self.jobs.retain(|name, job| {
            let forgotten = !job.exists && job.state == OwnedState::Succeeded;
            if forgotten {
                past.add(job);
                past.success = past
                    .success
                    .take()
                    .max(Some((job.end.get().unwrap_or(Seconds::MIN), name.clone())));
            }
            !forgotten
        });
        self.gone = self.jobs.values().filter(|job| !job.exists).count();
        if self.gone > MAX_GONE {
            self.forget_failures();
        }
        self.next_forgetting = 2 * self.gone;
    }

    /// Forgets the names of half of the Jobs that are gone and did not succeed, the oldest first. Their results stay.
    fn forget_failures(&mut self) {
        let gone = self.jobs.iter().filter(|(_, job)| !job.exists);
        let mut gone: Vec<_> = gone.map(|(name, job)| (job.created.get(), name)).collect();
        gone.sort_unstable();
        let oldest = gone[..gone.len() / 2].iter();
        let oldest: Vec<Name> = oldest.map(|(_, name)| (*name).clone()).collect();
        for name in oldest {
            if let Some(job) = self.jobs.remove(&name) {
                self.gone -= 1;
                self.past.add(&job);
                self.past.add_result(name, job);
            }
        }
    }
}

#[cfg(test)]
mod tests;
