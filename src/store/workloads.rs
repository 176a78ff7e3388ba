//! The workloads of one target, and what their runs add up to.
//!
//! [`Workloads`] receives each transition of a Job or `CronJob` once and changes one record, so an event costs O(1) and a
//! scrape O(workloads). A run is identified by its uid and counted once. Existing Jobs are recognised by their last state,
//! deleted ones by [`CountedRuns`], and those of earlier processes by the restored uids. All Jobs of an owner that is no
//! `CronJob` are one run: [`OwnerRuns`] adds them up.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;

use super::{
    StoreSettings,
    counted_runs::CountedRuns,
    objects::{Objects, Snapshot, Visibility},
    warnings::MetadataProblems,
};
use crate::model::{
    Departure, FeedId, Job, Journal, JournalEntry, Name, RestoredState, Run, Seconds, Shard,
    Totals, Uid, WorkloadId, WorkloadState,
};

mod adopted;
mod budget;
mod completion;
mod configure;
mod cronjobs;
mod events;
mod feeds;
mod jobs;
mod native;
mod owned_jobs;
mod owner_runs;
mod pods;
mod record;
mod restored;
mod runs;

pub(super) use configure::rescheduled;
pub(super) use cronjobs::OverdueRun;
pub use record::WorkloadRecord;

use jobs::workload_key;
use owner_runs::OwnerRuns;
use record::{WorkloadDefaults, resolve_overrides};
use restored::HiddenWorkloads;

/// The kind of workloads with a schedule.
const CRONJOB: &str = "cronjob";

/// The kind of workloads that are one Job each.
const JOB: &str = "job";

/// How long the result of a run is shown at least that settled after its Jobs were gone.
const AFTER_SETTLING: Duration = Duration::from_mins(1);

/// All workloads of one target.
#[derive(Debug)]
pub(super) struct Workloads {
    records: Objects<WorkloadRecord>,
    counted_runs: CountedRuns,
    /// The runs that are all Jobs of an owner.
    owner_runs: OwnerRuns,
    /// Restored workloads that are not in `records`.
    hidden: HiddenWorkloads,
    /// Whether the budget omits workloads that exist.
    any_omitted: bool,
    /// The workload of each configured job, by the job's feed.
    configured: HashMap<FeedId, WorkloadId>,
    /// Runs that ended before this time are counted only if this process saw them active.
    since: Seconds,
    /// Runs that were finished at first sight, while it is not known what an earlier process counted; `None` otherwise.
    uncounted: Option<Vec<(WorkloadId, Run)>>,
    journal: Arc<dyn Journal>,
    /// The name of the target, for the overrides of the configuration.
    target: Option<Name>,
    settings: Arc<StoreSettings>,
    /// Names of the mapped labels, in the order of the values in the records.
    label_names: Arc<[String]>,
    /// What the records need of the settings.
    defaults: Arc<WorkloadDefaults>,
}

/// Which feed saw a transition, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    pub(super) feed: FeedId,
    /// Whether the feed polls a configured job.
    pub(super) configured: bool,
    /// Runs that ended before this time are counted only if they were seen active, in addition to [`Workloads::since`].
    pub(super) count_since: Option<Seconds>,
    /// Whether an event reported a deletion. A Job that is missing in a list may have finished before it was deleted.
    pub(super) deletion: bool,
    pub(super) now: Instant,
    /// `now` on the wall clock.
    pub(super) date: Seconds,
}

/// Effects of a change outside the workloads.
#[derive(Debug, Default)]
pub(super) struct SideEffects {
    /// Jobs whose run became or ceased to be the last of their workload: namespace, name, hash of the uid.
    pub(super) last_jobs: Vec<(Name, Name, u64, bool)>,
    /// Jobs whose runs were counted although not all of their failed pods may be known: namespace, name, hash of the uid.
    pub(super) counted: Vec<(Name, Name, u64)>,
    /// What is wrong with the metadata of objects and was not before.
    pub(super) problems: Vec<MetadataProblems>,
    /// Number of workloads that were left out because there are too many.
    pub(super) dropped: u64,
    /// `CronJobs` whose schedule must be evaluated, because their Jobs changed.
    pub(super) to_evaluate: HashSet<WorkloadId>,
    /// `CronJobs` whose Jobs inherit other labels now.
    pub(super) relabelled: HashSet<WorkloadId>,
}

// === impl SideEffects ===

impl SideEffects {
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
    /// What of the target this process reads; `None` for all of it.
    pub(super) fn shard(&self) -> Option<Shard> {
        self.settings.shard
    }

    pub(super) fn new(
        target: Option<Name>,
        settings: Arc<StoreSettings>,
        restored: RestoredState,
        journal: Arc<dyn Journal>,
    ) -> Self {
        let mut counted_runs = CountedRuns::default();
        for uid in &restored.runs {
            counted_runs.insert_restored(uid);
        }
        let mut owner_runs = OwnerRuns::new(settings.settling_time);
        for run in restored.owner_runs {
            owner_runs.insert_restored(run);
        }
        let mut workloads = Self {
            records: Objects::default(),
            counted_runs,
            owner_runs,
            hidden: HiddenWorkloads::default(),
            any_omitted: false,
            configured: HashMap::new(),
            since: restored.since,
            uncounted: restored.delayed.then(Vec::new),
            journal,
            target,
            label_names: settings.label_names(),
            defaults: WorkloadDefaults::new(&settings),
            settings,
        };
        let restored = workloads.with_native_histograms(restored.workloads);
        workloads.restore(restored);
        workloads
    }

    /// Drops expired workloads and uids.
    pub(super) fn expire(&mut self, now: Instant) {
        let hidden = &mut self.hidden;
        self.records.expire(now, |workload| {
            hidden.insert(workload.id, workload.state);
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

    /// Whether a run was counted whose Job is gone, or may be, or whose owner may have more Jobs.
    pub(super) fn has_counted(&self, uid: &Uid) -> bool {
        self.counted_runs.contains(uid) || self.owner_runs.get(uid).is_some()
    }

    /// Whether a Job of the owner with this uid exists, if all of them are one run.
    pub(super) fn has_job_of(&self, owner: &Uid) -> bool {
        let run = self.owner_runs.get(owner);
        run.is_some_and(owner_runs::OwnerRun::exists)
    }

    /// Whether the workload has Jobs or a `CronJob`, or belongs to a configured job.
    pub(super) fn exists(&self, id: &WorkloadId) -> bool {
        let workload = self.find(id).and_then(|slot| self.records.get(slot));
        workload.is_some_and(WorkloadRecord::exists)
    }

    /// Starts the retention of a workload without Jobs and `CronJob`.
    fn retire_if_empty(&mut self, slot: u32, now: Instant) {
        let Some(workload) = self.records.get(slot).filter(|workload| !workload.exists()) else {
            return;
        };
        self.report_gone(workload);
        let retention = self.settings.retention.of(workload.departure);
        // A run of an owner is active until it has settled, and its result needs a place.
        let settling = match workload.active_runs() {
            0 => Duration::ZERO,
            _ => self.settings.settling_time + AFTER_SETTLING,
        };
        self.records
            .schedule_removal(slot, now + retention.max(settling));
    }

    /// The slot of a workload that exists. Adds the workload if it is new, and ends its retention if it was gone.
    fn find_or_insert(&mut self, observation: Observation, id: &WorkloadId) -> u32 {
        if let Some(slot) = self.find(id) {
            if self.records.confirm(slot, observation.feed) {
                self.revive(slot);
                self.journal_change(slot);
            }
            return slot;
        }
        let restored = self.hidden.take(id);
        let state = restored.unwrap_or_else(|| {
            let now = (self.settings.clock)().as_millisecond();
            let mut totals = Totals::new(now);
            totals.set_native(self.keeps_native_histograms(id), now);
            totals.into()
        });
        let workload = self.new_record(id.clone(), state);
        let slot = self.records.insert(observation.feed, workload);
        self.journal_change(slot);
        slot
    }

    /// A workload that was gone exists again. How a `CronJob` left stays known until it is seen itself.
    fn revive(&mut self, slot: u32) {
        let left =
            |it: &WorkloadRecord| it.departure != Departure::Cleanup && it.state.schedule.is_none();
        if self.records.get(slot).is_some_and(left)
            && let Some(workload) = self.records.get_mut(slot)
        {
            workload.departure = Departure::Cleanup;
        }
    }

    fn new_record(&self, id: WorkloadId, state: WorkloadState) -> WorkloadRecord {
        let overrides = resolve_overrides(&self.settings, self.target.as_deref(), &id);
        WorkloadRecord::new(id, state, overrides, self.defaults.clone())
    }

    fn find(&self, id: &WorkloadId) -> Option<u32> {
        self.records.find((&id.kind, &id.namespace, &id.name))
    }

    /// The slot of the workload of a Job.
    fn find_of(&self, job: &Job) -> Option<u32> {
        self.records.find(workload_key(job))
    }

    fn journal_change(&self, slot: u32) {
        if let Some(workload) = self.records.get(slot) {
            self.report_change(&workload.id, &workload.state);
        }
    }

    fn report_change(&self, workload: &WorkloadId, state: &WorkloadState) {
        self.journal.append(JournalEntry::WorkloadChanged {
            workload: workload.clone(),
            state: state.clone(),
        });
    }

    fn report_gone(&self, workload: &WorkloadRecord) {
        let gone = JournalEntry::WorkloadGone(workload.id.clone(), workload.departure);
        self.journal.append(gone);
    }
}

#[cfg(test)]
mod tests;
