//! What people see of the feeds: the scope of each, why it fails, and what cannot be decoded.
//!
//! A scrape does not ask for this. The lists are bounded, because they are copied under the lock of the target.

use jiff::Timestamp;

use super::{FeedStatus, Feeds};
use crate::model::{
    Change, FeedError, FeedId, FeedScope, MAX_UNDECODABLE, Name, ObjectName, Resource, Update,
};

/// One feed of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedHealth {
    /// What it covers.
    pub scope: FeedScope,
    /// Outcome of the last attempt; `None` before the first.
    pub up: Option<bool>,
    /// Whether it was read completely at least once.
    pub synced: bool,
    /// When the API last confirmed what the store holds.
    pub last_success: Option<Timestamp>,
    /// Why it fails; `None` unless it does.
    pub failure: Option<FeedFailure>,
}

/// Attempts of a feed that failed, without a success in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedFailure {
    /// When the first of them failed.
    pub since: Timestamp,
    /// When the last one failed.
    pub last_attempt: Timestamp,
    /// Why the last one failed.
    pub error: FeedError,
}

/// An object that exists and cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndecodableObject {
    /// `metadata.namespace`, or `?`.
    pub namespace: Name,
    /// `metadata.name`, or `?`.
    pub name: Name,
    /// Its kind.
    pub resource: Resource,
}

impl Feeds {
    /// Whether each feed was read or failed at least once. Pods are read after their Jobs, so not if those cannot be read.
    pub(in crate::store) fn all_tried(&self) -> bool {
        let is_tried = |(_, feed): (FeedId, &FeedStatus)| feed.synced || feed.is_failing();
        self.essential().all(is_tried) && (!self.has_jobs_read() || self.in_use().all(is_tried))
    }

    /// Whether each feed was read completely, those of pods if they can be, and each schedule can be judged.
    pub(in crate::store) fn all_judged(&self) -> bool {
        let is_judged = |id, feed: &FeedStatus| {
            !matches!(feed.scope, FeedScope::CronJobs(_)) || self.judged_until(id).is_some()
        };
        self.synced() && self.in_use().all(|(id, feed)| is_judged(id, feed))
    }

    /// At most `limit` feeds: the failing ones first, those that failed first at the top, then the others as registered.
    pub(in crate::store) fn health(&self, limit: usize) -> Vec<FeedHealth> {
        let feeds = || self.in_use().map(|(_, feed)| feed);
        let mut failing: Vec<_> = feeds().filter(|feed| feed.is_failing()).collect();
        failing.sort_by_key(|feed| feed.failure.as_ref().map(|failure| failure.since));
        let working = feeds().filter(|feed| !feed.is_failing());
        let listed = failing.into_iter().chain(working).take(limit);
        listed.map(FeedStatus::health).collect()
    }

    /// At most `limit` of the objects that exist and cannot be decoded, in order.
    pub(in crate::store) fn undecodable_objects(&self, limit: usize) -> Vec<UndecodableObject> {
        let objects = self.in_use().flat_map(|(_, feed)| {
            let resource = feed.resource();
            feed.undecodable.iter().map(move |name| (name, resource))
        });
        let mut objects: Vec<_> = objects.collect();
        objects.sort_unstable();
        let object = |(object, resource): (&ObjectName, Resource)| UndecodableObject {
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            resource,
        };
        objects.into_iter().take(limit).map(object).collect()
    }
}

impl FeedStatus {
    /// Keeps the set of undecodable objects: an object leaves it when it is decoded, deleted, or not in a new list.
    pub(super) fn record_undecodable(&mut self, update: &Update) {
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
            Update::Undecodable(Change::Deleted(object)) => (&object.namespace, &*object.name),
            Update::Namespaces(Change::Applied(namespace) | Change::Deleted(namespace)) => {
                known.retain(|object| object.name != namespace.name);
                return;
            }
            Update::Jobs(Change::Applied(job) | Change::Deleted(job)) => {
                (job.namespace(), &*job.name)
            }
            Update::CronJobs(Change::Applied(cronjob) | Change::Deleted(cronjob)) => {
                (&cronjob.namespace, &*cronjob.name)
            }
            Update::Pods(Change::Applied(pod) | Change::Deleted(pod)) => {
                (&pod.namespace, &*pod.name)
            }
            _ => return,
        };
        // Nearly always empty, and this runs for every event.
        if !known.is_empty() {
            known.remove(&ObjectName {
                namespace: namespace.clone(),
                name: name.into(),
            });
        }
    }

    /// An attempt failed.
    pub(super) fn fail(&mut self, error: &FeedError, date: Timestamp) {
        self.up = Some(false);
        let since = self.failure.as_ref().map_or(date, |failure| failure.since);
        self.failure = Some(Box::new(FeedFailure {
            since,
            last_attempt: date,
            error: error.clone(),
        }));
    }

    fn health(&self) -> FeedHealth {
        FeedHealth {
            scope: self.scope.clone(),
            up: self.up,
            synced: self.synced,
            last_success: self.last_success,
            failure: self.failure.as_deref().cloned(),
        }
    }
}
