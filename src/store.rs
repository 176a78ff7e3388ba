//! What is known of every target.
//!
//! One [`Slice`] per target, written by that target's source through [`Sink`] and read by scrapes through
//! [`Store::snapshot`]. The lock of a slice is a `std` mutex that nobody holds across an await: a writer holds it for one
//! event, or for swapping in one re-list; a reader for as long as it takes to copy some hundred pointers to blocks.
//! So a scrape sees a re-list in whole or not at all, and renders without holding any lock.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;

use crate::model::{self, Activity, Change, CronJob, FeedId, FeedScope, Job, Name, Sink, Update};

mod activity;
mod objects;

pub use activity::{ActivityCounts, REQUEST_DURATION_BUCKETS, RequestDurations};
pub use objects::Objects;

use objects::{Snapshot as ObjectsSnapshot, Visibility};

/// How long facts are kept that can no longer be confirmed.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// A finished Job that is deleted stays this long, so that a scrape gets to see its end.
    pub deleted: Duration,
    /// Objects of a feed that had no contact with the API for this long are no longer shown.
    pub stale_after: Duration,
}

/// All targets.
#[derive(Debug)]
pub struct Store {
    slices: Vec<Arc<Slice>>,
}

/// One target's part of the store.
#[derive(Debug)]
pub struct Slice {
    /// Value of the `target` label; `None` for the single unnamed target.
    target: Option<Name>,
    retention: Retention,
    /// Never held across an await.
    facts: Mutex<Facts>,
    /// Apart from the facts, so that counting never waits for a re-list.
    activity: Mutex<ActivityCounts>,
}

#[derive(Debug)]
struct Facts {
    jobs: Objects<Job>,
    cronjobs: Objects<CronJob>,
    feeds: Vec<Feed>,
}

/// What is known of one feed.
#[derive(Debug)]
struct Feed {
    scope: FeedScope,
    /// Outcome of the last attempt; `None` before the first.
    up: Option<bool>,
    /// Whether it was read in whole once.
    synced: bool,
    /// For a configured job: whether it exists, once that is known.
    exists: Option<bool>,
    last_success: Option<Timestamp>,
    last_contact: Option<Instant>,
}

/// A consistent picture of one target, which stays as it is while the store goes on.
#[derive(Debug)]
pub struct SliceSnapshot {
    /// Value of the `target` label; `None` for the single unnamed target.
    pub target: Option<Name>,
    /// The Jobs to show.
    pub jobs: ObjectsSnapshot<Job>,
    /// The `CronJobs` to show.
    pub cronjobs: ObjectsSnapshot<CronJob>,
    /// The configured jobs of which it is known whether they exist.
    pub configured: Vec<ConfiguredJob>,
    /// How the target itself is doing.
    pub status: TargetStatus,
    /// What was counted.
    pub activity: ActivityCounts,
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
    /// `CronJobs` known.
    pub cronjobs: usize,
}

// === impl Store ===

impl Store {
    /// A store of these slices, in the order in which they are to be shown.
    #[must_use]
    pub fn new(slices: Vec<Arc<Slice>>) -> Self {
        Self { slices }
    }

    /// A picture of all targets, each consistent in itself.
    #[must_use]
    pub fn snapshot(&self) -> Vec<SliceSnapshot> {
        self.slices.iter().map(|slice| slice.snapshot()).collect()
    }
}

// === impl Slice ===

impl Slice {
    /// An empty slice for a target with these feeds; [`FeedId`]s are positions in `feeds`.
    #[must_use]
    pub fn new(target: Option<Name>, feeds: Vec<FeedScope>, retention: Retention) -> Self {
        let feeds = feeds.into_iter().map(Feed::new).collect();
        let facts = Facts {
            jobs: Objects::default(),
            cronjobs: Objects::default(),
            feeds,
        };
        Self {
            target,
            retention,
            facts: Mutex::new(facts),
            activity: Mutex::default(),
        }
    }

    /// A consistent picture of this target. Drops deleted Jobs whose time is over.
    #[must_use]
    pub fn snapshot(&self) -> SliceSnapshot {
        let now = Instant::now();
        let activity = self
            .activity
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut facts = self.facts();
        let facts = &mut *facts;
        facts.jobs.expire(now);
        let stale: Vec<bool> = facts
            .feeds
            .iter()
            .map(|feed| feed.stale(now, self.retention.stale_after))
            .collect();
        let configured = facts
            .feeds
            .iter()
            .zip(&stale)
            .filter(|(_, stale)| !**stale)
            .filter_map(|(feed, _)| feed.configured());
        let configured = configured.collect();
        let status = facts.status();
        let visibility = Visibility::new(now, stale);
        SliceSnapshot {
            target: self.target.clone(),
            jobs: facts.jobs.snapshot(&visibility),
            cronjobs: facts.cronjobs.snapshot(&visibility),
            configured,
            status,
            activity,
        }
    }

    /// A panic elsewhere while the lock was held leaves facts that are at worst one event old: no reason to go down.
    fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Slice {
    fn push(&self, id: FeedId, update: Update) {
        let now = Instant::now();
        let mut facts = self.facts();
        let facts = &mut *facts;
        let Some(feed) = facts.feeds.get_mut(id.0 as usize) else {
            debug_assert!(false, "no feed {id:?}");
            return;
        };
        feed.note(&update, now);
        let retain_until = now + self.retention.deleted;
        match update {
            Update::Contact | Update::Failed => {}
            Update::Jobs(change) => facts.jobs.change(id, change, retain_until),
            Update::CronJobs(change) => facts.cronjobs.change(id, change, retain_until),
            Update::JobAbsent => facts
                .jobs
                .change(id, Change::Replaced(Vec::new()), retain_until),
        }
        facts.jobs.expire(now);
    }

    fn count(&self, activity: Activity) {
        self.activity
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count(activity);
    }
}

// === impl Facts ===

impl Facts {
    fn status(&self) -> TargetStatus {
        let feeds = &self.feeds;
        TargetStatus {
            up: feeds.iter().any(|feed| feed.up == Some(true))
                && feeds.iter().all(|feed| feed.up != Some(false)),
            synced: feeds.iter().all(|feed| feed.synced),
            last_success: feeds.iter().map(|feed| feed.last_success).min().flatten(),
            jobs: self.jobs.len(),
            cronjobs: self.cronjobs.len(),
        }
    }
}

// === impl Feed ===

impl Feed {
    fn new(scope: FeedScope) -> Self {
        Self {
            scope,
            up: None,
            synced: false,
            exists: None,
            last_success: None,
            last_contact: None,
        }
    }

    fn note(&mut self, update: &Update, now: Instant) {
        if matches!(update, Update::Failed) {
            self.up = Some(false);
            return;
        }
        let configured = matches!(self.scope, FeedScope::Job { .. });
        match update {
            Update::JobAbsent => self.exists = Some(false),
            Update::Jobs(Change::Applied(_)) if configured => self.exists = Some(true),
            _ => {}
        }
        let whole = matches!(
            update,
            Update::Jobs(Change::Replaced(_))
                | Update::CronJobs(Change::Replaced(_))
                | Update::JobAbsent
        );
        self.synced |= whole || self.exists.is_some();
        // A list alone does not end an outage: the watch that it is for may go on failing.
        self.up = match update {
            Update::Contact => Some(true),
            _ => self.up.or(Some(true)),
        };
        self.last_success = Some(model::now());
        self.last_contact = Some(now);
    }

    fn stale(&self, now: Instant, stale_after: Duration) -> bool {
        self.last_contact
            .is_none_or(|contact| now.duration_since(contact) > stale_after)
    }

    fn configured(&self) -> Option<ConfiguredJob> {
        match (&self.scope, self.exists) {
            (FeedScope::Job { namespace, name }, Some(exists)) => Some(ConfiguredJob {
                namespace: namespace.clone(),
                name: name.clone(),
                exists,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
