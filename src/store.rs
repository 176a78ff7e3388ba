//! Everything known about every target.
//!
//! A target's source registers its feeds with its [`TargetStore`] and pushes updates to them; scrapes read through
//! [`Store::snapshot`]. The lock of a target is never held across an await: a writer holds it for one event, or while it
//! swaps in one re-list; a reader holds it while it copies some hundred pointers to blocks. So a scrape sees a re-list
//! completely or not at all, and renders without holding any lock.
//!
//! The store owns each fact about a target: its objects, the totals of its workloads, and the health of its feeds.

use std::sync::Arc;

use parking_lot::Mutex;

use tokio::time::Instant;

use crate::log_limit::{LogLimit, Throttle};
use crate::model::{
    Change, ClientEvent, EventCounter, FeedHandle, FeedId, FeedScope, HealthChange, Job, Journal,
    JournalEntry, Name, NoopJournal, Resource, RestoredState, Seconds, Sink, Update,
};

mod client_counters;
mod completion;
mod counted_runs;
mod cronjobs;
mod feeds;
mod lookup;

mod objects;
mod server_clock;
mod settings;
mod target_snapshot;
mod warnings;
mod workloads;

pub use client_counters::{ClientCounters, REQUEST_DURATION_BUCKETS};
pub use cronjobs::{CronJobRecord, ScheduleStatus};
pub use objects::Snapshot;
pub use settings::{Retention, StoreSettings, Thresholds};
pub use target_snapshot::{ConfiguredJob, TargetSnapshot, TargetStatus};
pub use workloads::WorkloadRecord;

use cronjobs::CronJobStore;
use feeds::Feeds;
use objects::{Objects, Transition, Visibility};
use server_clock::ServerClock;
use workloads::{Observation, SideEffects, Workloads};

/// All targets.
#[derive(Debug)]
pub struct Store {
    targets: Vec<Arc<TargetStore>>,
}

/// The store of one target.
#[derive(Debug)]
pub struct TargetStore {
    /// Value of the `target` label; `None` for the single unnamed target.
    name: Option<Name>,
    settings: Arc<StoreSettings>,
    journal: Arc<dyn Journal>,
    /// Never held across an await.
    facts: Mutex<Facts>,
    /// Locked apart from the facts, so that counting never waits for a re-list.
    client_counters: Mutex<ClientCounters>,
    server_clock: Mutex<ServerClock>,
    /// The limit on log lines about the metadata of objects.
    metadata_log: Mutex<LogLimit>,
    /// The limit on log lines about workloads beyond the budget.
    budget_log: Mutex<Throttle>,
}

#[derive(Debug)]
struct Facts {
    jobs: Objects<Job>,
    cronjobs: CronJobStore,
    workloads: Workloads,
    /// Whether the counters include what an earlier process counted.
    counters_known: bool,
    /// Invalid annotations, counted since the start.
    invalid_annotations: u64,
    /// Label values that were cut, counted since the start.
    truncated_values: u64,
    /// Workloads that were left out, counted since the start.
    dropped_workloads: u64,
    feeds: Feeds,
}

// === impl Store ===

impl Store {
    /// A store of these targets. They are shown in this order.
    #[must_use]
    pub fn new(targets: Vec<Arc<TargetStore>>) -> Self {
        Self { targets }
    }

    /// The targets.
    #[must_use]
    pub fn targets(&self) -> &[Arc<TargetStore>] {
        &self.targets
    }

    /// A view of all targets. Each is consistent in itself.
    #[must_use]
    pub fn snapshot(&self) -> Vec<TargetSnapshot> {
        self.targets
            .iter()
            .map(|target| target.snapshot())
            .collect()
    }
}

// === impl TargetStore ===

impl TargetStore {
    /// An empty store. The source registers the feeds.
    #[must_use]
    pub fn new(name: Option<Name>, settings: Arc<StoreSettings>) -> Self {
        let state = RestoredState {
            since: (settings.clock)().as_second(),
            ..RestoredState::default()
        };
        Self::restored(name, settings, state, Arc::new(NoopJournal))
    }

    /// A store that continues from `state`, and appends to `journal` the changes that must survive a restart.
    #[must_use]
    pub fn restored(
        name: Option<Name>,
        settings: Arc<StoreSettings>,
        state: RestoredState,
        journal: Arc<dyn Journal>,
    ) -> Self {
        let facts = Facts {
            counters_known: !state.delayed,
            jobs: Objects::default(),
            cronjobs: CronJobStore::new(settings.clone()),
            workloads: Workloads::new(name.clone(), settings.clone(), state, journal.clone()),
            invalid_annotations: 0,
            truncated_values: 0,
            dropped_workloads: 0,
            feeds: Feeds::default(),
        };
        Self {
            name,
            settings,
            journal,
            facts: Mutex::new(facts),
            client_counters: Mutex::default(),
            server_clock: Mutex::default(),
            metadata_log: Mutex::new(LogLimit::new(Instant::now())),
            budget_log: Mutex::new(Throttle::new(warnings::WARNING_INTERVAL)),
        }
    }

    /// Value of the `target` label; `None` for the single unnamed target.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The name of the target for people.
    #[must_use]
    pub fn display_name(&self) -> &str {
        self.name().unwrap_or("default")
    }

    /// Whether every feed was read completely at least once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.facts.lock().feeds.synced()
    }

    /// A consistent view of this target. Drops deleted Jobs whose retention is over.
    #[must_use]
    pub fn snapshot(&self) -> TargetSnapshot {
        let now = Instant::now();
        let client_counters = self.client_counters.lock().clone();
        let mut guard = self.facts.lock();
        let facts = &mut *guard;
        facts.expire(now);
        let date = (self.settings.clock)();
        facts.cronjobs.advance_clock(date.as_second());
        let dropped = facts.workloads.omit_excess(date.as_second()) as u64;
        facts.dropped_workloads += dropped;
        let stale = facts.feeds.stale(now, self.settings.retention.stale_after);
        let configured = facts.feeds.configured_jobs(&stale);
        let all = Visibility::new(now, stale);
        let jobs = all.with_pinned_only(self.settings.last_jobs_only);
        let snapshot = TargetSnapshot {
            target: self.name.clone(),
            date,
            jobs: facts.jobs.snapshot(&jobs),
            cronjobs: facts.cronjobs.snapshot(&all),
            workloads: facts.workloads.snapshot(&all),
            configured,
            counters_known: facts.counters_known,
            status: facts.status(),
            client_counters,
        };
        drop(guard);
        self.warn_about_dropped(dropped);
        snapshot
    }
}

impl Sink for TargetStore {
    fn register(self: Arc<Self>, scope: FeedScope) -> FeedHandle {
        let id = self.facts.lock().feeds.register(scope);
        FeedHandle::new(id, self)
    }

    fn push(&self, feed: FeedId, mut update: Update) -> HealthChange {
        let now = Instant::now();
        if let Update::CaughtUp(until) = &mut update {
            let local = (self.settings.clock)();
            *until = self.server_clock.lock().correct(*until, local, now);
        }
        let mut facts = self.facts.lock();
        let (health, effects) = facts.push(feed, update, now, &self.settings);
        if health.synced {
            facts.workloads.forget_unseen(now);
            self.journal.append(JournalEntry::Synced);
        }
        drop(facts);
        self.journal.relieve(self);
        self.warn(&effects.problems);
        self.warn_about_dropped(effects.dropped);
        health
    }
}

impl EventCounter for TargetStore {
    fn count(&self, event: ClientEvent) {
        if let ClientEvent::ServerDate(date) = event {
            let (local, now) = ((self.settings.clock)(), Instant::now());
            let ahead = self.server_clock.lock().set(date, local, now);
            if let Some(ahead) = ahead {
                server_clock::log(self.name(), ahead);
            }
        }
        self.client_counters.lock().count(event);
    }
}

// === impl Facts ===

impl Facts {
    fn push(
        &mut self,
        feed: FeedId,
        mut update: Update,
        now: Instant,
        settings: &StoreSettings,
    ) -> (HealthChange, SideEffects) {
        let mut effects = SideEffects::default();
        let date = (settings.clock)();
        let Some(health) = self.feeds.record(feed, &update, now, date) else {
            debug_assert!(false, "no feed {feed:?}");
            return (HealthChange::default(), effects);
        };
        self.expire(now);
        self.cronjobs.advance_clock(date.as_second());
        let observation = Observation {
            feed,
            configured: self.feeds.is_configured(feed),
            deletion: matches!(update, Update::Jobs(Change::Deleted(_))),
            now,
            date: date.as_second(),
        };
        let retain_until = now + settings.retention.deleted;
        self.complete(&mut update);
        let workloads = &mut self.workloads;
        let mut see_job = |transition: Transition<'_, Job>| {
            workloads.on_job(observation, &transition, &mut effects);
        };
        match update {
            Update::Contact | Update::Failed | Update::Undecodable(_) => {}
            Update::CaughtUp(_) => self.judge(feed, date.as_second()),
            Update::Jobs(change) => {
                self.jobs.change(feed, change, retain_until, &mut see_job);
            }
            Update::JobAbsent => {
                let none = Change::Replaced(Vec::new());
                self.jobs.change(feed, none, retain_until, &mut see_job);
            }
            Update::CronJobs(change) => {
                let see = &mut |transition: Transition<'_, CronJobRecord>| {
                    workloads.on_cronjob(observation, &transition, &mut effects);
                };
                for changed in self.cronjobs.change(feed, change, now, see) {
                    self.cronjobs
                        .evaluate_changed(changed, workloads, observation.date);
                }
            }
        }
        for id in &effects.to_evaluate {
            self.cronjobs
                .evaluate_workload(id, &mut self.workloads, observation.date);
        }
        self.relabel(&effects.relabelled);
        self.mark(&effects);
        effects.dropped = self.workloads.drop_departed(date.as_second()) as u64;
        self.dropped_workloads += effects.dropped;
        for problems in &effects.problems {
            self.invalid_annotations += problems.invalid.len() as u64;
            self.truncated_values += problems.truncated.len() as u64;
        }
        (health, effects)
    }

    /// Judges the schedules that depend on feed `id` as of the time that it has caught up to.
    fn judge(&mut self, id: FeedId, date: Seconds) {
        for feed in self.feeds.dependent_cronjobs(id) {
            if let Some(until) = self.feeds.judged_until(feed) {
                self.cronjobs.judge(feed, until, &mut self.workloads, date);
            }
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

    fn expire(&mut self, now: Instant) {
        self.jobs.expire(now, drop);
        self.workloads.expire(now);
    }

    fn status(&self) -> TargetStatus {
        TargetStatus {
            up: self.feeds.up(),
            synced: self.feeds.synced(),
            last_success: self.feeds.last_success(),
            feeds: self.feeds.len(),
            failing_feeds: self.feeds.failing(),
            undecodable_jobs: self.feeds.undecodable(Resource::Jobs),
            undecodable_cronjobs: self.feeds.undecodable(Resource::CronJobs),
            jobs: self.jobs.len(),
            cronjobs: self.cronjobs.len(),
            invalid_annotations: self.invalid_annotations,
            truncated_values: self.truncated_values,
            dropped_workloads: self.dropped_workloads,
        }
    }
}

#[cfg(test)]
mod tests;
