//! Everything known about every target.
//!
//! A target's source registers its feeds with its [`TargetStore`] and pushes updates to them; scrapes read through
//! [`Store::snapshot`]. The lock of a target is never held across an await: a writer holds it for one event, or while it
//! swaps in one re-list; a reader holds it while it copies some hundred pointers to blocks. So a scrape sees a re-list
//! completely or not at all, and renders without holding any lock.
//!
//! The store owns each fact about a target: its objects, the totals of its workloads, and the health of its feeds.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::time::Instant;

use crate::{
    log_limit::{LogLimit, Throttle},
    model::{
        Change, ClientEvent, EventCounter, EventJournal, EventSink, FeedHandle, FeedId, FeedScope,
        HealthChange, Journal, JournalEntry, Name, NoopJournal, RestoredState, ShardReading, Sink,
        Update,
    },
};

mod blocking;
mod client_counters;
mod completion;
mod configure;
mod counted_runs;
mod cronjobs;
mod facts;
mod feeds;
mod labels;
mod lookup;
#[cfg(test)]
mod memory_journal;
mod objects;
mod pods;
mod probe;
mod server_clock;
mod settings;
mod target_snapshot;
mod warnings;
mod workloads;

pub use client_counters::{ClientCounters, REQUEST_DURATION_BUCKETS};
pub use cronjobs::{CronJobRecord, ScheduleStatus};
pub use feeds::{FeedFailure, FeedHealth, ObjectSelection, UndecodableObject};
pub use objects::{Snapshot, Version};
pub use settings::{Retention, StoreSettings, Threshold, ThresholdSource, Thresholds};
pub use target_snapshot::{
    ConfiguredJob, TargetDescription, TargetDetails, TargetShard, TargetSnapshot, TargetStatus,
};
pub use workloads::WorkloadRecord;

use blocking::long_step;
use facts::Facts;
use objects::Visibility;
use server_clock::ServerClock;
use workloads::SideEffects;

/// Longer than anything holds the lock, except for a large list. Each long step may start a thread, which costs memory.
const SHORT_WAIT: Duration = Duration::from_millis(5);

/// More objects than a page of a list has.
const LARGE: usize = 1000;

/// All targets.
#[derive(Debug)]
pub struct Store {
    /// Replaced as a whole, so that a snapshot sees one list.
    targets: RwLock<Arc<[Arc<TargetStore>]>>,
}

/// The store of one target.
#[derive(Debug)]
pub struct TargetStore {
    /// Value of the `target` label; `None` for the single unnamed target.
    name: Option<Name>,
    /// What is read, and where.
    description: RwLock<Option<Arc<TargetDescription>>>,
    /// Returns the current time.
    clock: fn() -> Timestamp,
    /// When the process began to read it.
    known_since: Timestamp,
    journal: Arc<dyn Journal>,
    /// Never held across an await.
    facts: Mutex<Facts>,
    /// Locked apart from the facts, so that counting never waits for a re-list.
    client_counters: Mutex<ClientCounters>,
    server_clock: Mutex<ServerClock>,
    /// How a shard reads, and how many namespaces it owns if it knows. `None` before that is known, and without shards.
    shard_reading: Mutex<Option<(ShardReading, Option<usize>)>>,
    /// The limit on log lines about the metadata of objects.
    metadata_log: Mutex<LogLimit>,
    /// The limit on log lines about workloads beyond the budget.
    budget_log: Mutex<Throttle>,
}

/// Which objects a snapshot has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Selection {
    /// Those that `/metrics` shows.
    Metrics,
    /// All.
    All,
}

// === impl Store ===

impl Store {
    /// A store of these targets. They are shown in this order.
    #[must_use]
    pub fn new(targets: Vec<Arc<TargetStore>>) -> Self {
        Self {
            targets: RwLock::new(targets.into()),
        }
    }

    /// The targets.
    #[must_use]
    pub fn targets(&self) -> Arc<[Arc<TargetStore>]> {
        self.targets.read().clone()
    }

    /// Replaces the targets at once. Snapshots of before keep the previous ones.
    pub fn replace_targets(&self, targets: Vec<Arc<TargetStore>>) {
        *self.targets.write() = targets.into();
    }

    /// A view of all targets. Each is consistent in itself.
    #[must_use]
    pub fn snapshot(&self) -> Vec<TargetSnapshot> {
        let targets = self.targets();
        targets.iter().map(|target| target.snapshot()).collect()
    }

    /// The same with everything that is known, see [`TargetStore::complete_snapshot`].
    #[must_use]
    pub fn complete_snapshot(&self) -> Vec<TargetSnapshot> {
        let targets = self.targets();
        let snapshots = targets.iter().map(|target| target.complete_snapshot());
        snapshots.collect()
    }
}

// === impl TargetStore ===

impl TargetStore {
    /// An empty store. The source registers the feeds.
    #[must_use]
    pub fn new(name: Option<Name>, settings: Arc<StoreSettings>) -> Self {
        Self::without_history(name, settings, Arc::new(NoopJournal))
    }

    /// The same, and it writes to `sink` what it counts.
    #[must_use]
    pub fn with_events(
        name: Option<Name>,
        settings: Arc<StoreSettings>,
        sink: Arc<dyn EventSink>,
    ) -> Self {
        Self::without_history(name, settings, Arc::new(EventJournal::new(sink)))
    }

    fn without_history(
        name: Option<Name>,
        settings: Arc<StoreSettings>,
        journal: Arc<dyn Journal>,
    ) -> Self {
        let state = RestoredState {
            since: (settings.clock)().as_second(),
            ..RestoredState::default()
        };
        Self::restored(name, settings, state, journal)
    }

    /// A store that continues from `state`, and appends to `journal` the changes that must survive a restart.
    #[must_use]
    pub fn restored(
        name: Option<Name>,
        settings: Arc<StoreSettings>,
        state: RestoredState,
        journal: Arc<dyn Journal>,
    ) -> Self {
        let clock = settings.clock;
        let facts = Facts::new(name.clone(), settings, state, journal.clone());
        Self {
            name,
            description: RwLock::default(),
            clock,
            known_since: clock(),
            journal,
            facts: Mutex::new(facts),
            client_counters: Mutex::default(),
            server_clock: Mutex::default(),
            shard_reading: Mutex::default(),
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

    fn facts(&self) -> MutexGuard<'_, Facts> {
        let soon = self.facts.try_lock_for(SHORT_WAIT);
        soon.unwrap_or_else(|| long_step(|| self.facts.lock()))
    }

    /// Whether every feed was read completely at least once.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.facts().feeds.synced()
    }

    /// A consistent view of this target. Drops deleted Jobs whose retention is over.
    #[must_use]
    pub fn snapshot(&self) -> TargetSnapshot {
        self.take_snapshot(Selection::Metrics)
    }

    /// The same with everything that is known: the objects of stale feeds, and all finished Jobs. It is for people, who are
    /// told how old it is.
    #[must_use]
    pub fn complete_snapshot(&self) -> TargetSnapshot {
        self.take_snapshot(Selection::All)
    }

    fn take_snapshot(&self, selection: Selection) -> TargetSnapshot {
        let now = Instant::now();
        let client_counters = self.client_counters.lock().clone();
        let mut guard = self.facts();
        let facts = &mut *guard;
        facts.expire(now);
        facts.settle_runs(now, &mut SideEffects::default());
        let date = (self.clock)();
        facts.cronjobs.advance_clock(date.as_second());
        let dropped = facts.workloads.omit_excess(date.as_second()) as u64;
        facts.dropped_workloads += dropped;
        let stale = facts.feeds.stale(now, facts.settings.retention.stale_after);
        let configured = facts.feeds.configured_jobs(&stale);
        let (hidden, pinned_only) = match selection {
            Selection::Metrics => (stale, facts.settings.last_jobs_only),
            Selection::All => (Vec::new(), false),
        };
        let all = Visibility::new(now, hidden);
        let jobs = all.with_pinned_only(pinned_only);
        let snapshot = TargetSnapshot {
            target: self.name.clone(),
            date,
            known_since: self.known_since,
            jobs: facts.jobs.snapshot(&jobs),
            cronjobs: facts.cronjobs.snapshot(&all),
            workloads: facts.workloads.snapshot(&all),
            label_names: facts.label_names.clone(),
            overrides: facts.settings.overrides.clone(),
            reads_pods: facts.settings.pods,
            shard: facts.settings.shard.map(TargetShard::new),
            configured,
            counters_known: facts.counters_known,
            status: facts.status(),
            client_counters,
            details: (selection == Selection::All).then(|| Box::new(self.details(facts))),
        };
        drop(guard);
        self.warn_about_dropped(dropped);
        snapshot
    }
}

impl TargetStore {
    /// Says what is read from now on, and where.
    pub fn describe(&self, description: TargetDescription) {
        *self.description.write() = Some(Arc::new(description));
    }

    fn details(&self, facts: &Facts) -> TargetDetails {
        TargetDetails {
            description: self.description.read().clone(),
            shard_reading: *self.shard_reading.lock(),
            feeds: facts.feeds.health(TargetDetails::MAX_LISTED),
            undecodable: facts.feeds.undecodable_objects(TargetDetails::MAX_LISTED),
        }
    }
}

impl Sink for TargetStore {
    fn register(self: Arc<Self>, scope: FeedScope) -> FeedHandle {
        let id = self.facts().feeds.register(scope);
        FeedHandle::new(id, self)
    }

    fn push(&self, feed: FeedId, mut update: Update) -> HealthChange {
        let now = Instant::now();
        if let Update::CaughtUp(until) = &mut update {
            let local = (self.clock)();
            *until = self.server_clock.lock().correct(*until, local, now);
        }
        let mut facts = self.facts();
        let date = (self.clock)();
        let (health, effects) = if is_large(&update) {
            long_step(|| facts.push(feed, update, now, date))
        } else {
            facts.push(feed, update, now, date)
        };
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

    fn retire(&self, feed: FeedId) {
        self.facts().feeds.retire(feed);
    }

    fn set_shard_reading(&self, reading: ShardReading, namespaces: Option<usize>) {
        *self.shard_reading.lock() = Some((reading, namespaces));
    }
}

/// Whether an update has so many objects that it takes more than some milliseconds.
fn is_large(update: &Update) -> bool {
    match update {
        Update::Jobs(Change::Replaced(jobs)) => jobs.len() > LARGE,
        Update::CronJobs(Change::Replaced(cronjobs)) => cronjobs.len() > LARGE,
        // At its end a list of pods looks at all Jobs.
        Update::Pods(Change::Replaced(_)) => true,
        _ => false,
    }
}

impl EventCounter for TargetStore {
    fn count(&self, event: ClientEvent) {
        if let ClientEvent::ServerDate(date) = event {
            let (local, now) = ((self.clock)(), Instant::now());
            let ahead = self.server_clock.lock().set(date, local, now);
            if let Some(ahead) = ahead {
                server_clock::log(self.name(), ahead);
            }
        }
        self.client_counters.lock().count(event);
    }
}

#[cfg(test)]
mod tests;
