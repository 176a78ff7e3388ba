//! What is known of every target.
//!
//! One [`TargetStore`] per target, written by that target's source through [`Sink`] and read by scrapes through
//! [`Store::snapshot`]. The lock of a slice is a `std` mutex that nobody holds across an await: a writer holds it for one
//! event, or for swapping in one re-list; a reader for as long as it takes to copy some hundred pointers to blocks.
//! So a scrape sees a re-list in whole or not at all, and renders without holding any lock.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::model::{
    Change, ClientEvent, FeedId, FeedScope, Job, Journal, JournalEntry, Name, NoopJournal,
    RestoredState, Sink, Update, WorkloadId,
};

mod client_counters;
mod counted_runs;
mod cronjobs;
mod feed;
mod lookup;
mod objects;
mod settings;
mod workloads;

pub use client_counters::{ClientCounters, REQUEST_DURATION_BUCKETS};
pub use cronjobs::{CronJobRecord, ScheduleStatus};
pub use objects::Snapshot;
pub use settings::{Retention, StoreSettings, Thresholds};
pub use workloads::WorkloadRecord;

use cronjobs::CronJobStore;
use feed::FeedStatus;
use objects::{Objects, Transition, Visibility};
use workloads::{Observation, SideEffects, Workloads};

/// All targets.
#[derive(Debug)]
pub struct Store {
    slices: Vec<Arc<TargetStore>>,
}

/// One target's part of the store.
#[derive(Debug)]
pub struct TargetStore {
    /// Value of the `target` label; `None` for the single unnamed target.
    target: Option<Name>,
    settings: Arc<StoreSettings>,
    journal: Arc<dyn Journal>,
    /// Never held across an await.
    facts: Mutex<Facts>,
    /// Apart from the facts, so that counting never waits for a re-list.
    client_counters: Mutex<ClientCounters>,
}

#[derive(Debug)]
struct Facts {
    jobs: Objects<Job>,
    cronjobs: CronJobStore,
    workloads: Workloads,
    /// Annotations that made no sense, since the start.
    invalid_annotations: u64,
    feeds: Vec<FeedStatus>,
    /// Whether all feeds were read once.
    synced: bool,
}

/// A consistent picture of one target, which stays as it is while the store goes on.
#[derive(Debug)]
pub struct TargetSnapshot {
    /// Value of the `target` label; `None` for the single unnamed target.
    pub target: Option<Name>,
    /// When it was taken.
    pub date: Timestamp,
    /// The Jobs to show.
    pub jobs: Snapshot<Job>,
    /// The `CronJobStore` to show.
    pub cronjobs: Snapshot<CronJobRecord>,
    /// The workloads to show.
    pub workloads: Snapshot<WorkloadRecord>,
    /// The configured jobs of which it is known whether they exist.
    pub configured: Vec<ConfiguredJob>,
    /// How the target itself is doing.
    pub status: TargetStatus,
    /// What was counted.
    pub client_counters: ClientCounters,
}

/// A job that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredJob {
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
    /// Whether there is one.
    pub exists: bool,
}

/// How a target is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetStatus {
    /// No feed failed at its last attempt, and at least one succeeded.
    pub up: bool,
    /// Every feed was read in whole once.
    pub synced: bool,
    /// The oldest last success among the feeds: everything shown was confirmed then or later. `None` until each had one.
    pub last_success: Option<Timestamp>,
    /// Jobs known, deleted ones left out.
    pub jobs: usize,
    /// `CronJobStore` known.
    pub cronjobs: usize,
    /// Annotations that made no sense, since the start; each is counted once while its value stays.
    pub invalid_annotations: u64,
}

// === impl Store ===

impl Store {
    /// A store of these slices, in the order in which they are to be shown.
    #[must_use]
    pub fn new(slices: Vec<Arc<TargetStore>>) -> Self {
        Self { slices }
    }

    /// A picture of all targets, each consistent in itself.
    #[must_use]
    pub fn snapshot(&self) -> Vec<TargetSnapshot> {
        self.slices.iter().map(|slice| slice.snapshot()).collect()
    }
}

// === impl Slice ===

impl TargetStore {
    /// An empty slice for a target with these feeds; [`FeedId`]s are positions in `feeds`.
    #[must_use]
    pub fn new(target: Option<Name>, feeds: Vec<FeedScope>, settings: Arc<StoreSettings>) -> Self {
        let memory = RestoredState {
            since: (settings.clock)().as_second(),
            ..RestoredState::default()
        };
        Self::remembering(target, feeds, settings, memory, Arc::new(NoopJournal))
    }

    /// The same, going on from what was written down earlier, and writing down what is to outlive the process.
    #[must_use]
    pub fn remembering(
        target: Option<Name>,
        feeds: Vec<FeedScope>,
        settings: Arc<StoreSettings>,
        memory: RestoredState,
        journal: Arc<dyn Journal>,
    ) -> Self {
        let feeds = feeds.into_iter().map(FeedStatus::new).collect();
        let facts = Facts {
            jobs: Objects::default(),
            cronjobs: CronJobStore::new(settings.clone()),
            workloads: Workloads::new(settings.clone(), memory, journal.clone()),
            invalid_annotations: 0,
            feeds,
            synced: false,
        };
        Self {
            target,
            settings,
            journal,
            facts: Mutex::new(facts),
            client_counters: Mutex::default(),
        }
    }

    /// A consistent picture of this target. Drops deleted Jobs whose time is over.
    #[must_use]
    pub fn snapshot(&self) -> TargetSnapshot {
        let now = Instant::now();
        let client_counters = self.client_counters.lock().clone();
        let mut facts = self.facts();
        let facts = &mut *facts;
        facts.expire(now);
        let date = (self.settings.clock)();
        facts.cronjobs.advance(date.as_second());
        let stale: Vec<bool> = facts
            .feeds
            .iter()
            .map(|feed| feed.stale(now, self.settings.retention.stale_after))
            .collect();
        let configured = facts
            .feeds
            .iter()
            .zip(&stale)
            .filter(|(_, stale)| !**stale)
            .filter_map(|(feed, _)| feed.configured());
        let configured = configured.collect();
        let status = facts.status();
        let all = Visibility::new(now, stale);
        let jobs = all.of_marked(self.settings.last_jobs_only);
        TargetSnapshot {
            target: self.target.clone(),
            date,
            jobs: facts.jobs.snapshot(&jobs),
            cronjobs: facts.cronjobs.snapshot(&all),
            workloads: facts.workloads.snapshot(&all),
            configured,
            status,
            client_counters,
        }
    }

    /// A panic elsewhere while the lock was held leaves facts that are at worst one event old: no reason to go down.
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock()
    }
}

impl Sink for TargetStore {
    fn push(&self, id: FeedId, update: Update) {
        let now = Instant::now();
        let mut facts = self.facts();
        let effects = facts.push(id, update, now, &self.settings);
        if !facts.synced && facts.all_read() {
            facts.synced = true;
            facts.workloads.forget_unseen(now);
            self.journal.append(JournalEntry::Synced);
        }
        drop(facts);
        // Not under the lock: whoever reads the log may be slow.
        for (workload, annotation, value) in effects.invalid {
            let WorkloadId {
                namespace,
                kind,
                name,
            } = workload;
            let target = self.target.as_deref();
            tracing::warn!(
                target,
                namespace = &*namespace,
                kind = &*kind,
                name = &*name,
                annotation,
                value = &*value,
                "an annotation makes no sense and is left out"
            );
        }
    }

    fn count(&self, event: ClientEvent) {
        self.client_counters.lock().count(event);
    }
}

// === impl Facts ===

impl Facts {
    fn push(
        &mut self,
        id: FeedId,
        update: Update,
        now: Instant,
        settings: &StoreSettings,
    ) -> SideEffects {
        let mut effects = SideEffects::default();
        let Some(feed) = self.feeds.get_mut(id.0 as usize) else {
            debug_assert!(false, "no feed {id:?}");
            return effects;
        };
        let date = (settings.clock)();
        feed.note(&update, now, date);
        let configured = matches!(feed.scope, FeedScope::Job { .. });
        self.expire(now);
        let observation = Observation {
            feed: id,
            configured,
            now,
        };
        let retain_until = now + settings.retention.deleted;
        let workloads = &mut self.workloads;
        let mut see_job = |transition: Transition<'_, Job>| {
            workloads.on_job(observation, &transition, &mut effects);
        };
        match update {
            Update::Contact | Update::Failed => {}
            Update::Jobs(change) => self.jobs.change(id, change, retain_until, &mut see_job),
            Update::JobAbsent => {
                let nothing = Change::Replaced(Vec::new());
                self.jobs.change(id, nothing, retain_until, &mut see_job);
            }
            Update::CronJobs(change) => {
                let see = &mut |transition: Transition<'_, CronJobRecord>| {
                    workloads.on_cronjob(observation, &transition, &mut effects);
                };
                let at = (now, date.as_second());
                self.cronjobs.change(id, change, at, see);
            }
        }
        self.mark(&effects);
        self.invalid_annotations += effects.invalid.len() as u64;
        effects
    }

    /// Marks the Jobs of last runs, so that they are shown where other finished ones are not.
    fn mark(&mut self, effects: &SideEffects) {
        for (namespace, name, uid, last) in &effects.last_jobs {
            if let Some(slot) = self.jobs.find(("", namespace, name))
                && let Some(job) = self.jobs.get(slot)
                && self.workloads.uid_matches(job, *uid)
            {
                self.jobs.mark(slot, *last);
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        self.jobs.expire(now, drop);
        self.workloads.expire(now);
    }

    /// Whether every feed was read in whole once.
    fn all_read(&self) -> bool {
        self.feeds.iter().all(|feed| feed.synced)
    }

    fn status(&self) -> TargetStatus {
        let feeds = &self.feeds;
        TargetStatus {
            up: feeds.iter().any(|feed| feed.up == Some(true))
                && feeds.iter().all(|feed| feed.up != Some(false)),
            synced: self.all_read(),
            last_success: feeds.iter().map(|feed| feed.last_success).min().flatten(),
            jobs: self.jobs.len(),
            cronjobs: self.cronjobs.len(),
            invalid_annotations: self.invalid_annotations,
        }
    }
}

#[cfg(test)]
mod tests;
