//! The feeds of one target and their health: the only owner of up, synced, stale and last contact.
//!
//! A [`FeedId`] is a position here. When the source of the target is restarted, feeds come and go ([`restart`]); the
//! position of a feed is used again only after all its objects are gone.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::ConfiguredJob;
use crate::model::{
    Change, FeedId, FeedScope, HealthChange, Name, ObjectName, Resource, Seconds, Update,
};

mod health;
mod pods;
mod restart;

pub use health::{FeedFailure, FeedHealth, UndecodableObject};
pub use restart::ObjectSelection;

use restart::Phase;

/// All feeds of one target.
#[derive(Debug, Default)]
pub(super) struct Feeds {
    /// By [`FeedId`]; `None` where the next new feed takes its place.
    statuses: Vec<Option<FeedStatus>>,
    /// The positions that are `None`.
    free: Vec<FeedId>,
    /// Whether [`HealthChange::synced`] was reported since the last new feed.
    synced_reported: bool,
    /// [`FeedStatus::count_since`] of new feeds.
    count_since: Option<Seconds>,
    /// Whether the source was restarted, and has not pushed anything since.
    restarting: bool,
    /// The number of feeds in [`Phase::Retired`].
    retired: usize,
    /// Whether there is nothing to read, so that no feed is missing.
    none_needed: bool,
}

/// The health of one feed, and whether its configured Job exists.
#[derive(Debug)]
struct FeedStatus {
    scope: FeedScope,
    phase: Phase,
    reading: Reading,
    /// Whether the next complete list has other objects because others are selected, not because they were deleted.
    selection_changed: bool,
    /// When the selection of objects changed last: runs that ended before are not counted unless they were seen active.
    count_since: Option<Seconds>,
    /// Outcome of the last attempt; `None` before the first.
    up: Option<bool>,
    /// Whether it was read completely at least once.
    synced: bool,
    /// For a configured Job: whether it exists, once that is known.
    exists: Option<bool>,
    /// Objects that exist and cannot be decoded, up to [`MAX_UNDECODABLE`](crate::model::MAX_UNDECODABLE).
    undecodable: HashSet<ObjectName>,
    /// When the API last confirmed what the store holds.
    last_success: Option<Timestamp>,
    /// The same on the monotonic clock.
    last_contact: Option<Instant>,
    /// While its attempts fail: since when, and why.
    failure: Option<Box<FeedFailure>>,
    /// Until when everything that happened was received.
    caught_up: Option<Timestamp>,
}

/// Whether the objects of a feed were read since the last restart of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Never,
    Complete,
    /// They were, and another list is being applied. Its objects confirm nothing about those that it has not had yet.
    Again,
}

// === impl Feeds ===

impl Feeds {
    /// No feeds yet; with `none_needed` that is all.
    pub(super) fn new(none_needed: bool) -> Self {
        Self {
            none_needed,
            ..Self::default()
        }
    }

    /// The id of a feed for this scope: that of a feed that is not in use, or a new one.
    pub(super) fn register(&mut self, scope: FeedScope) -> FeedId {
        if let Some(id) = self.resume(&scope) {
            return id;
        }
        self.synced_reported = false;
        let status = Some(FeedStatus {
            count_since: self.count_since,
            ..FeedStatus::new(scope)
        });
        if let Some(id) = self.free.pop() {
            self.statuses[id.0 as usize] = status;
            return id;
        }
        let id = u32::try_from(self.statuses.len()).unwrap_or(u32::MAX); // no configuration has 4 billion feeds
        self.statuses.push(status);
        FeedId(id)
    }

    /// Records an update of feed `id`. `None` if no such feed is in use.
    pub(super) fn record(
        &mut self,
        id: FeedId,
        update: &Update,
        now: Instant,
        date: Timestamp,
    ) -> Option<HealthChange> {
        let restarted = self.finish_restart();
        let feed = self.statuses.get_mut(id.0 as usize)?.as_mut()?;
        if feed.phase != Phase::InUse {
            return None;
        }
        let (had_read, was_failing) = (feed.is_read(), feed.is_failing());
        feed.record(update, now, date);
        let (first_read, failing) = (!had_read && feed.is_read(), feed.is_failing());
        // The other feeds matter only when this one changed. A target may poll thousands of Jobs, each with a feed.
        let synced = (first_read || restarted) && !self.synced_reported && self.all_read();
        let failing_feeds = if self.is_of_pods(id) {
            self.failing_pods()
        } else {
            self.failing()
        };
        self.synced_reported |= synced;
        Some(HealthChange {
            synced,
            went_down: !was_failing && failing && failing_feeds == 1,
            recovered: was_failing && !failing && failing_feeds == 0,
        })
    }

    /// Whether feed `id` polls a configured Job.
    pub(super) fn is_configured(&self, id: FeedId) -> bool {
        self.get(id).is_some_and(FeedStatus::is_configured)
    }

    /// The feeds of `CronJobs` whose schedules depend on feed `id`: itself, or those that it has the Jobs of.
    pub(super) fn dependent_cronjobs(&self, id: FeedId) -> Vec<FeedId> {
        match self.get(id).map(|feed| &feed.scope) {
            Some(FeedScope::CronJobs(_)) => vec![id],
            Some(FeedScope::Jobs(jobs)) => self
                .in_use()
                .filter(|(_, feed)| {
                    matches!(&feed.scope, FeedScope::CronJobs(scope) if overlap(scope.as_ref(), jobs.as_ref()))
                })
                .map(|(id, _)| id)
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Until when the schedules of the `CronJobs` of feed `id` can be judged: everything that happened to them and to their
    /// Jobs was received. `None` before both were read.
    pub(super) fn judged_until(&self, id: FeedId) -> Option<Seconds> {
        let cronjobs = self.get(id)?;
        let FeedScope::CronJobs(scope) = &cronjobs.scope else {
            return None;
        };
        let feeds = self.in_use().map(|(_, feed)| feed);
        let jobs = feeds
            .filter(|feed| matches!(&feed.scope, FeedScope::Jobs(jobs) if overlap(scope.as_ref(), jobs.as_ref())));
        let oldest = jobs.chain([cronjobs]).map(|feed| feed.caught_up).min();
        oldest.flatten().map(Timestamp::as_second)
    }

    /// Whether a feed fails that reads Jobs of this namespace.
    pub(super) fn fails_jobs_of(&self, namespace: &str) -> bool {
        let reads = |scope: &FeedScope| match scope {
            FeedScope::Jobs(of) => of.as_ref().is_none_or(|of| **of == *namespace),
            FeedScope::Job { namespace: of, .. } => **of == *namespace,
            _ => false,
        };
        self.in_use()
            .any(|(_, feed)| feed.is_failing() && reads(&feed.scope))
    }

    /// Whether every feed was read completely at least once. Pods must only be tried: until then, the causes of runs that ended during a
    /// restart are missing.
    pub(super) fn synced(&self) -> bool {
        self.has_jobs_read() && self.all_tried()
    }

    /// Whether every feed but those of pods was read completely at least once.
    fn has_jobs_read(&self) -> bool {
        (self.len() > 0 || self.none_needed) && self.essential().all(|(_, feed)| feed.synced)
    }

    /// Whether at least one feed works and none fails.
    pub(super) fn up(&self) -> bool {
        let any = self.none_needed || self.essential().any(|(_, feed)| feed.up == Some(true));
        any && self.failing() == 0
    }

    /// The oldest last success: everything the store holds was confirmed then or later. `None` until each feed had one.
    pub(super) fn last_success(&self) -> Option<Timestamp> {
        let successes = self.essential().map(|(_, feed)| feed.last_success);
        successes.min().flatten()
    }

    /// For each position, whether the last contact of its feed was longer than `stale_after` ago.
    pub(super) fn stale(&self, now: Instant, stale_after: Duration) -> Vec<bool> {
        let stale = |feed: &FeedStatus| feed.stale(now, stale_after);
        let statuses = self.statuses.iter();
        statuses
            .map(|feed| feed.as_ref().is_some_and(stale))
            .collect()
    }

    /// The configured Jobs. Whether they exist is unknown where a feed is `stale`.
    pub(super) fn configured_jobs(&self, stale: &[bool]) -> Vec<ConfiguredJob> {
        let job = |(id, feed): (FeedId, &FeedStatus)| {
            let stale = stale.get(id.0 as usize).is_some_and(|stale| *stale);
            feed.configured_job(stale)
        };
        self.in_use().filter_map(job).collect()
    }

    /// The number of feeds, without those of pods.
    pub(super) fn len(&self) -> usize {
        self.essential().count()
    }

    /// The number of objects of this kind that exist and cannot be decoded.
    pub(super) fn undecodable(&self, resource: Resource) -> usize {
        self.in_use()
            .filter(|(_, feed)| feed.resource() == resource)
            .map(|(_, feed)| feed.undecodable.len())
            .sum()
    }

    /// The number of feeds whose last attempt failed, without those of pods.
    pub(super) fn failing(&self) -> usize {
        let failing = self.essential().filter(|(_, feed)| feed.is_failing());
        failing.count()
    }

    fn get(&self, id: FeedId) -> Option<&FeedStatus> {
        self.statuses.get(id.0 as usize)?.as_ref()
    }

    /// The feeds that count: all but the retired ones.
    fn in_use(&self) -> impl Iterator<Item = (FeedId, &FeedStatus)> {
        let feeds = (0u32..).map(FeedId).zip(&self.statuses);
        feeds
            .filter_map(|(id, feed)| Some((id, feed.as_ref()?)))
            .filter(|(_, feed)| feed.phase != Phase::Retired)
    }
}

// === impl FeedStatus ===

impl FeedStatus {
    fn new(scope: FeedScope) -> Self {
        Self {
            scope,
            phase: Phase::InUse,
            reading: Reading::Never,
            selection_changed: false,
            count_since: None,
            up: None,
            synced: false,
            exists: None,
            undecodable: HashSet::new(),
            last_success: None,
            last_contact: None,
            failure: None,
            caught_up: None,
        }
    }

    fn record(&mut self, update: &Update, now: Instant, date: Timestamp) {
        if let Update::Failed(error) = update {
            if self.reading == Reading::Again {
                self.reading = Reading::Complete;
            }
            self.fail(error, date);
            return;
        }
        self.record_undecodable(update);
        if is_list_start(update) && self.is_read() {
            self.reading = Reading::Again;
        }
        match update {
            Update::JobAbsent => self.exists = Some(false),
            Update::CaughtUp(until) => self.caught_up = Some(*until),
            Update::Jobs(Change::Applied(_)) | Update::Undecodable(Change::Applied(_))
                if self.is_configured() =>
            {
                self.exists = Some(true);
            }
            _ => {}
        }
        let complete_list = matches!(
            update,
            Update::Jobs(Change::Replaced(_))
                | Update::CronJobs(Change::Replaced(_))
                | Update::Pods(Change::Replaced(_))
                | Update::Namespaces(Change::Replaced(_))
        );
        let polled = match update {
            Update::JobAbsent => true,
            Update::Jobs(Change::Applied(_)) | Update::Undecodable(Change::Applied(_)) => {
                self.is_configured()
            }
            _ => false,
        };
        if complete_list || polled {
            (self.synced, self.selection_changed) = (true, false);
            self.reading = Reading::Complete;
        }
        if self.reading == Reading::Again {
            return;
        }
        self.up = match update {
            Update::Contact => {
                self.failure = None;
                Some(true)
            }
            // See `Update::Contact` for why this does not end an outage.
            _ => self.up.or(Some(true)),
        };
        self.last_success = Some(date);
        self.last_contact = Some(now);
    }

    /// Whether it was read completely since the last restart of the source.
    fn is_read(&self) -> bool {
        self.reading != Reading::Never
    }

    fn resource(&self) -> Resource {
        match self.scope {
            FeedScope::Jobs(_) | FeedScope::Job { .. } => Resource::Jobs,
            FeedScope::CronJobs(_) => Resource::CronJobs,
            FeedScope::Pods(_) => Resource::Pods,
            FeedScope::Namespaces => Resource::Namespaces,
        }
    }

    fn is_of_pods(&self) -> bool {
        matches!(self.scope, FeedScope::Pods(_))
    }

    fn is_configured(&self) -> bool {
        matches!(self.scope, FeedScope::Job { .. })
    }

    fn is_failing(&self) -> bool {
        self.up == Some(false)
    }

    fn stale(&self, now: Instant, stale_after: Duration) -> bool {
        self.last_contact
            .is_none_or(|contact| now.duration_since(contact) > stale_after)
    }

    fn configured_job(&self, stale: bool) -> Option<ConfiguredJob> {
        let FeedScope::Job { namespace, name } = &self.scope else {
            return None;
        };
        Some(ConfiguredJob {
            namespace: namespace.clone(),
            name: name.clone(),
            exists: self.exists.filter(|_| !stale),
            poll_up: self.up,
            last_poll: self.last_success,
        })
    }
}

/// Whether a list starts that is applied as it arrives.
fn is_list_start(update: &Update) -> bool {
    matches!(
        update,
        Update::Jobs(Change::ListStarted)
            | Update::CronJobs(Change::ListStarted)
            | Update::Pods(Change::ListStarted)
            | Update::Namespaces(Change::ListStarted)
    )
}

/// Whether two scopes have a namespace in common.
fn overlap(one: Option<&Name>, other: Option<&Name>) -> bool {
    one.is_none() || other.is_none() || one == other
}

#[cfg(test)]
mod tests;
