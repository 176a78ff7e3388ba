//! The feeds of one target and their health: the only owner of up, synced, stale and last contact.

use std::{collections::HashSet, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use super::ConfiguredJob;
use crate::model::{
    Change, FeedId, FeedScope, HealthChange, MAX_UNDECODABLE, Name, ObjectName, Resource, Seconds,
    Update,
};

/// All feeds of one target. A [`FeedId`] is a position here.
#[derive(Debug, Default)]
pub(super) struct Feeds(Vec<FeedStatus>);

/// The health of one feed, and whether its configured Job exists.
#[derive(Debug)]
struct FeedStatus {
    scope: FeedScope,
    /// Outcome of the last attempt; `None` before the first.
    up: Option<bool>,
    /// Whether it was read completely at least once.
    synced: bool,
    /// For a configured Job: whether it exists, once that is known.
    exists: Option<bool>,
    /// Objects that exist and cannot be decoded, up to [`MAX_UNDECODABLE`].
    undecodable: HashSet<ObjectName>,
    /// When the API last confirmed what the store holds.
    last_success: Option<Timestamp>,
    /// The same on the monotonic clock.
    last_contact: Option<Instant>,
    /// Until when everything that happened was received.
    caught_up: Option<Timestamp>,
}

// === impl Feeds ===

impl Feeds {
    pub(super) fn register(&mut self, scope: FeedScope) -> FeedId {
        let id = u32::try_from(self.0.len()).unwrap_or(u32::MAX); // no configuration has 4 billion feeds
        self.0.push(FeedStatus::new(scope));
        FeedId(id)
    }

    /// Records an update of feed `id`. `None` if there is no such feed.
    pub(super) fn record(
        &mut self,
        id: FeedId,
        update: &Update,
        now: Instant,
        date: Timestamp,
    ) -> Option<HealthChange> {
        let feed = self.0.get_mut(id.0 as usize)?;
        let (was_synced, was_failing) = (feed.synced, feed.is_failing());
        feed.record(update, now, date);
        let (synced, failing) = (feed.synced, feed.is_failing());
        // The other feeds matter only when this one changed. A target may poll thousands of Jobs, each with a feed.
        Some(HealthChange {
            synced: !was_synced && synced && self.synced(),
            went_down: !was_failing && failing && self.failing() == 1,
            recovered: was_failing && !failing && self.failing() == 0,
        })
    }

    /// Whether feed `id` polls a configured Job.
    pub(super) fn is_configured(&self, id: FeedId) -> bool {
        let feed = self.0.get(id.0 as usize);
        feed.is_some_and(FeedStatus::is_configured)
    }

    /// The feeds of `CronJobs` whose schedules depend on feed `id`: itself, or those that it has the Jobs of.
    pub(super) fn dependent_cronjobs(&self, id: FeedId) -> Vec<FeedId> {
        match self.0.get(id.0 as usize).map(|feed| &feed.scope) {
            Some(FeedScope::CronJobs(_)) => vec![id],
            Some(FeedScope::Jobs(jobs)) => {
                let feeds = (0u32..).map(FeedId).zip(&self.0);
                feeds
                    .filter(|(_, feed)| {
                        matches!(&feed.scope, FeedScope::CronJobs(scope) if overlap(scope.as_ref(), jobs.as_ref()))
                    })
                    .map(|(id, _)| id)
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Until when the schedules of the `CronJobs` of feed `id` can be judged: everything that happened to them and to their
    /// Jobs was received. `None` before both were read.
    pub(super) fn judged_until(&self, id: FeedId) -> Option<Seconds> {
        let cronjobs = self.0.get(id.0 as usize)?;
        let FeedScope::CronJobs(scope) = &cronjobs.scope else {
            return None;
        };
        let jobs = self
            .0
            .iter()
            .filter(|feed| matches!(&feed.scope, FeedScope::Jobs(jobs) if overlap(scope.as_ref(), jobs.as_ref())));
        let oldest = jobs.chain([cronjobs]).map(|feed| feed.caught_up).min();
        oldest.flatten().map(Timestamp::as_second)
    }

    /// Whether every feed was read completely at least once.
    pub(super) fn synced(&self) -> bool {
        !self.0.is_empty() && self.0.iter().all(|feed| feed.synced)
    }

    /// Whether at least one feed works and none fails.
    pub(super) fn up(&self) -> bool {
        self.0.iter().any(|feed| feed.up == Some(true)) && self.failing() == 0
    }

    /// The oldest last success: everything the store holds was confirmed then or later. `None` until each feed had one.
    pub(super) fn last_success(&self) -> Option<Timestamp> {
        self.0.iter().map(|feed| feed.last_success).min().flatten()
    }

    /// For each feed, whether its last contact was longer than `stale_after` ago.
    pub(super) fn stale(&self, now: Instant, stale_after: Duration) -> Vec<bool> {
        let stale = |feed: &FeedStatus| feed.stale(now, stale_after);
        self.0.iter().map(stale).collect()
    }

    /// The configured Jobs. Whether they exist is unknown where a feed is `stale`.
    pub(super) fn configured_jobs(&self, stale: &[bool]) -> Vec<ConfiguredJob> {
        let feeds = self.0.iter().zip(stale);
        feeds
            .filter_map(|(feed, stale)| feed.configured_job(*stale))
            .collect()
    }

    /// The number of feeds.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The number of objects of this kind that exist and cannot be decoded.
    pub(super) fn undecodable(&self, resource: Resource) -> usize {
        let feeds = self.0.iter();
        feeds
            .filter(|feed| feed.resource() == resource)
            .map(|feed| feed.undecodable.len())
            .sum()
    }

    /// The number of feeds whose last attempt failed.
    pub(super) fn failing(&self) -> usize {
        self.0.iter().filter(|feed| feed.is_failing()).count()
    }
}

// === impl FeedStatus ===

impl FeedStatus {
    fn new(scope: FeedScope) -> Self {
        Self {
            scope,
            up: None,
            synced: false,
            exists: None,
            undecodable: HashSet::new(),
            last_success: None,
            last_contact: None,
            caught_up: None,
        }
    }

    fn record(&mut self, update: &Update, now: Instant, date: Timestamp) {
        if matches!(update, Update::Failed) {
            self.up = Some(false);
            return;
        }
        self.record_undecodable(update);
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
            Update::Jobs(Change::Replaced(_)) | Update::CronJobs(Change::Replaced(_))
        );
        self.synced |= complete_list || self.exists.is_some();
        self.up = match update {
            Update::Contact => Some(true),
            // See `Update::Contact` for why this does not end an outage.
            _ => self.up.or(Some(true)),
        };
        self.last_success = Some(date);
        self.last_contact = Some(now);
    }

    /// Keeps the set of undecodable objects: an object leaves it when it is decoded, deleted, or not in a new list.
    fn record_undecodable(&mut self, update: &Update) {
        let known = &mut self.undecodable;
        let (namespace, name) = match update {
            Update::Undecodable(Change::Replaced(objects)) => {
                *known = objects.iter().take(MAX_UNDECODABLE).cloned().collect();
                return;
            }
            Update::Undecodable(Change::Applied(object)) => {
                if known.len() < MAX_UNDECODABLE {
                    known.insert(object.clone());
                }
                return;
            }
            Update::JobAbsent => {
                known.clear();
                return;
            }
            Update::Undecodable(Change::Deleted(object)) => (&object.namespace, &object.name),
            Update::Jobs(Change::Applied(job) | Change::Deleted(job)) => {
                (&job.namespace, &job.name)
            }
            Update::CronJobs(Change::Applied(cronjob) | Change::Deleted(cronjob)) => {
                (&cronjob.namespace, &cronjob.name)
            }
            _ => return,
        };
        // Nearly always empty, and this runs for every event.
        if !known.is_empty() {
            known.remove(&ObjectName {
                namespace: namespace.clone(),
                name: name.clone(),
            });
        }
    }

    fn resource(&self) -> Resource {
        match self.scope {
            FeedScope::Jobs(_) | FeedScope::Job { .. } => Resource::Jobs,
            FeedScope::CronJobs(_) => Resource::CronJobs,
        }
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

/// Whether two scopes have a namespace in common.
fn overlap(one: Option<&Name>, other: Option<&Name>) -> bool {
    one.is_none() || other.is_none() || one == other
}

#[cfg(test)]
mod tests;
