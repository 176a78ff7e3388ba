//! What the runs of each workload come to, kept up with every event.
//!
//! [`Workloads`] is told of each transition of a Job or `CronJob` once and changes one record for it, so an event costs O(1)
//! and a scrape O(workloads). A run is counted once, by its uid: Jobs that are there are known by their last state, those
//! that went by the [`Ledger`], those of earlier processes by what was written down of them.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use tokio::time::Instant;

use super::{
    Settings, Thresholds,
    cronjobs::Scheduled,
    ledger::Ledger,
    objects::{Key, Objects, Record, Snapshot, Transition, Visibility},
};
use crate::model::{
    CronJob, Directives, FeedId, Job, Journal, MappedLabels, Memory, Name, Note, Run, Seconds,
    Totals, WorkloadId,
};

/// The kind of workloads that fire by a schedule.
const CRONJOB: &str = "cronjob";

/// What is known of a workload.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Which one it is.
    pub id: WorkloadId,
    /// What its finished runs come to.
    pub totals: Totals,
    /// Its runs that are under way, by their start; those that have not started come last.
    active: BTreeSet<(Seconds, u64)>,
    /// How many of its Jobs there are.
    jobs: u32,
    /// There is a `CronJob` of this name.
    scheduled: bool,
    /// The configuration names a Job of it.
    configured: bool,
    /// Values for the configured labels: of the `CronJob`, else of the latest Job.
    pub labels: MappedLabels,
    /// What its annotations say: those of the `CronJob`, else of the latest Job.
    pub directives: Option<Box<Directives>>,
    /// When the object was created that the two above are of; those of a `CronJob` come before all Jobs.
    described: Described,
    /// The Job of the last finished run.
    last_job: Option<(Name, u64)>,
    settings: Arc<Settings>,
}

/// Whose labels and annotations a workload has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Described {
    Nobody,
    Job(Option<Seconds>),
    CronJob,
}

/// All workloads of one target.
#[derive(Debug)]
pub(super) struct Workloads {
    records: Objects<Workload>,
    ledger: Ledger,
    /// What earlier processes knew of workloads that were not seen yet.
    remembered: HashMap<WorkloadId, Totals>,
    /// Runs that ended before are not counted, unless they were seen under way.
    since: Seconds,
    journal: Arc<dyn Journal>,
    settings: Arc<Settings>,
}

/// Who told of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Teller {
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

// === impl Workload ===

impl Workload {
    fn new(id: WorkloadId, totals: Totals, settings: Arc<Settings>) -> Self {
        Self {
            id,
            totals,
            active: BTreeSet::new(),
            jobs: 0,
            scheduled: false,
            configured: false,
            labels: None,
            directives: None,
            described: Described::Nobody,
            last_job: None,
            settings,
        }
    }

    /// Whether it fires by a schedule.
    #[must_use]
    pub fn is_cronjob(&self) -> bool {
        &*self.id.kind == CRONJOB
    }

    /// How many runs are under way.
    #[must_use]
    pub fn active_runs(&self) -> usize {
        self.active.len()
    }

    /// When the oldest of the runs under way started, if any has.
    #[must_use]
    pub fn oldest_active_start(&self) -> Option<Seconds> {
        let (start, _) = self.active.first()?;
        (*start != Seconds::MAX).then_some(*start)
    }

    /// What it is held to: by its annotations, else by the settings.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        self.settings.thresholds.under(self.directives.as_deref())
    }

    /// Upper bounds of the histograms of durations.
    #[must_use]
    pub fn run_duration_bounds(&self) -> &[f64] {
        &self.settings.run_duration_buckets
    }

    fn needed(&self) -> bool {
        self.jobs > 0 || self.scheduled || self.configured
    }

    /// Takes over labels and annotations, if nobody with more to say has. Gives what makes no sense and did not before.
    fn describe(
        &mut self,
        by: Described,
        labels: &MappedLabels,
        directives: Option<&Directives>,
    ) -> Vec<(&'static str, Name)> {
        if by < self.described {
            return Vec::new();
        }
        self.described = by;
        if self.labels != *labels {
            self.labels.clone_from(labels);
        }
        if self.directives.as_deref() == directives {
            return Vec::new();
        }
        let known = self.directives.take().unwrap_or_default().invalid;
        self.directives = directives.cloned().map(Box::new);
        let invalid = directives.map_or(&[][..], |directives| &directives.invalid);
        let news = invalid.iter().filter(|problem| !known.contains(problem));
        news.cloned().collect()
    }
}

impl Record for Workload {
    fn key(&self) -> Key<'_> {
        (&self.id.kind, &self.id.namespace, &self.id.name)
    }
}

// === impl Workloads ===

impl Workloads {
    pub(super) fn new(settings: Arc<Settings>, memory: Memory, journal: Arc<dyn Journal>) -> Self {
        let mut ledger = Ledger::default();
        for uid in &memory.runs {
            ledger.remember(uid);
        }
        Self {
            records: Objects::default(),
            ledger,
            remembered: memory
                .workloads
                .into_iter()
                .map(|(id, totals, _)| (id, totals))
                .collect(),
            since: memory.since,
            journal,
            settings,
        }
    }

    pub(super) fn see_job(
        &mut self,
        teller: Teller,
        transition: &Transition<'_, Job>,
        effects: &mut Effects,
    ) {
        match *transition {
            Transition::Applied { old, new, .. } => self.apply_job(teller, old, new, effects),
            Transition::Gone(job) => {
                let slot = self.lose_job(teller, job);
                if job.finished() {
                    self.ledger.forget_later(&job.uid, teller.now);
                    self.journal.note(Note::Gone(job.uid.clone()));
                } else if let Some(workload) = slot.and_then(|slot| self.records.get_mut(slot)) {
                    workload.totals.deleted += 1;
                    self.journal.note(Note::Changed {
                        workload: workload.id.clone(),
                        totals: workload.totals.clone(),
                    });
                }
            }
            Transition::Forgotten(job) => {
                self.lose_job(teller, job);
            }
        }
    }

    pub(super) fn see_cronjob(
        &mut self,
        teller: Teller,
        transition: &Transition<'_, Scheduled>,
        effects: &mut Effects,
    ) {
        match *transition {
            Transition::Applied { new, .. } => {
                let new = &new.cronjob;
                let slot = self.slot(teller, &id_of_cronjob(new));
                if let Some(workload) = self.records.get_mut(slot) {
                    workload.scheduled = true;
                    workload.totals.succeeded_at(new.last_success);
                    let directives = new.directives.as_deref();
                    let invalid = workload.describe(Described::CronJob, &new.labels, directives);
                    let id = &workload.id;
                    let invalid = invalid
                        .into_iter()
                        .map(|(key, value)| (id.clone(), key, value));
                    effects.invalid.extend(invalid);
                }
            }
            Transition::Gone(gone) | Transition::Forgotten(gone) => {
                let id = id_of_cronjob(&gone.cronjob);
                if let Some(slot) = self.find(&id)
                    && let Some(workload) = self.records.get_mut(slot)
                {
                    workload.scheduled = false;
                    workload.described = Described::Nobody;
                    self.let_go(slot, teller.now);
                }
            }
        }
    }

    /// Drops workloads and uids that have been gone for long enough.
    pub(super) fn expire(&mut self, now: Instant) {
        self.records.expire(now);
        self.ledger.expire(now);
    }

    pub(super) fn snapshot(&self, visibility: &Visibility) -> Snapshot<Workload> {
        self.records.snapshot(visibility)
    }

    /// Whether this Job is the one with this uid in the ledger's form.
    pub(super) fn is(&self, job: &Job, uid: u64) -> bool {
        self.ledger.key(&job.uid) == uid
    }

    fn apply_job(&mut self, teller: Teller, old: Option<&Job>, new: &Job, effects: &mut Effects) {
        let id = id_of_job(new);
        let stays = old.is_none_or(|old| id_of_job(old) == id);
        if let Some(old) = old.filter(|_| !stays) {
            self.lose_job(teller, old);
        }
        let slot = self.slot(teller, &id);
        let key = self.ledger.key(&new.uid);
        let Some(workload) = self.records.get_mut(slot) else {
            return;
        };
        workload.configured |= teller.configured;
        match old.filter(|_| stays) {
            Some(old) => {
                workload.active.remove(&(started(old), key));
            }
            None => workload.jobs += 1,
        }
        if new.active() {
            workload.active.insert((started(new), key));
        }
        let directives = new.directives.as_deref();
        let invalid = workload.describe(Described::Job(new.created), &new.labels, directives);
        let invalid = invalid
            .into_iter()
            .map(|(annotation, value)| (id.clone(), annotation, value));
        effects.invalid.extend(invalid);
        let Some(run) = Run::of(new).filter(|_| !old.is_some_and(Job::finished)) else {
            return;
        };
        if self.ledger.knows(key) {
            self.journal.note(Note::Present(run.uid.clone()));
        } else {
            let counted = old.is_some() || run.end.is_some_and(|end| end >= self.since);
            let bounds = &self.settings.run_duration_buckets;
            workload.totals.finish(&run, counted, bounds);
            self.journal.note(Note::Finished {
                workload: id,
                run: run.clone(),
                counted,
                totals: workload.totals.clone(),
            });
        }
        let last = workload.totals.last.as_ref().map(|last| last.order);
        if !run.manual && last == Some(run.order()) {
            let namespace = &workload.id.namespace;
            if let Some((name, uid)) = workload.last_job.replace((run.job_name.clone(), key)) {
                effects
                    .last_jobs
                    .push((namespace.clone(), name, uid, false));
            }
            let last = (namespace.clone(), run.job_name, key, true);
            effects.last_jobs.push(last);
        }
    }

    /// The Job no longer belongs to its workload. Gives the workload's slot.
    fn lose_job(&mut self, teller: Teller, job: &Job) -> Option<u32> {
        let slot = self.find(&id_of_job(job))?;
        let key = self.ledger.key(&job.uid);
        let workload = self.records.get_mut(slot)?;
        workload.jobs = workload.jobs.saturating_sub(1);
        workload.active.remove(&(started(job), key));
        self.let_go(slot, teller.now);
        Some(slot)
    }

    /// Keeps a workload for a last while if nothing is left of it.
    fn let_go(&mut self, slot: u32, now: Instant) {
        let Some(workload) = self.records.get(slot).filter(|workload| !workload.needed()) else {
            return;
        };
        self.journal.note(Note::Left(workload.id.clone()));
        self.records
            .leave(slot, now + self.settings.retention.workloads);
    }

    /// The slot of a workload that is there, from now on if it was not.
    fn slot(&mut self, teller: Teller, id: &WorkloadId) -> u32 {
        if let Some(slot) = self.find(id) {
            self.records.stay(slot, teller.feed);
            return slot;
        }
        let remembered = self.remembered.remove(id);
        let totals =
            remembered.unwrap_or_else(|| Totals::new((self.settings.clock)().as_millisecond()));
        self.journal.note(Note::Changed {
            workload: id.clone(),
            totals: totals.clone(),
        });
        let workload = Workload::new(id.clone(), totals, self.settings.clone());
        self.records.insert(teller.feed, workload)
    }

    fn find(&self, id: &WorkloadId) -> Option<u32> {
        self.records.find((&id.kind, &id.namespace, &id.name))
    }
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

/// When a Job under way started; what has not started comes last.
fn started(job: &Job) -> Seconds {
    job.start.unwrap_or(Seconds::MAX)
}
